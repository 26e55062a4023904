// events: what a notification item surely says of one of our operations. One reviewed table over eventCode and success; items may be old
// and may come twice, so only what the payment's rules can merge in any order is told.
//
// Whose it is: merchantReference "pay_…:capture:1" names the operation. One that names the payment only ("pay_…:authorize:1" on a CAPTURE that
// somebody made by hand) leaves the operation to Adyen's reference and the amount. One that is not ours is looked up by originalReference.
//
// Only eight fields are signed. Others decide nothing about money: they say why, by when, or where a report is.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "actors/webhooks.hpp"
#include "adapters/adyen/names.hpp"
#include "adapters/adyen/objects.hpp"
#include "adapters/adyen/settings.hpp"

namespace novapay::adyen {

enum class event_means : std::uint8_t {
  nothing = 1,  // known, and not for a payment
  approved,     // the operation succeeded
  declined,     // the operation failed
  accepted,     // the operation goes on; its end will be told
  failed_late,  // what had succeeded has failed
  canceled,     // an authorization has been released, asked by us or not
  expired,      // an authorization has lapsed
  abandoned,    // the customer never came back
  as_modified,  // cancel or refund, by modification.action
  dispute,      // by `stage`, or by disputeStatus where that is what the event is about
  report,       // settlement data is ready
};

struct event_rule {
  std::string_view code;
  domain::operation_kind kind;
  event_means if_true;
  event_means if_false;
  domain::dispute_stage stage = domain::dispute_stage::inquiry;  // of `dispute`
};
std::span<const event_rule> event_rules();

webhook_item item_of(const notification_item& from, const settings& how, bool live, remarks& odd);

}  // namespace novapay::adyen
