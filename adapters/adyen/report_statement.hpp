// report_statement: Adyen's books for reconciliation. Adyen has no list that could be asked for, so they are settlement detail reports that an
// operator has downloaded: captures and refunds that have been settled. Authorizations and cancels do not stand there.
//
// A file is read as it goes, rows_max rows a page; nothing of it is kept between pages. Rows whose date cannot be read belong to any time.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "actors/statement.hpp"
#include "adapters/adyen/settings.hpp"

namespace novapay::adyen {

inline constexpr std::size_t statement_rows_max = 500;

// A capture is settled some days later, weekends and holidays not counted: a week is on the safe side.
inline constexpr statement_traits report_traits{false, false, true, std::chrono::hours{7 * 24}};

class report_statement final : public processor_statement {
 public:
  // Paths of reports, in the order to be read. Rows of other merchant accounts are left out.
  report_statement(settings how, std::vector<std::string> files) : how_(std::move(how)), files_(std::move(files)) {}
  // Answers from within the call.
  void fetch(domain::timestamp from, domain::timestamp to, std::string at,
             std::function<void(statement_result)> done) override;

 private:
  statement_result page(domain::timestamp from, domain::timestamp to, const std::string& at) const;

  const settings how_;
  const std::vector<std::string> files_;
};

}  // namespace novapay::adyen
