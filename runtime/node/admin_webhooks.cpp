#include "runtime/node/admin_webhooks.hpp"

#include <charconv>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

namespace novapay::node {
namespace {

using json = nlohmann::json;
using runtime::http_respond;
using runtime::http_response;

http_response reply_with(int status, const json& body) {
  return {status,
          {{"content-type", "application/json"}, {"cache-control", "no-store"}},
          body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"};
}
http_response refuse(int status, const std::string& why) { return reply_with(status, {{"error", why}}); }

template <class T>
bool failed(const runtime::read_outcome<T>& read, const http_respond& respond) {
  if (read.value) return false;
  respond(refuse(503, "the inbox cannot be read: " + read.detail));
  return true;
}

template <class Integer>
std::optional<Integer> number_of(std::string_view text) {
  Integer value{};
  const auto [stop, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (bad != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

// States, names and numbers need no escapes.
std::map<std::string, std::string, std::less<>> parameters_of(std::string_view target) {
  std::map<std::string, std::string, std::less<>> found;
  const auto question = target.find('?');
  auto text = question == target.npos ? std::string_view{} : target.substr(question + 1);
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    if (!pair.empty())
      found.emplace(pair.substr(0, equals), equals == pair.npos ? std::string_view{} : pair.substr(equals + 1));
  }
  return found;
}

template <class Line>
json shown(const Line& one) {
  json made{{"id", one.id},
            {"processor", one.processor},
            {"received_at_ms", one.received_at.time_since_epoch().count()},
            {"state", to_text(one.state)},
            {"detail", one.detail},
            {"attempts", one.attempts},
            {"next_attempt_at_ms", nullptr}};
  if (one.next_attempt_at) made["next_attempt_at_ms"] = one.next_attempt_at->time_since_epoch().count();
  return made;
}

// A refusal, or nothing and `into` is filled in.
std::optional<std::string> read_query(std::string_view target, inbox_query& into) {
  for (const auto& [name, value] : parameters_of(target)) {
    if (name == "state") {
      into.state = parse_inbox_state(value);
      if (!into.state) return "state is one of received, applied, unmatched, unreadable, rejected";
    } else if (name == "processor") {
      into.processor = value;
    } else if (name == "cursor") {
      into.before = number_of<std::int64_t>(value);
      if (!into.before) return "cursor is a next_cursor of this list";
    } else if (name == "limit") {
      const auto limit = number_of<std::size_t>(value);
      if (!limit || *limit < 1 || *limit > inbox_page_max)
        return "limit is a number from 1 to " + std::to_string(inbox_page_max);
      into.limit = *limit;
    } else {
      return "known are state, processor, cursor and limit";
    }
  }
  return std::nullopt;
}

void list(webhook_desk& desk, std::string_view target, const http_respond& respond) {
  inbox_query query;
  if (const auto why = read_query(target, query)) return respond(refuse(400, *why));
  desk.list(std::move(query), [respond](runtime::read_outcome<inbox_page> read) {
    if (failed(read, respond)) return;
    json data = json::array();
    for (const auto& line : read.value->lines) data.push_back(shown(line));
    json next = nullptr;
    if (read.value->next) next = std::to_string(*read.value->next);
    respond(reply_with(200, {{"data", std::move(data)}, {"next_cursor", std::move(next)}}));
  });
}

void read_one(webhook_desk& desk, std::int64_t id, const http_respond& respond) {
  desk.find(id, [respond](runtime::read_outcome<std::optional<inbox_entry>> read) {
    if (failed(read, respond)) return;
    if (!*read.value) return respond(refuse(404, "there is no such webhook"));
    const auto& one = **read.value;
    auto made = shown(one);
    made["fields"] = json::array();
    for (const auto& [name, value] : one.fields) made["fields"].push_back({{"name", name}, {"value", value}});
    made["body"] = one.body;
    respond(reply_with(200, made));
  });
}

void replay_one(webhook_desk& desk, std::int64_t id, const http_respond& respond) {
  desk.replay(id, [respond, id](runtime::read_outcome<std::optional<inbox_state>> was) {
    if (failed(was, respond)) return;
    if (!*was.value) return respond(refuse(404, "there is no such webhook"));
    if (**was.value == inbox_state::rejected)
      return respond(refuse(409, "this webhook is not authentic, and so is never applied"));
    respond(reply_with(200, {{"replayed", id}, {"was", to_text(**was.value)}}));
  });
}

void replay_many(webhook_desk& desk, std::string_view target, const http_respond& respond) {
  inbox_query query;
  if (const auto why = read_query(target, query)) return respond(refuse(400, *why));
  if (query.state != inbox_state::unmatched && query.state != inbox_state::unreadable)
    return respond(refuse(400, "state is unmatched or unreadable"));
  desk.replay_all(*query.state, query.processor, [respond](runtime::read_outcome<std::int64_t> count) {
    if (!failed(count, respond)) respond(reply_with(200, {{"replayed", *count.value}}));
  });
}

http_response wrong_method(const char* allow) {
  auto no = refuse(405, std::string{"this path takes only "} + allow);
  no.fields.emplace_back("allow", allow);
  return no;
}

}  // namespace

bool answer_webhooks(webhook_desk& desk, const runtime::http_request& asked, const http_respond& respond) {
  const std::string_view target = asked.target;
  auto path = target.substr(0, target.find('?'));
  const bool reads = asked.method == "GET" || asked.method == "HEAD";
  const bool posts = asked.method == "POST";
  if (path == "/webhooks") {
    if (!reads) respond(wrong_method("GET, HEAD"));
    if (reads) list(desk, target, respond);
    return true;
  }
  if (!path.starts_with("/webhooks/")) return false;
  path.remove_prefix(10);
  if (path == "replay") {
    if (!posts) respond(wrong_method("POST"));
    if (posts) replay_many(desk, target, respond);
    return true;
  }
  const bool replays = path.ends_with("/replay");
  if (replays) path.remove_suffix(7);
  const auto id = number_of<std::int64_t>(path);
  if (!id) return false;
  if (replays ? !posts : !reads) {
    respond(wrong_method(replays ? "POST" : "GET, HEAD"));
  } else if (replays) {
    replay_one(desk, *id, respond);
  } else {
    read_one(desk, *id, respond);
  }
  return true;
}

}  // namespace novapay::node
