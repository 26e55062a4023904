#include "adapters/stripe/conversation.hpp"

#include <algorithm>
#include <cassert>

#include "adapters/stripe/amounts.hpp"

namespace novapay::stripe {
namespace {

using domain::operation_kind;
namespace reported = domain::reported;

domain::outcome declined(std::string code, std::string message) {
  return reported::declined{{std::move(code), {}, std::move(message), domain::advice::none, {}}, {}};
}

bool ours(const metadata& fields, const processor_call& call) {
  if (payment_in(fields) != call.payment) return false;
  const auto named = operation_in(fields);
  // What was captured since was authorized before.
  if (call.operation == operation_kind::authorize)
    return named &&
           (named->kind == operation_kind::capture || *named == domain::operation_id{call.operation, call.number});
  return named == domain::operation_id{call.operation, call.number};
}

}  // namespace

opening opening_of(const processor_call& call, timestamp now, milliseconds key_life) {
  if (call.operation == operation_kind::confirm) return opening::read;
  if (call.attempt <= 1 && !call.doubted) return opening::post;
  // Not told when the key was first seen: as old as can be.
  const bool lives = call.first_attempt_at != timestamp{} && now - call.first_attempt_at < key_life;
  return lives ? opening::post : opening::look;
}

conversation::conversation(const settings& how, processor_call call) : how_(how), call_(std::move(call)) {}

bool conversation::authorizes() const noexcept {
  return call_.operation == operation_kind::authorize || call_.operation == operation_kind::confirm;
}

step conversation::begin(timestamp now) {
  now_ = now;
  if (call_.live != how_.live) {
    alarm_ = "mode_mismatch";
    return domain::outcome{reported::not_executed{"mode_mismatch"}};
  }
  if (call_.operation != operation_kind::authorize && call_.processor_reference.empty()) {
    alarm_ = "reference_missing";
    return domain::outcome{reported::not_executed{"reference_missing"}};
  }
  if (call_.operation != operation_kind::cancel && call_.operation != operation_kind::confirm) {
    const auto amount = to_stripe(call_.amount);
    if (!amount || *amount <= 0)
      return declined("amount_not_supported", "The processor cannot take this amount in this currency.");
    amount_ = *amount;
  }
  intent_ = call_.operation == operation_kind::authorize ? std::string{} : call_.processor_reference;
  switch (opening_of(call_, now, how_.key_life)) {
    case opening::post: key_lives_ = true; return post();
    case opening::look: return look(doubt::key_expired);
    case opening::read: break;
  }
  return send(read_intent_request(intent_), waiting_for::intent);
}

step conversation::send(request what, waiting_for reply) {
  waiting_ = reply;
  return what;
}

step conversation::post() {
  if (posted_) return unknown(reason_.empty() ? "unexpected_answer" : reason_);
  if (call_.operation == operation_kind::capture) {
    if (!call_.final_capture && how_.multicapture && !learnt_)
      return send(read_intent_request(intent_), waiting_for::learning);
    final_ = call_.final_capture || !multicapture_;
  }
  posted_ = true;
  switch (call_.operation) {
    case operation_kind::authorize:
      return send(authorize_request(call_, amount_, how_.multicapture), waiting_for::post);
    case operation_kind::capture: return send(capture_request(call_, amount_, final_), waiting_for::post);
    case operation_kind::refund: return send(refund_request(call_, amount_), waiting_for::post);
    case operation_kind::cancel: return send(cancel_request(call_), waiting_for::post);
    case operation_kind::confirm: break;
  }
  assert(false && "a confirm has nothing to post");
  return unknown("unexpected_answer");
}

step conversation::look(doubt why) {
  doubt_ = why;
  pages_ = 0;
  after_.clear();
  if (call_.operation == operation_kind::refund) return send(intent_refunds_request(intent_, {}), waiting_for::refunds);
  if (!intent_.empty()) return send(read_intent_request(intent_), waiting_for::intent);

  if (call_.first_attempt_at == timestamp{}) return unknown(reason_.empty() ? "search_impossible" : reason_);
  const auto first = call_.first_attempt_at + ahead_;
  const auto end = now_ + ahead_ + search_margin;
  sliced_ = false;
  spans_.clear();
  if (end > first + search_near) spans_.push_back({first + search_near, end});
  spans_.push_back({first - search_margin, std::min(end, first + search_near)});
  return search_on();
}

// Instead of the near span: its parts, the likeliest first.
void conversation::slice() {
  const auto near = spans_.back();
  spans_.pop_back();
  constexpr std::pair<std::chrono::seconds, std::chrono::seconds> parts[] = {
      {30s, 120s}, {-60s, -10s}, {10s, 30s}, {-10s, -3s}, {5s, 10s}, {-3s, -1s},
      {3s, 5s},    {2s, 3s},     {-1s, 0s},  {1s, 2s},    {0s, 1s}};
  const auto start = std::chrono::floor<std::chrono::seconds>(call_.first_attempt_at + ahead_);
  for (const auto& [from, to] : parts)
    if (start + from < near.to) spans_.push_back({start + from, std::min<timestamp>(start + to, near.to)});
  sliced_ = true;
}

step conversation::search_on() {
  if (spans_.empty()) return absent();
  if (++pages_ > search_pages_max) {
    // What an earlier attempt had executed would have been replayed: a refusal of the living key's own says that there was nothing.
    return doubt_ == doubt::refused && key_lives_ ? absent() : unknown("search_incomplete");
  }
  // Whole seconds on the wire: the end is excluded, so it is the next full one.
  const auto to = std::chrono::ceil<std::chrono::seconds>(spans_.back().to);
  return send(intents_request(spans_.back().from, to, false, after_), waiting_for::intents);
}

// The error was stored, and Stripe has had its time to complete the work after all.
bool conversation::settled_down() const {
  const bool moves_money = call_.operation == operation_kind::capture || call_.operation == operation_kind::refund;
  const auto wait = moves_money ? how_.stored_error_settles_money : how_.stored_error_settles;
  return call_.first_attempt_at != timestamp{} && now_ - call_.first_attempt_at >= wait;
}

// A complete look found no trace of the operation.
step conversation::absent() {
  switch (doubt_) {
    case doubt::key_expired: return post();
    case doubt::refused: return domain::outcome{reported::declined{refusal_.value_or(domain::failure{}), {}}};
    case doubt::stored_error:
      if (!settled_down()) break;
      return domain::outcome{reported::declined{
          {"processing_error", {}, "The processor failed and executed nothing.", domain::advice::retry_later, reason_},
          {}}};
    case doubt::none:
    case doubt::fresh_error:
    case doubt::mismatch: break;
  }
  return unknown(reason_);
}

step conversation::next(const runtime::call_result& reply, timestamp now) {
  now_ = now;
  if (reply.fate != runtime::call_fate::answered) return lost(reply);
  const auto& answer = reply.response;
  if (waiting_ == waiting_for::post) {
    if (const auto date = date_of(answer)) ahead_ = *date - now;
    return on_post(answer);
  }
  if (answer.status < 200 || answer.status > 299) return on_read_error(answer);

  switch (waiting_) {
    case waiting_for::learning:
    case waiting_for::intent: {
      const auto intent = read_intent(answer.body);
      if (!intent) return nothing_learnt("unreadable_answer", false);
      return waiting_ == waiting_for::learning ? on_learning(*intent) : on_intent(*intent);
    }
    case waiting_for::refund: {
      const auto refund = read_refund(answer.body);
      if (!refund) return unknown("unreadable_answer");
      return outcome_of(*refund, odd_);
    }
    case waiting_for::intents: return on_intents(answer);
    case waiting_for::refunds: return on_refunds(answer);
    case waiting_for::post:
    case waiting_for::nothing: break;
  }
  return unknown("unexpected_answer");
}

step conversation::lost(const runtime::call_result& reply) {
  const bool sent = reply.fate == runtime::call_fate::may_be_executed;
  if (waiting_ != waiting_for::post) return nothing_learnt(reason_of(reply), !sent);
  if (sent) return unknown(reason_of(reply));
  return domain::outcome{reported::not_executed{reason_of(reply)}};
}

// A read told nothing. It executed nothing either, but what it was to clear up stays open.
step conversation::nothing_learnt(std::string reason, bool certainly_unsent) {
  const bool open = posted_ || call_.doubted || (call_.operation == operation_kind::confirm && !certainly_unsent);
  if (open) return unknown(std::move(reason));
  return domain::outcome{reported::not_executed{std::move(reason)}};
}

step conversation::on_read_error(const runtime::http_response& answer) {
  const auto error = read_error(answer.body);
  const auto& rule = rule_for(answer.status, error ? &*error : nullptr);
  if (rule.alarming) alarm_ = rule.reason;
  if (answer.status == 404) {
    alarm_ = "processor_reference_missing";
    return unknown("processor_reference_missing");
  }
  const bool turned_away = rule.means == error_means::not_executed;
  return nothing_learnt(turned_away || answer.status >= 500 ? std::string(rule.reason) : "unexpected_answer",
                        turned_away);
}

step conversation::on_post(const runtime::http_response& answer) {
  return answer.status >= 200 && answer.status <= 299 ? on_success(answer) : on_error(answer);
}

step conversation::on_success(const runtime::http_response& answer) {
  if (call_.operation == operation_kind::refund) {
    const auto refund = read_refund(answer.body);
    if (!refund) return unknown("unreadable_answer");
    if (replayed(answer)) return send(read_refund_request(refund->id), waiting_for::refund);
    return outcome_of(*refund, odd_);
  }
  const auto intent = read_intent(answer.body);
  if (!intent) return unknown("unreadable_answer");
  executed_ = true;
  intent_ = intent->id;
  // A stored answer shows the object as it was then.
  if (replayed(answer)) return send(read_intent_request(intent->id), waiting_for::intent);
  return on_intent(*intent);
}

step conversation::on_error(const runtime::http_response& answer) {
  const auto error = read_error(answer.body);
  const auto& rule = rule_for(answer.status, error ? &*error : nullptr);
  if (rule.alarming) alarm_ = rule.reason;
  if (error && call_.operation == operation_kind::authorize) intent_ = error->intent;
  reason_ = rule.reason;
  const auto should_retry = field(answer, "stripe-should-retry");

  switch (rule.means) {
    case error_means::not_executed: return domain::outcome{reported::not_executed{reason_}};
    case error_means::unknown:
      if (should_retry == "false") return look(doubt::fresh_error);
      return unknown(reason_);
    case error_means::look: {
      if (rule.status_first >= 500) return look(replayed(answer) ? doubt::stored_error : doubt::fresh_error);
      if (!error) return unknown("unreadable_answer");
      if (error->type == "idempotency_error") return look(doubt::mismatch);
      if (answer.status == 424) return look(doubt::fresh_error);
      refusal_ = failure_of(*error, odd_);
      return look(doubt::refused);
    }
    case error_means::declined: break;
  }
  if (!error) return unknown("unreadable_answer");  // not Stripe's own: something on the way
  if (should_retry == "true") return unknown("processor_error");
  refusal_ = failure_of(*error, odd_);
  // An earlier attempt may have been executed, and this refusal is not its stored answer.
  if (call_.doubted && !replayed(answer) && error->type != "card_error") return look(doubt::refused);
  const bool open = authorizes() && error->intent_status != "canceled";
  return domain::outcome{reported::declined{*std::move(refusal_), open ? error->intent : std::string{}}};
}

step conversation::on_learning(const intent_object& intent) {
  learnt_ = true;
  multicapture_ = intent.charge && intent.charge->multicapture == "available";
  if (intent.charge && !intent.charge->multicapture.empty() && intent.charge->multicapture != "available" &&
      intent.charge->multicapture != "unavailable")
    remark(odd_, "multicapture.status", intent.charge->multicapture);
  if (meaning_of(intent, call_, amount_, false, odd_) == intent_means::done) return on_intent(intent);
  return post();
}

step conversation::on_intent(const intent_object& intent) {
  const auto means = meaning_of(intent, call_, amount_, executed_, odd_);
  switch (means) {
    case intent_means::not_yet:
      if (executed_) return unknown("unexpected_answer");
      // Captures of one intent share its record: with one there already, and none by this name, who knows.
      if (call_.operation == operation_kind::capture && intent.amount_received > 0 &&
          call_.number > recorded_captures_max)
        return unknown("search_incomplete");
      return absent();
    case intent_means::untried:
      // Its attempt may be under way this moment.
      if (!settled_down()) return unknown("processor_still_working");
      break;
    case intent_means::too_late:
      if (executed_) return unknown("unexpected_answer");  // done, by its status, and not, by its object's
      if (doubt_ == doubt::refused) return absent();
      break;
    case intent_means::unreadable: return unknown("unexpected_answer");
    case intent_means::done:
      rest_released_ = call_.operation == operation_kind::capture && !call_.final_capture &&
                       intent.status == "succeeded" && intent.amount_received < intent.amount;
      break;
    case intent_means::failed:
    case intent_means::action:
    case intent_means::pending: break;
  }
  return outcome_of(means, intent, call_.operation, odd_);
}

step conversation::on_intents(const runtime::http_response& answer) {
  const auto page = read_intents(answer.body);
  if (!page) return nothing_learnt("unreadable_answer", false);
  for (const auto& each : page->rows)
    if (ours(each.fields, call_)) {
      intent_ = each.id;
      return send(read_intent_request(each.id), waiting_for::intent);  // with its charge
    }
  if (page->more && !page->rows.empty()) {
    const bool near = spans_.back().from <= call_.first_attempt_at + ahead_;
    if (sliced_ || !near) {
      after_ = page->rows.back().id;
      return search_on();
    }
    slice();
  } else {
    spans_.pop_back();
  }
  after_.clear();
  return search_on();
}

step conversation::on_refunds(const runtime::http_response& answer) {
  const auto page = read_refunds(answer.body);
  if (!page) return nothing_learnt("unreadable_answer", false);
  for (const auto& each : page->rows)
    if (ours(each.fields, call_)) return outcome_of(each, odd_);
  if (!page->more || page->rows.empty()) return absent();
  if (++pages_ >= search_pages_max) return unknown("search_incomplete");
  after_ = page->rows.back().id;
  return send(intent_refunds_request(intent_, after_), waiting_for::refunds);
}

}  // namespace novapay::stripe
