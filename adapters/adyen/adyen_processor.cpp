#include "adapters/adyen/adyen_processor.hpp"

#include <atomic>
#include <utility>

#include "adapters/adyen/answers.hpp"
#include "adapters/adyen/requests.hpp"

namespace novapay::adyen {
namespace {

namespace reported = domain::reported;

}  // namespace

bool key_may_be_forgotten(const processor_call& call, domain::timestamp now, milliseconds key_life) {
  const bool may_be_known = call.doubted || call.attempt > 1;
  return may_be_known && now - call.first_attempt_at >= key_life;
}

struct adyen_processor::core : std::enable_shared_from_this<core> {
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

  void finish(const processor_call& call, verdict said, const processor_done& done);

  const settings how;
  runtime::http_client& client;
  const runtime::clock& time;
  runtime::log& log;
  runtime::counter& requests;
  runtime::counter& odd_values;
  runtime::counter& alarms;
  std::atomic<std::size_t> in_flight{0};
};

void adyen_processor::core::finish(const processor_call& call, verdict said, const processor_done& done) {
  for (const auto& each : said.odd) {
    odd_values.add();
    log.write(runtime::log_level::warning, "adyen sent a value that is not known here",
              {{"processor", std::string_view{how.name}}, {"value", std::string_view{each}}});
  }
  if (!said.alarm.empty()) {
    alarms.add();
    log.write(runtime::log_level::error, "adyen's answer tells of a mistake of ours",
              {{"processor", std::string_view{how.name}},
               {"payment", std::string_view{call.payment}},
               {"reason", std::string_view{said.alarm}}});
  }
  in_flight.fetch_sub(1);
  done(std::move(said.outcome));
}

adyen_processor::adyen_processor(settings how, runtime::http_client& client, const runtime::clock& time,
                                 runtime::log& log, runtime::metrics& registry)
    : core_(std::make_shared<core>(std::move(how), client, time, log, registry)) {}

adyen_processor::~adyen_processor() = default;

void adyen_processor::send(processor_call call, processor_done done) {
  auto& at = *core_;
  if (at.in_flight.fetch_add(1) >= at.how.in_flight_max) {
    at.in_flight.fetch_sub(1);
    return done(reported::not_executed{"processor_busy"});
  }
  if (call.live != at.how.live)
    return at.finish(call, {reported::not_executed{"mode_mismatch"}, {}, "mode_mismatch"}, done);
  if (key_may_be_forgotten(call, at.time.now(), at.how.key_life))
    return at.finish(call, {reported::unknown{"key_expired"}, {}, {}}, done);
  auto asked = request_for(call, at.how);
  if (auto* at_once = std::get_if<domain::outcome>(&asked)) {
    // What cannot be asked now may have been asked before, under another configuration: only its first attempt is surely refused.
    if (call.doubted) *at_once = reported::unknown{"cannot_be_asked"};
    return at.finish(call, {std::move(*at_once), {}, {}}, done);
  }

  at.requests.add();
  auto out = to_call(std::get<request>(asked), at.how);
  at.client.send(std::move(out), [self = core_, call = std::move(call),
                                  done = std::move(done)](const runtime::call_result& reply) {
    const auto reference = field(reply.response, "pspreference");
    self->log.write(runtime::log_level::debug, "adyen answered",
                    {{"processor", std::string_view{self->how.name}},
                     {"payment", std::string_view{call.payment}},
                     {"status", std::int64_t{reply.fate == runtime::call_fate::answered ? reply.response.status : 0}},
                     {"reason", std::string_view{reply.reason}},
                     {"psp_reference", reference},
                     {"took_ms", static_cast<double>(reply.took.count()) / 1000}});
    self->finish(call, verdict_of(call, reply), done);
  });
}

void adyen_processor::listen(notice_sink) {}

}  // namespace novapay::adyen
