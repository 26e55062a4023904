// The judge of what we send (tests/spec), and our simulator, refuse whatever Stripe's own checker refuses: our requests, each spoilt in
// every place.
#include <algorithm>
#include <cstdio>

#include "adapters/stripe/form.hpp"
#include "adapters/stripe/requests.hpp"
#include "tests/stripe_servers/servers.hpp"
#include "tests/unit/adapters/stripe/support.hpp"

using namespace novapay;
using namespace novapay::stripe;
using namespace novapay::stripe::servers;
using enum domain::operation_kind;

namespace {

using field = std::pair<std::string, std::string>;

struct sent {
  std::string method;
  std::string path;
  std::vector<field> fields;  // names as they are sent, values encoded

  std::string form() const {
    std::string out;
    for (const auto& [name, value] : fields) out += (out.empty() ? "" : "&") + name + "=" + value;
    return out;
  }
  std::string target() const { return method == "GET" && !fields.empty() ? path + "?" + form() : path; }
  std::string body() const { return method == "GET" ? std::string{} : form(); }
};

sent taken_apart(const request& what) {
  sent out{what.post ? "POST" : "GET", what.path, {}};
  std::string_view left = what.form;
  while (!left.empty()) {
    const auto pair = left.substr(0, left.find('&'));
    left.remove_prefix(std::min(left.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    out.fields.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return out;
}

std::vector<sent> every_request() {
  auto rich = test::call_of(authorize);
  rich.return_url = "https://shop.example/return";
  rich.description = "Two nights";
  rich.statement_descriptor = "HOTEL SEEBLICK";
  const auto at = test::noon;
  std::vector<sent> out;
  for (const auto& each :
       {authorize_request(test::call_of(authorize), 1099, false), authorize_request(rich, 1099, true),
        capture_request(test::call_of(capture), 1099, true), refund_request(test::call_of(refund), 1099),
        cancel_request(test::call_of(cancel)), read_intent_request("pi_1"), read_refund_request("re_1"),
        intent_refunds_request("pi_1", "re_9"), intents_request(at - 60s, at, true, "pi_9"),
        refunds_request(at - 24h, at, "re_9"), payout_rows_request("po_1", "txn_9")})
    out.push_back(taken_apart(each));
  return out;
}

std::vector<sent> spoilt(const sent& good) {
  std::vector<sent> out;
  const auto with = [&](auto change) {
    auto each = good;
    change(each.fields);
    out.push_back(std::move(each));
  };
  with([](auto& fields) { fields.emplace_back("unheard_of", "1"); });
  with([](auto& fields) { fields.emplace_back("unheard_of[deep]", "1"); });
  with([](auto& fields) { fields.emplace_back("metadata", "flat"); });
  with([](auto& fields) { fields.emplace_back("created[since]", "1"); });
  for (std::size_t i = 0; i < good.fields.size(); ++i) {
    with([&](auto& fields) { fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(i)); });
    for (const auto& value : {std::string{}, std::string{"x"}, std::string{"1.5"}, std::string{"-1"},
                              std::string{"true"}, std::string{"99999999999999999999"}, std::string(5001, 'a')})
      with([&](auto& fields) { fields[i].second = value; });
    with([&](auto& fields) { fields[i].first += "[deep]"; });
    with([&](auto& fields) { fields[i].first += "[]"; });
    with([&](auto& fields) { fields[i].first += "x"; });
    const auto bracket = good.fields[i].first.find('[');
    if (bracket == std::string::npos) continue;
    with([&](auto& fields) { fields[i].first.insert(bracket + 1, "un"); });
    with([&](auto& fields) { fields[i].first.resize(bracket); });
  }
  return out;
}

bool fits(const spec::openapi& by, const sent& what) {
  try {
    return by.request(what.method, what.target(), "application/x-www-form-urlencoded", what.body()).wrong.empty();
  } catch (const std::runtime_error&) { return false; }  // not even a form
}

}  // namespace

TEST_CASE("stripe_servers: the judge and the simulator refuse whatever stripe-mock refuses") {
  bench theirs(server::stripe_mock);
  bench ours(server::simulator);
  int tried = 0;
  int refused = 0;
  int stricter = 0;
  for (const auto& good : every_request()) {
    REQUIRE(fits(trimmed_description(), good));
    REQUIRE(fits(official_description(), good));
    for (const auto& each : spoilt(good)) {
      const auto answer = theirs.raw(each.method, theirs.where().url + each.target(), each.body());
      REQUIRE(answer.is_object());
      ++tried;
      if (!answer.contains("error")) {
        stricter += fits(trimmed_description(), each) ? 0 : 1;
        continue;
      }
      ++refused;
      CAPTURE(each.method);
      CAPTURE(each.target().substr(0, 500));
      CAPTURE(each.body().substr(0, 500));
      CAPTURE(answer.dump().substr(0, 300));
      CHECK_FALSE(fits(trimmed_description(), each));
      CHECK_FALSE(fits(official_description(), each));
      CHECK(ours.raw(each.method, ours.where().url + each.target(), each.body()).contains("error"));
    }
  }
  std::printf("%d spoilt requests: stripe-mock refuses %d; the judge these and %d more\n", tried, refused, stricter);
  CHECK(refused > 300);
}
