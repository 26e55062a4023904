// report_url: where a report may be fetched from. A notification's `reason`, which has the URL, is not signed, and whoever is asked for the
// report is shown the report user's password: so only Adyen's own hosts are, or the one this account is configured with.
#pragma once

#include <string_view>

#include "adapters/adyen/settings.hpp"

namespace novapay::adyen {

// True for "https://ca-live.adyen.com/reports/download/…/<file>" (test: ca-test), or the same path at base_url's own scheme, host and port if
// that is none of Adyen's. The path is plain: no query, no dots that climb.
bool is_report_url(std::string_view url, const settings& how);

std::string_view file_of(std::string_view url);  // "settlement_detail_report_batch_42.csv"
bool is_settlement_report(std::string_view file);

}  // namespace novapay::adyen
