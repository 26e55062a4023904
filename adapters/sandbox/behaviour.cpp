#include "adapters/sandbox/behaviour.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "adapters/sandbox/tokens.hpp"

namespace novapay::sandbox {
namespace {

using domain::operation_kind;
namespace reported = domain::reported;

constexpr std::array kind_names{"authorize", "confirm", "capture", "refund", "cancel"};  // by operation_kind, from 1

constexpr std::size_t usual_parameters = 320;  // bytes

void append_field(std::string& text, std::string_view name, std::string_view value) {
  text.append(name).push_back('=');
  for (;;) {
    const auto end = std::find_if(value.begin(), value.end(), [](char each) { return each == '\n' || each == '\\'; });
    const auto plain = value.substr(0, static_cast<std::size_t>(end - value.begin()));
    text.append(plain);
    if (plain.size() == value.size()) break;
    text.append(value[plain.size()] == '\n' ? "\\n" : "\\\\");
    value.remove_prefix(plain.size() + 1);
  }
  text.push_back('\n');
}

// A line for each field. `capture_reference` is left out: the caller may learn it between two attempts.
std::string parameters_of(const processor_call& call) {
  std::string text;
  text.reserve(usual_parameters);
  append_field(text, "operation", kind_name(call.operation));
  append_field(text, "payment", call.payment);
  append_field(text, "amount_minor", std::to_string(call.amount.minor));
  append_field(text, "currency", domain::info_of(call.amount.code).name);
  append_field(text, "token", call.token);
  append_field(text, "processor_reference", call.processor_reference);
  append_field(text, "final_capture", call.final_capture ? "true" : "false");
  append_field(text, "live", call.live ? "true" : "false");
  append_field(text, "statement_descriptor", call.statement_descriptor);
  append_field(text, "description", call.description);
  for (const auto& [name, value] : call.action_details) append_field(text, "action." + name, value);
  return text;
}

// The first line that differs, without its value: values may be a customer's.
std::string first_difference(std::string_view stored, std::string_view sent) {
  const auto cut = std::mismatch(stored.begin(), stored.end(), sent.begin(), sent.end()).first - stored.begin();
  const auto longer = static_cast<std::size_t>(cut) < stored.size() ? stored : sent;
  const auto newline = cut == 0 ? std::string_view::npos : longer.rfind('\n', static_cast<std::size_t>(cut) - 1);
  const auto line = longer.substr(newline == std::string_view::npos ? 0 : newline + 1);
  return std::string(line.substr(0, line.find('=')));
}

// The same call gives the same reference in every run: nothing here is random.
std::string make_reference(operation_kind kind, std::string_view key) {
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char each : key) hash = (hash ^ static_cast<unsigned char>(each)) * 1099511628211u;
  std::string digits(16, '0');
  for (std::size_t i = 0; i < digits.size(); ++i) digits[i] = "0123456789abcdef"[(hash >> (4 * i)) & 15];
  return "sbx_" + std::string(kind_name(kind)) + "_" + digits;
}

void add_to(std::int64_t& sum, std::int64_t amount) noexcept {
  if (__builtin_add_overflow(sum, amount, &sum)) sum = std::numeric_limits<std::int64_t>::max();
}

const std::string& reference_of(const domain::outcome& result) {
  static const std::string none;
  if (const auto* approved = std::get_if<reported::approved>(&result)) return approved->reference;
  if (const auto* asked = std::get_if<reported::needs_action>(&result)) return asked->reference;
  return none;
}

// The authorization a later call belongs to: the one it names, or the payment's last one.
const ledger_entry* authorization_for(const processor_call& call, std::span<const ledger_entry> of_payment) {
  const ledger_entry* found = nullptr;
  for (const auto& each : of_payment) {
    if (each.kind != operation_kind::authorize || !each.result) continue;
    if (call.processor_reference.empty() || call.processor_reference == reference_of(*each.result)) found = &each;
  }
  return found;
}

reported::declined decline(std::string_view code, std::string_view decline_code, std::string_view message) {
  return {domain::failure{std::string(code), std::string(decline_code), std::string(message)}};
}

// One call being judged: what is known about it, and the verdict as it grows.
struct judgement {
  const processor_call& call;
  const rules& by;
  timestamp now;
  const test_token* token = nullptr;  // nullptr: the sandbox does not know it
  const ledger_entry* authorization = nullptr;
  payment_sums sums{};
  verdict out{};

  void note(std::string_view what, std::string detail) {
    out.anomalies.push_back({std::string(what), std::move(detail), call.idempotency_key, call.payment, now});
  }

  fault at_fault() const { return token != nullptr && token->where == call.operation ? token->what : fault::none; }

  void execute(domain::outcome result) {
    ++out.entry.executions;
    out.entry.executed_at = now;
    out.answer = result;
    out.entry.result = std::move(result);
  }

  void end_unknown() {
    out.answer = reported::unknown{"processor_timeout"};
    out.delay = by.answer_timeout;
  }

  void queue_notice(milliseconds after, std::optional<domain::failure> failed) {
    ledger_notice what;
    what.idempotency_key = call.idempotency_key;
    what.payment = call.payment;
    what.what = {{call.operation, number_in(call.idempotency_key)}, std::move(failed)};
    what.due_at = what.next_at = now + after;
    out.notices.push_back(std::move(what));
  }

  void note_excess();
  void succeed();
};

// Each of these would be a bug of ours. They are executed all the same.
void judgement::note_excess() {
  const auto exceeds = [&](std::int64_t used, std::int64_t limit) { return call.amount.minor > limit - used; };
  const auto against = [&](std::int64_t used, std::int64_t limit) {
    return std::to_string(used) + " + " + std::to_string(call.amount.minor) + " of " + std::to_string(limit);
  };
  if (sums.currency != domain::currency{} && sums.currency != call.amount.code)
    note("currency_mismatch", "the payment is in " + std::string(domain::info_of(sums.currency).name));

  switch (call.operation) {
    case operation_kind::authorize:
    case operation_kind::confirm:
      if (sums.charges > 0) note("second_charge", std::to_string(sums.charges) + " before this one");
      if (sums.cancels > 0) note("charge_after_cancel", "the payment was canceled");
      return;
    case operation_kind::capture:
      if (sums.cancels > 0) note("capture_after_cancel", "the payment was canceled");
      if (exceeds(sums.captured_minor, sums.authorized_minor))
        note("over_capture", against(sums.captured_minor, sums.authorized_minor));
      return;
    case operation_kind::refund: {
      auto limit = sums.captured_minor;
      add_to(limit, sums.capture_failed_minor);
      if (exceeds(sums.refunded_minor, limit)) note("over_refund", against(sums.refunded_minor, limit));
      return;
    }
    case operation_kind::cancel: return;
  }
}

void judgement::succeed() {
  const auto reference = make_reference(call.operation, call.idempotency_key);
  switch (call.operation) {
    case operation_kind::authorize:
      if (token->asks_customer) {
        execute(reported::needs_action{{"redirect", by.action_url_base + reference}, reference});
      } else {
        note_excess();
        execute(reported::approved{reference, now + by.authorization_valid});
      }
      return;
    case operation_kind::confirm: {
      const auto& opened = reference_of(*authorization->result);  // empty if that was declined
      note_excess();
      execute(reported::approved{opened.empty() ? reference : opened, now + by.authorization_valid});
      return;
    }
    case operation_kind::capture:
    case operation_kind::refund:
      note_excess();
      execute(reported::approved{reference, std::nullopt});
      if (at_fault() == fault::fails_later) {
        queue_notice(by.late_failure_after, decline(token->code, token->decline_code, token->message).why);
      } else if (call.operation == operation_kind::capture && by.settle_after.count() > 0) {
        queue_notice(by.settle_after, std::nullopt);
        if (at_fault() == fault::notice_twice) queue_notice(by.settle_after, std::nullopt);
      }
      return;
    case operation_kind::cancel: execute(reported::approved{reference, std::nullopt}); return;
  }
}

// A key that has not been executed yet.
void attempt(judgement& now) {
  const auto& call = now.call;
  auto& out = now.out;
  const bool first = out.entry.attempts == 1;

  if (call.operation != operation_kind::cancel && call.amount.minor <= 0) {
    now.note("invalid_amount", std::to_string(call.amount.minor));
    return now.execute(decline("invalid_amount", "", "The amount must be positive."));
  }
  if (call.operation == operation_kind::authorize) {
    if (now.token == nullptr)
      return now.execute(decline(unknown_token_code, "", "The sandbox has no such payment method."));
  } else if (now.authorization == nullptr) {
    // A cancel may well overtake the authorization it is about.
    if (call.operation != operation_kind::cancel) now.note("unknown_payment", std::string(kind_name(call.operation)));
    return now.execute(decline("resource_missing", "", "The processor knows no such payment."));
  }

  switch (now.at_fault()) {
    case fault::declined: return now.execute(decline(now.token->code, now.token->decline_code, now.token->message));
    case fault::timeout_before:
      if (first) return now.end_unknown();
      break;
    case fault::rate_limited:
      if (first) {
        out.answer = reported::not_executed{"rate_limited"};
        return;
      }
      break;
    case fault::unavailable: out.answer = reported::not_executed{"processor_unavailable"}; return;
    case fault::answer_lost:
    case fault::answer_lost_thrice: now.succeed(); return now.end_unknown();
    case fault::slow: out.delay = now.by.slow_delay; break;
    case fault::very_slow: out.delay = now.by.very_slow_delay; break;
    case fault::none:
    case fault::fails_later:
    case fault::notice_twice: break;
  }
  now.succeed();
}

// A key whose result is stored. Nothing is executed.
void replay(judgement& now) {
  now.out.answer = *now.out.entry.result;
  if (now.at_fault() == fault::answer_lost_thrice && now.out.entry.attempts <= 3) now.end_unknown();
}

}  // namespace

verdict judge(const processor_call& call, const ledger_entry* known, std::span<const ledger_entry> of_payment,
              const rules& by, timestamp at) {
  judgement now{call, by, at};
  auto& entry = now.out.entry;
  auto parameters = parameters_of(call);

  if (known != nullptr) {
    entry = *known;
    if (known->parameters != parameters) {
      const auto field = first_difference(known->parameters, parameters);
      now.note("idempotency_error", field + " differs from the first call's");
      now.out.store = false;
      now.out.answer = decline("idempotency_error", "", "This key was used with another " + field + ".");
      return std::move(now.out);
    }
  } else {
    entry.idempotency_key = call.idempotency_key;
    entry.payment = call.payment;
    entry.kind = call.operation;
    entry.amount = call.amount;
    entry.parameters = std::move(parameters);
    entry.live = call.live;
    entry.first_attempt_at = at;
  }

  now.sums = sum_up(of_payment);
  if (call.operation != operation_kind::authorize) now.authorization = authorization_for(call, of_payment);
  if (call.operation == operation_kind::authorize)
    entry.token = call.token;
  else if (now.authorization != nullptr)
    entry.token = now.authorization->token;
  now.token = find_token(entry.token);

  ++entry.attempts;
  if (entry.result)
    replay(now);
  else
    attempt(now);
  return std::move(now.out);
}

payment_sums sum_up(std::span<const ledger_entry> of_one_payment) {
  payment_sums sums;
  for (const auto& each : of_one_payment) {
    if (!each.result) continue;
    if (sums.payment.empty()) {
      sums.payment = each.payment;
      sums.currency = each.amount.code;
    }
    if (!std::holds_alternative<reported::approved>(*each.result)) continue;
    if (each.failed_at) {
      if (each.kind == operation_kind::capture) add_to(sums.capture_failed_minor, each.amount.minor);
      continue;
    }
    const auto count = [&](std::int64_t& sum, std::uint32_t& number) {
      add_to(sum, each.amount.minor);
      ++number;
    };
    switch (each.kind) {
      case operation_kind::authorize:
      case operation_kind::confirm: count(sums.authorized_minor, sums.charges); break;
      case operation_kind::capture: count(sums.captured_minor, sums.captures); break;
      case operation_kind::refund: count(sums.refunded_minor, sums.refunds); break;
      case operation_kind::cancel: count(sums.canceled_minor, sums.cancels); break;
    }
  }
  return sums;
}

domain::notice to_notice(const later_news& what) {
  if (what.failed) return {what.about, domain::told::failed{*what.failed}};
  return {what.about, domain::told::settled{}};
}

milliseconds notice_backoff(const rules& by, std::uint32_t deliveries) noexcept {
  auto wait = by.notice_retry;
  for (std::uint32_t i = 1; i < deliveries && wait < by.notice_retry_longest; ++i) wait *= 2;
  return std::min(wait, by.notice_retry_longest);
}

std::uint32_t number_in(std::string_view idempotency_key) noexcept {
  const auto colon = idempotency_key.rfind(':');
  if (colon == std::string_view::npos) return 1;
  const auto digits = idempotency_key.substr(colon + 1);
  std::uint32_t number = 1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc{} && end == digits.data() + digits.size() ? number : 1;
}

std::string_view kind_name(operation_kind kind) noexcept { return kind_names[static_cast<std::size_t>(kind) - 1]; }

operation_kind kind_of(std::string_view name) noexcept {
  const auto found = std::find(kind_names.begin(), kind_names.end(), name);
  return found == kind_names.end() ? operation_kind{} : static_cast<operation_kind>(found - kind_names.begin() + 1);
}

std::uint64_t scatter(std::uint64_t seed) noexcept {
  seed += 0x9e3779b97f4a7c15u;
  seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9u;
  seed = (seed ^ (seed >> 27)) * 0x94d049bb133111ebu;
  return seed ^ (seed >> 31);
}

}  // namespace novapay::sandbox
