// json: a request's body → a command. Whatever is accepted is JSON by another parser's judgement too, lies within the limits,
// holds no secret, and comes back the same from the command's encoding. Whatever is refused is refused in valid JSON.
#include <nlohmann/json.hpp>

#include "actors/payment_codec.hpp"
#include "gateway/payment_request.hpp"
#include "gateway/secret_guard.hpp"
#include "gateway/text.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace novapay;
using namespace novapay::gateway;
using fuzz::must;

void check(const api_error& error) {
  const auto text = render_error(error, "/docs", "req_1");
  must(nlohmann::json::accept(text), "an error is JSON");
  must(!secret_in(error.message) && !secret_in(error.param), "an error repeats no secret");
  must(error.message.size() + error.param.size() < 4096, "an error is short");
}

void check_text(const std::string& text, std::size_t characters_max) {
  must(valid_utf8(text), "a text is UTF-8");
  must(count_characters(text) <= characters_max, "a text's length is bounded");
  must(!secret_in(text), "a text holds no card number and no key");
  must(text.find('\0') == std::string::npos, "no store keeps a NUL");
}

void check_amount(std::int64_t minor) { must(minor >= 1 && minor <= amount_max_minor, "an amount is in range"); }

void check(const domain::terms& terms) {
  check_amount(terms.amount.minor);
  must(domain::parse_currency(domain::info_of(terms.amount.code).name) == terms.amount.code, "a currency is known");
  must(!terms.token.empty() && terms.method_type == "card", "there is a payment method");
  check_text(terms.token, token_max);
  check_text(terms.reference, reference_max);
  check_text(terms.description, description_max);
  check_text(terms.statement_descriptor, statement_descriptor_max);
  must(terms.metadata.size() <= metadata_entries_max, "metadata is bounded");
  for (const auto& [key, value] : terms.metadata) {
    check_text(key, metadata_key_max);
    check_text(value, metadata_value_max);
  }
}

void check(const domain::command_type& command) {
  const auto bytes = encode(command);
  const auto back = decode_command(bytes);
  must(back.index() == command.index() && encode(back) == bytes, "a command comes back from its encoding");
  if (const auto* capture = std::get_if<domain::command::capture>(&command))
    if (capture->amount_minor) check_amount(*capture->amount_minor);
  if (const auto* refund = std::get_if<domain::command::refund>(&command)) {
    if (refund->amount_minor) check_amount(*refund->amount_minor);
    check_text(refund->reason, 255);
  }
  if (const auto* cancel = std::get_if<domain::command::cancel>(&command))
    check_text(cancel->reason, cancel_reason_max);
  if (const auto* confirm = std::get_if<domain::command::confirm>(&command)) {
    must(confirm->details.size() <= confirm_details_max, "details are bounded");
    for (const auto& [key, value] : confirm->details) {
      check_text(key, confirm_detail_key_max);
      check_text(value, confirm_detail_max);
    }
  }
}

template <class T>
void look_at(const result<T>& got) {
  std::visit([](const auto& each) { check(each); }, got);
}

}  // namespace

FUZZ_TARGET(json) {
  const auto body = parse_json(input);
  if (const auto* error = std::get_if<api_error>(&body)) return check(*error);
  must(nlohmann::json::accept(input), "what is accepted is JSON");
  const auto& value = std::get<json_value>(body);
  const auto create = read_create(value);
  look_at(create);
  if (const auto* terms = std::get_if<domain::terms>(&create))
    check(domain::command_type{domain::command::create{*terms}});
  look_at(read_confirm(value, "key"));
  look_at(read_capture(value, "key"));
  look_at(read_cancel(value, "key"));
  look_at(read_refund(value, "key"));
}
