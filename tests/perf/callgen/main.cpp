// callgen: what outgoing calls cost. `callgen serve` answers every request after a delay, like a processor; `callgen call` keeps so many
// calls to it under way and prints one line of JSON: calls a second, this process's CPU in cores, times beyond the delay, fates.
//
// In two processes, so that the caller's CPU time is its own. tests/perf/outgoing.py runs both.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/http/server.hpp"
#include "adapters/http_client/client.hpp"
#include "tests/support/silent_ports.hpp"

using namespace novapay;
using namespace std::chrono_literals;
using instant = std::chrono::steady_clock::time_point;

namespace {

const std::string answer_body =
    R"({"id":"pi_3MtwBwLkdIwHu7ix28a3tqPa","object":"payment_intent","amount":2000,"status":"requires_capture"})";

// Answers in the order of arrival, each after the same delay.
class delayed {
 public:
  explicit delayed(std::chrono::milliseconds by) : by_{by}, thread_{[this] { run(); }} {}
  ~delayed() {
    {
      const std::lock_guard lock{mutex_};
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void operator()(runtime::http_request, runtime::http_respond respond) {
    const std::lock_guard lock{mutex_};
    waiting_.emplace_back(std::chrono::steady_clock::now() + by_, std::move(respond));
    if (waiting_.size() == 1) changed_.notify_all();
  }

 private:
  void run() {
    std::unique_lock lock{mutex_};
    while (!over_) {
      if (waiting_.empty()) {
        changed_.wait(lock);
        continue;
      }
      const auto now = std::chrono::steady_clock::now();
      if (waiting_.front().first > now) {
        changed_.wait_until(lock, waiting_.front().first);
        continue;
      }
      const auto respond = std::move(waiting_.front().second);
      waiting_.pop_front();
      lock.unlock();
      respond({200, {{"Content-Type", "application/json"}, {"Request-Id", "req_0123456789"}}, answer_body});
      lock.lock();
    }
  }

  const std::chrono::milliseconds by_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<instant, runtime::http_respond>> waiting_;
  bool over_ = false;
  std::thread thread_;
};

int serve(std::chrono::milliseconds delay) {
  delayed later{delay};
  adapters::http::http_server_settings settings;
  settings.requests_in_flight_max = 100'000;
  settings.requests_per_connection_max = 1'000'000'000;
  adapters::http::http_server server{settings,
                                     [&](runtime::http_request request, runtime::http_respond respond) {
                                       later(std::move(request), std::move(respond));
                                     },
                                     [](runtime::http_refusal, std::string_view detail) {
                                       return runtime::http_response{503, {}, std::string{detail}};
                                     }};
  server.start();
  std::printf("%u\n", unsigned{server.port()});
  std::fflush(stdout);
  while (std::getchar() != EOF) {  // until whoever started it is gone
  }
  return 0;
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// Keeps calls under way until it is stopped; what is counted is counted by the client's thread alone.
class load {
 public:
  load(std::string url, std::size_t in_flight, std::string ca_file) : url_{std::move(url)}, in_flight_{in_flight} {
    adapters::http_client::pool_settings settings;
    settings.calls_max = settings.connections_max = in_flight;
    settings.queue_max = in_flight;
    settings.ca_file = std::move(ca_file);
    http_.emplace(std::map<std::string, adapters::http_client::pool_settings>{{"bench", settings}}, metrics_);
  }

  void begin() {
    for (std::size_t i = 0; i < in_flight_; ++i) next();
  }
  void count(bool on) { counting_ = on; }
  void end() {
    stopping_ = true;
    http_.reset();
  }

  std::map<std::string, std::size_t> fates;
  std::vector<std::int64_t> took_us;
  std::atomic<bool> counting_{false};

 private:
  void next() {
    runtime::outgoing_call what;
    what.method = "POST";
    what.url = url_;
    what.pool = "bench";
    what.fields = {{"Authorization", "Bearer sk_test_4eC39HqLyjWDarjtT1zdp7dc"},
                   {"Content-Type", "application/x-www-form-urlencoded"},
                   {"Stripe-Version", "2024-06-20"},
                   {"Idempotency-Key", "pay_01m81y9pcqdrckk7wsseqm69yx:authorize"}};
    what.body =
        "amount=2000&currency=eur&capture_method=manual&confirm=true&payment_method=pm_card_visa"
        "&metadata[novapay_payment]=pay_01m81y9pcqdrckk7wsseqm69yx&metadata[novapay_operation]=authorize:1";
    http_->send(std::move(what), [this](runtime::call_result result) {
      if (stopping_) return;
      if (counting_) {
        const std::string why = result.reason.empty() ? std::to_string(result.response.status) : result.reason;
        ++fates[std::string{to_text(result.fate)} + " " + why];
        took_us.push_back(result.took.count());
      }
      next();
    });
  }

  const std::string url_;
  const std::size_t in_flight_;
  std::atomic<bool> stopping_{false};
  testing::silent_metrics metrics_;
  std::optional<adapters::http_client::client> http_;
};

int call(const std::string& url, std::size_t in_flight, double seconds, const std::string& ca_file) {
  load work{url, in_flight, ca_file};
  work.begin();
  std::this_thread::sleep_for(2s);  // connections, caches
  const auto begun = std::chrono::steady_clock::now();
  const auto cpu = cpu_seconds();
  work.count(true);
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  work.count(false);
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  const auto used = cpu_seconds() - cpu;
  work.end();

  auto& times = work.took_us;
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return times.empty()
               ? 0.0
               : static_cast<double>(times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))]) /
                     1000;
  };
  std::printf(
      "{\"calls_per_s\": %.0f, \"cores\": %.3f, \"us_per_call\": %.1f, \"p50_ms\": %.1f, \"p99_ms\": %.1f, \"fates\": "
      "{",
      static_cast<double>(times.size()) / took, used / took,
      used * 1e6 / static_cast<double>(std::max<std::size_t>(times.size(), 1)), at(0.5), at(0.99));
  const char* comma = "";
  for (const auto& [fate, count] : work.fates) {
    std::printf("%s\"%s\": %zu", comma, fate.c_str(), count);
    comma = ", ";
  }
  std::printf("}}\n");
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.size() == 2 && words[0] == "serve") return serve(std::chrono::milliseconds{std::stol(words[1])});
  if ((words.size() == 4 || words.size() == 5) && words[0] == "call")
    return call(words[1], std::stoul(words[2]), std::stod(words[3]), words.size() == 5 ? words[4] : "");
  std::fprintf(stderr, "usage: callgen serve DELAY_MS | callgen call URL IN_FLIGHT SECONDS [CA_FILE]\n");
  return 64;
}
