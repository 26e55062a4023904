#include "gateway/handlers.hpp"

#include <utility>

#include "gateway/media.hpp"
#include "gateway/payment_request.hpp"
#include "gateway/payment_view.hpp"
#include "gateway/query.hpp"
#include "gateway/text.hpp"

namespace novapay::gateway {
namespace {

const api_error no_such_payment{error_code::resource_missing, {}, {}};

result<std::string> idempotency_key_of(const runtime::http_request& request) {
  const auto key = request.field("idempotency-key");
  if (!key) return api_error{error_code::idempotency_key_missing, {}, "Idempotency-Key"};
  return read_idempotency_key(*key);
}

// The body as a tree; an empty one is {} where nothing in it is required. Leaves the request without its body.
result<json_value> take_body(runtime::http_request& request, need how) {
  const auto body = std::exchange(request.body, {});
  if (body.empty()) {
    if (how == need::optional) return json_value{.kind = json_kind::object};
    return api_error{error_code::parameter_missing, "The request has no body: send a JSON object.", {}};
  }
  const auto type = request.field("content-type");
  const auto coding = request.field("content-encoding");
  if (!type || !is_json(*type)) return api_error{error_code::unsupported_media_type, {}, "Content-Type"};
  if (coding && *coding != "identity") return api_error{error_code::unsupported_media_type, {}, "Content-Encoding"};
  return parse_json(body);
}

// Answers with what `show` makes of the payment. Trouble and refusals are the same everywhere.
template <class Show>
reply_handler answered_by(const exchange_ptr& x, Show show) {
  return [x, show](reply given) {
    x->guarded([&] {
      if (const auto* refused = std::get_if<domain::refusal>(&given)) return x->fail(to_error(*refused));
      if (const auto* why = std::get_if<trouble_report>(&given)) return x->fail(*why);
      const auto& with = std::get<answer>(given);
      x->payment_id = with.payment.agreed.id;
      x->processor_time = with.processor_time;
      show(with);
    });
  };
}

void answer_operation(const exchange_ptr& x, const answer& given, int known, std::string body,
                      runtime::http_fields fields) {
  if (given.replayed) fields.emplace_back("idempotent-replayed", "true");
  x->answer(is_settled_answer(given) ? known : 202, std::move(body), std::move(fields));
}

void create_payment(const exchange_ptr& x) {
  auto key = x->take(idempotency_key_of(x->request));
  if (!key) return;
  const auto body = x->take(take_body(x->request, need::required));
  if (!body) return;
  auto terms = x->take(read_create(*body));
  if (!terms) return;

  terms->merchant = x->who->merchant;
  terms->mode = x->who->mode;
  terms->idempotency_key = *std::move(key);
  x->context.ports.payments.create(x->make_caller(), *std::move(terms), answered_by(x, [x](const answer& given) {
                                     answer_operation(x, given, 201, render_payment(given.payment),
                                                      {{"location", "/v1/payments/" + given.payment.agreed.id}});
                                   }));
}

// Nothing happens, so a key is not needed; with one, a split falls as it would for the payment.
void explain_route(const exchange_ptr& x) {
  const auto body = x->take(take_body(x->request, need::required));
  if (!body) return;
  auto terms = x->take(read_create(*body));
  if (!terms) return;
  terms->merchant = x->who->merchant;
  terms->mode = x->who->mode;
  if (x->request.field("idempotency-key")) {
    auto key = x->take(idempotency_key_of(x->request));
    if (!key) return;
    terms->idempotency_key = *std::move(key);
  }
  x->answer(200, render_route(x->context.ports.payments.explain_route(*terms)));
}

void ask(const exchange_ptr& x, domain::command_type what, reply_handler done) {
  x->context.ports.payments.ask(x->make_caller(), std::string{x->matched.id}, std::move(what), std::move(done));
}

using read_command = result<domain::command_type> (*)(const json_value& body, std::string key);

std::optional<domain::command_type> command_of(const exchange_ptr& x, read_command read) {
  auto key = x->take(idempotency_key_of(x->request));
  if (!key) return std::nullopt;
  const auto body = x->take(take_body(x->request, need::optional));
  if (!body) return std::nullopt;
  return x->take(read(*body, *std::move(key)));
}

void change_payment(const exchange_ptr& x, read_command read) {
  if (auto command = command_of(x, read))
    ask(x, *std::move(command), answered_by(x, [x](const answer& given) {
          answer_operation(x, given, 200, render_payment(given.payment), {});
        }));
}

void create_refund(const exchange_ptr& x) {
  if (auto command = command_of(x, read_refund))
    ask(x, *std::move(command), answered_by(x, [x](const answer& given) {
          const auto* refund = given.operation ? domain::find(given.payment, *given.operation) : nullptr;
          if (refund == nullptr) return x->fail(trouble_report{trouble::internal, "a refund's answer names no refund"});
          answer_operation(x, given, 201, render_refund(given.payment, *refund), {});
        }));
}

void read_payment(const exchange_ptr& x) {
  ask(x, domain::command::query{},
      answered_by(x, [x](const answer& given) { x->answer(200, render_payment(given.payment)); }));
}

void list_refunds(const exchange_ptr& x) {
  ask(x, domain::command::query{},
      answered_by(x, [x](const answer& given) { x->answer(200, render_refunds(given.payment)); }));
}

void list_events(const exchange_ptr& x) {
  x->context.ports.payments.history(x->make_caller(), std::string{x->matched.id}, [x](history_reply given) {
    x->guarded([&] {
      if (const auto* why = std::get_if<trouble_report>(&given)) return x->fail(*why);
      const auto& history = std::get<std::vector<history_entry>>(given);
      if (history.empty()) return x->fail(no_such_payment);
      x->answer(200, render_history(x->matched.id, history));
    });
  });
}

void list_payments(const exchange_ptr& x, const std::vector<query_parameter>& parameters) {
  auto asked = x->take(read_list(parameters));
  if (!asked) return;
  const auto done = [x](page_reply given) {
    x->guarded([&] {
      if (const auto* why = std::get_if<trouble_report>(&given)) return x->fail(*why);
      x->answer(200, render_payments(std::get<payment_page>(given)));
    });
  };
  auto& payments = x->context.ports.payments;
  if (asked->idempotency_key)
    payments.find_by_key(x->make_caller(), *std::move(asked->idempotency_key), done);
  else
    payments.list(x->make_caller(), std::move(asked->query), done);
}

// What every route but the list refuses: there a parameter that is overlooked would be an intent that is overlooked.
bool takes_nothing_else(const exchange_ptr& x, const std::vector<query_parameter>& parameters) {
  if (x->matched.what != route::list_payments && !parameters.empty()) {
    x->fail(
        {error_code::parameter_unknown, "This path takes no query parameters.", shown_name(parameters.front().name)});
    return false;
  }
  if (x->request.method == "GET" && !x->request.body.empty()) {
    x->fail({error_code::parameter_unknown, "A GET takes no body: filters go into the query string.", {}});
    return false;
  }
  return true;
}

}  // namespace

void serve_payments(const exchange_ptr& x) {
  const auto parameters = x->take(parse_query(x->target.query));
  if (!parameters || !takes_nothing_else(x, *parameters)) return;
  if (!accepts(x->request, "application/json")) return x->fail({error_code::not_acceptable, {}, "Accept"});
  if (parse_payment_id(x->matched.id)) x->payment_id = x->matched.id;

  switch (x->matched.what) {
    case route::create_payment: return create_payment(x);
    case route::list_payments: return list_payments(x, *parameters);
    case route::read_payment: return read_payment(x);
    case route::confirm_payment: return change_payment(x, read_confirm);
    case route::capture_payment: return change_payment(x, read_capture);
    case route::cancel_payment: return change_payment(x, read_cancel);
    case route::create_refund: return create_refund(x);
    case route::list_refunds: return list_refunds(x);
    case route::list_events: return list_events(x);
    case route::explain_route: return explain_route(x);
    case route::customer_return:
    case route::take_webhook:
    case route::read_openapi:
    case route::read_docs:
    case route::unmatched:
    case route::refused: break;
  }
  x->fail(trouble_report{trouble::internal, "a route without a handler"});
}

}  // namespace novapay::gateway
