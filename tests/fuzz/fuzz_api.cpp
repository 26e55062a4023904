// api: bytes of a connection → answers. Each request gets just one answer, whose bytes say where it ends; JSON is JSON; an error
// repeats no secret; and nothing that a client sent reaches the log but its request id.
#include <nlohmann/json.hpp>

#include "adapters/http/request_reader.hpp"
#include "adapters/http/response_text.hpp"
#include "gateway/api.hpp"
#include "gateway/secret_guard.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/silent_ports.hpp"

namespace {

using namespace novapay;
using fuzz::must;

constexpr std::string_view the_key = "np_test_sk_0000000000000000000000000000000038TiZh";
// The corpus has it in every place a client can write to; its o keeps it out of ids.
constexpr std::string_view canary = "parrot";
constexpr std::string_view payment_id = "pay_06fc3v8m2s5k1d9q7w4x0a2b3c";

// Answers everything at once: with a captured payment that has a refund, or, by the length of what is asked, with trouble.
class ready_payments final : public payments {
 public:
  void create(const caller&, domain::terms asked, reply_handler done) override { answer_to(asked.token.size(), done); }
  void ask(const caller&, const std::string&, domain::command_type what, reply_handler done) override {
    answer_to(what.index(), done);
  }
  domain::route_choice explain_route(const domain::terms&) override { return {}; }
  void customer_returned(const caller&, const std::string&, return_details details, reply_handler done) override {
    answer_to(details.size(), done);
  }
  void list(const caller&, runtime::list_query, std::function<void(page_reply)> done) override { done(page()); }
  void find_by_key(const caller&, std::string, std::function<void(page_reply)> done) override { done(page()); }
  void history(const caller&, const std::string&, std::function<void(history_reply)> done) override {
    done(std::vector<history_entry>{{1, {}, events().front()}});
  }

 private:
  static std::vector<domain::event_type> events() {
    domain::terms terms;
    terms.id = payment_id;
    terms.amount = {100, *domain::parse_currency("usd")};
    terms.method_type = "card";
    terms.token = "tok_visa";
    return {domain::event::created{terms},
            domain::event::authorized{{domain::operation_kind::authorize, 1}, "auth_1", {}},
            domain::event::capture_requested{1, "key", 100, 100, false}, domain::event::captured{1, "cap_1"},
            domain::event::refund_requested{1, "key", 40, 40, "other"}};
  }
  static domain::payment captured() {
    domain::payment now;
    for (const auto& happened : events()) now = domain::evolve(std::move(now), happened, {});
    return now;
  }
  static payment_page page() { return {{captured()}, true, std::string{payment_id}}; }
  static void answer_to(std::size_t number, const reply_handler& done) {
    if (number % 7 == 5) return done(domain::refusal{domain::refusal_code::not_found, "No such payment.", "", {}});
    if (number % 7 == 6) return done(trouble_report{trouble::unavailable, "the store is out of reach"});
    done(answer{captured(), domain::operation_id{domain::operation_kind::refund, 1}, number % 2 == 0, {}});
  }
};

class one_key final : public credentials {
 public:
  std::optional<principal> find(std::string_view key) const override {
    if (key == the_key) return principal{"mrc_1", domain::mode::test};
    return std::nullopt;
  }
};

class watched_log final : public runtime::log {
 public:
  void write(runtime::log_level, std::string_view message, std::initializer_list<runtime::log_field> fields) override {
    must(message.find(canary) == std::string_view::npos, "the log's words are ours");
    for (const auto& [name, value] : fields)
      if (const auto* text = std::get_if<std::string_view>(&value); text != nullptr && name != "request_id")
        must(text->find(canary) == std::string_view::npos, "nothing a client sent is logged");
  }
};

void check(const runtime::http_response& response, bool head_only) {
  must(response.status >= 200 && response.status < 600, "a status is one");
  std::string_view type;
  for (const auto& [name, value] : response.fields)
    if (name == "content-type") type = value;
  if (type == "application/json") {
    const auto body = nlohmann::json::parse(response.body, nullptr, false);
    must(!body.is_discarded(), "JSON is JSON");
    if (response.status >= 400)
      for (const auto* member : {"message", "param"})
        if (const auto& text = body.at("error").at(member); text.is_string())
          must(!gateway::secret_in(text.get<std::string>()), "an error repeats no secret");
  }

  std::string bytes;
  adapters::http::append_response(bytes, response, {.date = "now", .head_only = head_only});
  const auto end = bytes.find("\r\n\r\n");
  must(bytes.starts_with("HTTP/1.1 ") && end != std::string::npos, "an answer has a head");
  must(bytes.size() - end - 4 == (head_only ? 0 : response.body.size()), "and ends where it says");
  std::size_t lines = 0;
  for (const char c : std::string_view{bytes}.substr(0, end)) lines += c == '\n' ? 1 : 0;
  must(lines <= response.fields.size() + 3, "no field forges another");
}

}  // namespace

FUZZ_TARGET(api) {
  ready_payments payments;
  const one_key credentials;
  const testing::fake_clock clock;
  testing::seeded_random random{1};
  watched_log log;
  testing::silent_metrics metrics;
  gateway::api api{{payments, credentials, clock, random, log, metrics}, {.openapi_json = "{}"}};

  adapters::http::request_reader reader{{}};
  std::string buffer{input};
  for (;;) {
    std::size_t used = 0;
    const auto step = reader.read(buffer, used);
    buffer.erase(0, used);
    if (step == adapters::http::request_reader::step::need_more) return;
    if (step == adapters::http::request_reader::step::refused)
      return check(api.render_refusal(reader.refusal().why, reader.refusal().detail), false);
    const bool head_only = reader.head_only();
    int answers = 0;
    api.handle(reader.take(), [&](const runtime::http_response& response) {
      ++answers;
      check(response, head_only);
    });
    must(answers == 1, "one request, one answer");
  }
}
