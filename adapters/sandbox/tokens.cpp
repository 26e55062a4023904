#include "adapters/sandbox/tokens.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace novapay::sandbox {
namespace {

constexpr bool unique_names() {
  for (std::size_t i = 0; i < test_tokens.size(); ++i)
    for (std::size_t j = i + 1; j < test_tokens.size(); ++j)
      if (test_tokens[i].token == test_tokens[j].token) return false;
  return true;
}

// What gives a failure needs something to say about it.
constexpr bool failures_have_codes() {
  return std::all_of(test_tokens.begin(), test_tokens.end(), [](const test_token& each) {
    const bool fails = each.what == fault::declined || each.what == fault::fails_later;
    return fails == !each.code.empty() && fails == !each.message.empty();
  });
}

static_assert(unique_names());
static_assert(failures_have_codes());

}  // namespace

const test_token* find_token(std::string_view token) noexcept {
  const auto found =
      std::find_if(test_tokens.begin(), test_tokens.end(), [&](const test_token& each) { return each.token == token; });
  return found == test_tokens.end() ? nullptr : &*found;
}

std::string tokens_json() {
  auto list = nlohmann::ordered_json::array();
  for (const auto& each : test_tokens) {
    nlohmann::ordered_json one{{"token", each.token}, {"does", each.does}};
    if (!each.code.empty()) one["code"] = each.code;
    if (!each.decline_code.empty()) one["decline_code"] = each.decline_code;
    list.push_back(std::move(one));
  }
  return list.dump(2);
}

std::string tokens_markdown() {
  std::string table = "| token | what it does | code | decline code |\n|---|---|---|---|\n";
  const auto quoted = [](std::string_view text) { return text.empty() ? "" : "`" + std::string(text) + "`"; };
  for (const auto& each : test_tokens)
    table += "| `" + std::string(each.token) + "` | " + std::string(each.does) + " | " + quoted(each.code) + " | " +
             quoted(each.decline_code) + " |\n";
  return table;
}

}  // namespace novapay::sandbox
