#include "gateway/authenticate.hpp"

#include "actors/api_key.hpp"
#include "gateway/text.hpp"

namespace novapay::gateway {
namespace {

api_error refuse(std::string message) { return {error_code::authentication_failed, std::move(message), {}}; }

}  // namespace

result<principal> authenticate(const runtime::http_request& request, const credentials& known) {
  const auto given = request.field("authorization");
  if (!given) return refuse("The API key is missing. Send it as: Authorization: Bearer np_test_sk_…");

  constexpr std::string_view scheme = "Bearer ";
  const auto value = trim(*given);
  if (value.size() <= scheme.size() || !equals_ignoring_case(value.substr(0, scheme.size()), scheme))
    return refuse("The Authorization header must be: Bearer, one blank, your API key.");

  const auto key = trim(value.substr(scheme.size()));
  const auto mode = api_key_mode(key);
  if (!mode)
    return refuse(
        "The API key is malformed: it is mistyped or not complete. Keys begin with np_test_sk_ or np_live_sk_.");
  auto found = known.find(key);
  if (!found || found->mode != *mode) return refuse("The API key is not known. It may have been deleted.");
  return *std::move(found);
}

}  // namespace novapay::gateway
