// adyen: notifications, answers and reports, of any bytes. Nobody guesses a signature; nothing is approved that has no name; an item speaks of
// its own payment only, and of none in the other mode; a report is read in a bounded number of steps, or refused.
#include "adapters/adyen/answers.hpp"
#include "adapters/adyen/csv.hpp"
#include "adapters/adyen/events.hpp"
#include "adapters/adyen/report_url.hpp"
#include "adapters/adyen/settlement.hpp"
#include "adapters/adyen/signature.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace novapay;
using namespace novapay::adyen;
using fuzz::must;

namespace {

const settings& how() {
  static const settings made = [] {
    settings of;
    of.merchant_account = "NovaPayECOM";
    of.hmac_keys = {std::string(64, 'a'), std::string(64, 'b')};
    return of;
  }();
  return made;
}

void check_notification(std::string_view body) {
  const auto read = read_notification(body);
  if (!read) return;
  must(!read->items.empty() && read->items.size() <= items_max, "a notification has items, and not too many");
  remarks odd;
  for (const auto& each : read->items) {
    must(!genuine(each, how().hmac_keys), "nobody guesses a signature");
    const auto item = item_of(each, how(), false, odd);
    must(item.type == each.event, "an item is of its event");
    must(item.identity.starts_with(each.event), "an item is named by its event");
    must(item.payment.empty() || item.payment.starts_with("pay_"), "a payment is one of ours, or none");
    must(!item.what || !item.payment.empty() || !item.lookup.empty(), "news is for somebody");
    must(!item.what || each.account == how().merchant_account, "another account says nothing");
    must(item.report.empty() || is_report_url(item.report, how()), "a report is where Adyen keeps reports");
    must(!item_of(each, how(), true, odd).what, "the other mode says nothing");
  }
  must(odd.size() <= 20, "remarks are bounded");
}

void check_answer(fuzz::choices& from) {
  processor_call call;
  const auto flags = from.byte();
  call.operation = static_cast<domain::operation_kind>(flags % 5 + 1);
  call.payment = "pay_1";
  call.amount = {1099, *domain::parse_currency("eur")};
  call.return_url = (flags & 16) != 0 ? "https://pay.example/" : "";
  runtime::call_result reply;
  const auto kind = from.byte();
  reply.fate = static_cast<runtime::call_fate>(kind % 8 < 4 ? kind % 4 + 1 : 3);
  reply.response.status = kind < 128 ? 200 : static_cast<int>(from.number(2) % 700);
  if ((kind & 64) != 0) reply.response.fields = {{"transient-error", "true"}};
  reply.reason = "timeout";
  reply.response.body = from.rest();
  const auto said = verdict_of(call, reply);
  must(said.odd.size() <= 20, "remarks are bounded");
  if (const auto* yes = std::get_if<domain::reported::approved>(&said.outcome)) {
    must(!yes->reference.empty(), "what is approved has a name");
    must(call.operation <= domain::operation_kind::confirm, "only an authorization is approved by an answer");
  }
  if (const auto* taken = std::get_if<domain::reported::accepted>(&said.outcome))
    must(!taken->reference.empty() || call.operation == domain::operation_kind::confirm, "what is accepted has a name");
  if (const auto* no = std::get_if<domain::reported::declined>(&said.outcome))
    must(!no->why.code.empty() && !no->why.message.empty(), "a decline says why");
}

void check_report(std::string_view text) {
  std::string place;
  std::size_t rows = 0;
  for (std::size_t pages = 0;; ++pages) {
    must(pages <= text.size(), "a report ends");
    std::vector<std::string> odd;
    const auto page = settlement_page_of(text, place, how(), 2, odd);
    must(odd.size() <= 20, "remarks are bounded");
    if (!page) return;
    rows += page->items.size() + page->others.size();
    for (const auto& item : page->items) must(item.payment.starts_with("pay_"), "an item is of a payment of ours");
    if (page->next.empty()) break;
    must(place_in(page->next, without_mark(text)) > place_in(place, without_mark(text)),
         "each page begins behind the last");
    place = page->next;
  }
  must(rows <= text.size(), "a row takes room");
}

// Cut anywhere, a record is the same, or waits for the rest.
void check_record(fuzz::choices& from) {
  const auto cut = from.number(2);
  const auto text = from.rest();
  std::vector<std::string> whole, part;
  const auto all = read_record(text, false, whole);
  const auto some = read_record(text.substr(0, cut), false, part);
  if (all.found != csv_found::record) return;
  if (cut < all.used) must(some.found == csv_found::more, "a record is not read before it is there");
  if (cut >= all.used) must(some.found == csv_found::record && part == whole, "a record is the same, whatever follows");
}

}  // namespace

FUZZ_TARGET(adyen) {
  fuzz::choices from{input};
  switch (from.byte() % 4) {
    case 0: return check_notification(from.rest());
    case 1: return check_answer(from);
    case 2: return check_report(from.rest());
    default: return check_record(from);
  }
}
