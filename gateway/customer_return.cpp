#include "gateway/customer_return.hpp"

#include <memory>
#include <utility>

#include "gateway/media.hpp"
#include "gateway/payment_request.hpp"
#include "gateway/query.hpp"

namespace novapay::gateway {
namespace {

// One of the returns under way, for as long as it lives.
class place {
 public:
  explicit place(std::atomic<std::size_t>& taken) : taken_{taken} { before_ = taken_.fetch_add(1); }
  ~place() { taken_.fetch_sub(1); }
  place(const place&) = delete;
  place& operator=(const place&) = delete;
  bool free() const noexcept { return before_ < returns_in_flight_max; }

 private:
  std::atomic<std::size_t>& taken_;
  std::size_t before_ = 0;
};

const runtime::http_fields no_traces{{"referrer-policy", "no-referrer"},
                                     {"content-security-policy", "default-src 'none'; frame-ancestors 'none'"}};

void show_page(exchange& x) {
  x.answer_as(
      "text/html; charset=utf-8", 200,
      "<!doctype html><html lang=\"en\"><title>Thank you</title><p>Thank you. You can close this window.</p></html>\n",
      no_traces);
}

void send_on(exchange& x, const domain::payment& now) {
  const auto& to = now.agreed.return_url;
  if (to.empty()) return show_page(x);
  std::string location = to;
  location += to.find('?') == std::string::npos ? '?' : '&';
  location.append("payment=").append(now.agreed.id);
  location.append("&status=").append(domain::to_text(domain::summarize(now).status));
  auto fields = no_traces;
  fields.emplace_back("location", std::move(location));
  x.answer_as("text/html; charset=utf-8", 303, {}, std::move(fields));
}

}  // namespace

void serve_return(const exchange_ptr& x) {
  if (!accepts(x->request, "text/html")) return x->fail({error_code::not_acceptable, {}, "Accept"});
  const auto parameters = x->take(parse_query(x->target.query));
  if (!parameters) return;
  auto details = x->take(read_return(*parameters));
  if (!details) return;
  if (!x->request.body.empty()) return x->fail({error_code::parameter_unknown, "A GET takes no body.", {}});
  if (parse_payment_id(x->matched.id)) x->payment_id = x->matched.id;
  const auto mine = std::make_shared<place>(x->context.returns_in_flight);
  if (!mine->free()) return x->fail({error_code::overloaded, {}, {}});
  const auto done = [x, mine](reply given) {
    x->guarded([&] {
      if (const auto* why = std::get_if<trouble_report>(&given)) return x->fail(*why);
      if (const auto* refused = std::get_if<domain::refusal>(&given)) return x->fail(to_error(*refused));
      const auto& with = std::get<answer>(given);
      x->processor_time = with.processor_time;
      send_on(*x, with.payment);
    });
  };
  x->context.ports.payments.customer_returned(x->make_caller(), std::string{x->matched.id}, *std::move(details), done);
}

}  // namespace novapay::gateway
