#include "runtime/http_client.hpp"

namespace novapay::runtime {

std::string_view to_text(call_fate value) noexcept {
  switch (value) {
    case call_fate::never_sent: return "never_sent";
    case call_fate::refused: return "refused";
    case call_fate::answered: return "answered";
    case call_fate::may_be_executed: return "may_be_executed";
  }
  return "?";
}

}  // namespace novapay::runtime
