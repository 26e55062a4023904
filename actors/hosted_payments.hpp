// hosted_payments: the typed `payments` interface over the runtime's host. Encodes commands, decodes answers, and hands what
// the processor tells by itself to the payment it is about.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "actors/payments.hpp"
#include "actors/processor.hpp"
#include "runtime/host.hpp"

namespace novapay {

// How a new payment is handled: its route above all, which is empty if nobody can take it. Must be quick, and callable from any
// thread.
using handling_chooser = std::function<domain::handling(const domain::terms&)>;
// The same decision, explained.
using route_explainer = std::function<domain::route_choice(const domain::terms&)>;

struct routing_functions {
  handling_chooser choose;
  route_explainer explain;
};
// Everything to one processor, if it is given a token for it.
routing_functions only(std::string processor);

class hosted_payments final : public payments {
 public:
  // All outlive this.
  hosted_payments(runtime::host& host, const runtime::clock& time, runtime::log& logger,
                  routing_functions routing = only("sandbox"))
      : host_(host), time_(time), logger_(logger), routing_(std::move(routing)) {}

  void create(const caller& who, domain::terms asked, reply_handler done) override;
  domain::route_choice explain_route(const domain::terms& asked) override { return routing_.explain(asked); }
  void ask(const caller& who, const std::string& id, domain::command_type what, reply_handler done) override;
  void customer_returned(const caller& who, const std::string& id, return_details details, reply_handler done) override;
  void list(const caller& who, runtime::list_query query, std::function<void(page_reply)> done) override;
  void find_by_key(const caller& who, std::string idempotency_key, std::function<void(page_reply)> done) override;
  void history(const caller& who, const std::string& id, std::function<void(history_reply)> done) override;

  // A processor's notice: journaled by its payment, then acknowledged. What isn't acknowledged the processor repeats.
  void notify(processor_notice told);
  // The same for who repeats by itself what was not taken, and says so by itself. `done` is called once, from a thread of the actor
  // system.
  void deliver(const std::string& payment, const domain::notice& what, notice_done done);

 private:
  void tell(const runtime::entity_id& payment, const domain::notice& what,
            std::function<void(const runtime::reply&)> done);
  template <class Done, class Run>
  void read(const caller& who, const Done& done, Run run);

  void ask_unscoped(const caller& who, const runtime::entity_id& id, const domain::command_type& what,
                    reply_handler done);

  runtime::host& host_;
  const runtime::clock& time_;
  runtime::log& logger_;
  const routing_functions routing_;
};

}  // namespace novapay
