#include "runtime/responder.hpp"

#include <utility>

namespace novapay::runtime {

struct pending_reply {
  responder::handler done;
  in_flight_counter counted;
  std::atomic<bool> answered{false};

  explicit pending_reply(responder::handler handle) : done(std::move(handle)) {}
  pending_reply(const pending_reply&) = delete;
  pending_reply& operator=(const pending_reply&) = delete;
  ~pending_reply() {
    reply dropped;
    dropped.status = reply_status::outcome_unknown;
    dropped.detail = "dropped unanswered";
    answer(std::move(dropped));
  }

  void answer(reply with) {
    if (answered.exchange(true)) return;
    if (counted) counted->fetch_sub(1, std::memory_order_relaxed);
    const auto handle = std::exchange(done, nullptr);
    try {
      if (handle) handle(std::move(with));
    } catch (...) {  // a handler must not throw; one that does must not take its entity, or a destructor, with it
    }
  }
};

namespace {
reply failure_reply(reply_status why, std::string detail) {
  reply with;
  with.status = why;
  with.detail = std::move(detail);
  return with;
}
}  // namespace

responder::responder(handler done) : duty_(std::make_shared<pending_reply>(std::move(done))) {}

void responder::answer(reply with) const {
  if (duty_) duty_->answer(std::move(with));
}

void responder::fail(reply_status why, std::string detail) const { answer(failure_reply(why, std::move(detail))); }

void responder::count_in(const in_flight_counter& counter) {
  if (!duty_) duty_ = std::make_shared<pending_reply>(nullptr);
  counter->fetch_add(1, std::memory_order_relaxed);
  duty_->counted = counter;
}

responder::watch responder::watched() const {
  watch seen;
  seen.duty_ = duty_;
  return seen;
}

void responder::watch::fail(reply_status why, std::string detail) const {
  if (const auto duty = duty_.lock()) duty->answer(failure_reply(why, std::move(detail)));
}

}  // namespace novapay::runtime
