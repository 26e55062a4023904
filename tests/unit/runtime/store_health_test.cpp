#include "runtime/store_health.hpp"

#include <doctest/doctest.h>

#include "runtime/limits.hpp"
#include "tests/support/silent_ports.hpp"

using namespace novapay::runtime;
using namespace novapay::testing;

namespace {

// Counts the lines that begin with a text.
class counting_log final : public novapay::runtime::log {
 public:
  void write(log_level, std::string_view message, std::initializer_list<log_field>) override {
    if (message == "the store fails") ++failing;
    if (message == "the store works again") ++working;
  }
  int failing = 0;
  int working = 0;
};

struct bench {
  fake_clock clock;
  counting_log log;
  silent_metrics metrics;
  store_health store{clock, log, metrics};
};

}  // namespace

TEST_CASE("runtime/store_health: one failure is a connection's, two in a row are the store's") {
  bench b;
  for (int i = 0; i < 5; ++i) {
    b.store.failed(store_side::writing, "cut");
    CHECK(b.store.suspected(store_side::writing));
    CHECK(b.store.takes_writes());
    b.store.works(store_side::writing);
    CHECK_FALSE(b.store.suspected(store_side::writing));
  }
  CHECK(b.log.failing == 0);
  b.store.failed(store_side::writing, "no space");
  b.store.failed(store_side::writing, "no space left");
  CHECK_FALSE(b.store.takes_writes());
  CHECK(b.store.gives_reads());
  CHECK(b.store.trouble() == "writing: no space left");
}

TEST_CASE("runtime/store_health: an outage is said once, and its end once, whichever sides it had") {
  bench b;
  for (int i = 0; i < 100; ++i) {
    b.store.failed(store_side::writing, "gone");
    b.store.failed(store_side::reading, "gone");
  }
  CHECK(b.log.failing == 1);
  b.store.works(store_side::reading);
  CHECK(b.log.working == 0);
  b.store.works(store_side::writing);
  b.store.works(store_side::writing);
  CHECK(b.log.working == 1);
  CHECK(b.store.trouble().empty());
}

TEST_CASE("runtime/store_health: a write that does not end is a store that fails, until it has ended well") {
  bench b;
  const std::chrono::steady_clock::time_point began{std::chrono::hours{1}};
  b.store.look_for_stall(began + store_stall_max * 2);  // nothing is under way
  CHECK(b.store.takes_writes());
  b.store.write_began(began);
  b.store.look_for_stall(began + store_stall_max / 2);
  CHECK(b.store.takes_writes());
  b.store.look_for_stall(began + store_stall_max);
  CHECK_FALSE(b.store.takes_writes());
  b.store.write_ended();
  b.store.works(store_side::writing);
  CHECK(b.store.takes_writes());
  CHECK(b.log.failing == 1);
}
