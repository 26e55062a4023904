#include "tests/stripe_servers/servers.hpp"

#include <cstdlib>
#include <fstream>
#include <future>
#include <stdexcept>

#include "adapters/stripe/lookup.hpp"
#include "adapters/stripe/objects.hpp"
#include "adapters/stripe/settlement.hpp"
#include "adapters/stripe/statement.hpp"
#include "tests/unit/adapters/stripe/support.hpp"

namespace novapay::stripe::servers {
namespace {

using nlohmann::json;

constexpr auto long_enough = 20s;
constexpr const char* form_type = "application/x-www-form-urlencoded";

// The value that `start` hands to its callback in the end.
template <class Value, class Start>
Value awaited(Start start) {
  const auto promise = std::make_shared<std::promise<Value>>();
  auto future = promise->get_future();
  start([promise](Value value) { promise->set_value(std::move(value)); });
  if (future.wait_for(long_enough) != std::future_status::ready) throw std::runtime_error("a call did not end");
  return future.get();
}

adapters::http_client::pool_settings pool() {
  adapters::http_client::pool_settings out;
  return out;
}

// Does the adapter's own reader for this path understand it?
bool readable(std::string_view method, std::string_view path, std::string_view body) {
  path = path.substr(0, path.find('?'));
  const auto below = [&](std::string_view list) { return path.starts_with(list) && path != list; };
  if (below("/v1/payment_intents") || (path == "/v1/payment_intents" && method == "POST"))
    return read_intent(body).has_value();
  if (below("/v1/refunds") || (path == "/v1/refunds" && method == "POST")) return read_refund(body).has_value();
  if (path == "/v1/payment_intents") return read_intents(body).has_value();
  if (path == "/v1/refunds") return read_refunds(body).has_value();
  if (path == "/v1/balance_transactions") return read_balance_rows(body).has_value();
  return false;
}

std::string joined(const std::vector<std::string>& all) {
  std::string out;
  for (const auto& each : all) out += (out.empty() ? "" : "; ") + each;
  return out;
}

}  // namespace

const char* name_of(server which) {
  switch (which) {
    case server::simulator: return "simulator";
    case server::stripe_mock: return "stripe-mock";
    case server::localstripe: return "localstripe";
  }
  return "";
}

const place& place_of(server which) {
  static const auto all = [] {
    const char* text = std::getenv("NOVAPAY_TEST_STRIPE_SERVERS");
    if (text == nullptr) throw std::runtime_error("run it by tests/servers/with-stripe-servers");
    const auto given = json::parse(text);
    std::map<std::string, place> out;
    for (const auto& [name, one] : given.items())
      out[name] = {one.at("url"), one.at("key"), one.at("control"), one.at("tokens")};
    return out;
  }();
  return all.at(name_of(which));
}

const spec::openapi& trimmed_description() {
  static const spec::openapi loaded("stripe/stripe-openapi-trimmed.json");
  return loaded;
}

const spec::openapi& official_description() {
  static const spec::openapi loaded = [] {
    const char* path = std::getenv("NOVAPAY_TEST_STRIPE_OPENAPI");
    if (path == nullptr) throw std::runtime_error("run it by tests/servers/with-stripe-servers");
    std::ifstream in{path};
    return spec::openapi::of(json::parse(in));
  }();
  return loaded;
}

runtime::call_id recorder::send(runtime::outgoing_call what, runtime::call_done done) {
  const auto host = what.url.find('/', what.url.find("//") + 2);
  exchange now{what.method, what.url.substr(host), what.body, {}};
  return through_.send(std::move(what),
                       [this, now = std::move(now), done = std::move(done)](runtime::call_result result) mutable {
                         now.result = result;
                         {
                           const std::lock_guard lock(mutex_);
                           said_.push_back(std::move(now));
                         }
                         done(std::move(result));
                       });
}

std::vector<exchange> recorder::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(said_, {});
}

bench::bench(server which)
    : which_(which), where_(place_of(which)), http_({{"stripe", pool()}}, metrics_), client_(http_) {
  begin();
}

void bench::begin() {
  how_ = {};
  how_.secret_key = where_.key;
  how_.base_url = where_.url;
  auto number = std::to_string(++payments_);
  number.insert(0, 4 - number.size(), '0');
  payment_ = "pay_06fc3v8m2s5k1d9q7w4x0a" + number;
  intent_ = "pi_none";
}

processor_call bench::call(domain::operation_kind kind, std::int64_t minor, std::uint32_t number) const {
  auto out = test::call_of(kind, minor, number);
  out.idempotency_key.replace(0, std::string(test::payment).size(), payment_);
  out.payment = payment_;
  out.first_attempt_at = now();
  if (kind == domain::operation_kind::authorize)
    out.token = where_.tokens.at("good");
  else
    out.processor_reference = intent_;
  return out;
}

domain::outcome bench::send(processor_call call) {
  const bool authorizes = call.operation == domain::operation_kind::authorize;
  stripe_processor adapter(how_, client_, clock_, log_, metrics_);
  auto out = awaited<domain::outcome>([&](auto done) { adapter.send(std::move(call), std::move(done)); });
  if (authorizes) {
    if (const auto* approved = std::get_if<domain::reported::approved>(&out)) intent_ = approved->reference;
    if (const auto* acting = std::get_if<domain::reported::needs_action>(&out)) intent_ = acting->reference;
    if (const auto* declined = std::get_if<domain::reported::declined>(&out)) intent_ = declined->reference;
  }
  return out;
}

std::string bench::lookup(const std::string& reference) {
  intent_lookup by(how_, client_);
  const auto found = awaited<payment_lookup::answer>([&](auto done) { by.find(reference, std::move(done)); });
  return found.known ? found.payment : "unknown";
}

statement_result bench::statement(domain::timestamp from, domain::timestamp to, const std::string& at) {
  stripe::statement by(how_, client_);
  return awaited<statement_result>([&](auto done) { by.fetch(from, to, at, std::move(done)); });
}

settlement_result bench::settlement(const std::string& payout) {
  stripe::settlement by(how_, client_);
  return awaited<settlement_result>([&](auto done) { by.fetch(payout, {}, std::move(done)); });
}

json bench::raw(const std::string& method, const std::string& url, const std::string& form) {
  runtime::outgoing_call out;
  out.method = method;
  out.url = url;
  out.fields = {{"authorization", "Bearer " + where_.key}};
  if (method == "POST") out.fields.emplace_back("content-type", "application/x-www-form-urlencoded");
  out.body = form;
  out.pool = "stripe";
  const auto got = awaited<runtime::call_result>([&](auto done) { http_.send(std::move(out), std::move(done)); });
  const auto parsed = json::parse(got.response.body, nullptr, false);
  return parsed.is_discarded() ? json() : parsed;
}

void bench::judge() {
  for (const auto& each : client_.take()) {
    CAPTURE(std::string(name_of(which_)));
    CAPTURE(each.method);
    CAPTURE(each.path);
    CAPTURE(each.body);
    const auto& answer = each.result.response;
    CAPTURE(answer.body);
    for (const auto* by : {&trimmed_description(), &official_description()}) {
      const auto asked = by->request(each.method, each.path, form_type, each.body);
      CHECK(joined(asked.wrong) == "");
      CHECK(joined(asked.new_values) == "");
    }
    REQUIRE(each.result.fate == runtime::call_fate::answered);
    const bool good = answer.status >= 200 && answer.status <= 299;
    if (!good) {
      CHECK(read_error(answer.body));
      // It refuses what Stripe's description does not allow, and keys: nothing else.
      if (which_ == server::stripe_mock) CHECK(answer.status == 401);
      continue;
    }
    CHECK(readable(each.method, each.path, answer.body));
    if (which_ == server::localstripe) continue;  // its objects are of years ago
    const auto told = official_description().response(each.method, each.path, answer.status, answer.body);
    CHECK(joined(told.wrong) == "");
    if (which_ == server::stripe_mock) continue;  // its fixtures leave out what the pinned version always has
    const auto exactly = trimmed_description().response(each.method, each.path, answer.status, answer.body);
    CHECK(joined(exactly.wrong) == "");
  }
}

}  // namespace novapay::stripe::servers
