#include "adapters/stripe/signature.hpp"

#include "adapters/stripe/webhooks.hpp"
#include "tests/spec/openapi.hpp"
#include "tests/unit/adapters/stripe/support.hpp"

using namespace novapay;
using namespace novapay::stripe;
using namespace novapay::stripe::test;

namespace {

const json& vectors() {
  static const json loaded = spec::file("vectors/stripe-signature.json");
  return loaded;
}

domain::timestamp at(std::int64_t seconds) { return domain::timestamp{std::chrono::seconds{seconds}}; }

webhook_verdict check(const std::string& header, const std::string& body, const std::vector<std::string>& secrets,
                      std::int64_t now) {
  return check_signature(header, body, secrets, at(now), 300s);
}

// Where in the header a change must be fatal: t, and the signature that is valid.
std::vector<std::size_t> vital_positions(const std::string& header, const std::string& valid) {
  std::vector<std::size_t> out;
  const auto comma = header.find(',');
  for (std::size_t i = 0; i <= comma; ++i) out.push_back(i);
  const auto start = header.find("v1=" + valid);
  for (std::size_t i = start; i < start + 3 + valid.size(); ++i) out.push_back(i);
  return out;
}

}  // namespace

TEST_CASE("stripe/signature: the HMAC is the published one") {
  const auto& group = vectors()["hmac_primitive"];
  for (const auto& each : group["cases"]) {
    // The primitive signs the payload alone: what stands before the first point is ours.
    const auto payload = each["payload"].get<std::string>();
    if (const auto point = payload.find('.'); point != std::string::npos)
      CHECK(signature_of(group["secret"].get<std::string>(), payload.substr(0, point), payload.substr(point + 1)) ==
            each["hex"]);
  }
  CHECK(signature_of("whsec_test_secret", "1614265330", vectors()["header_valid"][0]["body"].get<std::string>()) ==
        "117f2d4aa1697fc9f837f2feca4e5e23ec790ffa7b6b669073d3677ae48c4b5f");
}

TEST_CASE("stripe/signature: every published header is judged as published") {
  REQUIRE(vectors()["header_valid"].size() == 5);
  for (const auto& each : vectors()["header_valid"]) {
    CAPTURE(each["name"].get<std::string>());
    const auto verdict = check(each["header"], each["body"], {each["secret"]}, each["now"]);
    CHECK(verdict.authentic);
    CHECK(verdict.reason.empty());
  }
  REQUIRE(vectors()["header_invalid"].size() == 9);
  for (const auto& each : vectors()["header_invalid"]) {
    CAPTURE(each["name"].get<std::string>());
    const auto verdict = check(each["header"], each.value("body", "{}"), {each.value("secret", "whsec_test_secret")},
                               each.value("now", 1614265330));
    CHECK_FALSE(verdict.authentic);
    CHECK_FALSE(verdict.reason.empty());
  }
}

TEST_CASE("stripe/signature: one byte changed anywhere and it is not believed") {
  for (const auto& each : vectors()["header_valid"]) {
    CAPTURE(each["name"].get<std::string>());
    const std::string header = each["header"], body = each["body"], key = each["secret"];
    const auto valid = signature_of(key, "1614265330", body);
    const std::int64_t now = each["now"];
    int tried = 0;
    for (std::size_t i = 0; i < body.size(); ++i)
      for (int bit = 0; bit < 8; ++bit) {
        auto changed = body;
        changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
        CHECK_FALSE(check(header, changed, {key}, now).authentic);
        ++tried;
      }
    for (const auto i : vital_positions(header, valid))
      for (int bit = 0; bit < 8; ++bit) {
        auto changed = header;
        changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
        CHECK_FALSE(check(changed, body, {key}, now).authentic);
        ++tried;
      }
    for (std::size_t i = 0; i < key.size(); ++i) {
      auto changed = key;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      CHECK_FALSE(check(header, body, {changed}, now).authentic);
    }
    for (std::size_t cut = 0; cut < body.size(); ++cut)
      CHECK_FALSE(check(header, body.substr(0, cut), {key}, now).authentic);
    CHECK(tried > 1000);
  }
}

TEST_CASE("stripe/signature: the window is the same on both sides, to the second") {
  const auto& one = vectors()["header_valid"][0];
  const auto verdict = [&](std::int64_t now) { return check(one["header"], one["body"], {one["secret"]}, now); };
  CHECK(verdict(1614265330 + 300).authentic);
  CHECK(verdict(1614265330 + 301).reason == "timestamp_too_old");
  CHECK(verdict(1614265330 - 300).authentic);
  CHECK(verdict(1614265330 - 301).reason == "timestamp_in_future");
}

TEST_CASE("stripe/signature: while secrets are rolled either is good, and only these") {
  const auto& one = vectors()["header_valid"][0];
  const auto with = [&](std::vector<std::string> secrets) {
    return check(one["header"], one["body"], secrets, 1614265330).authentic;
  };
  CHECK(with({"whsec_new", "whsec_test_secret"}));
  CHECK(with({"whsec_test_secret", "whsec_new"}));
  CHECK_FALSE(with({"whsec_new"}));
  CHECK_FALSE(with({}));
  // No secret is not a secret.
  const auto unsigned_by_all = "t=1614265330,v1=" + signature_of("", "1614265330", "{}");
  CHECK_FALSE(check(unsigned_by_all, "{}", {""}, 1614265330).authentic);
}

TEST_CASE("stripe/signature: headers of any shape end in a verdict") {
  const auto& one = vectors()["header_valid"][0];
  const std::string valid = signature_of("whsec_test_secret", "1614265330", one["body"].get<std::string>());
  const auto reason = [&](const std::string& header) {
    return check(header, one["body"], {"whsec_test_secret"}, 1614265330).reason;
  };
  CHECK(reason("") == "signature_missing");
  CHECK(reason("t=1614265330") == "signature_missing");
  CHECK(reason("t=1614265330,v1=") == "signature_mismatch");
  CHECK(reason("t=1614265330,t=1614265330,v1=" + valid) == "malformed");
  CHECK(reason("t=-1,v1=" + valid) == "malformed");
  CHECK(reason("t=99999999999999999999,v1=" + valid) == "malformed");
  CHECK(reason("t=1614265330 ,v1=" + valid) == "malformed");
  CHECK(reason("t=1614265330,v1=" + valid + std::string(5000, 'x')) == "malformed");
  CHECK(reason(",") == "malformed");
  std::string upper = valid;
  for (auto& c : upper) c = static_cast<char>(std::toupper(c));
  CHECK(reason("t=1614265330,v1=" + upper) == "signature_mismatch");
}

TEST_CASE("stripe/webhooks: the header is looked for among the delivery's fields") {
  novapay::testing::remembering_log log;
  novapay::testing::silent_metrics metrics;
  const webhooks format(test_settings(), log, metrics);
  const auto& one = vectors()["header_valid"][0];
  const std::string header = one["header"], body = one["body"];
  CHECK(format.verify({{"host", "x"}, {"stripe-signature", header}}, body, at(1614265340)).authentic);
  CHECK(format.verify({{"host", "x"}}, body, at(1614265340)).reason == "signature_missing");
  CHECK(format.verify({{"stripe-signature", header}, {"stripe-signature", header}}, body, at(1614265340)).reason ==
        "malformed");
  CHECK(format.acknowledgement().status == 200);
}
