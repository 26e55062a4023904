#include "tests/unit/adapters/stripe/course.hpp"

using namespace novapay;
using namespace novapay::stripe;
using namespace novapay::stripe::test;

TEST_CASE("stripe/conversation: where it begins, by operation, attempt and the key's age") {
  struct row {
    operation_kind kind;
    std::uint32_t attempt;
    bool doubted;
    milliseconds age;
    opening begins;
  };
  const row rows[] = {
      {authorize, 1, false, 0s, opening::post}, {authorize, 2, false, 5s, opening::post},
      {authorize, 2, true, 5s, opening::post},  {authorize, 9, true, 23h - 1ms, opening::post},
      {authorize, 9, true, 23h, opening::look}, {authorize, 9, false, 24h, opening::look},
      {capture, 1, false, 0s, opening::post},   {capture, 9, true, 22h, opening::post},
      {capture, 9, true, 23h, opening::look},   {refund, 2, true, 1h, opening::post},
      {refund, 9, true, 48h, opening::look},    {refund, 9, false, 48h, opening::look},
      {cancel, 9, true, 23h, opening::look},    {confirm, 1, false, 0s, opening::read},
      {confirm, 9, true, 48h, opening::read},
  };
  for (const auto& row : rows) {
    auto call = call_of(row.kind);
    call.attempt = row.attempt;
    call.doubted = row.doubted;
    call.first_attempt_at = noon - row.age;
    CAPTURE(static_cast<int>(row.kind));
    CAPTURE(row.age.count());
    CHECK(opening_of(call, noon, 23h) == row.begins);
  }
  auto undated = doubted(refund_call, 0s);
  undated.first_attempt_at = {};
  CHECK(opening_of(undated, noon, 23h) == opening::look);
}

TEST_CASE("stripe/conversation: the plain ways") {
  CHECK(course(authorize_call, {answered(200, intent_json("requires_capture"))}) == create + "approved pi_1");
  CHECK(course(capture_call, {answered(200, captured())}) == do_capture + "approved ch_1");
  CHECK(course(cancel_call, {answered(200, intent_json("canceled"))}) == do_cancel + "approved pi_1");
  CHECK(course(refund_call, {answered(200, refund_json("succeeded"))}) == do_refund + "approved re_1");
  CHECK(course(refund_call, {answered(200, refund_json("pending"))}) == do_refund + "accepted re_1");
  CHECK(course(confirm_call, {answered(200, intent_json("requires_capture"))}) == reread + "approved pi_1");
  CHECK(course(authorize_call, {answered(200, intent_json("processing"))}) == create + "accepted pi_1");
}

TEST_CASE("stripe/conversation: declines say what they leave open") {
  const auto declined = [](const char* left) {
    return answered(402, error_json("card_error", "card_declined",
                                    {{"decline_code", "insufficient_funds"},
                                     {"payment_intent", {{"id", "pi_9"}, {"status", left}}}}));
  };
  CHECK(course(authorize_call, {declined("requires_payment_method")}) ==
        create + "declined card_declined/insufficient_funds pi_9");
  CHECK(course(authorize_call, {declined("canceled")}) == create + "declined card_declined/insufficient_funds");
  CHECK(course(doubted(authorize_call, 5s), {declined("requires_payment_method")}) ==
        create + "declined card_declined/insufficient_funds pi_9");
  CHECK(course(confirm_call, {answered(200, intent_json("requires_payment_method",
                                                        {{"last_payment_error",
                                                          {{"type", "card_error"},
                                                           {"code", "payment_intent_authentication_failure"}}}}))}) ==
        reread + "declined authentication_failed pi_1");
}

TEST_CASE("stripe/conversation: 3-D Secure: the customer goes, and comes back") {
  const json redirect{
      {"next_action", {{"type", "redirect_to_url"}, {"redirect_to_url", {{"url", "https://3ds.example"}}}}}};
  auto call = authorize_call;
  call.return_url = "https://shop.example";
  CHECK(course(call, {answered(200, intent_json("requires_action", redirect))}) ==
        create + "needs_action https://3ds.example pi_1");
  CHECK(course(confirm_call, {answered(200, intent_json("requires_action", redirect))}) ==
        reread + "needs_action https://3ds.example pi_1");
  // Without a page to return to it was asked to fail instead.
  CHECK(course(authorize_call,
               {answered(402,
                         error_json("card_error", "authentication_required",
                                    {{"decline_code", "authentication_not_handled"},
                                     {"payment_intent", {{"id", "pi_9"}, {"status", "requires_payment_method"}}}}))}) ==
        create + "declined authentication_required/authentication_not_handled pi_9");
}

TEST_CASE("stripe/conversation: turned away unseen is not executed; lost is unknown") {
  CHECK(course(capture_call, {answered(429, error_json("rate_limit_error"))}) ==
        do_capture + "not_executed rate_limited");
  CHECK(course(capture_call, {answered(429, error_json("invalid_request_error", "lock_timeout"))}) ==
        do_capture + "not_executed object_locked");
  CHECK(course(capture_call, {answered(429, std::string("<html>"))}) == do_capture + "not_executed rate_limited");
  CHECK(course(capture_call, {answered(401, error_json("invalid_request_error"))}) ==
        do_capture + "not_executed processor_credentials !processor_credentials");
  CHECK(course(capture_call, {lost(call_fate::never_sent, "too_many_calls")}) ==
        do_capture + "not_executed processor_busy");
  CHECK(course(capture_call, {lost(call_fate::never_sent, "dns_failed")}) ==
        do_capture + "not_executed processor_unavailable");
  CHECK(course(capture_call, {lost(call_fate::refused, "connect_refused")}) ==
        do_capture + "not_executed processor_unavailable");
  CHECK(course(capture_call, {lost(call_fate::may_be_executed, "timeout")}) ==
        do_capture + "unknown processor_timeout");
  CHECK(course(capture_call, {lost(call_fate::may_be_executed, "connection_lost")}) ==
        do_capture + "unknown connection_lost");
  CHECK(course(capture_call, {lost(call_fate::may_be_executed, "truncated")}) ==
        do_capture + "unknown connection_lost");
  CHECK(course(capture_call, {answered(200, std::string("<html>ok</html>"))}) ==
        do_capture + "unknown unreadable_answer");
  CHECK(course(capture_call, {answered(200, captured().dump().substr(0, 90))}) ==
        do_capture + "unknown unreadable_answer");
  CHECK(course(capture_call, {answered(400, std::string("<html>bad gateway</html>"))}) ==
        do_capture + "unknown unreadable_answer");
  CHECK(course(capture_call, {answered(503, error_json("api_error"))}) == do_capture + "unknown processor_error");
  CHECK(course(capture_call, {answered(409, error_json("invalid_request_error", "idempotency_key_in_use"))}) ==
        do_capture + "unknown processor_still_working");
  CHECK(course(capture_call, {answered(302, std::string())}) ==
        do_capture + "unknown unexpected_status !unexpected_status");
}

TEST_CASE("stripe/conversation: a stored answer is not trusted, the object is read") {
  CHECK(course(doubted(authorize_call, 5s),
               {answered(200, intent_json("requires_capture"), replay()), answered(200, intent_json("canceled"))}) ==
        create + reread + "declined authorization_canceled");
  CHECK(course(doubted(authorize_call, 5s), {answered(200, intent_json("requires_action"), replay()),
                                             answered(200, intent_json("requires_capture"))}) ==
        create + reread + "approved pi_1");
  CHECK(course(doubted(capture_call, 5s), {answered(200, captured(), replay()),
                                           answered(200, captured({{"metadata", {{"novapay_operation", "x"}}}}))}) ==
        do_capture + reread + "approved ch_1");
  CHECK(course(doubted(refund_call, 5s),
               {answered(200, refund_json("pending"), replay()), answered(200, refund_json("failed"))}) ==
        do_refund + "GET /v1/refunds/re_1 > declined refund_failed");
  CHECK(course(doubted(refund_call, 5s),
               {answered(200, refund_json("pending"), replay()), lost(call_fate::never_sent, "dns_failed")}) ==
        do_refund + "GET /v1/refunds/re_1 > unknown processor_unavailable");
}

TEST_CASE("stripe/conversation: after a 500 nothing is sent again, the object tells") {
  const auto broken = answered(500, error_json("api_error"));
  CHECK(course(capture_call, {broken, answered(200, captured())}) == do_capture + reread + "approved ch_1");
  CHECK(course(capture_call, {broken, answered(200, intent_json("requires_capture"))}) ==
        do_capture + reread + "unknown processor_error");
  CHECK(course(cancel_call, {broken, answered(200, intent_json("canceled"))}) == do_cancel + reread + "approved pi_1");
  CHECK(course(refund_call, {broken, answered(200, list_json({refund_json("succeeded")}))}) ==
        do_refund + list_refunds + "approved re_1");
  CHECK(course(refund_call, {broken, answered(200, list_json({}))}) ==
        do_refund + list_refunds + "unknown processor_error");
  CHECK(course(authorize_call, {broken, answered(200, list_json({intent_json("requires_capture")})),
                                answered(200, intent_json("requires_capture"))}) ==
        create + intents_in(noon - 60s, noon + 60s) + reread + "approved pi_1");
  CHECK(course(authorize_call, {broken, answered(200, list_json({}))}) ==
        create + intents_in(noon - 60s, noon + 60s) + "unknown processor_error");
  // It may name its intent.
  CHECK(course(authorize_call,
               {answered(500, error_json("api_error", "",
                                         {{"payment_intent", {{"id", "pi_1"}, {"status", "requires_capture"}}}})),
                answered(200, intent_json("requires_capture"))}) == create + reread + "approved pi_1");
}

TEST_CASE("stripe/conversation: a 500 that is stored and left no trace is a failure, once the work had its time") {
  const auto stored = answered(500, error_json("api_error"), replay());
  const auto nothing = answered(200, list_json({}));
  const auto open = answered(200, intent_json("requires_capture"));
  CHECK(course(doubted(authorize_call, 29s), {stored, nothing}).ends_with("unknown processor_error"));
  CHECK(course(doubted(authorize_call, 30s), {stored, nothing}).ends_with("declined processing_error"));
  CHECK(course(doubted(capture_call, 30s), {stored, open}).ends_with("unknown processor_error"));
  CHECK(course(doubted(capture_call, 15min), {stored, open}).ends_with("declined processing_error"));
  CHECK(course(doubted(refund_call, 15min - 1ms), {stored, nothing}).ends_with("unknown processor_error"));
  CHECK(course(doubted(refund_call, 15min), {stored, nothing}).ends_with("declined processing_error"));
  CHECK(course(doubted(cancel_call, 30s), {stored, open}).ends_with("declined processing_error"));
  // Never by age alone: the 500 must be the stored one, and the list complete.
  CHECK(course(doubted(refund_call, 2h), {answered(500, error_json("api_error")), nothing})
            .ends_with("unknown processor_error"));
  CHECK(course(doubted(refund_call, 2h), {stored, lost(call_fate::may_be_executed, "timeout")})
            .ends_with("unknown processor_timeout"));
  CHECK(course(doubted(refund_call, 2h), {stored, answered(503, error_json("api_error"))})
            .ends_with("unknown processor_error"));
  CHECK(course(doubted(refund_call, 2h), {stored, answered(200, std::string("<html>"))})
            .ends_with("unknown unreadable_answer"));
}

TEST_CASE("stripe/conversation: an old key may be forgotten: look, and send only what is nowhere") {
  const auto old = [](const processor_call& call) { return doubted(call, 24h); };
  const auto begun = noon - 24h;
  CHECK(course(old(capture_call), {answered(200, captured())}) == reread + "approved ch_1");
  CHECK(course(old(capture_call), {answered(200, intent_json("requires_capture")), answered(200, captured())}) ==
        reread + do_capture + "approved ch_1");
  CHECK(course(old(capture_call), {answered(200, intent_json("canceled"))}) ==
        reread + "declined charge_expired_for_capture");
  CHECK(course(old(capture_call), {lost(call_fate::may_be_executed, "timeout")}) ==
        reread + "unknown processor_timeout");
  CHECK(course(old(capture_call), {answered(404, error_json("invalid_request_error", "resource_missing"))}) ==
        reread + "unknown processor_reference_missing !processor_reference_missing");
  CHECK(course(old(cancel_call), {answered(200, intent_json("canceled"))}) == reread + "approved pi_1");
  CHECK(course(old(cancel_call), {answered(200, intent_json("requires_capture")),
                                  answered(200, intent_json("canceled"))}) == reread + do_cancel + "approved pi_1");

  CHECK(course(old(refund_call),
               {answered(200, list_json({refund_json("succeeded", {{"id", "re_7"},
                                                                   {"metadata", {{"novapay_operation", "refund:7"}}}}),
                                         refund_json("pending")}))}) == list_refunds + "accepted re_1");
  CHECK(course(old(refund_call),
               {answered(200, list_json({refund_json("succeeded", {{"id", "re_7"},
                                                                   {"metadata", {{"novapay_operation", "refund:7"}}}})},
                                        true)),
                answered(200, list_json({})), answered(200, refund_json("succeeded"))}) ==
        list_refunds + "GET /v1/refunds?limit=100&starting_after=re_7&payment_intent=pi_1 > " + do_refund +
            "approved re_1");
  // A page that cannot be read proves nothing.
  CHECK(course(old(refund_call), {answered(200, std::string(R"({"object":"list","data":[{}],"has_more":false})"))}) ==
        list_refunds + "unknown unreadable_answer");

  const auto near = intents_in(begun - 60s, begun + 120s), far = intents_in(begun + 120s, noon + 60s);
  CHECK(course(old(authorize_call), {answered(200, list_json({})), answered(200, list_json({})),
                                     answered(200, intent_json("requires_capture"))}) ==
        near + far + create + "approved pi_1");
  CHECK(course(old(authorize_call),
               {answered(200, list_json({intent_json("succeeded", {{"id", "pi_7"},
                                                                   {"metadata", {{"novapay_payment", "pay_other"}}}})},
                                        true)),
                answered(200, list_json({intent_json("requires_capture")})),
                answered(200, intent_json("requires_capture"))}) ==
        near + intents_in(begun, begun + 1s) + reread + "approved pi_1");
  // Sent once and found nowhere: not sent twice in one conversation, whatever comes.
  CHECK(course(old(authorize_call),
               {answered(200, list_json({})), answered(200, list_json({})), answered(500, error_json("api_error")),
                answered(200, list_json({})), answered(200, list_json({}))}) ==
        near + far + create + near + far + "unknown processor_error");
}

TEST_CASE("stripe/conversation: a capture without room for its mark cannot be told to be absent") {
  const auto partly = answered(200, intent_json("requires_capture", {{"amount_received", 400}}));
  const auto lost_one = [](std::uint32_t number) { return doubted(call_of(capture, 500, number), 24h); };
  CHECK(course(lost_one(recorded_captures_max), {partly}) == reread + "POST /v1/payment_intents/pi_1/capture > ?");
  CHECK(course(lost_one(recorded_captures_max + 1), {partly}) == reread + "unknown search_incomplete");
}

TEST_CASE("stripe/conversation: a refusal that may be of our own making is looked into") {
  const auto state = answered(400, error_json("invalid_request_error", "payment_intent_unexpected_state"));
  CHECK(course(cancel_call, {state, answered(200, intent_json("canceled"))}) == do_cancel + reread + "approved pi_1");
  CHECK(course(cancel_call, {state, answered(200, intent_json("succeeded"))}) ==
        do_cancel + reread + "declined payment_intent_unexpected_state");
  CHECK(course(doubted(capture_call, 5s), {state, answered(200, captured())}) == do_capture + reread + "approved ch_1");
  CHECK(course(capture_call, {state, answered(200, intent_json("canceled"))}) ==
        do_capture + reread + "declined payment_intent_unexpected_state");
  CHECK(course(refund_call, {answered(400, error_json("invalid_request_error", "charge_already_refunded")),
                             answered(200, list_json({refund_json("succeeded")}))}) ==
        do_refund + list_refunds + "approved re_1");
  CHECK(course(refund_call, {answered(400, error_json("invalid_request_error", "charge_already_refunded")),
                             answered(200, list_json({}))}) ==
        do_refund + list_refunds + "declined charge_already_refunded");
  // Refused outright, but an attempt before may have been executed.
  const auto refused = answered(400, error_json("invalid_request_error", "", {{"param", "amount"}}));
  CHECK(course(refund_call, {refused}) == do_refund + "declined invalid_request");
  CHECK(course(doubted(refund_call, 5s), {refused, answered(200, list_json({refund_json("succeeded")}))}) ==
        do_refund + list_refunds + "approved re_1");
  CHECK(course(doubted(refund_call, 5s), {refused, answered(200, list_json({}))}) ==
        do_refund + list_refunds + "declined invalid_request");
  CHECK(course(doubted(refund_call, 5s), {answered(400, error_json("invalid_request_error"), replay())}) ==
        do_refund + "declined invalid_request");
}

TEST_CASE("stripe/conversation: a key used with other parameters is a bug of ours: read, never believe in nothing") {
  const auto mismatch = answered(400, error_json("idempotency_error"));
  CHECK(course(refund_call, {mismatch, answered(200, list_json({refund_json("succeeded")}))}) ==
        do_refund + list_refunds + "approved re_1 !idempotency_key_mismatch");
  CHECK(course(doubted(refund_call, 2h), {mismatch, answered(200, list_json({}))}) ==
        do_refund + list_refunds + "unknown idempotency_key_mismatch !idempotency_key_mismatch");
}

TEST_CASE("stripe/conversation: what Stripe says about repeating is heeded") {
  CHECK(course(capture_call, {answered(400, error_json("invalid_request_error"), {{"stripe-should-retry", "true"}})}) ==
        do_capture + "unknown processor_error");
  CHECK(course(capture_call, {answered(503, error_json("api_error"), {{"stripe-should-retry", "false"}}),
                              answered(200, captured())}) == do_capture + reread + "approved ch_1");
  CHECK(
      course(capture_call, {answered(424, error_json("api_error")), answered(200, intent_json("requires_capture"))}) ==
      do_capture + reread + "unknown processor_dependency_failed");
}

TEST_CASE("stripe/conversation: an intent without an attempt is waited for, then given back to be closed") {
  const auto untried = intent_json("requires_confirmation");
  CHECK(course(authorize_call, {answered(200, untried)}) == create + "unknown processor_still_working");
  CHECK(course(doubted(authorize_call, 29s), {answered(200, untried, replay()), answered(200, untried)}) ==
        create + reread + "unknown processor_still_working");
  CHECK(course(doubted(authorize_call, 30s), {answered(200, untried, replay()), answered(200, untried)}) ==
        create + reread + "declined processing_error pi_1");
}

TEST_CASE("stripe/conversation: new statuses are said, and wait") {
  CHECK(course(authorize_call, {answered(200, intent_json("brand_new"))}) == create + "unknown unexpected_answer");
  CHECK(course(refund_call, {answered(200, refund_json("brand_new"))}) == do_refund + "unknown unexpected_answer");
}

TEST_CASE("stripe/conversation: a yes that its own object belies is no answer") {
  CHECK(course(capture_call, {answered(200, intent_json("canceled"))}) == do_capture + "unknown unexpected_answer");
  CHECK(course(cancel_call, {answered(200, intent_json("succeeded", {{"amount_received", 0}}))}) ==
        do_cancel + "unknown unexpected_answer");
  // A part was captured before: the rest is what was released.
  CHECK(course(cancel_call, {answered(200, intent_json("succeeded", {{"amount_received", 500}}))}) ==
        do_cancel + "approved pi_1");
  CHECK(course(cancel_call, {answered(200, intent_json("requires_capture"))}) ==
        do_cancel + "unknown unexpected_answer");
}

TEST_CASE("stripe/conversation: what cannot be sent is not") {
  auto call = authorize_call;
  call.amount = {1234, currency("kwd")};
  CHECK(course(call, {}) == "declined amount_not_supported");
  call.amount = {0, currency("usd")};
  CHECK(course(call, {}) == "declined amount_not_supported");
  call = authorize_call;
  call.live = true;
  CHECK(course(call, {}) == "not_executed mode_mismatch !mode_mismatch");
  call = capture_call;
  call.processor_reference.clear();
  CHECK(course(call, {}) == "not_executed reference_missing !reference_missing");
}

TEST_CASE("stripe/conversation: a partial capture leaves the rest only where account and card allow it") {
  auto how = test_settings();
  auto call = call_of(capture, 500);
  call.final_capture = false;
  const auto part = [](const char* status) {
    return intent_json(status, {{"latest_charge", "ch_1"},
                                {"amount_received", 500},
                                {"metadata", {{"novapay_operation", "capture:1"}, {"novapay_capture_1", "500"}}}});
  };
  const auto final_of = [&](std::vector<call_result> replies, bool& released) {
    conversation talk(how, call);
    auto at = talk.begin(noon);
    std::string final;
    for (auto& reply : replies) {
      const auto& form = std::get<request>(at).form;
      if (form.find("final_capture=true") != std::string::npos) final = "final";
      if (form.find("final_capture=false") != std::string::npos) final = "partial";
      at = talk.next(reply, noon);
    }
    released = talk.rest_released();
    return final + " " + text_of(std::get<domain::outcome>(at));
  };
  bool released = false;
  CHECK(final_of({answered(200, part("succeeded"))}, released) == "final approved ch_1");
  CHECK(released);

  how.multicapture = true;
  const auto chance = [](const char* word) {
    return answered(
        200,
        intent_json("requires_capture",
                    {{"latest_charge",
                      charge_json({{"payment_method_details", {{"card", {{"multicapture", {{"status", word}}}}}}}})}}));
  };
  CHECK(final_of({chance("available"), answered(200, part("requires_capture"))}, released) == "partial approved ch_1");
  CHECK_FALSE(released);
  CHECK(final_of({chance("unavailable"), answered(200, part("succeeded"))}, released) == "final approved ch_1");
  CHECK(released);
  // Learnt on the way: it has been executed already.
  call = doubted(call, 5s);
  CHECK(final_of({answered(200, part("requires_capture"))}, released) == " approved ch_1");
  CHECK_FALSE(released);
  // Could not be learnt: nothing was sent.
  call.doubted = false;
  CHECK(final_of({answered(503, error_json("api_error"))}, released) == " not_executed processor_error");

  how.multicapture = false;
  call.final_capture = true;
  CHECK(final_of({answered(200, part("succeeded"))}, released) == "final approved ch_1");
  CHECK_FALSE(released);  // as asked
}
