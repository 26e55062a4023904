#include "adapters/stripe/statement.hpp"

#include <algorithm>
#include <charconv>

#include "adapters/stripe/amounts.hpp"
#include "adapters/stripe/reads.hpp"

namespace novapay::stripe {
namespace {

using domain::operation_id;
using domain::operation_kind;

constexpr std::string_view refunds_from = "refunds:";
constexpr std::string_view intents_from = "intents:";

operation_id named(const metadata& fields, operation_kind kind) {
  const auto last = operation_in(fields);
  return last && last->kind == kind ? *last : operation_id{kind, 0};
}

void set_amount(statement_line& line, std::int64_t amount, const std::string& currency) {
  line.raw_amount = std::to_string(amount) + " " + currency;
  if (const auto ours = from_stripe(amount, currency)) line.amount = *ours;
}

line_status status_of(const intent_object& intent) {
  if (intent.status == "requires_capture" || intent.status == "succeeded") return line_status::succeeded;
  if (intent.status == "canceled")  // of an authorization, or of something that never became one
    return intent.charge && intent.charge->status == "succeeded" ? line_status::succeeded : line_status::failed;
  return intent.status == "requires_payment_method" && intent.last_error ? line_status::failed : line_status::pending;
}

// Empty unless they add up to what was received.
std::vector<std::pair<std::uint32_t, std::int64_t>> recorded_captures(const intent_object& intent) {
  std::vector<std::pair<std::uint32_t, std::int64_t>> out;
  std::int64_t total = 0;
  for (std::uint32_t number = 1; number <= recorded_captures_max; ++number) {
    const auto found = intent.fields.find(capture_field(number));
    if (found == intent.fields.end()) continue;
    const auto& text = found->second;
    std::int64_t amount = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
    if (error != std::errc{} || end != text.data() + text.size() || amount <= 0) return {};
    if (__builtin_add_overflow(total, amount, &total)) return {};
    out.emplace_back(number, amount);
  }
  if (total != intent.amount_received) out.clear();
  return out;
}

statement_result intents_page(const std::string& body) {
  const auto read = read_intents(body);
  if (!read) return statement_failure{true, "unreadable_answer"};
  statement_page page;
  for (const auto& each : read->rows)
    for (auto& line : lines_of(each)) page.lines.push_back(std::move(line));
  page.next =
      read->more && !read->rows.empty() ? std::string(intents_from) + read->rows.back().id : std::string(refunds_from);
  return page;
}

statement_result refunds_page(const std::string& body) {
  const auto read = read_refunds(body);
  if (!read) return statement_failure{true, "unreadable_answer"};
  statement_page page;
  for (const auto& each : read->rows) page.lines.push_back(line_of(each));
  if (read->more && !read->rows.empty()) page.next = std::string(refunds_from) + read->rows.back().id;
  return page;
}

}  // namespace

std::vector<statement_line> lines_of(const intent_object& intent) {
  std::vector<statement_line> lines;
  statement_line line;
  line.payment = payment_in(intent.fields);
  line.operation = named(intent.fields, operation_kind::authorize);
  line.status = status_of(intent);
  line.reference = intent.id;
  line.at = intent.created;
  set_amount(line, intent.amount, intent.currency);
  lines.push_back(line);

  line.status = line_status::succeeded;
  if (intent.amount_received > 0) {
    line.reference = intent.charge_id.empty() ? intent.id : intent.charge_id;
    auto captures = recorded_captures(intent);
    if (captures.empty())
      captures.emplace_back(named(intent.fields, operation_kind::capture).number, intent.amount_received);
    for (const auto& [number, amount] : captures) {
      line.operation = {operation_kind::capture, number};
      set_amount(line, amount, intent.currency);
      lines.push_back(line);
    }
  }
  if (intent.status == "canceled") {
    line.operation = {operation_kind::cancel, 0};
    line.reference = intent.id;
    line.at = intent.canceled_at.value_or(intent.created);
    set_amount(line, 0, intent.currency);
    lines.push_back(line);
  }
  return lines;
}

statement_line line_of(const refund_object& refund) {
  statement_line line;
  line.payment = payment_in(refund.fields);
  line.operation = named(refund.fields, operation_kind::refund);
  if (refund.status == "failed" || refund.status == "canceled")
    line.status = line_status::failed;
  else if (refund.status != "succeeded")
    line.status = line_status::pending;
  line.reference = refund.id;
  line.at = refund.created;
  set_amount(line, refund.amount, refund.currency);
  return line;
}

void statement::fetch(domain::timestamp from, domain::timestamp to, std::string at,
                      std::function<void(statement_result)> done) {
  const bool refunds = at.starts_with(refunds_from);
  if (!refunds && !at.empty() && !at.starts_with(intents_from)) return done(statement_failure{false, "unknown_page"});
  const auto after = at.empty() ? std::string_view{} : std::string_view{at}.substr(refunds_from.size());
  const auto what = refunds ? refunds_request(from, to, after) : intents_request(from, to, true, after);
  read(client_, how_, what, [refunds, done = std::move(done)](read_result got) {
    if (const auto* failed = std::get_if<statement_failure>(&got)) return done(*failed);
    const auto& body = std::get<std::string>(got);
    done(refunds ? refunds_page(body) : intents_page(body));
  });
}

}  // namespace novapay::stripe
