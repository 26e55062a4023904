#include "adapters/sandbox/sandbox_processor.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "adapters/sandbox/store.hpp"
#include "runtime/crash_point.hpp"

namespace novapay::sandbox {
namespace {

using steady = std::chrono::steady_clock;
namespace reported = domain::reported;

struct job {
  processor_call call;
  processor_done done;
};

// A call that has been judged and waits for its time.
struct answer {
  domain::outcome outcome;
  processor_done done;
  milliseconds delay{0};
  bool executed = false;  // the ledger holds a result under its key
};

}  // namespace

// What callers and the worker share.
struct sandbox_processor::inbox {
  std::mutex lock;
  std::condition_variable changed;
  std::deque<job> jobs;
  std::vector<std::int64_t> acknowledged;  // at most one for each delivery
  notice_sink sink;
  std::size_t in_flight = 0;
  bool stopping = false;
};

class sandbox_processor::worker {
 public:
  worker(const settings& how, const runtime::clock& clock, runtime::log& log, std::shared_ptr<inbox> in,
         std::unique_ptr<store> ledger)
      : how_(how), clock_(clock), log_(log), inbox_(std::move(in)), ledger_(std::move(ledger)) {}

  void run();

 private:
  struct work {
    std::vector<job> jobs;
    std::vector<std::int64_t> acknowledged;
    notice_sink sink;
    bool stopping = false;
  };

  work wait();
  void process(work now);
  answer judge_one(job& from);
  void commit(work& now, std::vector<answer>& answers, std::vector<ledger_notice>& due);
  void schedule_notices(bool more);
  void deliver(const notice_sink& sink, std::vector<ledger_notice> due);
  void answer_what_is_ready();
  void leave_flight(std::size_t calls);
  void finish(processor_done& done, domain::outcome outcome);
  void shut_down(work last);
  milliseconds sampled_latency();
  void complain(std::string_view message, std::string_view detail) {
    log_.write(runtime::log_level::error, message, {{"detail", detail}});
  }

  const settings how_;
  const runtime::clock& clock_;
  runtime::log& log_;
  const std::shared_ptr<inbox> inbox_;
  const std::unique_ptr<store> ledger_;
  std::multimap<steady::time_point, answer> delayed_;
  steady::time_point notices_at_ = steady::now();  // when to look for due notices next
  bool noticed_ = false;                           // the batch under way queues notices
  std::uint64_t sampled_ = 0;
  bool ledger_fails_ = false;  // the last commit did: said once
};

void sandbox_processor::worker::run() {
  pthread_setname_np(pthread_self(), "sandbox");
  if (how_.on_thread) how_.on_thread();
  for (;;) {
    auto now = wait();
    if (now.stopping) return shut_down(std::move(now));
    const bool notices = now.sink != nullptr && steady::now() >= notices_at_;
    if (notices || !now.jobs.empty() || !now.acknowledged.empty()) process(std::move(now));
    answer_what_is_ready();
  }
}

// Until there is something to do. On shutdown everything that is queued comes along.
sandbox_processor::worker::work sandbox_processor::worker::wait() {
  auto& in = *inbox_;
  std::unique_lock held(in.lock);
  const auto ready = [&] { return in.stopping || !in.jobs.empty() || !in.acknowledged.empty(); };
  while (!ready()) {
    constexpr std::chrono::hours idle{1};
    auto until = steady::now() + idle;
    if (in.sink) until = std::min(until, notices_at_);
    if (!delayed_.empty()) until = std::min(until, delayed_.begin()->first);
    if (until <= steady::now()) break;
    in.changed.wait_until(held, until);
  }

  work now;
  now.stopping = in.stopping;
  now.sink = in.sink;
  now.acknowledged.swap(in.acknowledged);
  const auto take = in.stopping ? in.jobs.size() : std::min(in.jobs.size(), how_.batch_max);
  now.jobs.reserve(take);
  for (std::size_t i = 0; i < take; ++i) {
    now.jobs.push_back(std::move(in.jobs.front()));
    in.jobs.pop_front();
  }
  return now;
}

void sandbox_processor::worker::process(work now) {
  std::vector<answer> answers;
  std::vector<ledger_notice> due;
  commit(now, answers, due);
  std::vector<answer> ready;
  ready.reserve(answers.size());
  for (auto& each : answers) {
    const auto wait = each.delay + sampled_latency();
    if (wait.count() == 0)
      ready.push_back(std::move(each));
    else
      delayed_.emplace(steady::now() + wait, std::move(each));
  }
  leave_flight(ready.size());
  for (auto& each : ready) finish(each.done, std::move(each.outcome));
  deliver(now.sink, std::move(due));
}

// One transaction for all of it, or none of it.
void sandbox_processor::worker::commit(work& now, std::vector<answer>& answers, std::vector<ledger_notice>& due) {
  bool committing = false;
  answers.reserve(now.jobs.size());
  try {
    ledger_->begin();
    for (auto& each : now.jobs) answers.push_back(judge_one(each));
    for (const auto id : now.acknowledged) ledger_->acknowledge(id, clock_.now());
    const bool look = now.sink != nullptr && steady::now() >= notices_at_;
    if (look) due = ledger_->take_due(clock_.now(), how_.behaviour, how_.notices_batch_max);
    committing = true;
    ledger_->commit();
    if (!answers.empty()) passing(runtime::crash_point::processor_executed);
    if (look || noticed_) schedule_notices(look && due.size() == how_.notices_batch_max);
    noticed_ = false;
    if (std::exchange(ledger_fails_, false))
      log_.write(runtime::log_level::info, "the sandbox's ledger can be written again", {});
  } catch (const std::exception& why) {
    ledger_->rollback();
    if (!std::exchange(ledger_fails_, true)) complain("the sandbox's ledger cannot be written", why.what());
    domain::outcome outcome = reported::not_executed{"processor_unavailable"};
    if (committing) outcome = reported::unknown{"processor_error"};
    for (std::size_t i = 0; i < now.jobs.size(); ++i) {
      if (i < answers.size()) now.jobs[i].done = std::move(answers[i].done);
    }
    answers.clear();
    for (auto& each : now.jobs) answers.push_back({outcome, std::move(each.done), milliseconds{0}, committing});
    due.clear();
    notices_at_ = steady::now() + how_.notice_poll;
  }
}

answer sandbox_processor::worker::judge_one(job& from) {
  const auto before = ledger_->recall(from.call.idempotency_key, from.call.payment);
  auto verdict =
      judge(from.call, before.known ? &*before.known : nullptr, before.of_payment, how_.behaviour, clock_.now());
  if (verdict.store) ledger_->put(verdict.entry);
  for (const auto& each : verdict.notices) ledger_->add(each);
  noticed_ = noticed_ || !verdict.notices.empty();
  for (const auto& each : verdict.anomalies) ledger_->add(each);
  return {std::move(verdict.answer), std::move(from.done), verdict.delay, verdict.entry.result.has_value()};
}

// The wall clock says when a notice is due, since that outlives the process; the steady one says how long that is.
void sandbox_processor::worker::schedule_notices(bool more) {
  auto wait = how_.notice_poll;
  if (more)
    wait = milliseconds{0};
  else if (const auto next = ledger_->next_due())
    wait = std::clamp(std::chrono::duration_cast<milliseconds>(*next - clock_.now()), milliseconds{0}, wait);
  notices_at_ = steady::now() + wait;
}

void sandbox_processor::worker::deliver(const notice_sink& sink, std::vector<ledger_notice> due) {
  for (auto& each : due) {
    auto acknowledge = [id = each.id, to = std::weak_ptr<inbox>(inbox_), once = std::make_shared<std::atomic_flag>()] {
      const auto in = to.lock();
      if (in == nullptr || once->test_and_set()) return;
      const std::lock_guard held(in->lock);
      in->acknowledged.push_back(id);
      in->changed.notify_one();
    };
    try {
      sink({std::move(each.payment), to_notice(each.what), std::move(acknowledge)});
    } catch (const std::exception& why) {
      complain("the notice sink threw", why.what());  // the notice will be repeated
    }
  }
}

void sandbox_processor::worker::answer_what_is_ready() {
  while (!delayed_.empty() && delayed_.begin()->first <= steady::now()) {
    auto ready = delayed_.extract(delayed_.begin());
    leave_flight(1);
    finish(ready.mapped().done, std::move(ready.mapped().outcome));
  }
}

// Before they are answered: an answer may lead to the next call at once.
void sandbox_processor::worker::leave_flight(std::size_t calls) {
  const std::lock_guard held(inbox_->lock);
  inbox_->in_flight -= calls;
}

void sandbox_processor::worker::finish(processor_done& done, domain::outcome outcome) {
  try {
    done(std::move(outcome));
  } catch (const std::exception& why) { complain("the caller's answer handler threw", why.what()); }
}

void sandbox_processor::worker::shut_down(work last) {
  leave_flight(last.jobs.size() + delayed_.size());
  for (auto& each : last.jobs) finish(each.done, reported::not_executed{"processor_shutdown"});
  last.jobs.clear();
  last.sink = nullptr;
  std::vector<answer> none;
  std::vector<ledger_notice> none_due;
  if (!last.acknowledged.empty()) commit(last, none, none_due);
  for (auto& [at, each] : delayed_) {
    if (each.executed)
      finish(each.done, reported::unknown{"processor_shutdown"});
    else
      finish(each.done, reported::not_executed{"processor_shutdown"});
  }
  delayed_.clear();
}

milliseconds sandbox_processor::worker::sampled_latency() {
  if (how_.latency.count() == 0) return milliseconds{0};
  const double uniform = (static_cast<double>(scatter(++sampled_) >> 11) + 0.5) * 0x1p-53;
  const double times = std::min(-std::log(uniform), 4.0);
  return milliseconds{std::llround(times * static_cast<double>(how_.latency.count()))};
}

std::unique_ptr<sandbox_processor> sandbox_processor::open(const settings& how, const runtime::clock& clock,
                                                           runtime::log& log, std::string& error) {
  auto ledger = store::open(how.ledger_path, error);
  if (ledger == nullptr) return nullptr;
  auto in = std::make_shared<inbox>();
  auto by = std::make_unique<worker>(how, clock, log, in, std::move(ledger));
  return std::unique_ptr<sandbox_processor>(new sandbox_processor(std::move(in), std::move(by), how.in_flight_max));
}

sandbox_processor::sandbox_processor(std::shared_ptr<inbox> in, std::unique_ptr<worker> by, std::size_t in_flight_max)
    : in_flight_max_(in_flight_max),
      inbox_(std::move(in)),
      worker_(std::move(by)),
      thread_([this] { worker_->run(); }) {}

sandbox_processor::~sandbox_processor() {
  {
    const std::lock_guard held(inbox_->lock);
    inbox_->stopping = true;
    inbox_->changed.notify_one();
  }
  thread_.join();
}

void sandbox_processor::send(processor_call call, processor_done done) {
  std::unique_lock held(inbox_->lock);
  const bool busy = inbox_->in_flight >= in_flight_max_;
  if (inbox_->stopping || busy) {
    const char* why = inbox_->stopping ? "processor_shutdown" : "processor_busy";
    held.unlock();
    return done(reported::not_executed{why});
  }
  ++inbox_->in_flight;
  const bool first = inbox_->jobs.empty();  // the worker does not wait while there are others
  inbox_->jobs.push_back({std::move(call), std::move(done)});
  held.unlock();
  if (first) inbox_->changed.notify_one();
}

void sandbox_processor::listen(notice_sink sink) {
  const std::lock_guard held(inbox_->lock);
  inbox_->sink = std::move(sink);
  inbox_->changed.notify_one();
}

}  // namespace novapay::sandbox
