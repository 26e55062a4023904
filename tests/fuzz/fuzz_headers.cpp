// headers: the values a client puts into Authorization, Idempotency-Key, X-Request-Id, Accept and Content-Type, one a line.
#include <algorithm>

#include "actors/api_key.hpp"
#include "gateway/authenticate.hpp"
#include "gateway/media.hpp"
#include "gateway/payment_request.hpp"
#include "gateway/request_id.hpp"
#include "gateway/secret_guard.hpp"
#include "gateway/text.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace novapay;
using namespace novapay::gateway;
using fuzz::must;

constexpr std::string_view the_key = "np_test_sk_0000000000000000000000000000000038TiZh";
static_assert(the_key.size() == api_key_length);

// Knows every key it is asked about: what reaches it is what authenticate lets through.
class open_house final : public credentials {
 public:
  std::optional<principal> find(std::string_view key) const override {
    must(api_key_mode(key).has_value(), "only a well-formed key is looked up");
    if (key == the_key) return principal{"mrc_1", domain::mode::test};
    return std::nullopt;
  }
};

void check_authorization(std::string_view value) {
  runtime::http_request request;
  request.fields.emplace_back("authorization", value);
  const auto who = authenticate(request, open_house{});
  const bool let_in = std::holds_alternative<principal>(who);
  must(!let_in || value.find(the_key) != std::string_view::npos, "nobody gets in without the key");
  if (const auto* error = std::get_if<api_error>(&who))
    must(error->code == error_code::authentication_failed && !secret_in(error->message), "a refusal repeats no secret");
  if (api_key_mode(value)) must(contains_api_key(value), "a key is known for one wherever it stands");
}

void check_idempotency_key(std::string_view value) {
  const auto read = read_idempotency_key(value);
  if (std::holds_alternative<api_error>(read)) return;
  const auto& key = std::get<std::string>(read);
  must(!key.empty() && key.size() <= idempotency_key_max && is_printable_ascii(key), "a key keeps to its form");
  must(!secret_in(key), "a key holds no secret");
  std::string quoted = "\"";
  for (const char c : key) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  const auto again = read_idempotency_key(quoted + "\"");
  must(std::holds_alternative<std::string>(again) && std::get<std::string>(again) == key, "quoted it is the same key");
}

void check_request_id(std::string_view value) {
  if (!is_good_request_id(value)) return;
  must(value.size() <= request_id_max && is_printable_ascii(value) && !secret_in(value) && !resembles_secret(value),
       "what is logged and echoed is harmless");
}

void check_media(std::string_view accept, std::string_view type) {
  runtime::http_request request;
  request.fields.emplace_back("accept", accept);
  const bool alone = accepts(request, "application/json");
  request.fields.emplace_back("accept", "application/json");
  const bool named_too = accepts(request, "application/json");
  must(!alone || named_too, "naming the type leaves nothing out");
  if (is_json(type)) must(equals_ignoring_case(trim(type).substr(0, 16), "application/json"), "JSON is called so");
}

}  // namespace

FUZZ_TARGET(headers) {
  fuzz::choices choose{input};
  check_authorization(choose.line());
  check_idempotency_key(choose.line());
  check_request_id(choose.line());
  const auto accept = choose.line();
  check_media(accept, choose.line());
}
