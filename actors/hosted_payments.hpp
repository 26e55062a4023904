// hosted_payments: the typed `payments` interface over the runtime's host. Encodes commands, decodes answers, and hands what
// the processor tells by itself to the payment it is about.
#pragma once

#include "actors/payments.hpp"
#include "actors/processor.hpp"
#include "runtime/host.hpp"

namespace novapay {

class hosted_payments final : public payments {
 public:
  // Both outlive this.
  hosted_payments(runtime::host& host, runtime::log& logger) : host_(host), logger_(logger) {}

  void create(const caller& who, domain::terms asked, reply_handler done) override;
  void ask(const caller& who, const std::string& id, domain::command_type what, reply_handler done) override;
  void list(const caller& who, runtime::list_query query, std::function<void(page_reply)> done) override;
  void find_by_key(const caller& who, std::string idempotency_key, std::function<void(page_reply)> done) override;
  void history(const caller& who, const std::string& id, std::function<void(history_reply)> done) override;

  // A processor's notice: journaled by its payment, then acknowledged. What isn't acknowledged the processor repeats.
  void notify(processor_notice told);

 private:
  runtime::host& host_;
  runtime::log& logger_;
};

}  // namespace novapay
