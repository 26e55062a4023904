#include "actors/payment_kind.hpp"

#include <utility>

#include "actors/payment_codec.hpp"
#include "actors/payments.hpp"
#include "runtime/typed_entity.hpp"

namespace novapay {

using namespace domain;

std::string scope_of(const std::string& merchant, mode in) { return merchant + "/" + std::string(to_text(in)); }

std::uint64_t pack(operation_id which) noexcept { return static_cast<std::uint64_t>(which.kind) << 32 | which.number; }

operation_id unpack(std::uint64_t operation) noexcept {
  return {static_cast<operation_kind>(operation >> 32), static_cast<std::uint32_t>(operation)};
}

namespace {

// Everything a processor is told comes from the state: the same call, under the same key, after any crash.
// The merchant's return_url is our own page's to use, where there is one.
std::string return_url_of(const payment& now, const std::string& base) {
  return base.empty() ? now.agreed.return_url : base + "/v1/payments/" + now.agreed.id + "/return";
}

// What a refund of the whole payment takes from; empty if that is several captures.
std::string only_capture_of(const payment& now) {
  const operation* only = nullptr;
  for (const auto& what : now.operations) {
    if (what.id.kind != operation_kind::capture || what.progress != progress::succeeded) continue;
    if (only != nullptr) return {};
    only = &what;
  }
  return only == nullptr ? std::string{} : only->processor_reference;
}

std::string token_for(const terms& agreed, const std::string& processor) {
  const auto own = agreed.tokens.find(processor);
  return own == agreed.tokens.end() ? agreed.token : own->second;
}

processor_call call_for(const payment& now, const operation& what, const std::string& return_url_base) {
  processor_call call;
  call.operation = what.id.kind;
  call.idempotency_key = processor_key(now, what.id);
  call.payment = now.agreed.id;
  const bool whole = what.id.kind == operation_kind::cancel;
  call.amount = {whole ? now.agreed.amount.minor : what.amount_minor, now.agreed.amount.code};
  call.processor = what.processor;
  call.number = what.id.number;
  if (what.id.kind == operation_kind::authorize) {
    call.token = token_for(now.agreed, what.processor);
    call.return_url = return_url_of(now, return_url_base);
  } else {
    call.processor_reference = what.target_reference.empty() ? now.processor_reference : what.target_reference;
  }
  if (what.id.kind == operation_kind::refund) call.capture_reference = only_capture_of(now);
  call.customer = now.agreed.customer;
  call.final_capture = what.final;
  call.live = now.agreed.mode == mode::live;
  call.statement_descriptor = now.agreed.statement_descriptor;
  call.description = now.agreed.description;
  call.action_details = what.action_details;
  call.attempt = what.attempts;
  call.doubted = what.doubted;
  call.first_attempt_at = what.requested_at;
  return call;
}

class payment_functions {
 public:
  using state_type = payment;
  using command_type = domain::command_type;
  using event_type = domain::event_type;

  payment_functions(processor& through, payment_kind_settings how) : processor_(through), how_(std::move(how)) {}

  const std::string& name() const { return payment_kind_name; }

  runtime::kind_decision<event_type> decide(const payment& now, const command_type& asked, timestamp at) const {
    auto decided = domain::decide(now, asked, at);
    if (std::holds_alternative<command::notify>(asked) || std::holds_alternative<command::wake>(asked))
      for (const auto& happened : decided.events) draw_attention(now, happened);
    runtime::kind_decision<event_type> result;
    result.events = std::move(decided.events);
    if (decided.refused) result.refused = encode(*decided.refused);
    if (decided.operation) result.operation = pack(*decided.operation);
    return result;
  }
  payment evolve(payment now, const event_type& happened, timestamp at) const {
    return domain::evolve(std::move(now), happened, at);
  }
  std::vector<runtime::owed_call> owed(const payment& now) const {
    std::vector<runtime::owed_call> calls;
    for (const auto which : domain::owed(now)) {
      auto call = call_for(now, *find(now, which), how_.return_url_base);
      auto key = call.idempotency_key;
      calls.push_back({std::move(key), [this, which, call = std::move(call)](runtime::deliver deliver) {
                         processor_.send(call, [which, deliver = std::move(deliver)](outcome answer) {
                           deliver(encode(command_type{command::report{which, std::move(answer)}}));
                         });
                       }});
    }
    return calls;
  }
  std::optional<timestamp> wake_at(const payment& now) const { return domain::wake_at(now); }
  runtime::listing summary(const payment& now) const {
    runtime::listing listed;
    listed.scope = scope_of(now.agreed.merchant, now.agreed.mode);
    listed.status = to_text(summarize(now).status);
    listed.reference = now.agreed.reference;
    listed.unit = info_of(now.agreed.amount.code).name;
    listed.amount = now.agreed.amount.minor;
    listed.labels.assign(now.agreed.metadata.begin(), now.agreed.metadata.end());
    return listed;
  }
  std::uint64_t answered_at(const payment& now, std::uint64_t operation) const {
    const auto* what = find(now, unpack(operation));
    return what == nullptr ? 0 : what->answered_version;
  }
  std::vector<std::uint64_t> answered_by(const payment& now, std::uint64_t version) const {
    std::vector<std::uint64_t> operations;
    for (const auto& what : now.operations)
      if (what.answered_version == version && !what.idempotency_key.empty()) operations.push_back(pack(what.id));
    return operations;
  }

  command_type decode_command(const std::string& bytes, const runtime::entity_id& id) const {
    auto asked = novapay::decode_command(bytes);
    if (auto* create = std::get_if<command::create>(&asked)) create->asked.id = payment_id_text(id);
    return asked;
  }
  std::string encode_event(const event_type& happened) const { return encode(happened); }
  event_type decode_event(const std::string& bytes) const { return novapay::decode_event(bytes); }
  std::string encode_state(const payment& now) const { return encode(now); }
  payment decode_state(const std::string& bytes) const { return decode_payment(bytes); }
  std::string resume() const { return encode(command_type{command::resume{}}); }
  std::string wake() const { return encode(command_type{command::wake{}}); }
  std::string query() const { return encode(command_type{command::query{}}); }

 private:
  void draw_attention(const payment& now, const event_type& happened) const {
    if (const auto* what = std::get_if<event::break_noted>(&happened); what != nullptr && how_.on_break)
      how_.on_break(now, *what);
    if (const auto* what = std::get_if<event::flagged>(&happened); what != nullptr && how_.on_flag)
      how_.on_flag(now, *what);
  }

  processor& processor_;
  payment_kind_settings how_;
};

}  // namespace

std::shared_ptr<const runtime::entity_kind> make_payment_kind(processor& through, payment_kind_settings how) {
  return std::make_shared<runtime::typed_kind<payment_functions>>(payment_functions(through, std::move(how)));
}

}  // namespace novapay
