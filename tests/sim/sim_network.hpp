// sim_network: the processors of a simulated world by their names, each a sim_processor with a ledger of its own, and what they do
// beyond it: some calls are only accepted, and some authorizations denied although they are executed (which no processor may do,
// and the payment must survive). Of both the processor tells by itself later: at least once, also to the next node.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "adapters/sandbox/sim_processor.hpp"

namespace novapay::sim {

// A call whose outcome its processor will tell, once its ledger has one.
struct owed_notice {
  std::string processor;
  std::string key;
  domain::operation_id about;
  domain::timestamp next_at{};
  bool acknowledged = false;
};

// What is outside of every node, and outlives them.
struct outside {
  std::map<std::string, std::shared_ptr<sandbox::memory_ledger>> ledgers;  // by processor
  std::deque<owed_notice> notices;
  unsigned accept = 0;  // of a thousand captures, refunds and cancels: "accepted"
  unsigned deny = 0;    // of a thousand first authorizations: executed, and said not to be
  bool calm = false;    // neither from now on
};

class sim_network final : public processor {
 public:
  // `clock` outlives the network.
  sim_network(const sandbox::sim_settings& how, const runtime::clock& clock, std::shared_ptr<outside> beyond);

  void send(processor_call call, processor_done done) override;
  void listen(notice_sink sink) override;

  std::size_t pending() const;
  void step(std::uint64_t random);
  void sever();  // the node died

 private:
  bool due(const owed_notice& what) const;
  void tell(owed_notice& what, std::uint64_t random);

  const runtime::clock& clock_;
  const std::shared_ptr<outside> beyond_;
  std::map<std::string, std::unique_ptr<sandbox::sim_processor>> by_name_;
  notice_sink sink_;
};

}  // namespace novapay::sim
