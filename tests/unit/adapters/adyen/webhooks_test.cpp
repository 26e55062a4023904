#include "adapters/adyen/webhooks.hpp"

#include "adapters/adyen/encoding.hpp"
#include "tests/spec/openapi.hpp"
#include "tests/unit/adapters/adyen/support.hpp"

using namespace novapay;
using namespace novapay::adyen;
using namespace novapay::adyen::test;

namespace {

const json& vectors() {
  static const json all = spec::file("vectors/adyen-hmac.json");
  return all;
}

struct endpoint {
  explicit endpoint(settings how = test_settings()) : format(std::move(how), log, metrics) {}
  std::string verify(const std::string& body, const runtime::http_fields& fields = {}) const {
    const auto verdict = format.verify(fields, body, noon);
    CHECK(verdict.authentic == verdict.reason.empty());
    return verdict.authentic ? "authentic" : verdict.reason;
  }
  std::string verify(const json& body, const runtime::http_fields& fields = {}) const {
    return verify(body.dump(), fields);
  }

  novapay::testing::remembering_log log;
  novapay::testing::silent_metrics metrics;
  webhooks format;
};

settings with_keys(std::vector<std::string> keys) {
  auto how = test_settings();
  how.hmac_keys = std::move(keys);
  return how;
}

json signed_as(json item, const std::string& signature) {
  item["additionalData"]["hmacSignature"] = signature;
  return notification_json({item});
}

}  // namespace

TEST_CASE("adyen/webhooks: the published signatures hold, and none with one byte changed") {
  for (const auto& each : vectors().at("standard_notification_cases")) {
    CAPTURE(each.at("name").get<std::string>());
    const auto key = each.at("hmac_key_hex").get<std::string>();
    const auto signature = each.at("signature").get<std::string>();
    const auto text = each.at("data_to_sign").get<std::string>();
    const std::vector<std::string> keys{key};
    CHECK(signature_of(key, text) == signature);
    const auto body = signed_as(each.at("item"), signature);
    const auto parsed = read_notification(body.dump());
    REQUIRE(parsed);
    CHECK(signed_text(parsed->items[0]) == text);
    const endpoint at(with_keys(keys));
    CHECK(at.verify(body) == "authentic");

    for (std::size_t i = 0; i < text.size(); ++i)
      for (const char flip : {1, 2, 4, 8, 16, 32, 64}) {
        auto changed = text;
        changed[i] = static_cast<char>(changed[i] ^ flip);
        CHECK_FALSE(matches(signature, changed, keys));
      }
    for (std::size_t i = 0; i < signature.size(); ++i)
      for (int byte = 1; byte < 256; ++byte) {
        auto changed = signature;
        changed[i] = static_cast<char>(changed[i] ^ byte);
        CHECK_FALSE(matches(changed, text, keys));
      }
    for (std::size_t i = 0; i < key.size(); ++i) {
      auto changed = key;
      changed[i] = changed[i] == '0' ? '1' : '0';
      CHECK_FALSE(matches(signature, text, std::vector<std::string>{changed}));
    }
    CHECK_FALSE(matches(signature.substr(0, 43), text, keys));
    CHECK_FALSE(matches(signature + "=", text, keys));
    CHECK_FALSE(matches("", text, keys));
  }
}

TEST_CASE("adyen/webhooks: each signed field is signed") {
  const endpoint at;
  const auto good = signed_item(item_json("CAPTURE"));
  CHECK(at.verify(notification_json({good})) == "authentic");
  const json changes[] = {{{"pspReference", "QFQTPCQ8HXSKGK83"}},
                          {{"originalReference", "NC6HT9CRT65ZGN83"}},
                          {{"originalReference", nullptr}},
                          {{"merchantAccountCode", "NovaPayPOS"}},
                          {{"merchantReference", "pay_2"}},
                          {{"amount", {{"value", 1100}}}},
                          {{"amount", {{"currency", "USD"}}}},
                          {{"amount", {{"value", "1099"}}}},
                          {{"amount", {{"value", 1099.0}}}},
                          {{"eventCode", "REFUND"}},
                          {{"success", "false"}},
                          {{"success", true}}};
  for (const auto& change : changes) {
    CAPTURE(change.dump());
    auto item = good;
    item.update(change, true);
    CHECK(at.verify(notification_json({item})) == "signature_mismatch");
  }
  auto item = good;  // and these are not: nothing about money may be decided by them
  item["reason"] = "other";
  CHECK(at.verify(notification_json({item}, "true")) == "authentic");
}

TEST_CASE("adyen/webhooks: a signed text cannot be cut into other fields") {
  const endpoint at;
  const auto good = signed_item(item_json("CAPTURE"));
  auto shifted = good;
  shifted["pspReference"] = "QFQTPCQ8HXSKGK82:NC6HT9CRT65ZGN82";
  shifted["originalReference"] = "NovaPayECOM";
  shifted["merchantAccountCode"] = payment;
  shifted["merchantReference"] = "capture:1";
  const auto text = [](const json& item) {
    return signed_text(read_notification(notification_json({item}).dump())->items[0]);
  };
  REQUIRE(text(good) == text(shifted));
  CHECK(at.verify(notification_json({shifted})) == "signature_mismatch");
}

TEST_CASE("adyen/webhooks: signatures over the whole body hold, and none with one byte changed") {
  for (const auto& each : vectors().at("payload_signature_cases")) {
    const auto body = each.at("body").get<std::string>();
    const auto signature = each.at("signature").get<std::string>();
    const endpoint at(with_keys({each.at("hmac_key_hex").get<std::string>()}));
    const runtime::http_fields fields{{"hmacsignature", signature}, {"protocol", "HmacSHA256"}};
    CHECK(at.verify(body, fields) == "authentic");
    for (std::size_t i = 0; i < body.size(); ++i) {
      auto changed = body;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      CHECK(at.verify(changed, fields) == "signature_mismatch");
    }
    for (std::size_t i = 0; i < signature.size(); ++i) {
      auto changed = signature;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      CHECK(at.verify(body, {{"hmacsignature", changed}}) == "signature_mismatch");
    }
    CHECK(at.verify(body, {{"hmacsignature", signature}, {"protocol", "none"}}) == "malformed");
    CHECK(at.verify(body, {{"hmacsignature", signature}, {"hmacsignature", signature}}) == "malformed");
    CHECK(at.verify(body) == "malformed");  // without a signature it would have to be a notification

    const auto items = at.format.read(body);
    REQUIRE(items);
    REQUIRE(items->size() == 1);
    CHECK(items->front().note == "not_of_interest");
    CHECK_FALSE(items->front().what);
  }
}

TEST_CASE("adyen/webhooks: the published forgeries are refused without a word") {
  const auto& first = vectors().at("standard_notification_cases")[0];
  const endpoint at(with_keys({first.at("hmac_key_hex").get<std::string>()}));
  const auto signature = first.at("signature").get<std::string>();
  CHECK(at.verify(signed_as(first.at("item"), vectors().at("invalid")[0].at("signature"))) == "signature_mismatch");
  CHECK(at.verify(notification_json({first.at("item")})) == "signature_missing");
  auto item = first.at("item");
  item["success"] = "false";
  CHECK(at.verify(signed_as(item, signature)) == "signature_mismatch");
  item = first.at("item");
  item["amount"]["value"] = 1131;
  CHECK(at.verify(signed_as(item, signature)) == "signature_mismatch");
  for (const auto* odd : {"not base64 at all", "====", "AAAA"})
    CHECK(at.verify(signed_as(first.at("item"), odd)) == "signature_mismatch");
}

TEST_CASE("adyen/webhooks: keys are replaced one after the other; without one nobody is believed") {
  const std::string other(64, 'a');
  const auto by_old = notification_json({signed_item(item_json("CAPTURE"))});
  const auto by_new = notification_json({signed_item(item_json("CAPTURE"), other)});
  CHECK(endpoint(with_keys({other, hmac_key})).verify(by_old) == "authentic");
  CHECK(endpoint(with_keys({other, hmac_key})).verify(by_new) == "authentic");
  CHECK(endpoint(with_keys({other})).verify(by_old) == "signature_mismatch");
  CHECK(endpoint(with_keys({})).verify(by_old) == "signature_mismatch");
  for (const auto* broken : {"", "zz", "abc"}) {
    CHECK(signature_of(broken, "x").empty());
    CHECK(endpoint(with_keys({broken})).verify(signed_as(item_json("CAPTURE"), "")) == "signature_missing");
    CHECK(endpoint(with_keys({broken})).verify(by_old) == "signature_mismatch");
  }
}

TEST_CASE("adyen/webhooks: one forged item condemns its batch") {
  const endpoint at;
  const auto one = signed_item(item_json("CAPTURE"));
  const auto two = signed_item(item_json("REFUND", {{"pspReference", "REFUND8HXSKGK82A"}}));
  auto forged = two;
  forged["amount"]["value"] = 1;
  CHECK(at.verify(notification_json({one, two})) == "authentic");
  CHECK(at.verify(notification_json({one, forged, two})) == "signature_mismatch");
  CHECK(at.format.read(notification_json({one, two}).dump())->size() == 2);
}

TEST_CASE("adyen/webhooks: what is no notification is malformed, whatever it is") {
  const endpoint at;
  for (const auto* body : {"", "null", "[]", "{}", "{\"notificationItems\":[]}", "{\"notificationItems\":{}}",
                           "{\"notificationItems\":[{}]}", "{\"notificationItems\":[null]}", "<html>", "{\"live\":"}) {
    CAPTURE(body);
    CHECK(at.verify(std::string(body)) == "malformed");
    CHECK_FALSE(at.format.read(body));
  }
  const std::vector<json> many(items_max + 1, signed_item(item_json("CAPTURE")));
  CHECK(at.verify(notification_json(many)) == "malformed");
}

TEST_CASE("adyen/webhooks: Basic authentication, where it is asked for") {
  auto how = test_settings();
  how.webhook_user = "adyen";
  how.webhook_password = "pa:ss";
  const endpoint at(how);
  const auto body = notification_json({signed_item(item_json("CAPTURE"))});
  const std::string good = "Basic " + base64("adyen:pa:ss");
  CHECK(at.verify(body, {{"authorization", good}}) == "authentic");
  CHECK(at.verify(body) == "credentials_mismatch");
  CHECK(at.verify(body, {{"authorization", good + "="}}) == "credentials_mismatch");
  CHECK(at.verify(body, {{"authorization", good}, {"authorization", good}}) == "credentials_mismatch");
  CHECK(at.verify(notification_json({item_json("CAPTURE")}), {{"authorization", good}}) == "signature_missing");
}

TEST_CASE("adyen/webhooks: what nobody knows is logged and kept; secrets are not") {
  const endpoint at;
  const auto items = at.format.read(notification_json({signed_item(item_json("BRAND_NEW"))}).dump());
  REQUIRE(items);
  CHECK(items->front().note == "unknown_event");
  CHECK_FALSE(items->front().what);
  CHECK(at.log.has("eventCode=BRAND_NEW"));
  CHECK_FALSE(at.log.has(hmac_key));
}

TEST_CASE("adyen/webhooks: the acknowledgement is the one that older integrations had to give") {
  const auto answer = endpoint().format.acknowledgement();
  CHECK(answer.status == 200);
  CHECK(answer.body == "[accepted]");
}
