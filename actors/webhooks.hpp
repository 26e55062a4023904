// webhooks: what processors send by themselves, from the listener to the payment it is about.
//
//   POST /webhooks/{processor} ─► webhook_format::verify (raw bytes) ─► webhook_inbox::store (durable) ─► 2xx
//                                                                            └─► webhook_format::read ─► notices ─► payments
//
// Nothing is parsed before its signature has been verified, nothing is acknowledged before it is stored. What cannot be applied yet
// (its payment is not known) stays in the inbox, is tried again and can be replayed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "actors/domain/payment.hpp"
#include "runtime/http.hpp"

namespace novapay {

// Why a delivery is not believed. Empty reason: it is.
struct webhook_verdict {
  bool authentic = false;
  std::string
      reason;  // "signature_missing", "signature_mismatch", "timestamp_too_old", "timestamp_in_future", "malformed"
};

// One thing a delivery says. A delivery may say several (Adyen batches), or nothing that concerns a payment.
struct webhook_item {
  std::string
      identity;  // the processor's own: the same item delivered twice has the same ("evt_…", "CAPTURE/QFQT…/true")
  std::string type;                    // "payment_intent.succeeded"
  std::string payment;                 // "pay_…"; empty: it names no payment of ours
  std::optional<domain::notice> what;  // nullopt: nothing for a payment
  std::string report;                  // settlement data to be fetched: a payout's id, a report's file; mostly empty
  // `payment` is empty and `what` is for one: ask payment_lookup with this reference ("pi_…") which.
  std::string lookup{};
  std::string note{};  // why it is nothing for a payment, for operators: "livemode_mismatch"; mostly empty
};

// Which payment of ours a processor's object belongs to, where a delivery names only the object (Stripe's disputes). Threads: as http_client.
class payment_lookup {
 public:
  virtual ~payment_lookup() = default;
  struct answer {
    bool known = false;   // false: could not be found out now; worth asking again
    std::string payment;  // "pay_…"; empty, if known: none of ours
  };
  virtual void find(std::string reference, std::function<void(answer)> done) = 0;
};

// What a processor's deliveries look like. Pure; thread-safe.
class webhook_format {
 public:
  virtual ~webhook_format() = default;
  virtual webhook_verdict verify(const runtime::http_fields& fields, std::string_view body,
                                 domain::timestamp now) const = 0;
  // nullopt: authentic, but not to be understood (a bug of ours or theirs): kept, visible, replayable.
  virtual std::optional<std::vector<webhook_item>> read(std::string_view body) const = 0;
  // The 2xx the processor wants to see.
  virtual runtime::http_response acknowledgement() const = 0;
};

enum class inbox_state : std::uint8_t {
  received = 1,  // stored; to be applied
  applied,       // every item is in its payment's journal, or concerns none
  unmatched,     // names a payment we do not know (yet): tried again
  unreadable,    // authentic and not understood
  rejected,      // not authentic: kept as evidence for a while, never applied
};
std::string_view to_text(inbox_state value) noexcept;  // "unmatched"

struct inbox_entry {
  std::int64_t id = 0;    // given by the store, grows
  std::string processor;  // its configured name
  domain::timestamp received_at{};
  runtime::http_fields fields;  // as received, without credentials
  std::string body;             // raw bytes
  inbox_state state = inbox_state::received;
  std::string detail;  // why it is in this state, for operators
  std::uint32_t attempts = 0;
  std::optional<domain::timestamp> next_attempt_at;  // received, unmatched
};

}  // namespace novapay
