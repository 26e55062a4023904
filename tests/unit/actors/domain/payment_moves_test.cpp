// Walks the whole product of situations and commands against payment_moves.txt, which was reviewed line by line.
// After an intended change: NOVAPAY_PRINT_MOVES=1 build/…/test_unit -tc='payment/moves*' prints the table as it is now.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>

#include "tests/unit/actors/domain/payment_fixture.hpp"

using namespace novapay::domain;
using namespace novapay::domain::testing;

namespace {

std::map<std::string, std::map<std::string, std::string>> reviewed_table() {
  const char* root = std::getenv("NOVAPAY_SOURCE_DIR");
  std::ifstream file(std::string(root != nullptr ? root : ".") + "/tests/unit/actors/domain/payment_moves.txt");
  REQUIRE_MESSAGE(file.good(), "set NOVAPAY_SOURCE_DIR to the checkout");
  std::map<std::string, std::map<std::string, std::string>> table;
  std::string line;
  std::string state;
  while (std::getline(file, line)) {
    if (line.empty() || line.front() == '#') continue;
    if (line.front() != ' ') {
      state = line;
    } else {
      const auto split = line.find(" -> ");
      REQUIRE(split != std::string::npos);
      table[state][line.substr(2, split - 2)] = line.substr(split + 4);
    }
  }
  return table;
}

}  // namespace

TEST_CASE("payment/moves: every command in every situation leads where the reviewed table says") {
  if (std::getenv("NOVAPAY_PRINT_MOVES") != nullptr) {
    for (const auto& [name, now] : situations()) {
      std::cout << name << " [" << to_text(summarize(now).status) << "]\n";
      for (const auto& [what, asked, when] : questions())
        std::cout << "  " << what << " -> " << text_of(decide(now, asked, when)) << "\n";
    }
    return;
  }
  const auto table = reviewed_table();
  CHECK(table.size() == situations().size());
  for (const auto& [name, now] : situations()) {
    const auto state = name + " [" + std::string(to_text(summarize(now).status)) + "]";
    REQUIRE_MESSAGE(table.contains(state), state);
    CHECK(table.at(state).size() == questions().size());
    for (const auto& [what, asked, when] : questions()) {
      INFO(state << ": " << what);
      REQUIRE(table.at(state).contains(what));
      CHECK(text_of(decide(now, asked, when)) == table.at(state).at(what));
    }
  }
}

TEST_CASE("payment/moves: a refusal of a move names the moves that are legal, and these are") {
  for (const auto& [name, now] : situations()) {
    INFO(name);
    for (const auto& [what, asked, when] : questions()) {
      const auto made = decide(now, asked, when);
      if (!made.refused || made.refused->code != refusal_code::payment_unexpected_state) continue;
      for (const auto& move : made.refused->legal) {
        const command_type retry = move == "capture"  ? command_type{command::capture{"key-fresh", std::nullopt, false}}
                                   : move == "refund" ? command_type{command::refund{"key-fresh", std::nullopt, ""}}
                                   : move == "cancel" ? command_type{command::cancel{"key-fresh", ""}}
                                                      : command_type{command::confirm{"key-fresh", {}}};
        CHECK_FALSE(decide(now, retry, when).refused);
        CHECK(made.refused->message.find(move) != std::string::npos);
      }
    }
  }
}
