// routing: which processor a new payment goes to, as a pure function of its terms, its merchant's rules and what is known of the
// processors' health. Rules are data. The first rule that fits decides; without one the default list does.
//
// A rule's split is stable: the same customer (or, without one, the same payment key) always falls on the same side.
// Bound: at most rules_max rules of at most conditions_max conditions: a decision takes microseconds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/domain/payment_state.hpp"

namespace novapay::domain {

inline constexpr std::size_t rules_max = 200;
inline constexpr std::size_t values_max = 200;
inline constexpr std::size_t targets_max = 8;

// All that are given must hold; a list holds if the payment's value is one of it.
struct route_condition {
  std::vector<std::string> currencies;           // "eur"
  std::vector<std::string> countries;            // "DE"
  std::vector<std::string> methods;              // "card"
  std::vector<std::string> brands;               // "visa"
  std::optional<std::int64_t> amount_min_minor;  // inclusive
  std::optional<std::int64_t> amount_max_minor;  // inclusive
  std::map<std::string, std::string> metadata;   // every pair must be there
};

struct route_target {
  std::string processor;
  std::uint32_t percent = 0;  // of a split; 0 in a priority list
};

struct route_rule {
  std::string name;
  route_condition when;
  std::vector<route_target>
      to;  // in order of priority, or a split whose percents add up to 100 (the others follow in order)
};

struct routing_rules {
  std::vector<route_rule> rules;
  std::vector<std::string> otherwise;  // the default list
};

// What is known of a configured processor.
struct processor_standing {
  std::string name;
  bool live = false;                 // takes live payments; test payments otherwise
  bool healthy = true;               // false: its breaker is open for authorizations
  std::vector<currency> currencies;  // it takes; empty: all
};

struct route_choice {
  std::vector<std::string> route;  // empty: nobody can take it
  std::string rule;                // name of the rule, "default"
  std::vector<std::string> why;    // one line a step, for people: which rules did not fit and why, who was left out
};

route_choice choose_route(const terms& asked, const routing_rules& by, const std::vector<processor_standing>& known);

}  // namespace novapay::domain
