// conversation: one call of the port as a sequence of requests to Stripe, decided step by step. Pure: time comes in, requests come out, and
// whoever drives it (stripe_processor) sends them one at a time.
//
//   first attempt, or the key still lives ──► post ──► answer ─┬─► outcome
//                                              ▲               ├─ a replay: read the object again, trust that
//   the key may be forgotten ─► look ─ absent ─┘               └─ no telling (500 …): look
//
// Looking means: capture, cancel, confirm: read the intent; refund: list the intent's refunds; authorize: list the intents created
// around the attempts. Ours are known by their metadata. Absent is only what a complete list does not show.
//
// There is one post in a conversation at most, always under the call's key, and none after a look found something.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "adapters/stripe/answers.hpp"
#include "adapters/stripe/requests.hpp"
#include "adapters/stripe/settings.hpp"

namespace novapay::stripe {

// Where a conversation begins.
enum class opening : std::uint8_t {
  post = 1,  // send it: the key has not been seen, or still protects
  look,      // the key may have been forgotten: search before sending
  read,      // confirm: there is nothing to send
};
opening opening_of(const processor_call& call, timestamp now, milliseconds key_life);

using step = std::variant<request, domain::outcome>;

// Pages of one search; with rows_max it bounds what is searched, and how long that takes.
inline constexpr int search_pages_max = 40;
// Clocks may differ by this much more than an answer's date has shown; most intents of a lost answer were created this soon after the
// first attempt. What lies between fits one page in most accounts. In a busy one it is searched piece by piece, the likeliest second
// first.
inline constexpr milliseconds search_margin{60s};
inline constexpr milliseconds search_near{120s};
inline constexpr int requests_max = 2 * search_pages_max + 5;

class conversation {
 public:
  // `how` outlives it.
  conversation(const settings& how, processor_call call);

  step begin(timestamp now);
  // The reply to the request of the last step. Not to be asked after an outcome.
  step next(const runtime::call_result& reply, timestamp now);

  const processor_call& call() const noexcept { return call_; }
  const remarks& odd() const noexcept { return odd_; }
  const std::string& alarm() const noexcept { return alarm_; }  // a bug or misconfiguration of ours; mostly empty
  // A capture that was to leave the rest open has released it: the account or the card has no multicapture.
  bool rest_released() const noexcept { return rest_released_; }

 private:
  enum class waiting_for : std::uint8_t { nothing, post, learning, intent, refund, intents, refunds };
  // Why there is a look: decides what absence means.
  enum class doubt : std::uint8_t { none, key_expired, refused, stored_error, fresh_error, mismatch };
  struct span {
    timestamp from, to;
  };
  void slice();

  step post();
  step send(request what, waiting_for reply);
  step look(doubt why);
  step search_on();
  step absent();
  step on_post(const runtime::http_response& answer);
  step on_success(const runtime::http_response& answer);
  step on_error(const runtime::http_response& answer);
  step on_read_error(const runtime::http_response& answer);
  step on_learning(const intent_object& intent);
  step on_intent(const intent_object& intent);
  step on_intents(const runtime::http_response& answer);
  step on_refunds(const runtime::http_response& answer);
  step lost(const runtime::call_result& reply);
  step nothing_learnt(std::string reason, bool certainly_unsent);
  step unknown(std::string reason) const { return domain::outcome{domain::reported::unknown{std::move(reason)}}; }
  bool settled_down() const;
  bool authorizes() const noexcept;

  const settings& how_;
  const processor_call call_;
  std::int64_t amount_ = 0;  // Stripe's
  timestamp now_{};
  waiting_for waiting_ = waiting_for::nothing;
  doubt doubt_ = doubt::none;
  std::optional<domain::failure> refusal_;  // that led to the look
  std::string reason_;                      // of an outcome that stays unknown
  bool key_lives_ = false;                  // whatever was executed under it is replayed
  bool posted_ = false;
  bool executed_ = false;  // Stripe has said that it did
  bool learnt_ = false;    // whether the charge takes several captures is known
  bool multicapture_ = false;
  bool final_ = true;
  std::string intent_;       // the authorization's intent, once known
  std::vector<span> spans_;  // still to be searched, the next one last
  bool sliced_ = false;      // the near one did not fit a page
  milliseconds ahead_{0};    // Stripe's clock is, of ours
  std::string after_;
  int pages_ = 0;
  bool rest_released_ = false;
  std::string alarm_;
  remarks odd_;
};

}  // namespace novapay::stripe
