#include "adapters/stripe/settlement.hpp"

#include <utility>

#include "adapters/stripe/amounts.hpp"
#include "adapters/stripe/events.hpp"
#include "adapters/stripe/lookup.hpp"
#include "adapters/stripe/reads.hpp"

namespace novapay::stripe {
namespace {

using domain::operation_kind;
namespace told = domain::told;

domain::notice notice_of(const balance_row& row, const charge_object& charge, const std::string& payout) {
  domain::notice what;
  what.about = {operation_kind::capture, 0};
  what.reference = charge.id;
  const bool same_currency = row.currency == charge.currency;
  if (const auto captured = from_stripe(same_currency ? row.amount : charge.amount_captured, charge.currency))
    what.amount_minor = captured->minor;
  const auto net = from_stripe(row.net, row.currency);
  const auto fee = from_stripe(row.fee, row.currency);
  told::settled paid;
  if (net && fee)
    paid.figures = domain::settlement{payout, net->minor, fee->minor, std::string(domain::info_of(net->code).name)};
  what.what = std::move(paid);
  return what;
}

bool says_nothing_new(const balance_row& row) {
  return row.type == "payout" || row.type == "refund" || row.type == "payment_refund";
}

}  // namespace

std::optional<settlement_row> row_item(const balance_row& row, const std::string& payout,
                                       const std::string& processor) {
  settlement_row out;
  if (const auto* charge = std::get_if<charge_object>(&row.source);
      charge && (row.type == "charge" || row.type == "payment")) {
    out.item = {payment_in(charge->fields), notice_of(row, *charge, payout)};
    if (out.item.payment.empty()) out.lookup = charge->intent;
  } else if (const auto* refund = std::get_if<refund_object>(&row.source);
             refund && (row.type == "refund_failure" || row.type == "payment_failure_refund")) {
    const auto named = operation_in(refund->fields);
    if (!named || named->kind != operation_kind::refund) return std::nullopt;  // not made by us
    out.item.payment = payment_in(refund->fields);
    out.item.what.about = *named;
    out.item.what.reference = refund->id;
    out.item.what.what = told::failed{refund_failure("failed", refund->failure_reason)};
  } else if (const auto* disputed = std::get_if<dispute_object>(&row.source); disputed && row.type == "adjustment") {
    remarks odd;
    auto what = dispute_of(*disputed, row.created, odd);
    if (!what) return std::nullopt;
    out.item.payment = payment_in(disputed->fields);
    if (out.item.payment.empty()) out.lookup = disputed->intent;
    out.item.what.about = {operation_kind::capture, 0};
    out.item.what.reference = disputed->charge;
    out.item.what.what = told::disputed{*std::move(what)};
  } else {
    return std::nullopt;
  }
  out.item.what.processor = processor;
  return out;
}

struct settlement::core : std::enable_shared_from_this<core> {
  core(settings given, runtime::http_client& through) : how(std::move(given)), client(through), lookup(how, through) {}

  struct work {
    std::vector<settlement_row> rows;
    settlement_page page;
    std::function<void(settlement_result)> done;
    std::size_t at = 0;
  };

  void on_page(const std::string& payout, const std::string& body, std::function<void(settlement_result)> done) {
    const auto read = read_balance_rows(body);
    if (!read) return done(statement_failure{true, "unreadable_answer"});
    const auto now = std::make_shared<work>();
    now->done = std::move(done);
    for (const auto& row : read->rows) {
      if (auto item = row_item(row, payout, how.name))
        now->rows.push_back(*std::move(item));
      else if (!says_nothing_new(row))
        now->page.others.push_back(row.id + " " + row.type.substr(0, 100));
    }
    if (read->more && !read->rows.empty()) now->page.next = read->rows.back().id;
    name_rows(now);
  }

  void name_rows(const std::shared_ptr<work>& now) {
    for (; now->at < now->rows.size(); ++now->at) {
      auto& row = now->rows[now->at];
      if (!row.lookup.empty()) {
        return lookup.find(std::exchange(row.lookup, {}),
                           [self = shared_from_this(), now](const payment_lookup::answer& found) {
                             if (!found.known) return now->done(statement_failure{true, "lookup_failed"});
                             now->rows[now->at].item.payment = found.payment;
                             self->name_rows(now);
                           });
      }
      now->page.items.push_back(std::move(row.item));
    }
    now->done(std::move(now->page));
  }

  const settings how;
  runtime::http_client& client;
  intent_lookup lookup;
};

settlement::settlement(settings how, runtime::http_client& client)
    : core_(std::make_shared<core>(std::move(how), client)) {}

void settlement::fetch(std::string payout, std::string at, std::function<void(settlement_result)> done) {
  const auto what = payout_rows_request(payout, at);
  read(core_->client, core_->how, what,
       [self = core_, payout = std::move(payout), done = std::move(done)](read_result got) mutable {
         if (const auto* failed = std::get_if<statement_failure>(&got)) return done(*failed);
         self->on_page(payout, std::get<std::string>(got), std::move(done));
       });
}

}  // namespace novapay::stripe
