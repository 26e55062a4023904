#include "runtime/claim_record.hpp"

#include <charconv>

namespace novapay::runtime {

namespace {

constexpr std::string_view heading = "claim 1";

std::optional<std::string_view> take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const auto line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

bool parse(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::string encode(const claim_record& claim) {
  std::string text{heading};
  text += "\nnode=" + claim.node;
  text += "\nincarnation=" + std::to_string(claim.incarnation);
  text += "\nnumber=" + std::to_string(claim.number) + "\n";
  return text;
}

std::optional<claim_record> decode_claim(std::string_view payload) {
  if (take_line(payload) != heading) return std::nullopt;

  claim_record claim;
  int fields = 0;
  while (!payload.empty()) {
    const auto line = take_line(payload);
    if (!line) return std::nullopt;  // cut off
    const auto equals = line->find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto name = line->substr(0, equals);
    const auto value = line->substr(equals + 1);
    if (name == "node") {
      claim.node = value;
    } else if (name == "incarnation" || name == "number") {
      if (!parse(value, name == "number" ? claim.number : claim.incarnation)) return std::nullopt;
    } else {
      continue;
    }
    ++fields;
  }
  if (fields != 3) return std::nullopt;
  return claim;
}

}  // namespace novapay::runtime
