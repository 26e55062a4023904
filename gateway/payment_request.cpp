#include "gateway/payment_request.hpp"

#include <algorithm>
#include <array>

#include "gateway/secret_guard.hpp"
#include "gateway/text.hpp"

namespace novapay::gateway {
namespace {

bool is_letter(char c) noexcept { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

bool fits_token(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || std::string_view{"_-.:"}.find(c) != std::string_view::npos;
  });
}

// What card schemes take and statements print: Stripe and Adyen refuse the rest.
bool fits_statement(std::string_view text) {
  return is_printable_ascii(text) && text.find_first_of("<>\\'\"*") == std::string_view::npos &&
         std::any_of(text.begin(), text.end(), is_letter) && text.front() != ' ' && text.back() != ' ';
}

bool fits_metadata_key(std::string_view text) { return text.find_first_of("[]") == std::string_view::npos; }

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool fits_name(std::string_view text) {
  return text.front() >= 'a' && text.front() <= 'z' && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' || c == '-';
         });
}

bool fits_country(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// Where a browser may be sent: https, or http to the developer's own machine; no user, no fragment.
bool fits_url(std::string_view text) {
  const bool secure = text.starts_with("https://");
  if (!secure && !text.starts_with("http://")) return false;
  text.remove_prefix(secure ? 8 : 7);
  auto host = text.substr(0, text.find_first_of("/?"));
  const auto rest = text.substr(host.size());
  if (const auto colon = host.rfind(':'); colon != std::string_view::npos && !host.ends_with(']')) {
    const auto port = host.substr(colon + 1);
    if (port.empty() || port.size() > 5 || !std::all_of(port.begin(), port.end(), is_digit)) return false;
    host = host.substr(0, colon);
  }
  const bool own = host == "localhost" || host == "127.0.0.1" || host == "[::1]";
  const bool named = !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '.' || c == '-';
  });
  return (own || (secure && named)) && std::all_of(rest.begin(), rest.end(), [](char c) {
           return is_letter(c) || is_digit(c) ||
                  std::string_view{"-._~:/?[]@!$&'()*+,;=%"}.find(c) != std::string_view::npos;
         });
}

constexpr std::array<std::string_view, 2> capture_methods{"automatic", "manual"};
constexpr std::array<std::string_view, 1> method_types{"card"};
constexpr std::array<std::string_view, 4> refund_reasons{"duplicate", "fraudulent", "requested_by_customer", "other"};

domain::currency read_currency(fields& body) {
  const auto name = body.text("currency", need::required, {.min = 3, .max = 3});
  if (!name) return {};
  if (const auto known = domain::parse_currency(*name)) return *known;

  std::string lower = *name;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  body.refuse("currency", domain::parse_currency(lower)
                              ? "currency must be in lower case: '" + lower + "'."
                              : "currency must be an ISO 4217 code in lower case, such as 'usd'.");
  return {};
}

void read_payment_method(fields& body, domain::terms& terms) {
  const auto* given = body.object("payment_method", need::required);
  if (given == nullptr) return;
  fields method{*given, "payment_method", {"type", "token", "tokens", "brand", "country"}};
  if (const auto type = method.choice("type", need::required, method_types)) terms.method_type = method_types[*type];
  const text_rule token{.max = token_max, .fits = fits_token, .shape = "letters, digits and _ - . : only"};
  const text_rule name{.max = processor_name_max,
                       .fits = fits_name,
                       .shape = "lower case letters, digits, _ and -, beginning with a letter"};
  terms.tokens = method.text_map("tokens", {tokens_max, name, token});
  terms.token = method.text("token", terms.tokens.empty() ? need::required : need::optional, token).value_or("");
  auto brand = name;
  brand.max = brand_max;
  terms.brand = method.text("brand", need::optional, brand).value_or("");
  terms.country =
      method.text("country", need::optional, {.min = 2, .max = 2, .fits = fits_country, .shape = "two capital letters"})
          .value_or("");
  body.adopt(method);
}

template <class Command>
result<domain::command_type> finish(fields& body, Command command) {
  if (body.wrong) return *std::move(body.wrong);
  return domain::command_type{std::move(command)};
}

}  // namespace

text_rule metadata_key_rule() {
  return {.max = metadata_key_max, .fits = fits_metadata_key, .shape = "without square brackets"};
}
text_rule metadata_value_rule() { return {.min = 0, .max = metadata_value_max, .lines_allowed = true}; }
text_rule reference_rule() { return {.max = reference_max}; }

result<domain::terms> read_create(const json_value& value) {
  fields body{value,
              "",
              {"amount", "currency", "capture_method", "payment_method", "reference", "description",
               "statement_descriptor", "metadata", "customer", "return_url"}};
  domain::terms terms;
  terms.amount.minor = body.amount("amount", need::required).value_or(0);
  terms.amount.code = read_currency(body);
  const auto capture = body.choice("capture_method", need::optional, capture_methods).value_or(0);
  terms.capture = capture == 0 ? domain::capture_method::automatic : domain::capture_method::manual;
  read_payment_method(body, terms);
  terms.reference = body.text("reference", need::optional, reference_rule()).value_or("");
  terms.description =
      body.text("description", need::optional, {.max = description_max, .lines_allowed = true}).value_or("");
  terms.statement_descriptor =
      body.text("statement_descriptor", need::optional,
                {.max = statement_descriptor_max,
                 .fits = fits_statement,
                 .shape = "printable ASCII with at least one letter, without < > \\ ' \" * and without outer blanks"})
          .value_or("");
  terms.metadata = body.text_map("metadata", {metadata_entries_max, metadata_key_rule(), metadata_value_rule()});
  terms.customer = body.text("customer", need::optional, {.max = customer_max}).value_or("");
  terms.return_url = body.text("return_url", need::optional,
                               {.max = return_url_max,
                                .fits = fits_url,
                                .shape = "an https URL without user and fragment (http only to localhost)"})
                         .value_or("");
  if (body.wrong) return *std::move(body.wrong);
  return terms;
}

namespace {
const text_map_rule details_rule{
    confirm_details_max, {.max = confirm_detail_key_max}, {.min = 0, .max = confirm_detail_max, .lines_allowed = true}};
}  // namespace

result<std::map<std::string, std::string>> read_return(const std::vector<query_parameter>& parameters) {
  if (parameters.size() > details_rule.entries_max)
    return api_error{error_code::parameter_invalid, "There are too many query parameters.", {}};
  std::map<std::string, std::string> details;
  for (const auto& each : parameters) {
    if (const auto why = breaks(details_rule.name, each.name))
      return api_error{error_code::parameter_invalid, "A query parameter's name " + *why + ".", {}};
    if (const auto why = breaks(details_rule.value, each.value))
      return api_error{error_code::parameter_invalid, shown_name(each.name) + " " + *why + ".", shown_name(each.name)};
    details.emplace(each.name, each.value);
  }
  return details;
}

result<domain::command_type> read_confirm(const json_value& value, std::string key) {
  fields body{value, "", {"details"}};
  auto details = body.text_map("details", details_rule);
  return finish(body, domain::command::confirm{std::move(key), std::move(details)});
}

result<domain::command_type> read_capture(const json_value& value, std::string key) {
  fields body{value, "", {"amount", "final"}};
  const auto amount = body.amount("amount", need::optional);
  const bool final = body.flag("final").value_or(false);
  return finish(body, domain::command::capture{std::move(key), amount, final});
}

result<domain::command_type> read_cancel(const json_value& value, std::string key) {
  fields body{value, "", {"reason"}};
  auto reason = body.text("reason", need::optional, {.max = cancel_reason_max}).value_or("");
  return finish(body, domain::command::cancel{std::move(key), std::move(reason)});
}

result<domain::command_type> read_refund(const json_value& value, std::string key) {
  fields body{value, "", {"amount", "reason"}};
  const auto amount = body.amount("amount", need::optional);
  const auto reason = body.choice("reason", need::optional, refund_reasons);
  return finish(body,
                domain::command::refund{std::move(key), amount, reason ? std::string{refund_reasons[*reason]} : ""});
}

result<std::string> read_idempotency_key(std::string_view field) {
  const api_error invalid{error_code::idempotency_key_invalid, {}, "Idempotency-Key"};
  field = trim(field);
  std::string key;
  if (field.starts_with('"')) {
    if (field.size() < 2 || !field.ends_with('"')) return invalid;
    field = field.substr(1, field.size() - 2);
    for (std::size_t at = 0; at < field.size(); ++at) {
      if (field[at] == '"') return invalid;
      if (field[at] == '\\') {
        if (++at == field.size() || (field[at] != '"' && field[at] != '\\')) return invalid;
      }
      key.push_back(field[at]);
    }
  } else {
    key = field;
  }
  if (key.empty() || key.size() > idempotency_key_max || !is_printable_ascii(key)) return invalid;
  if (const auto secret = secret_in(key)) return api_error{*secret, {}, "Idempotency-Key"};
  return key;
}

}  // namespace novapay::gateway
