#include <doctest/doctest.h>

#include "runtime/limits.hpp"
#include "runtime/log_writer.hpp"
#include "tests/unit/runtime/log_writer_world.hpp"

using namespace novapay::runtime;
using namespace novapay::test;

TEST_CASE("log_writer/probe: takes a page of the log of a shard it holds, and leaves no gap") {
  world w;
  CHECK(w.writer.probe(noon).status == committed);  // nothing is held: that the store answers must do
  w.claim({a});
  CHECK(w.writer.probe(noon).status == committed);
  CHECK(w.store.log(a).size() == 1 + probe_records);
  CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1)})) == statuses_t{committed});
  CHECK(w.events(a) == sequences{1});
  w.store.fail_append(append_fault::unavailable);
  CHECK(w.writer.probe(noon).status == unavailable);
}

TEST_CASE("log_writer/probe: one in doubt is resolved before anything else is written") {
  for (const auto fault : {append_fault::unknown_applied, append_fault::unknown_lost}) {
    world w;
    w.claim({a});
    w.store.fail_append(fault);
    w.store.fail_reads(2);
    CHECK(w.writer.probe(noon).status == unknown);
    CHECK(w.writer.unresolved());
    CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1)})) == statuses_t{unavailable});
    const auto resolved = w.writer.resolve();
    REQUIRE(resolved.has_value());
    CHECK(statuses(*resolved) == statuses_t{committed});
    CHECK(statuses(w.writer.commit(std::vector{event(a, 0, 1, 1)})) == statuses_t{committed});
    CHECK(w.events(a) == sequences{1});
    CHECK(w.store.log(a).size() == 1 + probe_records + 1);
  }
}
