// settlement: what a payout paid for, from its balance transactions. Charges become told::settled with net and fee, failed refunds
// told::failed, disputes told::disputed; refunds that went well say nothing new. A dispute does not name its payment: it is looked up.
//
// Only automatic payouts know their transactions; of a manual one Stripe lists none.
//
// Bound: a page is one request of at most rows_max rows and one more for each row whose payment has to be looked up, one after the other.
#pragma once

#include <memory>

#include "actors/statement.hpp"
#include "adapters/stripe/objects.hpp"
#include "adapters/stripe/settings.hpp"
#include "runtime/http_client.hpp"

namespace novapay::stripe {

class settlement final : public processor_settlement {
 public:
  // `client` outlives this and every fetch under way.
  settlement(settings how, runtime::http_client& client);
  void fetch(std::string payout, std::string at, std::function<void(settlement_result)> done) override;

 private:
  struct core;
  std::shared_ptr<core> core_;
};

// The item of one row, and the intent to look its payment up with, if it does not name it. nullopt: the row is about no payment.
struct settlement_row {
  settlement_item item;
  std::string lookup;
};
std::optional<settlement_row> row_item(const balance_row& row, const std::string& payout, const std::string& processor);

}  // namespace novapay::stripe
