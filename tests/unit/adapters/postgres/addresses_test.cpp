#include "adapters/postgres/addresses.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <memory>

using namespace novapay::postgres;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

// Names servers that answer, or do not, as told.
struct name_service {
  std::atomic<bool> answers{true};
  std::atomic<int> asked{0};
  std::promise<void> thaw;
  std::shared_future<void> thawed{thaw.get_future()};
};

address_book::look_up through(const std::shared_ptr<name_service>& service) {
  return [service](const std::string& name) -> std::vector<std::string> {
    ++service->asked;
    if (!service->answers) service->thawed.wait();
    if (name == "nowhere") return {};
    return {name == "one" ? "192.0.2.1" : "192.0.2.2", "2001:db8::1"};
  };
}

std::vector<target> ask(address_book& book, std::chrono::milliseconds within = 10s) {
  return book.targets(steady::now() + within);
}

}  // namespace

TEST_CASE("postgres/addresses: names become addresses, each with its port; what libpq takes by itself stays") {
  auto service = std::make_shared<name_service>();
  address_book names{"host=one,two port=5432,5433 dbname=x", through(service)};
  CHECK(ask(names) == std::vector<target>{{"one", "192.0.2.1", "5432"},
                                          {"one", "2001:db8::1", "5432"},
                                          {"two", "192.0.2.2", "5433"},
                                          {"two", "2001:db8::1", "5433"}});
  address_book uri{"postgresql://one:6000/x", through(service)};
  CHECK(ask(uri).front() == target{"one", "192.0.2.1", "6000"});
  address_book mixed{"host=127.0.0.1,/run/postgresql port=7000", through(service)};
  CHECK(ask(mixed) == std::vector<target>{{"127.0.0.1", "127.0.0.1", "7000"}, {"/run/postgresql", "", "7000"}});
  const auto asked = service->asked.load();
  for (const auto* left_alone :
       {"dbname=x", "host=one hostaddr=192.0.2.9", "host=one,two port=1,2,3", "not a string ="}) {
    address_book book{left_alone, through(service)};
    CHECK(ask(book) == std::vector<target>{target{}});
  }
  CHECK(service->asked == asked);
}

TEST_CASE("postgres/addresses: while names are not answered the known addresses do, and soon") {
  auto service = std::make_shared<name_service>();
  address_book book{"host=one", through(service)};
  const auto known = ask(book);
  REQUIRE(known.size() == 2);

  service->answers = false;
  const auto asked = service->asked.load();
  const auto began = steady::now();
  for (int i = 0; i < 3; ++i) CHECK(ask(book) == known);
  CHECK(steady::now() - began < 5s);
  CHECK(service->asked == asked + 1);  // a look-up that hangs is not joined by others
  service->thaw.set_value();
}

TEST_CASE("postgres/addresses: a name never heard of is waited for until the deadline and no longer") {
  auto service = std::make_shared<name_service>();
  service->answers = false;
  address_book book{"host=one", through(service)};
  const auto began = steady::now();
  CHECK(ask(book, 400ms).empty());
  CHECK(steady::now() - began >= 400ms);
  service->thaw.set_value();
  CHECK(ask(book).size() == 2);

  address_book wrong{"host=nowhere", through(service)};
  CHECK(ask(wrong).empty());  // at once: it was answered
}
