#include "actors/domain/routing.hpp"

#include <algorithm>
#include <utility>

namespace novapay::domain {
namespace {

bool holds(const std::vector<std::string>& list, std::string_view value) {
  return list.empty() || std::ranges::find(list, value) != list.end();
}

// The name of the first condition that does not hold; empty: all do.
std::string_view first_unmet(const route_condition& when, const terms& asked) {
  if (!holds(when.currencies, info_of(asked.amount.code).name)) return "currency";
  if (!holds(when.countries, asked.country)) return "country";
  if (!holds(when.methods, asked.method_type)) return "payment_method.type";
  if (!holds(when.brands, asked.brand)) return "payment_method.brand";
  if (when.amount_min_minor && asked.amount.minor < *when.amount_min_minor) return "amount";
  if (when.amount_max_minor && asked.amount.minor > *when.amount_max_minor) return "amount";
  for (const auto& [key, value] : when.metadata) {
    const auto told = asked.metadata.find(key);
    if (told == asked.metadata.end() || told->second != value) return "metadata";
  }
  return {};
}

// The rule's targets in the order this payment is to try them.
std::vector<std::string> in_order(const route_rule& rule, const terms& asked) {
  std::vector<std::string> names;
  for (const auto& target : rule.to) names.push_back(target.processor);
  const bool split = std::ranges::any_of(rule.to, [](const route_target& target) { return target.percent > 0; });
  if (!split) return names;

  const auto bucket = split_bucket(rule.name, asked.customer.empty() ? asked.idempotency_key : asked.customer);
  std::uint32_t upper = 0;
  for (std::size_t drawn = 0; drawn < rule.to.size(); ++drawn) {
    upper += rule.to[drawn].percent;
    if (bucket >= upper) continue;
    std::rotate(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(drawn),
                names.begin() + static_cast<std::ptrdiff_t>(drawn) + 1);
    break;
  }
  return names;
}

// Why a processor cannot take a payment; empty: it can.
std::string_view hindrance(const terms& asked, const processor_standing* who, std::string_view name) {
  if (who == nullptr) return "is not configured";
  if (!who->any_mode && who->live != (asked.mode == mode::live))
    return who->live ? "takes live payments only" : "takes test payments only";
  if (!holds(who->currencies, info_of(asked.amount.code).name)) return "does not take this currency";
  if (token_for(asked, name).empty()) return "has no token of this payment method";
  return {};
}

const processor_standing* find(std::span<const processor_standing> known, std::string_view name) {
  const auto at = std::ranges::find(known, name, &processor_standing::name);
  return at == known.end() ? nullptr : &*at;
}

// Takes down what happened, if anybody wants to know.
class narrator {
 public:
  narrator(explain wanted, std::vector<std::string>& into) : wanted_(wanted == explain::yes), into_(into) {}
  template <class... Parts>
  void say(const Parts&... parts) {
    if (!wanted_) return;
    auto& line = into_.emplace_back();
    (line.append(std::string_view{parts}), ...);
  }

 private:
  bool wanted_;
  std::vector<std::string>& into_;
};

std::vector<std::string> targets_of(const terms& asked, const routing_rules& by, route_choice& choice, narrator& told) {
  for (const auto& rule : by.rules) {
    if (const auto unmet = first_unmet(rule.when, asked); !unmet.empty()) {
      told.say("rule '", rule.name, "' does not fit: ", unmet);
      continue;
    }
    told.say("rule '", rule.name, "' fits");
    choice.rule = rule.name;
    return in_order(rule, asked);
  }
  told.say("no rule fits: the default list");
  choice.rule = "default";
  return by.otherwise;
}

}  // namespace

std::string token_for(const terms& asked, std::string_view processor) {
  const auto own = asked.tokens.find(std::string(processor));
  return own == asked.tokens.end() ? asked.token : own->second;
}

// FNV-1a, then mixed: neighbouring names must not be neighbours. Stable for ever, since customers were promised a side.
std::uint32_t split_bucket(std::string_view salt, std::string_view who) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto add = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    hash = (hash ^ 0xffu) * 0x100000001b3u;
  };
  add(salt);
  add(who);
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  return static_cast<std::uint32_t>((hash ^ (hash >> 31)) % 100);
}

route_choice choose_route(const terms& asked, const routing_rules& by, std::span<const processor_standing> known,
                          explain wanted) {
  route_choice choice;
  narrator told(wanted, choice.why);
  for (auto& name : targets_of(asked, by, choice, told)) {
    const auto* who = find(known, name);
    if (const auto why = hindrance(asked, who, name); !why.empty())
      told.say(name, " is left out: it ", why);
    else if (std::ranges::find(choice.route, name) == choice.route.end())
      choice.route.push_back(std::move(name));
  }
  const auto healthy = [known](const std::string& name) { return find(known, name)->healthy; };
  for (const auto& name : choice.route)
    if (!healthy(name)) told.say(name, " comes last: its circuit breaker is open");
  std::ranges::stable_partition(choice.route, healthy);
  if (choice.route.empty())
    told.say("nobody can take this payment");
  else
    told.say("first: ", choice.route.front());
  return choice;
}

}  // namespace novapay::domain
