// Random misdeeds, and what the server knows about each call against what the client concluded.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <unordered_map>
#include <utility>

#include "tests/unit/adapters/http_client/calls.hpp"

using namespace novapay::test;

namespace {

struct knowledge {
  int seen_whole = 0;  // requests that arrived whole
  int answered = 0;    // ... and were answered whole
};

class ledger {
 public:
  void note(const std::string& id, int knowledge::*what) {
    const std::lock_guard lock{mutex_};
    ++(all_[id].*what);
  }
  void note_bytes(const std::string& received) {  // every id of which the server saw anything
    const std::lock_guard lock{mutex_};
    for (auto at = received.find("id="); at != std::string::npos; at = received.find("id=", at + 1))
      all_[received.substr(at, received.find_first_of(" ;&\r", at) - at)];
  }
  const knowledge* of(const std::string& id) const {
    const auto found = all_.find(id);
    return found == all_.end() ? nullptr : &found->second;
  }
  unsigned below(unsigned bound) {
    const std::lock_guard lock{mutex_};
    return static_cast<unsigned>(random_() % bound);
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, knowledge> all_;
  std::mt19937 random_{20261122};
};

std::string id_in(const std::string& text) {
  const auto at = text.find("id=");
  return text.substr(at, text.find(';', at) - at);
}

// A call that has all the time it needs, and on which the server does not fall silent: how it ends is the server's doing alone, and no
// slowness of this machine's.
bool is_patient(const std::string& id) { return std::stoi(id.substr(3)) % 2 == 1; }

// The id is in the request line and in the body.
void misbehave(ledger& books, conversation& with) {
  seen_request request;
  const auto over = [&] { books.note_bytes(with.received()); };
  for (;;) {
    if (books.below(40) == 0) {  // hangs up between two requests
      if (books.below(2)) with.reset();
      return over();
    }
    if (books.below(40) == 0) {  // reads a part only
      std::string some;
      with.read_exactly(some, 1 + books.below(60));  // less than any request has
      with.reset();
      return over();
    }
    if (!with.read_request(request)) return over();
    const auto id = id_in(request.body);
    books.note(id, &knowledge::seen_whole);
    auto deed = books.below(16);
    if (deed == 5 && is_patient(id)) deed = 15;
    switch (deed) {
      case 0: return over();
      case 1: with.reset(); return over();
      case 2: with.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"); return over();
      case 3:
        with.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
        with.reset();
        return over();
      case 4: with.write("HTTP/1.1 100 Continue\r\n\r\n"); return over();
      case 5: with.wait_until_closed(); return over();
      case 6:
        books.note(id, &knowledge::answered);
        with.write("HTTP/1.1 103 Early Hints\r\n\r\n" + answer(id, "Connection: close\r\n"));
        return over();
      case 7: with.write("nonsense\r\n\r\n"); return over();
      default:
        books.note(id, &knowledge::answered);
        if (!with.write(answer(id))) return over();
    }
  }
}

constexpr auto very_long = std::chrono::minutes{5};

struct tally {
  int of_patient[5] = {};
};

// Sends `count` calls, 48 at a time, some of them canceled, and waits for all.
std::vector<std::pair<std::string, call_result>> run(caller& on, const std::string& url, int count, ledger& books) {
  std::vector<std::pair<std::string, call_result>> out(static_cast<std::size_t>(count));
  std::mutex mutex;
  std::condition_variable changed;
  int under_way = 0;
  int ended = 0;
  for (int i = 0; i < count; ++i) {
    auto& [id, result] = out[static_cast<std::size_t>(i)];
    id = "id=" + std::to_string(i);
    auto what = post(url + "?" + id + ";", id + ";" + std::string(books.below(4) == 0 ? 100'000 : 10, 'x'));
    if (is_patient(id))
      what.total_timeout = what.connect_timeout = very_long;
    else
      what.total_timeout = std::chrono::milliseconds{30 + books.below(300)};
    {
      std::unique_lock lock{mutex};
      REQUIRE(changed.wait_for(lock, very_long, [&] { return under_way < 48; }));
      ++under_way;
    }
    const auto call = on.http.send(std::move(what), [&, to = &result](call_result got) {
      const std::lock_guard lock{mutex};
      *to = std::move(got);
      --under_way;
      ++ended;
      changed.notify_all();
    });
    if (books.below(20) == 0) on.http.cancel(call);
  }
  std::unique_lock lock{mutex};
  REQUIRE(changed.wait_for(lock, very_long, [&] { return ended == count; }));
  return out;
}

void judge(const std::vector<std::pair<std::string, call_result>>& calls, const ledger& books, tally& fates) {
  static const knowledge nothing;
  for (const auto& [id, result] : calls) {
    CAPTURE(id);
    CAPTURE(result.reason);
    CAPTURE(result.detail);
    const auto* found = books.of(id);
    const auto& known = found ? *found : nothing;
    if (is_patient(id)) {
      ++fates.of_patient[static_cast<int>(result.fate)];
      CHECK(result.reason.find("timeout") == std::string::npos);  // nothing gets lost in here
    }
    CHECK(known.seen_whole <= 1);
    switch (result.fate) {
      case call_fate::never_sent: CHECK_MESSAGE(found == nullptr, "the server has seen some of it"); break;
      case call_fate::refused: FAIL_CHECK("the server refuses nobody"); break;
      case call_fate::answered:
        CHECK(known.answered == 1);
        CHECK(result.response.body == id);
        break;
      case call_fate::may_be_executed: break;  // always allowed
    }
  }
}

}  // namespace

TEST_CASE("http_client: 2,000 calls to a server that misbehaves at random") {
  ledger books;
  tally fates;
  std::vector<std::pair<std::string, call_result>> calls;
  {
    bad_server server{[&](conversation& with) { misbehave(books, with); }};
    pool_settings settings;
    settings.calls_max = settings.connections_max = 32;
    caller on{settings};
    calls = run(on, server.url("/"), 2000, books);
  }  // every conversation is over
  judge(calls, books, fates);
  CHECK(fates.of_patient[static_cast<int>(call_fate::answered)] > 250);
  CHECK(fates.of_patient[static_cast<int>(call_fate::may_be_executed)] > 100);
}
