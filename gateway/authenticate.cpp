#include "gateway/authenticate.hpp"

#include <algorithm>

#include "actors/api_key.hpp"
#include "gateway/text.hpp"

namespace novapay::gateway {
namespace {

api_error refuse(std::string message) { return {error_code::authentication_failed, std::move(message), {}}; }

}  // namespace

result<principal> authenticate(const runtime::http_request& request, const credentials& known) {
  const auto is_it = [](const auto& field) { return field.first == "authorization"; };
  const auto count = std::count_if(request.fields.begin(), request.fields.end(), is_it);
  if (count == 0) return refuse("The API key is missing. Send it as: Authorization: Bearer np_test_sk_…");
  if (count > 1) return refuse("There is more than one Authorization header.");

  constexpr std::string_view scheme = "Bearer ";
  const auto value = trim(*request.field("authorization"));
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
