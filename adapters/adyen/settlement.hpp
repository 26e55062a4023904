// settlement: what a settlement detail report paid for. Settled rows become told::settled with net, fee and batch; refunds told::result,
// returned ones told::failed; chargebacks told::disputed. Fees, corrections and types nobody here knows are told to operators.
//
// A report is downloaded once, whole, and read page by page; the one last read is kept until its last page. A page asked for later downloads it
// again, and begins anew if Adyen has made it again meanwhile: its notices are the same.
//
// Bounds: `report_bytes_max` of a report, rows_max rows a page, reports_kept_max reports in memory.
#pragma once

#include <memory>

#include "actors/statement.hpp"
#include "adapters/adyen/settings.hpp"
#include "runtime/http_client.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

namespace novapay::adyen {

inline constexpr std::size_t settlement_rows_max = 500;
inline constexpr std::size_t reports_kept_max = 2;

class settlement final : public processor_settlement {
 public:
  // All outlive this and every fetch under way.
  settlement(settings how, runtime::http_client& client, runtime::log& log, runtime::metrics& registry);
  // `url`: webhook_item::report.
  void fetch(std::string url, std::string at, std::function<void(settlement_result)> done) override;

 private:
  struct core;
  std::shared_ptr<core> core_;
};

// Where a page begins: byte and the text it counts in. "10240:5f3a…"; empty: the beginning.
std::string place_text(std::size_t offset, std::string_view report);
// 0: the beginning, or a place in another text.
std::size_t place_in(std::string_view place, std::string_view report);

// One page of a report. nullopt: no settlement detail report.
std::optional<settlement_page> settlement_page_of(std::string_view report, std::string_view place, const settings& how,
                                                  std::size_t rows_max, std::vector<std::string>& odd);

}  // namespace novapay::adyen
