#include "adapters/adyen/settlement.hpp"

#include <charconv>
#include <mutex>
#include <utility>

#include "adapters/adyen/answers.hpp"
#include "adapters/adyen/csv.hpp"
#include "adapters/adyen/report.hpp"
#include "adapters/adyen/report_url.hpp"
#include "adapters/adyen/requests.hpp"

namespace novapay::adyen {
namespace {

// FNV-1a: tells whether a text is the one a place was made for; nobody gains by making two alike.
std::string mark_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return std::to_string(hash);
}

statement_failure failure_of(const runtime::call_result& reply) {
  if (reply.fate != runtime::call_fate::answered) return {true, reason_of(reply)};
  switch (reply.response.status) {
    case 401: return {true, "processor_credentials"};  // keys get mended
    case 403: return {true, "processor_forbidden"};
    case 404:
    case 410: return {false, "not_found"};
    default: return {true, "processor_error"};
  }
}

void read_into(settlement_page& page, const report_row& row, const settings& how, remarks& odd) {
  if (!adds_up(row)) remark(odd, "report row", identity_of(row));
  const auto* rule = rule_of(row);
  if (rule != nullptr && rule->means == row_means::payout) return;
  const bool ours = row.account.empty() || row.account == how.merchant_account;
  auto item = ours ? item_of(row, how.name) : std::nullopt;
  if (item)
    page.items.push_back(*std::move(item));
  else
    page.others.push_back(line_of(row));
}

}  // namespace

std::string place_text(std::size_t offset, std::string_view report) {
  return std::to_string(offset) + ":" + mark_of(report);
}

std::size_t place_in(std::string_view place, std::string_view report) {
  std::size_t offset = 0;
  const auto [end, error] = std::from_chars(place.data(), place.data() + place.size(), offset);
  if (error != std::errc{} || offset > report.size()) return 0;
  return place == place_text(offset, report) ? offset : 0;
}

std::optional<settlement_page> settlement_page_of(std::string_view report, std::string_view place, const settings& how,
                                                  std::size_t rows_max, std::vector<std::string>& odd) {
  const auto data = without_mark(report);
  std::vector<std::string> record;
  const auto header = read_record(data, true, record);
  const auto where = header.found == csv_found::record ? columns_of(record) : std::nullopt;
  if (!where) return std::nullopt;

  settlement_page page;
  auto offset = std::max(header.used, place_in(place, data));
  for (std::size_t rows = 0; rows < rows_max; ++rows) {
    const auto step = read_record(data.substr(offset), true, record);
    if (step.found == csv_found::end) return page;
    if (step.found != csv_found::record) return std::nullopt;
    offset += step.used;
    const auto row = read_row(*where, record, odd);
    if (!row) return std::nullopt;
    read_into(page, *row, how, odd);
  }
  if (read_record(data.substr(offset), true, record).found != csv_found::end) page.next = place_text(offset, data);
  return page;
}

struct settlement::core : std::enable_shared_from_this<core> {
  core(settings given, runtime::http_client& through, runtime::log& to, runtime::metrics& registry)
      : how(std::move(given)),
        client(through),
        log(to),
        odd_values(registry.count("novapay_processor_unknown_values_total",
                                  "Values a processor sent that NovaPay does not know", {{"processor", how.name}})) {}

  struct report {
    std::string url;
    std::shared_ptr<const std::string> text;
  };

  std::shared_ptr<const std::string> kept_text(const std::string& url) {
    const std::lock_guard held(lock);
    for (const auto& each : kept)
      if (each.url == url) return each.text;
    return nullptr;
  }
  void forget(const std::string& url) {
    const std::lock_guard held(lock);
    std::erase_if(kept, [&](const report& each) { return each.url == url; });
  }
  void keep(const std::string& url, std::shared_ptr<const std::string> text) {
    forget(url);
    const std::lock_guard held(lock);
    if (kept.size() >= reports_kept_max) kept.erase(kept.begin());
    kept.push_back({url, std::move(text)});
  }

  settlement_result page(const std::string& url, const std::string& place, const std::string& text) {
    remarks odd;
    auto read = settlement_page_of(text, place, how, settlement_rows_max, odd);
    for (const auto& each : odd) {
      odd_values.add();
      log.write(
          runtime::log_level::warning, "adyen's report has something that is not known here",
          {{"processor", std::string_view{how.name}}, {"report", file_of(url)}, {"value", std::string_view{each}}});
    }
    if (!read || read->next.empty()) forget(url);
    if (!read) return statement_failure{false, "unreadable_report"};
    return *std::move(read);
  }

  const settings how;
  runtime::http_client& client;
  runtime::log& log;
  runtime::counter& odd_values;
  std::mutex lock;
  std::vector<report> kept;  // the longest kept first
};

settlement::settlement(settings how, runtime::http_client& client, runtime::log& log, runtime::metrics& registry)
    : core_(std::make_shared<core>(std::move(how), client, log, registry)) {}

void settlement::fetch(std::string url, std::string at, std::function<void(settlement_result)> done) {
  auto& here = *core_;
  if (!is_report_url(url, here.how)) return done(statement_failure{false, "report_url_refused"});
  if (!at.empty())
    if (const auto text = here.kept_text(url)) return done(here.page(url, at, *text));
  here.client.send(download_call(url, here.how),
                   [self = core_, url, at = std::move(at), done = std::move(done)](runtime::call_result reply) {
                     if (reply.fate != runtime::call_fate::answered || reply.response.status != 200)
                       return done(failure_of(reply));
                     const auto text = std::make_shared<const std::string>(std::move(reply.response.body));
                     self->keep(url, text);
                     done(self->page(url, at, *text));
                   });
}

}  // namespace novapay::adyen
