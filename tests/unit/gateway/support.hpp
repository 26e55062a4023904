// support: the gateway's surroundings as a test wants them: payments that answer what they are told to, one known API
// key, a clock that stands still, and a log and metrics that remember.
#pragma once

#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "actors/credentials.hpp"
#include "actors/payments.hpp"
#include "gateway/api.hpp"

namespace novapay::gateway::testing {

inline constexpr std::string_view payment_id = "pay_06fc3v8m2s5k1d9q7w4x0a2b3c";
inline constexpr std::string_view card_number = "4242424242424242";
inline constexpr domain::timestamp noon{std::chrono::milliseconds{1'793'620'800'123}};  // 2026-11-02T12:00:00.123Z

std::string good_key();        // mrc_1's, test mode
std::string other_good_key();  // well formed, but nobody's

class fake_payments : public payments {
 public:
  // What each kind of call answers; set before the call. Without one the call's `done` is kept in `kept`.
  std::optional<reply> next;
  std::optional<page_reply> next_page;
  std::optional<history_reply> next_history;

  std::vector<caller> callers;
  std::vector<domain::terms> created;
  std::vector<std::pair<std::string, domain::command_type>> asked;
  std::vector<std::pair<std::string, return_details>> returned;
  std::vector<runtime::list_query> listed;
  std::vector<std::string> found_by_key;
  std::vector<reply_handler> kept;

  std::size_t calls() const { return callers.size(); }

  void create(const caller& who, domain::terms terms, reply_handler done) override {
    callers.push_back(who);
    created.push_back(std::move(terms));
    finish(std::move(done));
  }
  void ask(const caller& who, const std::string& id, domain::command_type what, reply_handler done) override {
    callers.push_back(who);
    asked.emplace_back(id, std::move(what));
    finish(std::move(done));
  }
  domain::route_choice explain_route(const domain::terms& of) override {
    explained.push_back(of);
    return next_choice;
  }
  std::vector<domain::terms> explained;
  domain::route_choice next_choice;
  void customer_returned(const caller& who, const std::string& id, return_details details,
                         reply_handler done) override {
    callers.push_back(who);
    returned.emplace_back(id, std::move(details));
    finish(std::move(done));
  }
  void list(const caller& who, runtime::list_query query, std::function<void(page_reply)> done) override {
    callers.push_back(who);
    listed.push_back(std::move(query));
    done(next_page.value_or(payment_page{}));
  }
  void find_by_key(const caller& who, std::string key, std::function<void(page_reply)> done) override {
    callers.push_back(who);
    found_by_key.push_back(std::move(key));
    done(next_page.value_or(payment_page{}));
  }
  void history(const caller& who, const std::string& id, std::function<void(history_reply)> done) override {
    callers.push_back(who);
    asked.emplace_back(id, domain::command::query{});
    done(next_history.value_or(std::vector<history_entry>{}));
  }

 private:
  void finish(reply_handler done) {
    if (next)
      done(*next);
    else
      kept.push_back(std::move(done));
  }
};

class fake_credentials : public credentials {
 public:
  std::optional<principal> find(std::string_view key) const override {
    if (key == good_key()) return principal{"mrc_1", domain::mode::test};
    return std::nullopt;
  }
};

class still_clock : public runtime::clock {
 public:
  runtime::timestamp time = noon;
  runtime::timestamp now() const override { return time; }
};

class counting_random : public runtime::random_source {
 public:
  std::uint64_t next() override { return ++last_ * 0x9E3779B97F4A7C15ULL; }

 private:
  std::uint64_t last_ = 0;
};

class recording_log : public runtime::log {
 public:
  std::vector<std::string> lines;  // "message name=value name=value"
  void write(runtime::log_level, std::string_view message, std::initializer_list<runtime::log_field> fields) override {
    std::ostringstream line;
    line << message;
    for (const auto& [name, value] : fields) {
      line << ' ' << name << '=';
      std::visit([&](const auto& each) { line << each; }, value);
    }
    lines.push_back(line.str());
  }
};

class recording_metrics : public runtime::metrics {
 public:
  struct series : runtime::counter, runtime::gauge, runtime::histogram {
    double value = 0;
    int observations = 0;
    void add(double n) override { value += n; }
    void set(double n) override { value = n; }
    void observe(double) override { ++observations; }
  };
  std::map<std::string, series> all;  // "name{label=value,…}"
  int lookups = 0;

  runtime::counter& count(const std::string& name, const std::string&, const runtime::metric_labels& labels) override {
    return at(name, labels);
  }
  runtime::gauge& level(const std::string& name, const std::string&, const runtime::metric_labels& labels) override {
    return at(name, labels);
  }
  runtime::histogram& spread(const std::string& name, const std::string&, const std::vector<double>&,
                             const runtime::metric_labels& labels) override {
    return at(name, labels);
  }

 private:
  series& at(std::string name, const runtime::metric_labels& labels) {
    ++lookups;
    name += '{';
    for (const auto& [label, value] : labels) name += label + "=" + value + ",";
    return all[name + "}"];
  }
};

// An api with all of the above, and what it answered.
struct bench {
  bench();

  fake_payments payments;
  fake_credentials credentials;
  still_clock clock;
  counting_random random;
  recording_log log;
  recording_metrics metrics;
  std::vector<runtime::http_response> answers;
  api gateway;

  // A request with the good key and, for a POST, an idempotency key and content type; `more` fields replace those.
  static runtime::http_request request(std::string method, std::string target, std::string body = {},
                                       runtime::http_fields more = {});
  runtime::http_response send(runtime::http_request request);  // must be answered at once
  runtime::http_response send(std::string method, std::string target, std::string body = {},
                              runtime::http_fields more = {}) {
    return send(request(std::move(method), std::move(target), std::move(body), std::move(more)));
  }
};

std::string field(const runtime::http_response& response, std::string_view name);       // "" if it has none
std::string error_of(const runtime::http_response& response, std::string_view member);  // "code", "param", …; "null"

// "status code param" of an error, e.g. "400 parameter_invalid amount".
std::string summary(const runtime::http_response& response);

// A payment as its events make it, one millisecond after another from `noon` on.
domain::payment given(const std::vector<domain::event_type>& events);
domain::terms some_terms();

inline const std::string simple_create =
    R"({"amount":1099,"currency":"usd","payment_method":{"type":"card","token":"tok_visa"}})";

}  // namespace novapay::gateway::testing
