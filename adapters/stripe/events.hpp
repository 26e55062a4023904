// events: what an event surely says of one of our operations. An event is a snapshot, may be old, and may come twice: only what no
// later event can take back is told. The operation is named by the key of the request that caused the event, or by the object's metadata.
//
//   charge.succeeded (not captured), payment_intent.amount_capturable_updated   authorize approved; or a capture that leaves a rest
//   payment_intent.requires_action                                              the customer must act
//   payment_intent.payment_failed                                               authorize declined
//   payment_intent.succeeded, charge.captured                                   capture approved; and the rest, if any, released
//   payment_intent.canceled, charge.expired                                     our cancel, or voided without our asking
//   refund.created, .updated, .failed, charge.refund.updated                    refund approved, accepted, declined, or failed after all
//   charge.dispute.*                                                            disputed
//   payout.paid (automatic), payout.reconciliation_completed                    settlement data is ready
#pragma once

#include <vector>

#include "actors/webhooks.hpp"
#include "adapters/stripe/declines.hpp"
#include "adapters/stripe/objects.hpp"

namespace novapay::stripe {

// `processor`: the configured name, `live`: its mode. Never empty: an event that says nothing is an item that says so.
std::vector<webhook_item> items_of(const event_object& event, const std::string& processor, bool live, remarks& odd);

// nullopt: a status that nobody here knows.
std::optional<domain::dispute_stage> stage_of(std::string_view dispute_status) noexcept;
// nullopt also if the amount cannot be expressed.
std::optional<domain::dispute> dispute_of(const dispute_object& dispute, domain::timestamp at, remarks& odd);

}  // namespace novapay::stripe
