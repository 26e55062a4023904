// cursor: a query string → a list's filters and cursor. What is accepted, written out and read again, is the same; ids and times
// have one text each; nothing is out of bounds.
#include "actors/payments.hpp"
#include "gateway/payment_request.hpp"
#include "gateway/query.hpp"
#include "gateway/secret_guard.hpp"
#include "gateway/text.hpp"
#include "gateway/time_text.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace novapay;
using namespace novapay::gateway;
using fuzz::must;

std::string escaped(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += hex[byte >> 4];
    out += hex[byte & 15];
  }
  return out;
}

void check(const api_error& error) {
  must(valid_utf8(error.message) && valid_utf8(error.param), "an error is UTF-8");
  must(!secret_in(error.message) && !secret_in(error.param), "an error repeats no secret");
}

void check(const list_request& asked) {
  const auto& query = asked.query;
  must(query.limit >= 1 && query.limit <= runtime::list_limit_max, "a page's size is bounded");
  if (query.before) must(parse_payment_id(payment_id_text(*query.before)) == query.before, "a cursor is an id");
  if (query.amount_from)
    must(*query.amount_from >= 0 && *query.amount_from <= amount_max_minor, "an amount is in range");
  if (query.amount_to) must(*query.amount_to >= 0 && *query.amount_to <= amount_max_minor, "an amount is in range");
  if (asked.idempotency_key) must(!asked.idempotency_key->empty(), "a key is not empty");
}

void check_text(std::string_view text) {
  if (const auto id = parse_payment_id(text)) must(payment_id_text(*id) == text, "an id has one text");
  if (const auto at = parse_time(text)) {
    const auto shown = to_rfc3339(*at);
    must(shown.size() == 24, "a time's text has one length");
    must(parse_time(shown) == at, "a time comes back from its text");
  }
}

}  // namespace

FUZZ_TARGET(cursor) {
  check_text(input);
  const auto parsed = parse_query(input);
  if (const auto* error = std::get_if<api_error>(&parsed)) return check(*error);
  const auto& parameters = std::get<std::vector<query_parameter>>(parsed);
  must(parameters.size() <= query_parameters_max, "the number of parameters is bounded");

  std::string again;
  for (const auto& [name, value] : parameters) {
    must(valid_utf8(name) && valid_utf8(value), "parameters are UTF-8");
    must(!secret_in(name) && !secret_in(value), "parameters hold no card number and no key");
    again += escaped(name) + "=" + escaped(value) + "&";
    check_text(value);
  }
  const auto reparsed = parse_query(again);
  const auto* same = std::get_if<std::vector<query_parameter>>(&reparsed);
  must(same != nullptr && same->size() == parameters.size(), "what was read can be written and read");
  for (std::size_t i = 0; i < parameters.size(); ++i)
    must((*same)[i].name == parameters[i].name && (*same)[i].value == parameters[i].value, "and is the same");

  const auto list = read_list(parameters);
  std::visit([](const auto& each) { check(each); }, list);
}
