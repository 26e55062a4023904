#include "adapters/adyen/report_url.hpp"

#include <algorithm>
#include <string>

namespace novapay::adyen {
namespace {

// "https://checkout-test.adyen.com" of "https://checkout-test.adyen.com/v71"; empty: no URL.
std::string_view origin_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  return url.substr(0, url.find('/', scheme + 3));
}

bool is_adyens(std::string_view origin) {
  return origin.ends_with(".adyen.com") || origin.ends_with(".adyenpayments.com");
}

bool plain_path(std::string_view path) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.' ||
           c == '_' || c == '-';
  };
  return std::all_of(path.begin(), path.end(), plain) && path.find("..") == std::string_view::npos &&
         path.find("//") == std::string_view::npos;
}

}  // namespace

bool is_report_url(std::string_view url, const settings& how) {
  constexpr std::size_t length_max = 1'000;
  constexpr std::string_view folder = "/reports/download/";
  if (url.size() > length_max) return false;
  const auto origin = origin_of(url);
  if (origin.empty()) return false;
  const std::string_view adyens = how.live ? "https://ca-live.adyen.com" : "https://ca-test.adyen.com";
  const auto configured = origin_of(how.base_url);
  const bool ours = origin == configured && !is_adyens(configured);
  if (origin != adyens && !ours) return false;
  const auto path = url.substr(origin.size());
  return path.starts_with(folder) && plain_path(path) && !file_of(url).empty();
}

std::string_view file_of(std::string_view url) { return url.substr(url.rfind('/') + 1); }

bool is_settlement_report(std::string_view file) {
  return file.starts_with("settlement_detail_report") && file.ends_with(".csv");
}

}  // namespace novapay::adyen
