// routing: which processor a new payment goes to, as a pure function of its terms, its merchant's rules and what is known of the
// processors. Rules are data. The first rule that fits decides; without one the default list does.
//
//   rule's targets ─► who can take it (mode, currency, token) ─► healthy ones first ─► route: the first is tried first
//
// A rule's split is stable: the same customer (without one: the same idempotency key) always falls on the same side of it.
// Rules are bounded (rules_max and the like, checked where they are read), so a decision takes microseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/domain/payment_state.hpp"

namespace novapay::domain {

inline constexpr std::size_t rules_max = 200;   // of one merchant
inline constexpr std::size_t values_max = 200;  // of one list in a condition
inline constexpr std::size_t targets_max = 8;   // of one rule

// All that is given must hold. A list holds if the payment's value is one of it; a value the payment does not tell is in no list.
struct route_condition {
  std::vector<std::string> currencies{};           // "eur"
  std::vector<std::string> countries{};            // "DE"
  std::vector<std::string> methods{};              // "card"
  std::vector<std::string> brands{};               // "visa"
  std::optional<std::int64_t> amount_min_minor{};  // inclusive
  std::optional<std::int64_t> amount_max_minor{};  // inclusive
  std::map<std::string, std::string> metadata{};   // every pair must be there
};

struct route_target {
  std::string processor;
  std::uint32_t percent = 0;  // of a split; 0 in a priority list
};

struct route_rule {
  std::string name;
  route_condition when;
  std::vector<route_target>
      to;  // a priority list, or a split: percents that add up to 100; who is not drawn follows in order
};

struct routing_rules {
  std::vector<route_rule> rules;
  std::vector<std::string> otherwise;  // the default list
};

// A processor as the node is configured, and as it is doing.
struct processor_standing {
  std::string name;
  bool live = false;                    // takes live payments; test payments otherwise
  bool healthy = true;                  // false: its breaker is open for authorizations
  std::vector<std::string> currencies;  // it takes; empty: all
  bool any_mode = false;                // the sandbox: moves no money in either mode
};

struct route_choice {
  std::vector<std::string> route;  // names of processors, the first is tried first; empty: nobody can take it
  std::string rule;                // name of the rule that decided, or "default"
  std::vector<std::string> why;    // for people, a line a step; only if asked for
};

enum class explain : bool { no, yes };
route_choice choose_route(const terms& asked, const routing_rules& by, std::span<const processor_standing> known,
                          explain wanted = explain::no);

// The payment method's token at a processor; empty: it has none there.
std::string token_for(const terms& asked, std::string_view processor);

// 0 to 99. `salt` keeps the splits of different rules apart.
std::uint32_t split_bucket(std::string_view salt, std::string_view who) noexcept;

}  // namespace novapay::domain
