// Settlement reports: CSV, rows, what they say of payments, downloads, statements.
#include "adapters/adyen/csv.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "adapters/adyen/report.hpp"
#include "adapters/adyen/report_statement.hpp"
#include "adapters/adyen/settlement.hpp"
#include "tests/spec/openapi.hpp"
#include "tests/unit/adapters/adyen/support.hpp"

using namespace novapay;
using namespace novapay::adyen;
using namespace novapay::adyen::test;

namespace {

using record = std::vector<std::string>;

std::string sample() {
  const char* source = std::getenv("NOVAPAY_SOURCE_DIR");
  std::ifstream in((source != nullptr ? std::string(source) : ".") +
                   "/../shared/specs/adyen/settlement-details-sample.csv");
  REQUIRE(in);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<record> records_of(std::string_view text) {
  std::vector<record> all;
  record one;
  for (;;) {
    const auto step = read_record(text, true, one);
    if (step.found == csv_found::end) return all;
    REQUIRE(step.found == csv_found::record);
    all.push_back(one);
    text.remove_prefix(step.used);
  }
}

csv_found found_in(std::string_view text, bool last = true) {
  record one;
  return read_record(text, last, one).found;
}

constexpr const char* header =
    "Merchant Account,Psp Reference,Merchant Reference,Creation Date,TimeZone,Type,Modification Reference,Gross "
    "Currency,Gross Debit (GC),"
    "Gross Credit (GC),Exchange Rate,Net Currency,Net Debit (NC),Net Credit (NC),Commission (NC),Markup (NC),Scheme "
    "Fees (NC),Interchange "
    "(NC),Modification Merchant Reference,Batch Number\n";

// Type, our reference of the modification, gross debit and credit, net debit and credit, commission.
std::string row_text(const std::string& type, const std::string& reference, const std::string& gross,
                     const std::string& net, const std::string& commission,
                     const std::string& currencies = "EUR,EUR,1") {
  std::istringstream split(currencies);
  std::string gc, nc, rate;
  std::getline(split, gc, ',');
  std::getline(split, nc, ',');
  std::getline(split, rate, ',');
  return "NovaPayECOM," + std::string(psp) + "," + payment + ":authorize:1,2026-03-02 10:15:00,CET," + type +
         ",NVPAYMODI0000001," + gc + "," + gross + "," + rate + "," + nc + "," + net + "," + commission + ",,,," +
         reference + ",42\n";
}

settlement_page page_of(const std::string& rows) {
  std::vector<std::string> odd;
  auto page = settlement_page_of(header + rows, "", test_settings(), 100, odd);
  REQUIRE(page);
  CHECK(odd.empty());
  return *std::move(page);
}

std::string said(const std::string& rows) {
  const auto page = page_of(rows);
  std::string text;
  for (const auto& item : page.items) text += text_of(item.what) + "; ";
  for (const auto& other : page.others) text += "[" + other + "]; ";
  return text;
}

std::string said_of(const settlement_result& result) {
  if (const auto* failed = std::get_if<statement_failure>(&result))
    return (failed->retryable ? "later: " : "never: ") + failed->reason;
  return std::to_string(std::get<settlement_page>(result).items.size()) + " items";
}

constexpr const char* report_url =
    "https://ca-test.adyen.com/reports/download/MerchantAccount/NovaPayECOM/settlement_detail_report_batch_42.csv";

struct fetcher {
  explicit fetcher(std::vector<runtime::call_result> script)
      : client(std::move(script)), by(test_settings(), client, log, metrics) {}
  settlement_result fetch(const std::string& url, const std::string& at = {}) {
    settlement_result got = statement_failure{false, "no answer"};
    by.fetch(url, at, [&](settlement_result result) { got = std::move(result); });
    return got;
  }
  novapay::testing::remembering_log log;
  novapay::testing::silent_metrics metrics;
  scripted_client client;
  settlement by;
};

}  // namespace

TEST_CASE("adyen/csv: quotes, line ends, empty fields") {
  CHECK(records_of("a,b,c\n") == std::vector<record>{{"a", "b", "c"}});
  CHECK(records_of("a,,\r\n\r\n\n1,\"2\",3") == std::vector<record>{{"a", "", ""}, {"1", "2", "3"}});
  CHECK(records_of("\"a,b\",\"say \"\"no\"\"\",\"two\nlines\"\n") ==
        std::vector<record>{{"a,b", "say \"no\"", "two\nlines"}});
  CHECK(records_of("a \"b\",c\n") == std::vector<record>{{"a \"b\"", "c"}});
  CHECK(records_of("").empty());
  CHECK(without_mark("\xEF\xBB\xBF"
                     "a") == "a");
}

TEST_CASE("adyen/csv: what is cut off waits for more, what is broken is not guessed at") {
  CHECK(found_in("", false) == csv_found::more);
  CHECK(found_in("a,b", false) == csv_found::more);
  CHECK(found_in("\"a\"", false) == csv_found::more);
  CHECK(found_in("a\r", false) == csv_found::more);
  CHECK(found_in("a,b", true) == csv_found::record);
  CHECK(found_in("\"a", true) == csv_found::broken);
  CHECK(found_in("\"a\"b\n") == csv_found::broken);
  CHECK(found_in("a\rb\n") == csv_found::broken);
  CHECK(found_in(std::string(fields_max - 1, ',') + "\n") == csv_found::record);
  CHECK(found_in(std::string(fields_max, ',') + "\n") == csv_found::broken);
  CHECK(found_in(std::string(record_bytes_max - 1, 'x') + "\n") == csv_found::record);
  CHECK(found_in(std::string(record_bytes_max + 1, 'x'), false) == csv_found::broken);
}

TEST_CASE("adyen/report: the sample's rows add up to nothing, and say what they are") {
  const auto all = records_of(sample());
  const auto where = columns_of(all.front());
  REQUIRE(where);
  std::int64_t left = 0;
  remarks odd;
  for (std::size_t i = 1; i < all.size(); ++i) {
    const auto row = read_row(*where, all[i], odd);
    REQUIRE(row);
    CAPTURE(row->type);
    REQUIRE(row->net);
    left += row->net->minor;
    CHECK(rule_of(*row) != nullptr);
    CHECK(adds_up(*row));
    CHECK(balance_change(*row) == row->net->minor);
    CHECK(row->created);
  }
  CHECK(left == 0);
  CHECK(odd.empty());

  std::vector<std::string> strange;
  const auto page = settlement_page_of(sample(), "", test_settings(), 100, strange);
  REQUIRE(page);
  CHECK(strange.empty());
  CHECK(page->next.empty());
  REQUIRE(page->items.size() == 4);
  CHECK(page->items[0].payment == "pay_01");
  CHECK(text_of(page->items[0].what) == "capture:0 settled 9870 130 eur 42");
  CHECK(page->items[0].what.reference == "NVPAYCAPT0000001");
  CHECK(page->items[0].what.amount_minor == 10000);
  CHECK(text_of(page->items[1].what) == "capture:0 settled 2260 40 eur 42");
  CHECK(page->items[1].what.amount_minor == 2000);
  CHECK(text_of(page->items[2].what) == "refund:0 approved NVPAYREFD0000001");
  CHECK(page->items[2].what.amount_minor == 3000);
  CHECK(text_of(page->items[3].what) == "capture:0 disputed opened");
  CHECK(std::get<told::disputed>(page->items[3].what.what).what.amount_minor == 5000);
  CHECK(page->others == std::vector<std::string>{"batch 42 Fee Transaction Fees March 2026 -24 eur"});
}

TEST_CASE("adyen/report: columns are found by name, in any order, with others between") {
  const auto all = records_of(sample());
  auto names = all[0];
  auto values = all[1];
  std::reverse(names.begin(), names.end());
  std::reverse(values.begin(), values.end());
  names.insert(names.begin() + 3, "Payment Fees (NC)");
  values.insert(values.begin() + 3, "99.99");
  remarks odd;
  const auto row = read_row(*columns_of(names), values, odd);
  REQUIRE(row);
  CHECK(row->payment == "NVPAYAUTH0000001");
  CHECK(row->net->minor == 9870);
  CHECK(row->fee->minor == 130);  // the total is not added again

  for (std::size_t i = 0; i < all[0].size(); ++i) {
    auto fewer = all[0];
    fewer[i] = "Something else";
    const bool needed = std::string(
                            "Psp Reference,Merchant Reference,Type,Modification Reference,Gross Currency,Gross Debit "
                            "(GC),Gross Credit (GC),"
                            "Net Currency,Net Debit (NC),Net Credit (NC),Batch Number,")
                            .find(all[0][i] + ",") != std::string::npos;
    CHECK(columns_of(fewer).has_value() == (!needed || all[0][i] == "Merchant Account"));
    auto twice = all[0];
    twice.push_back("Type");
    CHECK_FALSE(columns_of(twice));
  }
  CHECK_FALSE(read_row(*columns_of(all[0]), {"too", "short"}, odd));
}

TEST_CASE("adyen/report: every type, and both ways of filling debit and credit") {
  const auto capture = std::string(payment) + ":capture:3";
  const auto refund = std::string(payment) + ":refund:2";
  // Gross under credit, as in older samples; under debit, as in one of 2023; both columns mirrored.
  CHECK(said(row_text("Settled", capture, ",100.00", ",98.70", "1.30")) == "capture:3 settled 9870 130 eur 42; ");
  CHECK(said(row_text("Settled", capture, "100.00,", ",98.70", "1.30")) == "capture:3 settled 9870 130 eur 42; ");
  CHECK(said(row_text("Settled", capture, "100.00,", "98.70,", "1.30")) == "capture:3 settled 9870 130 eur 42; ");
  // Fees above the amount.
  CHECK(said(row_text("Settled", capture, ",0.10", "0.05,", "0.15")) == "capture:3 settled -5 15 eur 42; ");
  CHECK(said(row_text("Settled", capture, "0.10,", ",0.05", "0.15")) == "capture:3 settled -5 15 eur 42; ");
  // Another currency of settlement, with other digits.
  CHECK(said(row_text("Settled", capture, ",20.00", ",22.60", "0.40", "GBP,EUR,1.15")) ==
        "capture:3 settled 2260 40 eur 42; ");
  CHECK(said(row_text("Settled", capture, "10000,", "60.50,", "0.50", "JPY,EUR,0.0061")) ==
        "capture:3 settled 6050 50 eur 42; ");

  CHECK(said(row_text("Refunded", refund, "30.00,", "30.00,", "")) == "refund:2 approved NVPAYMODI0000001; ");
  CHECK(said(row_text("RefundedReversed", refund, ",30.00", ",30.00", "")) == "refund:2 failed refund_failed; ");
  CHECK(said(row_text("Chargeback", "", "50.00,", "57.50,", "7.50")) == "capture:0 disputed opened; ");
  CHECK(said(row_text("ChargebackReversed", "", ",50.00", ",50.00", "")) == "capture:0 disputed won; ");
  CHECK(said(row_text("SecondChargeback", "", "50.00,", "50.00,", "")) == "capture:0 disputed lost; ");
  CHECK(said(row_text("MerchantPayout", "", ",", "33.56,", "")) == "");
  for (const auto& rule : type_rules())
    if (rule.means == row_means::other)
      CHECK(said(row_text(std::string(rule.type), "", ",", "1.00,", "")) ==
            "[batch 42 " + std::string(rule.type) + " NC6HT9CRT65ZGN82 NVPAYMODI0000001 -100 eur]; ");
}

TEST_CASE("adyen/report: what is not understood is told, never guessed at") {
  std::vector<std::string> odd;
  auto page =
      settlement_page_of(header + row_text("BrandNew", "", ",1.00", ",1.00", ""), "", test_settings(), 100, odd);
  REQUIRE(page);
  CHECK(page->items.empty());
  CHECK(page->others == std::vector<std::string>{"batch 42 BrandNew NC6HT9CRT65ZGN82 NVPAYMODI0000001 100 eur"});
  CHECK(odd == remarks{"report type=BrandNew"});

  odd.clear();
  page =
      settlement_page_of(header + row_text("Settled", std::string(payment) + ":capture:1", ",100.00", ",98.69", "1.30"),
                         "", test_settings(), 100, odd);
  CHECK(odd == remarks{"report row=42/Settled/NC6HT9CRT65ZGN82/NVPAYMODI0000001"});

  odd.clear();
  page = settlement_page_of(
      header + row_text("Settled", std::string(payment) + ":capture:1", ",100.00", ",98.705", "1.30"), "",
      test_settings(), 100, odd);
  REQUIRE(page->items.size() == 1);
  CHECK(text_of(page->items[0].what) == "capture:1 settled");  // without figures
  CHECK(odd.size() == 1);

  odd.clear();
  auto other = row_text("Settled", std::string(payment) + ":capture:1", ",100.00", ",98.70", "1.30");
  other.replace(0, 11, "NovaPayPOS_");
  page = settlement_page_of(header + other, "", test_settings(), 100, odd);
  CHECK(page->items.empty());
  CHECK(page->others.size() == 1);

  CHECK_FALSE(settlement_page_of("", "", test_settings(), 100, odd));
  CHECK_FALSE(settlement_page_of("<html>", "", test_settings(), 100, odd));
  CHECK_FALSE(settlement_page_of(std::string(header) + "\"broken", "", test_settings(), 100, odd));
  CHECK_FALSE(settlement_page_of(std::string(header) + "a,b\n", "", test_settings(), 100, odd));
}

TEST_CASE("adyen/report: pages of any size have all rows once") {
  std::string report = header;
  for (int n = 1; n <= 7; ++n)
    report += row_text("Refunded", std::string(payment) + ":refund:" + std::to_string(n), "1.00,", "1.00,", "");
  for (const std::size_t size : {1u, 2u, 3u, 7u, 8u}) {
    std::string all, place;
    int pages = 0;
    do {
      std::vector<std::string> odd;
      const auto page = settlement_page_of(report, place, test_settings(), size, odd);
      REQUIRE(page);
      CHECK(page->items.size() <= size);
      for (const auto& item : page->items) all += std::to_string(item.what.about.number);
      place = page->next;
      ++pages;
    } while (!place.empty());
    CHECK(all == "1234567");
    CHECK(pages == static_cast<int>((7 + size - 1) / size));
  }
  // A place in a report that was made again: from the beginning.
  CHECK(place_in(place_text(500, report), report) == 500);
  CHECK(place_in(place_text(500, report), report + "x") == 0);
  CHECK(place_in("500", report) == 0);
  CHECK(place_in("nonsense", report) == 0);
}

TEST_CASE("adyen/settlement: a report is downloaded once, by the report user") {
  std::string report = header;
  for (std::size_t n = 1; n <= settlement_rows_max + 1; ++n)
    report += row_text("Refunded", std::string(payment) + ":refund:" + std::to_string(n), "1.00,", "1.00,", "");
  fetcher at({answered(200, report), answered(200, report)});
  const auto first = at.fetch(report_url);
  CHECK(said_of(first) == "500 items");
  REQUIRE(at.client.sent.size() == 1);
  CHECK(at.client.sent[0].method == "GET");
  CHECK(at.client.sent[0].url == report_url);
  CHECK(at.client.sent[0].fields[0].first == "authorization");
  const auto next = std::get<settlement_page>(first).next;
  CHECK(said_of(at.fetch(report_url, next)) == "1 items");
  CHECK(at.client.sent.size() == 1);
  CHECK(said_of(at.fetch(report_url, next)) == "1 items");  // not kept behind its last page
  CHECK(at.client.sent.size() == 2);
}

TEST_CASE("adyen/settlement: downloads that fail, row by row") {
  const struct {
    runtime::call_result reply;
    const char* expected;
  } rows[] = {
      {answered(401, std::string("Unauthorized")), "later: processor_credentials"},
      {answered(403, std::string()), "later: processor_forbidden"},
      {answered(404, std::string()), "never: not_found"},
      {answered(500, std::string()), "later: processor_error"},
      {answered(302, std::string()), "later: processor_error"},
      {answered(200, std::string("<html>")), "never: unreadable_report"},
      {lost(call_fate::refused, "connect_refused"), "later: processor_unavailable"},
      {lost(call_fate::never_sent, "too_many_calls"), "later: processor_busy"},
      {lost(call_fate::may_be_executed, "timeout"), "later: processor_timeout"},
      {lost(call_fate::may_be_executed, "answer_too_large"), "later: unreadable_answer"},
  };
  for (const auto& row : rows) {
    fetcher at({row.reply});
    CHECK(said_of(at.fetch(report_url)) == row.expected);
  }
  fetcher at({});
  CHECK(said_of(at.fetch("https://evil.example/reports/download/x.csv")) == "never: report_url_refused");
  CHECK(at.client.sent.empty());
}

TEST_CASE("adyen/statement: captures and refunds of reports, page by page and file by file") {
  const auto folder = std::filesystem::temp_directory_path() / ("novapay-adyen-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const auto one = (folder / "one.csv").string();
  const auto two = (folder / "two.csv").string();
  std::ofstream(one, std::ios::binary) << "\xEF\xBB\xBF" << sample();
  std::string big = header;
  for (std::size_t n = 1; n <= statement_rows_max + 3; ++n)
    big += row_text("Settled", std::string(payment) + ":capture:" + std::to_string(n), ",1.00", ",1.00", "");
  big += row_text("RefundedReversed", std::string(payment) + ":refund:9", ",30.00", ",30.00", "");
  std::ofstream(two, std::ios::binary) << big;

  report_statement by(test_settings(), {one, two});
  const auto from = domain::timestamp{std::chrono::sys_days{std::chrono::year{2026} / 3 / 2}};
  std::vector<statement_line> lines;
  std::string at;
  int pages = 0;
  do {
    statement_result got = statement_failure{};
    by.fetch(from, from + 24h, at, [&](statement_result result) { got = std::move(result); });
    REQUIRE(std::holds_alternative<statement_page>(got));
    auto& page = std::get<statement_page>(got);
    lines.insert(lines.end(), page.lines.begin(), page.lines.end());
    at = page.next;
    ++pages;
  } while (!at.empty() && pages < 10);
  CHECK(pages == 3);
  REQUIRE(lines.size() == 3 + statement_rows_max + 3 + 1);
  CHECK(lines[0].payment == "pay_01");
  CHECK(lines[0].amount == domain::money{10000, currency("eur")});
  CHECK(lines[0].raw_amount == "10000 eur");
  CHECK(lines[0].reference == "NVPAYCAPT0000001");
  CHECK(lines[2].operation == domain::operation_id{operation_kind::refund, 0});
  for (std::size_t n = 1; n <= statement_rows_max + 3; ++n)
    CHECK(lines[2 + n].operation == domain::operation_id{operation_kind::capture, static_cast<std::uint32_t>(n)});
  CHECK(lines.back().status == line_status::failed);

  const auto ask = [&](const std::vector<std::string>& files, const std::string& place, domain::timestamp since) {
    statement_result got = statement_failure{};
    report_statement(test_settings(), files).fetch(since, since + 24h, place, [&](statement_result result) {
      got = std::move(result);
    });
    if (const auto* failed = std::get_if<statement_failure>(&got)) return failed->reason;
    return std::to_string(std::get<statement_page>(got).lines.size());
  };
  CHECK(ask({one}, "", from) == "3");
  CHECK(ask({one}, "", from + 24h) == "0");
  CHECK(ask({(folder / "none.csv").string()}, "", from) == "no_such_report");
  CHECK(ask({one}, "x", from) == "unknown_page");
  CHECK(ask({}, "", from) == "0");
  std::ofstream(one, std::ios::binary)
      << "\xEF\xBB\xBFType,"
      << "Psp Reference,Merchant Reference,Modification Reference,Gross Currency,"
      << "Gross Debit (GC),Gross Credit (GC),Net Currency,Net Debit (NC),Net Credit (NC),Batch Number\n"
      << "Settled,N1,pay_01,N2,EUR,,1.00,EUR,,1.00,42\n";
  CHECK(ask({one}, "", from) ==
        "1");  // the mark is no part of the first column's name; a row without a date is of any day
  std::ofstream(one, std::ios::binary) << "<html>";
  CHECK(ask({one}, "", from) == "unreadable_report");
  std::filesystem::remove_all(folder);
}
