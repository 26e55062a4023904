// What a search among an account's intents may be concluded from.
#include <algorithm>

#include "tests/unit/adapters/stripe/course.hpp"

using namespace novapay;
using namespace novapay::stripe;
using namespace novapay::stripe::test;

TEST_CASE("stripe/conversation: what does not fit a page is searched in pieces that leave nothing out") {
  const json other{{"id", "pi_7"}, {"metadata", {{"novapay_payment", "pay_other"}}}};
  const auto full = answered(200, list_json({intent_json("succeeded", other)}, true));
  const auto none = answered(200, list_json({}));
  for (const auto start : {noon - 24h, noon - 24h + 999ms}) {
    auto call = doubted(authorize_call, 24h);
    call.first_attempt_at = start;
    const auto how = test_settings();
    conversation talk(how, call);
    auto at = talk.begin(noon);
    std::vector<std::pair<std::int64_t, std::int64_t>> spans;
    int more = 2;  // the whole of it, and the first piece, do not fit
    while (std::get<request>(at).path == "/v1/payment_intents" && !std::get<request>(at).post) {
      const auto& form = std::get<request>(at).form;
      const auto number = [&](const std::string& name) {
        return std::stoll(form.substr(form.find(name) + name.size()));
      };
      spans.emplace_back(number("created[gte]="), number("created[lt]="));
      at = talk.next(more-- > 0 ? full : none, noon);
    }
    CHECK(std::get<request>(at).post);
    const auto first = std::chrono::floor<std::chrono::seconds>(start.time_since_epoch()).count();
    REQUIRE(spans.size() > 10);
    CHECK(spans[1] == std::pair<std::int64_t, std::int64_t>{first, first + 1});
    CHECK(spans[2] == spans[1]);  // its next page
    std::sort(spans.begin() + 1, spans.end());
    CHECK(spans[1].first <= first - 60);
    for (std::size_t i = 2; i < spans.size(); ++i) CHECK(spans[i].first <= spans[i - 1].second);
    CHECK(spans.back().second >= std::chrono::floor<std::chrono::seconds>(noon.time_since_epoch()).count() + 60);
  }
}

TEST_CASE("stripe/conversation: Stripe's clock counts, if it was seen") {
  const runtime::http_fields date{{"date", "Fri, 15 Jan 2027 08:10:00 GMT"}};  // ten minutes ahead
  CHECK(date_of(answered(500, std::string(), date).response) == noon + 10min);
  CHECK_FALSE(date_of(answered(500, std::string(), {{"date", "yesterday"}}).response));
  CHECK_FALSE(date_of(answered(500, std::string()).response));
  CHECK(course(authorize_call, {answered(500, error_json("api_error"), date), answered(200, list_json({}))}) ==
        create + intents_in(noon + 9min, noon + 11min) + "unknown processor_error");
}

TEST_CASE("stripe/conversation: a search has an end, and then proves nothing") {
  std::vector<call_result> pages;
  for (int i = 0; i < search_pages_max; ++i)
    pages.push_back(answered(
        200, list_json({intent_json("succeeded", {{"id", "pi_x"}, {"metadata", {{"novapay_payment", "pay_other"}}}})},
                       true)));
  CHECK(course(doubted(authorize_call, 24h), pages).ends_with("> unknown search_incomplete"));
  pages.clear();
  for (int i = 0; i < search_pages_max; ++i)
    pages.push_back(answered(
        200, list_json({refund_json("succeeded", {{"id", "re_x"}, {"metadata", {{"novapay_operation", "refund:9"}}}})},
                       true)));
  CHECK(course(doubted(refund_call, 24h), pages).ends_with("> unknown search_incomplete"));
}

TEST_CASE("stripe/conversation: where a search proves nothing, a refusal by the living key does, and nothing else") {
  const auto refused = answered(400, error_json("invalid_request_error", "resource_missing"));
  const std::vector<call_result> pages(
      search_pages_max,
      answered(200,
               list_json({intent_json("succeeded", {{"id", "pi_x"}, {"metadata", {{"novapay_payment", "pay_other"}}}})},
                         true)));
  const auto ends = [&](const processor_call& call, std::vector<call_result> first) {
    first.insert(first.end(), pages.begin(), pages.end());
    return course(call, first);
  };
  CHECK(ends(doubted(authorize_call, 23h - 1ms), {refused}).ends_with("> declined resource_missing"));
  // A 500 is no refusal, and an old key may have been forgotten.
  CHECK(ends(doubted(authorize_call, 1h), {answered(500, error_json("api_error"), replay())})
            .ends_with("> unknown search_incomplete"));
  std::vector<call_result> old_key{answered(200, list_json({})), answered(200, list_json({})), refused};
  CHECK(ends(doubted(authorize_call, 24h), old_key).ends_with("> unknown search_incomplete"));
}

TEST_CASE("stripe/conversation: a search takes the authorization that was captured since, and nobody else's") {
  const auto find = [](json fields, const call_result& then) {
    return course(doubted(authorize_call, 24h),
                  {answered(200, list_json({intent_json("succeeded", {{"metadata", fields}})})), then});
  };
  const auto nothing = answered(200, list_json({}));
  CHECK(find({{"novapay_operation", "capture:1"}}, answered(200, intent_json("succeeded"))).ends_with("approved pi_1"));
  CHECK(find({{"novapay_operation", "authorize:2"}}, nothing).ends_with("POST /v1/payment_intents > ?"));
  CHECK(find({{"novapay_payment", "pay_other"}}, nothing).ends_with("POST /v1/payment_intents > ?"));
}
