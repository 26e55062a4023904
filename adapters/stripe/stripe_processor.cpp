#include "adapters/stripe/stripe_processor.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "adapters/stripe/conversation.hpp"

namespace novapay::stripe {
namespace {

namespace reported = domain::reported;

struct in_hand {
  in_hand(const settings& how, processor_call call, processor_done to)
      : talk(how, std::move(call)), done(std::move(to)) {}

  conversation talk;
  processor_done done;
  runtime::timestamp deadline{};
  int requests = 0;
  std::size_t said = 0;  // remarks that have been logged
};

// The deadline passed before the next request: it was never sent, and what the ones before may have done stays open.
runtime::call_result out_of_time() {
  runtime::call_result none;
  none.fate = runtime::call_fate::never_sent;
  none.reason = "timeout";
  return none;
}

}  // namespace

struct stripe_processor::core : std::enable_shared_from_this<core> {
  core(settings given, runtime::http_client& through, const runtime::clock& clock, runtime::log& to,
       runtime::metrics& registry)
      : how(std::move(given)),
        client(through),
        time(clock),
        log(to),
        requests(registry.count("novapay_processor_http_requests_total", "HTTP calls to a processor",
                                {{"processor", how.name}})),
        odd_values(registry.count("novapay_processor_unknown_values_total",
                                  "Values a processor sent that NovaPay does not know", {{"processor", how.name}})),
        alarms(registry.count("novapay_processor_alarms_total",
                              "Answers that tell of a bug or a misconfiguration of ours", {{"processor", how.name}})) {}

  void drive(const std::shared_ptr<in_hand>& hand, step next);
  void finish(const std::shared_ptr<in_hand>& hand, domain::outcome outcome);
  void speak_of(in_hand& hand);
  void tell_released(const processor_call& call);

  const settings how;
  runtime::http_client& client;
  const runtime::clock& time;
  runtime::log& log;
  runtime::counter& requests;
  runtime::counter& odd_values;
  runtime::counter& alarms;
  std::atomic<std::size_t> in_flight{0};
  std::mutex lock;
  notice_sink sink;
};

void stripe_processor::core::drive(const std::shared_ptr<in_hand>& hand, step next) {
  for (;;) {
    speak_of(*hand);
    if (auto* outcome = std::get_if<domain::outcome>(&next)) return finish(hand, std::move(*outcome));

    const auto now = time.now();
    const auto left = hand->deadline - now;
    if (left <= milliseconds{0} || ++hand->requests > requests_max) {
      next = hand->talk.next(out_of_time(), now);
      continue;
    }
    requests.add();
    auto out = to_call(std::get<request>(next), how, std::min(how.request_timeout, milliseconds{left}));
    client.send(std::move(out), [self = shared_from_this(), hand](runtime::call_result reply) {
      const auto request_id = field(reply.response, "request-id");
      self->log.write(runtime::log_level::debug, "stripe answered",
                      {{"processor", std::string_view{self->how.name}},
                       {"payment", std::string_view{hand->talk.call().payment}},
                       {"status", std::int64_t{reply.fate == runtime::call_fate::answered ? reply.response.status : 0}},
                       {"reason", std::string_view{reply.reason}},
                       {"request_id", request_id},
                       {"took_ms", static_cast<double>(reply.took.count()) / 1000}});
      self->drive(hand, hand->talk.next(reply, self->time.now()));
    });
    return;
  }
}

void stripe_processor::core::speak_of(in_hand& hand) {
  const auto& odd = hand.talk.odd();
  for (; hand.said < odd.size(); ++hand.said) {
    odd_values.add();
    log.write(runtime::log_level::warning, "stripe sent a value that is not known here",
              {{"processor", std::string_view{how.name}}, {"value", std::string_view{odd[hand.said]}}});
  }
}

void stripe_processor::core::finish(const std::shared_ptr<in_hand>& hand, domain::outcome outcome) {
  const auto& call = hand->talk.call();
  if (const auto& alarm = hand->talk.alarm(); !alarm.empty()) {
    alarms.add();
    log.write(runtime::log_level::error, "stripe's answer tells of a mistake of ours",
              {{"processor", std::string_view{how.name}},
               {"payment", std::string_view{call.payment}},
               {"reason", std::string_view{alarm}}});
  }
  in_flight.fetch_sub(1);
  auto done = std::exchange(hand->done, nullptr);
  done(std::move(outcome));
  if (hand->talk.rest_released()) tell_released(call);
}

// Once, as news. Should it get lost, payment_intent.succeeded says the same, and a capture of the rest is refused.
void stripe_processor::core::tell_released(const processor_call& call) {
  notice_sink to;
  {
    const std::lock_guard held(lock);
    to = sink;
  }
  if (!to) return;
  domain::notice what;
  what.about = {domain::operation_kind::authorize, 0};  // the one with this reference
  what.what = domain::told::voided{"released"};
  what.processor = how.name;
  what.reference = call.processor_reference;
  to({call.payment, std::move(what), [] {}});
}

stripe_processor::stripe_processor(settings how, runtime::http_client& client, const runtime::clock& time,
                                   runtime::log& log, runtime::metrics& registry)
    : core_(std::make_shared<core>(std::move(how), client, time, log, registry)) {}

stripe_processor::~stripe_processor() = default;

void stripe_processor::send(processor_call call, processor_done done) {
  auto& at = *core_;
  if (at.in_flight.fetch_add(1) >= at.how.in_flight_max) {
    at.in_flight.fetch_sub(1);
    return done(reported::not_executed{"processor_busy"});
  }
  const auto hand = std::make_shared<in_hand>(at.how, std::move(call), std::move(done));
  const auto now = at.time.now();
  hand->deadline = now + at.how.call_timeout;
  at.drive(hand, hand->talk.begin(now));
}

void stripe_processor::listen(notice_sink sink) {
  const std::lock_guard held(core_->lock);
  core_->sink = std::move(sink);
}

}  // namespace novapay::stripe
