#include "gateway/api.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "gateway/errors.hpp"
#include "gateway/payment_view.hpp"
#include "tests/unit/gateway/support.hpp"

using namespace novapay;
using namespace novapay::gateway;
using namespace novapay::gateway::testing;
namespace event = novapay::domain::event;
using domain::operation_id;
using domain::operation_kind;

namespace {

const operation_id authorize{operation_kind::authorize, 1};

domain::payment captured() {
  return given({event::created{some_terms()}, event::authorized{authorize, "ch_1", noon},
                event::capture_requested{1, "", std::nullopt, 1099, true}, event::captured{1, "ca_1"}});
}
domain::payment processing() {
  return given({event::created{some_terms()}, event::in_doubt{authorize, "processor_timeout", noon}});
}

const std::string one = "/v1/payments/" + std::string{payment_id};

}  // namespace

TEST_CASE("api/create: 201 with the payment and where to find it") {
  bench b;
  b.payments.next = answer{captured(), authorize, false, std::chrono::microseconds{1500}};
  const auto got = b.send("POST", "/v1/payments", simple_create, {{"idempotency-key", "\"key-7\""}});

  CHECK(got.status == 201);
  CHECK(got.body == render_payment(captured()));
  CHECK(field(got, "location") == one);
  CHECK(field(got, "content-type") == "application/json");
  CHECK(field(got, "cache-control") == "no-store");
  CHECK(field(got, "x-content-type-options") == "nosniff");
  CHECK(field(got, "idempotent-replayed") == "");
  CHECK(field(got, "server-timing").starts_with("processor;dur=1.500, novapay;dur="));
  CHECK(field(got, "x-request-id").starts_with("req_"));
  CHECK(field(got, "x-request-id").size() == 30);

  REQUIRE(b.payments.created.size() == 1);
  const auto& terms = b.payments.created[0];
  CHECK(terms.merchant == "mrc_1");
  CHECK(terms.mode == domain::mode::test);
  CHECK(terms.idempotency_key == "key-7");
  CHECK(terms.id.empty());
  const auto& who = b.payments.callers[0];
  CHECK(who.merchant == "mrc_1");
  CHECK(who.request_id == field(got, "x-request-id"));
  CHECK(who.deadline == noon + std::chrono::seconds{25});
}

TEST_CASE("api/create: 202 while processing, 201 for a decline, and a replay is the same bytes") {
  bench b;
  b.payments.next = answer{processing(), authorize, false, {}};
  const auto first = b.send("POST", "/v1/payments", simple_create);
  CHECK(first.status == 202);
  b.payments.next = answer{processing(), authorize, true, {}};
  const auto again = b.send("POST", "/v1/payments", simple_create);
  CHECK(again.status == first.status);
  CHECK(again.body == first.body);
  CHECK(field(again, "location") == field(first, "location"));
  CHECK(field(again, "idempotent-replayed") == "true");

  b.payments.next =
      answer{given({event::created{some_terms()}, event::declined{authorize, {"card_declined", "", "No."}}}),
             authorize,
             false,
             {}};
  const auto declined = b.send("POST", "/v1/payments", simple_create);
  CHECK(declined.status == 201);
  CHECK(nlohmann::json::parse(declined.body)["failure"]["code"] == "card_declined");
}

TEST_CASE("api/actions: each path asks for its command") {
  bench b;
  b.payments.next = answer{captured(), operation_id{operation_kind::capture, 1}, false, {}};
  CHECK(b.send("POST", one + "/capture", R"({"amount":5})").status == 200);
  CHECK(b.send("POST", one + "/cancel").status == 200);
  CHECK(b.send("POST", one + "/confirm", "{}").status == 200);
  CHECK(b.send("GET", one).body == render_payment(captured()));
  REQUIRE(b.payments.asked.size() == 4);
  for (const auto& [id, command] : b.payments.asked) CHECK(id == payment_id);
  CHECK(std::get<domain::command::capture>(b.payments.asked[0].second).amount_minor == 5);
  CHECK(std::get<domain::command::capture>(b.payments.asked[0].second).idempotency_key == "key-1");
  CHECK(std::holds_alternative<domain::command::cancel>(b.payments.asked[1].second));
  CHECK(std::holds_alternative<domain::command::confirm>(b.payments.asked[2].second));
  CHECK(std::holds_alternative<domain::command::query>(b.payments.asked[3].second));

  // An empty body needs no content type.
  CHECK(b.send("POST", one + "/capture", "", {{"content-type", ""}}).status == 200);
}

TEST_CASE("api/refunds: 201 with the refund, 202 while it is pending, and the list") {
  bench b;
  const operation_id refund{operation_kind::refund, 1};
  auto now = domain::evolve(captured(), event::refund_requested{1, "key-1", 5, 5, "other"}, noon);
  b.payments.next = answer{now, refund, false, {}};
  CHECK(b.send("POST", one + "/refunds", R"({"amount":5,"reason":"other"})").status == 202);
  now = domain::evolve(now, event::refunded{1, "re_1"}, noon);
  b.payments.next = answer{now, refund, true, {}};
  const auto got = b.send("POST", one + "/refunds");
  CHECK(got.status == 201);
  CHECK(got.body == render_refund(now, *domain::find(now, refund)));
  CHECK(field(got, "idempotent-replayed") == "true");
  CHECK(b.send("GET", one + "/refunds").body == render_refunds(now));

  b.payments.next = answer{now, std::nullopt, false, {}};
  CHECK(summary(b.send("POST", one + "/refunds")) == "500 internal_error null");
}

TEST_CASE("api/lists: filters arrive, pages and histories leave") {
  bench b;
  b.payments.next_page = payment_page{{captured()}, true, std::string{payment_id}};
  const auto page = b.send("GET", "/v1/payments?status=captured&limit=1");
  CHECK(page.status == 200);
  CHECK(page.body == render_payments({{captured()}, true, std::string{payment_id}}));
  CHECK(b.payments.listed.at(0).status == "captured");
  CHECK(b.payments.listed.at(0).limit == 1);

  CHECK(b.send("GET", "/v1/payments?idempotency_key=abc").status == 200);
  CHECK(b.payments.found_by_key == std::vector<std::string>{"abc"});

  CHECK(summary(b.send("GET", one + "/events")) == "404 resource_missing null");
  const std::vector<history_entry> history{{1, noon, event::created{some_terms()}}};
  b.payments.next_history = history;
  CHECK(b.send("GET", one + "/events").body == render_history(payment_id, history));

  b.payments.next_page = trouble_report{trouble::unavailable, "store"};
  CHECK(summary(b.send("GET", "/v1/payments")) == "503 unavailable null");
  b.payments.next_history = trouble_report{trouble::overloaded, ""};
  CHECK(summary(b.send("GET", one + "/events")) == "503 overloaded null");
}

TEST_CASE("api/refusals: what payments refuse becomes the right error") {
  using domain::refusal_code;
  const struct {
    refusal_code code;
    std::string_view expected;
  } rules[] = {{refusal_code::payment_unexpected_state, "409 payment_unexpected_state amount"},
               {refusal_code::amount_exceeds_capturable, "422 amount_exceeds_capturable amount"},
               {refusal_code::amount_exceeds_refundable, "422 amount_exceeds_refundable amount"},
               {refusal_code::invalid_amount, "400 invalid_amount amount"},
               {refusal_code::idempotency_key_reused, "422 idempotency_key_reused amount"},
               {refusal_code::too_many_operations, "409 too_many_operations amount"},
               {refusal_code::not_found, "404 resource_missing null"},
               {refusal_code::unknown_operation, "409 unknown_operation amount"}};
  bench b;
  for (const auto& rule : rules) {
    b.payments.next = domain::refusal{rule.code, "Because.", "amount", {}};
    const auto got = b.send("POST", one + "/capture");
    CHECK(summary(got) == rule.expected);
    if (rule.code != refusal_code::not_found) CHECK(error_of(got, "message") == "Because.");
    CHECK(error_of(got, "request_id") == field(got, "x-request-id"));
    CHECK(error_of(got, "doc_url") == "/docs#" + error_of(got, "code"));
  }
}

TEST_CASE("api/trouble: nothing of the detail reaches the client, all of it the log") {
  const struct {
    trouble what;
    std::string_view expected;
    bool retry_after;
  } rules[] = {{trouble::overloaded, "503 overloaded null", true},
               {trouble::unavailable, "503 unavailable null", true},
               {trouble::deadline_exceeded, "503 deadline_exceeded null", true},
               {trouble::quarantined, "503 payment_quarantined null", true},
               {trouble::outcome_unknown, "503 outcome_unknown null", true},
               {trouble::store_unavailable, "503 unavailable null", true},
               {trouble::store_unknown, "503 outcome_unknown null", true},
               {trouble::internal, "500 internal_error null", false}};
  for (const auto& rule : rules) {
    bench b;
    b.payments.next = trouble_report{rule.what, "disk full"};
    const auto got = b.send("POST", "/v1/payments", simple_create);
    CHECK(summary(got) == rule.expected);
    CHECK(field(got, "retry-after") == (rule.retry_after ? "1" : ""));
    CHECK(got.body.find("disk") == std::string::npos);
    CHECK(b.log.lines.at(0).find("detail=disk full") != std::string::npos);
    if (rule.what != trouble::internal)
      CHECK(error_of(got, "message").find("same Idempotency-Key") != std::string::npos);
    const bool names_the_store = rule.what == trouble::store_unavailable || rule.what == trouble::store_unknown;
    CHECK((error_of(got, "message").find("NovaPay's store") != std::string::npos) == names_the_store);
  }
}

TEST_CASE("api/authentication: missing, malformed and unknown keys say so") {
  bench b;
  const auto message = [&](const std::string& header) {
    const auto got = b.send("GET", one, {}, {{"authorization", header}});
    CHECK(summary(got) == "401 authentication_failed null");
    CHECK(field(got, "www-authenticate") == "Bearer");
    return error_of(got, "message");
  };
  CHECK(message("").find("missing") != std::string::npos);
  CHECK(message("Basic abc").find("must be: Bearer") != std::string::npos);
  CHECK(message("Bearer").find("must be: Bearer") != std::string::npos);
  CHECK(message("Bearer np_test_sk_short").find("malformed") != std::string::npos);
  CHECK(message("Bearer " + good_key() + "x").find("malformed") != std::string::npos);
  CHECK(message("Bearer " + other_good_key()).find("not known") != std::string::npos);
  CHECK(b.payments.calls() == 0);

  b.payments.next = answer{captured(), std::nullopt, false, {}};
  CHECK(b.send("GET", one, {}, {{"authorization", "bearer " + good_key()}}).status == 200);
}

TEST_CASE("api/requests: a header that is no list is refused when it comes twice, by name") {
  for (const auto& [name, shown] :
       {std::pair{"authorization", "Authorization"}, std::pair{"idempotency-key", "Idempotency-Key"},
        std::pair{"content-type", "Content-Type"}, std::pair{"x-request-id", "X-Request-Id"}}) {
    CAPTURE(name);
    for (const auto* target : {"/v1/payments", "/openapi.json", "/none"}) {
      bench b;
      auto asked = bench::request("POST", target, simple_create);
      std::erase_if(asked.fields,
                    [&, wanted = std::string_view{name}](const auto& field) { return field.first == wanted; });
      asked.fields.emplace_back(name, "Bearer " + good_key());
      asked.fields.emplace_back("x-other", "between");
      asked.fields.emplace_back(name, "Bearer " + good_key());
      const auto got = b.send(asked);
      CHECK(summary(got) == std::string{"400 http_malformed "} + shown);
      CHECK(error_of(got, "message") == std::string{"There is more than one "} + shown + " header.");
      CHECK(b.payments.calls() == 0);
    }
  }
  bench b;
  auto lists = bench::request("GET", "/openapi.json");
  lists.fields.emplace_back("accept", "text/html");
  lists.fields.emplace_back("accept", "application/json");
  CHECK(b.send(lists).status == 200);
}

TEST_CASE("api/requests: what is wrong with them, before payments hear of it") {
  const std::string card{card_number};
  const std::string key = good_key();
  const struct {
    std::string method, target, body;
    runtime::http_fields fields;
    std::string expected;
  } rules[] = {
      {"GET", "/", "", {}, "404 route_unknown null"},
      {"GET", "/v1/payments/", "", {}, "404 route_unknown null"},
      {"GET", "/v1/payments/a/b", "", {}, "404 route_unknown null"},
      {"DELETE", "/v1/payments", "", {}, "405 method_not_allowed null"},
      {"HEAD", one, "", {}, "405 method_not_allowed null"},
      {"GET", one + "/capture", "", {}, "405 method_not_allowed null"},
      {"GET", one, "", {{"accept", "text/html"}}, "406 not_acceptable Accept"},
      {"GET", "/docs", "", {{"accept", "application/json"}}, "406 not_acceptable Accept"},
      {"GET", "/openapi.json", "", {{"accept", "text/html"}}, "406 not_acceptable Accept"},
      {"POST", "/v1/payments", simple_create, {{"idempotency-key", ""}}, "400 idempotency_key_missing Idempotency-Key"},
      {"POST", one + "/capture", "", {{"idempotency-key", ""}}, "400 idempotency_key_missing Idempotency-Key"},
      {"POST", one + "/cancel", "", {{"idempotency-key", ""}}, "400 idempotency_key_missing Idempotency-Key"},
      {"POST", one + "/confirm", "", {{"idempotency-key", ""}}, "400 idempotency_key_missing Idempotency-Key"},
      {"POST", one + "/refunds", "", {{"idempotency-key", ""}}, "400 idempotency_key_missing Idempotency-Key"},
      {"POST", one + "/capture", "", {{"idempotency-key", "\"a"}}, "400 idempotency_key_invalid Idempotency-Key"},
      {"POST",
       "/v1/payments",
       simple_create,
       {{"idempotency-key", card}},
       "400 card_number_not_allowed Idempotency-Key"},
      {"POST", "/v1/payments", simple_create, {{"content-type", ""}}, "415 unsupported_media_type Content-Type"},
      {"POST",
       "/v1/payments",
       simple_create,
       {{"content-type", "text/plain"}},
       "415 unsupported_media_type Content-Type"},
      {"POST",
       "/v1/payments",
       simple_create,
       {{"content-encoding", "gzip"}},
       "415 unsupported_media_type Content-Encoding"},
      {"POST", "/v1/payments", "", {}, "400 parameter_missing null"},
      {"POST", "/v1/payments", "{", {}, "400 json_invalid null"},
      {"POST", "/v1/payments", "{}", {}, "400 parameter_missing amount"},
      {"POST", "/v1/payments?x=1", simple_create, {}, "400 parameter_unknown x"},
      {"POST", one + "/capture", "[]", {}, "400 parameter_invalid null"},
      {"POST", one + "/capture", R"({"amount":-1})", {}, "400 parameter_invalid amount"},
      {"GET", one + "?expand=x", "", {}, "400 parameter_unknown expand"},
      {"GET", "/v1/payments", "{}", {}, "400 parameter_unknown null"},
      {"GET", "/v1/payments?limit=0", "", {}, "400 parameter_invalid limit"},
      {"GET", "/v1/payments?reference=" + card, "", {}, "400 card_number_not_allowed null"},
      {"GET", "/v1/payments/" + card, "", {}, "400 card_number_not_allowed null"},
      {"GET", "/v1/payments/4242%204242%204242%204242", "", {}, "400 card_number_not_allowed null"},
      {"GET", "/cards/" + card, "", {}, "400 card_number_not_allowed null"},
      {"POST", "/v1/payments", R"({"card":")" + card + R"("})", {}, "400 card_number_not_allowed card"},
      {"POST", "/v1/payments", R"({"reference":"my )" + key + R"("})", {}, "400 api_key_not_allowed reference"},
      {"POST", one + "/refunds", R"({")" + key + R"(":1})", {}, "400 api_key_not_allowed null"},
      {"POST", one + "/refunds", R"({")" + key, {}, "400 api_key_not_allowed null"},
      {"POST", one + "/cancel", "", {{"idempotency-key", key}}, "400 api_key_not_allowed Idempotency-Key"},
      {"GET", "/v1/payments?x=" + key, "", {}, "400 api_key_not_allowed null"},
      {"GET", "/v1/payments?" + key, "", {}, "400 api_key_not_allowed null"},
      {"GET", "/v1/payments?idempotency_key=%6E" + key.substr(1), "", {}, "400 api_key_not_allowed null"},
      {"GET", "/v1/payments/" + key, "", {}, "400 api_key_not_allowed null"},
      {"GET", "/v1/payments?tok_1=2", "", {}, "400 parameter_unknown (a name like a secret)"},
      {"POST", "/v1/payments", R"({"tok_1":2})", {}, "400 parameter_unknown (a name like a secret)"},
      {"POST", "/v1/payments", R"({"a":{"tok_1":2,"tok_1":3}})", {}, "400 json_duplicate_key a.(a name like a secret)"},
  };
  for (const auto& rule : rules) {
    CAPTURE(rule.method);
    CAPTURE(rule.target);
    CAPTURE(rule.body);
    bench b;
    const auto got = b.send(rule.method, rule.target, rule.body, rule.fields);
    CHECK(summary(got) == rule.expected);
    CHECK(b.payments.calls() == 0);
    CHECK(field(got, "content-type") == "application/json");
    CHECK(field(got, "server-timing").starts_with("processor;dur=0.000, novapay;dur="));
    CHECK_FALSE(error_of(got, "message").empty());
    CHECK(got.body.find(card) == std::string::npos);
    CHECK(got.body.find(key) == std::string::npos);
    CHECK(got.body.find("tok_1") == std::string::npos);
    for (const auto& line : b.log.lines) CHECK(line.find(card) == std::string::npos);
  }
}

TEST_CASE("api/methods: 405 says what is allowed") {
  bench b;
  CHECK(field(b.send("PUT", "/v1/payments"), "allow") == "POST, GET");
  CHECK(field(b.send("PUT", one + "/refunds"), "allow") == "POST, GET");
  CHECK(field(b.send("POST", one + "/events"), "allow") == "GET");
  CHECK(field(b.send("GET", one + "/nothing"), "allow") == "");
}

TEST_CASE("api/request id: the client's if it is harmless, else ours") {
  bench b;
  const auto id = [&](const std::string& sent) {
    return field(b.send("GET", "/none", {}, {{"x-request-id", sent}}), "x-request-id");
  };
  CHECK(id("order-7:try_2.b") == "order-7:try_2.b");
  CHECK(id(std::string(128, 'a')) == std::string(128, 'a'));
  for (const auto& bad :
       {std::string(129, 'a'), std::string{"a b"}, std::string{"a\xC3\xA4"}, std::string{"a\"b"},
        std::string{card_number}, "x" + good_key(), std::string{"sk_live_1"}, std::string{"tok_visa"}}) {
    CAPTURE(bad);
    CHECK(id(bad).starts_with("req_"));
  }
  CHECK(id("") != id(""));
}

TEST_CASE("api/openapi and docs: public, and the page runs only its own script") {
  bench b;
  const auto contract = b.send("GET", "/openapi.json", {}, {{"authorization", ""}});
  CHECK(contract.status == 200);
  CHECK(contract.body == R"({"openapi":"3.1.0"})");
  const auto page = b.send("GET", "/docs?x=1", {}, {{"authorization", ""}, {"accept", "text/html,*/*;q=0.8"}});
  CHECK(page.status == 200);
  CHECK(field(page, "content-type") == "text/html; charset=utf-8");
  const auto policy = field(page, "content-security-policy");
  CHECK(policy.starts_with("default-src 'none'; connect-src 'self'; script-src 'nonce-"));
  const auto nonce = policy.substr(policy.find("nonce-") + 6, 26);
  CHECK(page.body.find("<script nonce=\"" + nonce + "\">") != std::string::npos);
  CHECK(page.body.find("<style nonce=\"" + nonce + "\">") != std::string::npos);
  CHECK(page.body.find("{{") == std::string::npos);
  for (const auto* outside : {"src=\"http", "href=\"http", "@import", ": url("})
    CHECK(page.body.find(outside) == std::string::npos);
  CHECK(field(b.send("GET", "/docs"), "content-security-policy") != policy);
}

TEST_CASE("api/log: one line a request, by its route, without anything a client could hide a secret in") {
  bench b;
  b.payments.next = answer{captured(), authorize, false, {}};
  b.send("POST", "/v1/payments", simple_create, {{"x-request-id", "r1"}});
  b.send("GET", one, {}, {{"x-request-id", "r2"}});
  b.send("GET", "/v1/payments?reference=private", {}, {{"x-request-id", "r3"}});
  b.send("BREW", "/private", {}, {{"x-request-id", "r4"}});
  REQUIRE(b.log.lines.size() == 4);
  CHECK(b.log.lines[0].starts_with(
      "request request_id=r1 method=POST route=/v1/payments status=201 error= duration_ms="));
  CHECK(b.log.lines[0].ends_with(" merchant=mrc_1 payment_id=" + std::string{payment_id}));
  CHECK(b.log.lines[1].starts_with("request request_id=r2 method=GET route=/v1/payments/{id} status=200"));
  CHECK(
      b.log.lines[3].starts_with("request request_id=r4 method=other route=unmatched status=404 error=route_unknown"));
  for (const auto& line : b.log.lines)
    for (const auto* secret : {"private", "BREW", "tok_visa", "np_test", "key-1"})
      CHECK(line.find(secret) == std::string::npos);
}

TEST_CASE("api/metrics: requests, durations and what is in flight; a series is looked up once") {
  bench b;
  b.payments.next = answer{captured(), authorize, false, {}};
  b.send("POST", "/v1/payments", simple_create);
  const auto lookups = b.metrics.lookups;
  b.send("POST", "/v1/payments", simple_create);
  CHECK(b.metrics.lookups == lookups);
  CHECK(b.metrics.all.at("novapay_http_requests_total{method=POST,route=/v1/payments,status=201,}").value == 2);
  CHECK(b.metrics.all.at("novapay_http_request_duration_seconds{route=/v1/payments,}").observations == 2);
  auto& in_flight = b.metrics.all.at("novapay_http_requests_in_flight{}");
  CHECK(in_flight.value == 0);

  b.payments.next.reset();
  b.gateway.handle(bench::request("GET", one),
                   [&](runtime::http_response got) { b.answers.push_back(std::move(got)); });
  CHECK(in_flight.value == 1);
  b.payments.kept.at(0)(answer{captured(), std::nullopt, false, {}});
  CHECK(b.answers.back().status == 200);
  b.payments.kept.clear();
  CHECK(in_flight.value == 0);
}

TEST_CASE("api/answers: exactly one, even if payments answer twice or never") {
  bench b;
  const auto respond = [&](runtime::http_response got) { b.answers.push_back(std::move(got)); };
  b.gateway.handle(bench::request("GET", one), respond);
  b.payments.kept.at(0)(answer{captured(), std::nullopt, false, {}});
  b.payments.kept.at(0)(answer{captured(), std::nullopt, false, {}});
  CHECK(b.answers.size() == 1);

  b.gateway.handle(bench::request("GET", one), respond);
  b.payments.kept.clear();  // dropped unanswered
  REQUIRE(b.answers.size() == 2);
  CHECK(summary(b.answers[1]) == "500 internal_error null");
}

TEST_CASE("api/listener: its refusals look like every other error") {
  using runtime::http_refusal;
  const struct {
    http_refusal why;
    std::string_view expected;
  } rules[] = {{http_refusal::malformed, "400 http_malformed null"},
               {http_refusal::head_too_large, "431 head_too_large null"},
               {http_refusal::body_too_large, "413 body_too_large null"},
               {http_refusal::timeout, "408 request_timeout null"},
               {http_refusal::overloaded, "503 overloaded null"},
               {http_refusal::expectation_failed, "417 expectation_failed null"},
               {http_refusal::version, "505 http_version_unsupported null"},
               {http_refusal::not_implemented, "501 not_implemented null"},
               {http_refusal::internal, "500 internal_error null"}};
  bench b;
  for (const auto& rule : rules) {
    const auto got = b.gateway.render_refusal(rule.why, "");
    CHECK(summary(got) == rule.expected);
    CHECK(error_of(got, "request_id") == field(got, "x-request-id"));
    CHECK(field(got, "cache-control") == "no-store");
    CHECK(field(got, "server-timing") == "processor;dur=0.000, novapay;dur=0.000");
    CHECK(field(got, "retry-after") == (rule.why == runtime::http_refusal::overloaded ? "1" : ""));
  }
  CHECK(error_of(b.gateway.render_refusal(http_refusal::body_too_large, "The body is over 256 KiB"), "message") ==
        "The body is over 256 KiB.");
  CHECK(error_of(b.gateway.render_refusal(runtime::http_refusal::overloaded, "Too many"), "message")
            .find("Idempotency-Key") != std::string::npos);
  CHECK(b.metrics.all.at("novapay_http_requests_total{method=other,route=refused,status=413,}").value == 2);
}

TEST_CASE("gateway/api: of requests refused for load each is counted, and once a second their number is logged") {
  bench b;
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i)
    ids.insert(field(b.gateway.render_refusal(runtime::http_refusal::overloaded, ""), "x-request-id"));
  CHECK(ids.size() == 1000);
  CHECK(b.metrics.all.at("novapay_http_requests_total{method=other,route=refused,status=503,}").value == 1000);
  CHECK(b.log.lines == std::vector<std::string>{"requests refused: too much at once requests=1"});
  b.clock.time += std::chrono::seconds{1};
  b.gateway.render_refusal(runtime::http_refusal::overloaded, "");
  REQUIRE(b.log.lines.size() == 2);
  CHECK(b.log.lines.back() == "requests refused: too much at once requests=1000");
}
