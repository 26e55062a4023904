#include "runtime/node/processors_config.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

namespace novapay::node {
namespace {

constexpr std::size_t name_max = 32;

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= name_max && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// What the environment or a file holds, without the newline at its end.
std::string resolve_secret(section in) {
  std::string variable, path;
  in.text("env", variable);
  in.text("file", path);
  in.done();
  if (variable.empty() == path.empty()) in.fail("", "a secret is given as {env: NAME} or as {file: PATH}");
  std::string value;
  if (!variable.empty()) {
    const char* found = std::getenv(variable.c_str());
    if (found == nullptr || *found == '\0') in.fail("env", "the environment variable " + variable + " is not set");
    value = found;
  } else {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (!file || !(text << file.rdbuf())) in.fail("file", path + " cannot be read, or is empty");
    value = text.str();
    while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  }
  if (value.empty() || value.size() > secret_bytes_max)
    in.fail("", "the secret must have from 1 to " + std::to_string(secret_bytes_max) + " bytes");
  const bool printable = std::ranges::all_of(value, [](char c) { return c > ' ' && c < '\x7f'; });
  if (!printable) in.fail("", "the secret must be printable ASCII without blanks");
  return value;
}

void check_url(const section& in, const char* key, const std::string& url) {
  const bool loopback =
      url.starts_with("http://127.0.0.1") || url.starts_with("http://localhost") || url.starts_with("http://[::1]");
  if (!url.starts_with("https://") && !loopback)
    in.fail(key, "must begin with https:// (http:// is for loopback only), not \"" + url + "\"");
  if (url.back() == '/') in.fail(key, "must not end with a slash");
}

void check_currencies(const section& in, const char* key, const std::vector<std::string>& names) {
  for (const auto& name : names)
    if (!domain::parse_currency(name))
      in.fail(key, "must be ISO 4217 codes in lower case, such as eur; \"" + name + "\" is none");
}

processor_config read_processor(const std::string& name, section in) {
  processor_config one;
  one.name = name;
  if (!is_name(name))
    in.fail("", "a processor's name has at most " + std::to_string(name_max) + " of a-z, 0-9, _ and -");
  std::string kind, mode = "test";
  in.choice("kind", kind, {"sandbox", "stripe", "adyen"});
  one.kind = kind == "sandbox"  ? processor_kind::sandbox
             : kind == "stripe" ? processor_kind::stripe
                                : processor_kind::adyen;
  in.texts("currencies", one.currencies, domain::values_max);
  check_currencies(in, "currencies", one.currencies);
  if (one.kind == processor_kind::sandbox) {
    in.done();
    return one;
  }

  in.choice("mode", mode, {"test", "live"});
  one.live = mode == "live";
  in.text("base_url", one.base_url);
  if (!one.base_url.empty()) check_url(in, "base_url", one.base_url);
  if (!in.has("api_key")) in.fail("", "api_key is missing: {env: NAME} or {file: PATH}");
  one.api_key = resolve_secret(in.child("api_key"));
  for (auto& secret : in.children("webhook_secrets", webhook_secrets_max))
    one.webhook_secrets.push_back(resolve_secret(std::move(secret)));
  in.text("ca_file", one.ca_file);
  in.duration("connect_timeout_ms", one.connect_timeout, 100);
  in.duration("call_timeout_ms", one.call_timeout, 1'000);
  in.number("calls_max", one.calls_max, 1, 100'000);
  in.number("queue_max", one.queue_max, 0, 1'000'000);
  if (one.kind == processor_kind::stripe) in.flag("multicapture", one.multicapture);
  if (one.kind == processor_kind::adyen) {
    in.text("merchant_account", one.merchant_account);
    if (one.merchant_account.empty()) in.fail("", "merchant_account is missing");
    if (one.live && one.base_url.empty())
      in.fail("",
              "base_url is missing: a live Adyen account has a prefix of its own, "
              "https://PREFIX-checkout-live.adyenpayments.com/checkout/v71");
    in.text("report_user", one.report_user);
    in.text("webhook_user", one.webhook_user);
    if (in.has("webhook_password")) one.webhook_password = resolve_secret(in.child("webhook_password"));
    if (in.has("report_password")) one.report_password = resolve_secret(in.child("report_password"));
  }
  in.done();
  return one;
}

struct known_names {
  const std::vector<processor_config>& processors;
  void check(const section& in, const char* key, const std::string& name) const {
    if (std::ranges::find(processors, name, &processor_config::name) == processors.end())
      in.fail(key, "\"" + name + "\" is no processor of this file");
  }
};

domain::route_rule read_rule(section in, const known_names& names) {
  domain::route_rule rule;
  in.text("name", rule.name);
  if (rule.name.empty()) in.fail("", "name is missing: decisions are explained by it");
  auto when = in.child("when");
  when.texts("currency", rule.when.currencies, domain::values_max);
  check_currencies(when, "currency", rule.when.currencies);
  when.texts("country", rule.when.countries, domain::values_max);
  when.texts("method", rule.when.methods, domain::values_max);
  when.texts("brand", rule.when.brands, domain::values_max);
  when.text_map("metadata", rule.when.metadata, domain::values_max);
  constexpr std::int64_t most = 999'999'999'999;
  std::int64_t amount = 0;
  if (when.has("amount_min")) when.number("amount_min", amount, 0, most), rule.when.amount_min_minor = amount;
  if (when.has("amount_max")) when.number("amount_max", amount, 0, most), rule.when.amount_max_minor = amount;
  when.done();

  std::vector<std::string> list;
  in.texts("to", list, domain::targets_max);
  for (const auto& name : list) {
    names.check(in, "to", name);
    rule.to.push_back({name, 0});
  }
  std::uint32_t total = 0;
  auto parts = in.children("split", domain::targets_max);
  for (auto& part : parts) {
    domain::route_target target;
    part.text("to", target.processor);
    names.check(part, "to", target.processor);
    part.number("percent", target.percent, 0, 100);
    part.done();
    total += target.percent;
    rule.to.push_back(std::move(target));
  }
  if (list.empty() == parts.empty()) in.fail("", "a rule has either `to`, a list of processors, or `split`");
  if (!parts.empty() && total != 100) in.fail("split", "the percents must add up to 100, not " + std::to_string(total));
  in.done();
  return rule;
}

domain::routing_rules read_routing(section in, const known_names& names, std::vector<std::string> otherwise) {
  domain::routing_rules routing;
  routing.otherwise = std::move(otherwise);
  in.texts("default", routing.otherwise, domain::targets_max);
  for (const auto& name : routing.otherwise) names.check(in, "default", name);
  for (auto& rule : in.children("rules", domain::rules_max)) routing.rules.push_back(read_rule(std::move(rule), names));
  in.done();
  return routing;
}

void read_expiring(section in, merchant_config& into) {
  std::string action = into.expiring == domain::on_expiry::capture  ? "capture"
                       : into.expiring == domain::on_expiry::cancel ? "cancel"
                                                                    : "nothing";
  in.choice("action", action, {"nothing", "capture", "cancel"});
  into.expiring = action == "capture"  ? domain::on_expiry::capture
                  : action == "cancel" ? domain::on_expiry::cancel
                                       : domain::on_expiry::nothing;
  in.duration("lead_ms", into.expiring_lead, 0);
  if (into.expiring != domain::on_expiry::nothing && into.expiring_lead.count() == 0)
    in.fail("", "lead_ms is missing: how long before the authorization lapses");
  in.done();
}

void read_breaker(section in, domain::breaker_settings& into) {
  in.number("faults_in_row", into.faults_in_row, 1, 10'000);
  in.number("fault_percent", into.fault_percent, 1, 100);
  in.number("calls_min", into.calls_min, 1, 10'000);
  in.duration("window_ms", into.window, 1'000);
  in.number("stalled_min", into.stalled_min, 1, 10'000);
  in.duration("stall_after_ms", into.stall_after, 100);
  in.duration("open_for_ms", into.open_for, 100);
  in.duration("open_longest_ms", into.open_longest, 100);
  in.number("probes", into.probes, 1, 100);
  in.done();
}

}  // namespace

const merchant_config& processing_config::of(const std::string& merchant) const {
  const auto own = merchants.find(merchant);
  return own == merchants.end() ? everyone : own->second;
}

processing_config sandbox_only() {
  processing_config all;
  auto& sandbox = all.processors.emplace_back();
  sandbox.name = "sandbox";
  all.everyone.routing.otherwise = {sandbox.name};
  return all;
}

processing_config read_processing(section& in) {
  processing_config all;
  in.text("public_url", all.public_url);
  if (!all.public_url.empty()) check_url(in, "public_url", all.public_url);
  auto processors = in.child("processors");
  for (auto& [name, settings] : processors.members(processors_max))
    all.processors.push_back(read_processor(name, std::move(settings)));
  const auto sandboxes = std::ranges::count(all.processors, processor_kind::sandbox, &processor_config::kind);
  if (sandboxes > 1) processors.fail("", "there is at most one sandbox: its ledger is one file");
  if (all.processors.empty()) all.processors = sandbox_only().processors;
  read_breaker(in.child("circuit_breaker"), all.breaker);

  const known_names names{all.processors};
  std::vector<std::string> everybody;
  for (const auto& one : all.processors) everybody.push_back(one.name);
  everybody.resize(std::min(everybody.size(), domain::targets_max));
  all.everyone.routing = read_routing(in.child("routing"), names, everybody);
  read_expiring(in.child("expiring"), all.everyone);

  auto merchants = in.child("merchants");
  for (auto& [merchant, settings] : merchants.members(merchants_max)) {
    auto own = all.everyone;
    if (settings.has("routing"))
      own.routing = read_routing(settings.child("routing"), names, all.everyone.routing.otherwise);
    if (settings.has("expiring")) read_expiring(settings.child("expiring"), own);
    settings.done();
    all.merchants.emplace(merchant, std::move(own));
  }
  return all;
}

}  // namespace novapay::node
