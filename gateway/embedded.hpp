// embedded: files of this folder that are part of the program. Made by embed.cmake when building.
#pragma once

#include <string_view>

namespace novapay::gateway {

std::string_view docs_page() noexcept;     // docs.html; "{{nonce}}" stands where a script's or style's nonce belongs
std::string_view openapi_yaml() noexcept;  // openapi.yaml

}  // namespace novapay::gateway
