// callgen: a processor, and what calls to it cost. `callgen serve` answers as Stripe would (stripe_answers.hpp), each request after a
// delay; told by a line "expire PORT PATH SECRET CONNECTIONS" on its standard input, it sends for each payment that it has authorized that
// this has lapsed, and prints a line of JSON when all are answered. `callgen call` keeps so many calls to it under way and prints one line
// of JSON: calls a second, this process's CPU in cores, times, fates.
//
// In two processes, so that the caller's CPU time is its own. ./dev bench --processors runs both, and a node against the first.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/http/server.hpp"
#include "adapters/http_client/client.hpp"
#include "tests/perf/callgen/deliveries.hpp"
#include "tests/perf/callgen/stripe_answers.hpp"
#include "tests/support/silent_ports.hpp"

using namespace novapay;
using namespace std::chrono_literals;
using instant = std::chrono::steady_clock::time_point;

namespace {

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
  void operator()(const runtime::http_request& asked, runtime::http_respond respond) {
    auto with = callgen::stripe_answer(asked);
    const std::lock_guard lock{mutex_};
    waiting_.push_back({std::chrono::steady_clock::now() + by_, std::move(respond), std::move(with)});
    if (waiting_.size() == 1) changed_.notify_all();
  }

 private:
  struct held {
    instant due;
    runtime::http_respond respond;
    runtime::http_response with;
  };

  void run() {
    std::unique_lock lock{mutex_};
    while (!over_) {
      if (waiting_.empty()) {
        changed_.wait(lock);
        continue;
      }
      const auto now = std::chrono::steady_clock::now();
      if (waiting_.front().due > now) {
        changed_.wait_until(lock, waiting_.front().due);
        continue;
      }
      auto next = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      next.respond(std::move(next.with));
      lock.lock();
    }
  }

  const std::chrono::milliseconds by_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<held> waiting_;
  bool over_ = false;
  std::thread thread_;
};

std::string counts(const std::map<std::string, std::size_t>& of) {
  std::string text;
  for (const auto& [name, count] : of) text += (text.empty() ? "{\"" : ", \"") + name + "\": " + std::to_string(count);
  return text.empty() ? "{}" : text + "}";
}

// Those that have been authorized, by name. The listener's thread adds them.
class authorized {
 public:
  void add(std::string_view name) {
    if (name.empty()) return;
    const std::lock_guard lock{mutex_};
    names_.emplace_back(name);
  }
  std::vector<std::string> take() {
    const std::lock_guard lock{mutex_};
    return std::exchange(names_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> names_;
};

void expire(authorized& payments, std::istream& how) {
  unsigned port = 0;
  std::string path, secret;
  std::size_t connections = 1;
  how >> port >> path >> secret >> connections;
  const auto names = payments.take();
  auto next = names.begin();
  const auto done = callgen::deliver(static_cast<std::uint16_t>(port), path, connections,
                                     [&](std::string& fields, std::string& body) {
                                       if (next == names.end()) return false;
                                       body = callgen::expired_event(*next++);
                                       fields = "Content-Type: application/json; charset=utf-8\r\nStripe-Signature: " +
                                                callgen::signature_of(body, secret) + "\r\n";
                                       return true;
                                     });
  std::printf("{\"webhooks\": %zu, \"seconds\": %.3f, \"answers\": %s}\n", names.size(), done.seconds,
              counts(done.answers).c_str());
  std::fflush(stdout);
}

int serve(std::chrono::milliseconds delay) {
  delayed later{delay};
  authorized payments;
  adapters::http::http_server_settings settings;
  settings.requests_in_flight_max = 100'000;
  settings.requests_per_connection_max = 1'000'000'000;
  adapters::http::http_server server{settings,
                                     [&](runtime::http_request request, runtime::http_respond respond) {
                                       payments.add(callgen::authorized_by(request));
                                       later(request, std::move(respond));
                                     },
                                     [](runtime::http_refusal, std::string_view detail) {
                                       return runtime::http_response{503, {}, std::string{detail}};
                                     }};
  server.start();
  std::printf("%u\n", unsigned{server.port()});
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {  // until whoever started it is gone
    std::istringstream words{line};
    std::string what;
    if (words >> what && what == "expire") expire(payments, words);
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
      "%s}\n",
      static_cast<double>(times.size()) / took, used / took,
      used * 1e6 / static_cast<double>(std::max<std::size_t>(times.size(), 1)), at(0.5), at(0.99),
      counts(work.fates).c_str());
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
