// journal: stored bytes → events, states, commands, refusals, envelopes, claims. Damaged bytes are refused with an exception that
// says so, never read in part, never fatal; what is read comes back the same from its encoding, and
// can be shown.
#include <google/protobuf/stubs/logging.h>

#include <nlohmann/json.hpp>

#include "actors/payment_codec.hpp"
#include "gateway/payment_view.hpp"
#include "runtime/claim_record.hpp"
#include "runtime/envelope.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace novapay;
using fuzz::must;

template <class Decode>
auto decoded(Decode decode, std::string_view bytes) -> std::optional<decltype(decode(bytes))> {
  try {
    return decode(bytes);
  } catch (const std::runtime_error& refused) {
    must(*refused.what() != '\0', "a refusal says why");
    return std::nullopt;
  }
}

template <class Decode>
void check(Decode decode, std::string_view bytes) {
  const auto value = decoded(decode, bytes);
  if (!value) return;
  const auto written = encode(*value);
  must(encode(decode(written)) == written, "what was read comes back from its encoding");
}

void check_state(std::string_view bytes) {
  const auto state = decoded(decode_payment, bytes);
  if (!state) return;
  must(decode_payment(encode(*state)) == *state, "a state comes back from its encoding");
  must(encode(decode_payment(encode(*state))) == encode(*state), "and has one encoding");
  // What an activation does with it, and a client may ask to see.
  const auto seen = domain::summarize(*state);
  must(seen.amount_captured <= state->agreed.amount.minor || state->stage == domain::stage::none, "its sums hold");
  domain::owed(*state);
  domain::wake_at(*state);
  if (state->stage == domain::stage::none) return;
  must(nlohmann::json::accept(gateway::render_payment(*state)), "it can be shown");
  must(nlohmann::json::accept(gateway::render_refunds(*state)), "and its refunds");
}

void check_event(std::string_view bytes) {
  const auto event = decoded(decode_event, bytes);
  if (!event) return;
  must(decode_event(encode(*event)) == *event, "an event comes back from its encoding");
  must(!domain::type_of(*event).empty(), "an event has a name");
  const novapay::history_entry entry{1, {}, *event};
  must(nlohmann::json::accept(gateway::render_history("pay_1", {&entry, 1})), "it can be shown");
}

void check_envelope(std::string_view bytes) {
  const auto envelope = runtime::decode_envelope(bytes);
  if (!envelope) return;
  must(runtime::decode_envelope(runtime::encode(*envelope)) == envelope, "an envelope comes back from its encoding");
}

void check_claim(std::string_view bytes) {
  const auto claim = runtime::decode_claim(bytes);
  if (!claim) return;
  must(runtime::decode_claim(runtime::encode(*claim)) == claim, "a claim comes back from its encoding");
}

}  // namespace

// One letter says what the rest is; records of old formats are kept in the corpus as format-N-*.
FUZZ_TARGET(journal) {
  static const google::protobuf::LogSilencer quiet;  // it writes a line for each damaged text
  if (input.empty()) return;
  const auto bytes = input.substr(1);
  switch (input.front()) {
    case 's': return check_state(bytes);
    case 'e': return check_event(bytes);
    case 'c': return check(decode_command, bytes);
    case 'r': return check(decode_refusal, bytes);
    case 'v': return check_envelope(bytes);
    case 'k': return check_claim(bytes);
    default: return;
  }
}
