// Holds gateway/openapi.yaml to the server's own tables, both ways. Reads the file by its indentation, which is all the
// YAML this needs.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "adapters/sandbox/tokens.hpp"
#include "gateway/embedded.hpp"
#include "gateway/errors.hpp"
#include "gateway/payment_request.hpp"
#include "gateway/payment_view.hpp"
#include "gateway/routes.hpp"
#include "tests/unit/gateway/support.hpp"

using namespace novapay;
using namespace novapay::gateway;
using names = std::set<std::string>;

namespace {

std::vector<std::string> lines() {
  std::vector<std::string> all;
  std::istringstream text{std::string{openapi_yaml()}};
  for (std::string line; std::getline(text, line);) all.push_back(line);
  return all;
}

// The lines below the one that is `head`, as long as they are indented deeper, taken out by the common indentation + 2.
std::vector<std::string> below(const std::vector<std::string>& text, const std::string& head) {
  const auto deep = [](const std::string& line) { return line.find_first_not_of(' '); };
  std::vector<std::string> inner;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != head) continue;
    for (++at; at < text.size() && (text[at].empty() || deep(text[at]) > deep(head)); ++at)
      inner.push_back(text[at].size() > deep(head) + 2 ? text[at].substr(deep(head) + 2) : "");
    return inner;
  }
  FAIL("openapi.yaml has no line: " << head);
  return inner;
}

// "  name:" or "  name: …" → "name", for what is not indented.
names keys(const std::vector<std::string>& text) {
  names found;
  for (const auto& line : text)
    if (!line.empty() && line[0] != ' ' && line[0] != '#' && line[0] != '-')
      found.insert(line.substr(0, line.find(line[0] == '"' ? "\":" : ":")).substr(line[0] == '"' ? 1 : 0));
  return found;
}

// The words of the list after `key`, in flow form ("[a, b]", over several lines) or in block form.
names words(const std::vector<std::string>& text, const std::string& key) {
  std::string whole;
  for (const auto& line : text) whole += line + "\n";
  const auto at = whole.find(key + ":");
  if (at == std::string::npos) return {};
  auto list = whole.substr(at + key.size() + 1);
  const auto start = list.find_first_not_of(" \n");
  if (list[start] == '[') list = list.substr(start + 1, list.find(']') - start - 1);
  names found;
  std::istringstream parts{list};
  const bool flow = list.find("- ") == std::string::npos;
  for (std::string part; std::getline(parts, part, flow ? ',' : '\n');) {
    std::string word;
    for (const char c : part)
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') word += c;
    if (!flow && part.find("- ") == std::string::npos) {
      if (word.empty()) continue;
      break;
    }
    if (!word.empty()) found.insert(word);
  }
  return found;
}

std::vector<std::string> component(const std::string& kind, const std::string& name) {
  return below(below(below(lines(), "components:"), kind + ":"), name + ":");
}

names members(const nlohmann::json& object) {
  names found;
  for (const auto& [name, value] : object.items()) found.insert(name);
  return found;
}

const error_info* find_error(const std::string& name) {
  for (const auto& each : error_catalogue())
    if (each.name == name) return &each;
  return nullptr;
}

}  // namespace

TEST_CASE("contract/routes: the route table and openapi.yaml list the same") {
  names documented, served;
  const auto paths = below(lines(), "paths:");
  for (const auto& path : keys(paths))
    for (const auto& method : keys(below(paths, path + ":")))
      if (method != "parameters") documented.insert(method + " " + path);
  for (const auto& each : route_table()) {
    std::string method{each.method};
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    served.insert(method + " " + std::string{each.path});
  }
  CHECK(documented == served);
}

TEST_CASE("contract/errors: the catalogue and openapi.yaml list the same") {
  names documented, served;
  for (const auto& line : below(lines(), "x-errors:"))
    if (!line.empty()) documented.insert(line.substr(0, line.find(", meaning")));
  for (const auto& each : error_catalogue())
    served.insert("- {code: " + std::string{each.name} + ", status: " + std::to_string(each.status) +
                  ", type: " + std::string{each.type});
  CHECK(documented == served);

  names types;
  for (const auto& each : error_catalogue()) types.insert(std::string{each.type});
  CHECK(words(component("schemas", "Error"), "enum") == types);
}

TEST_CASE("contract/responses: every code stands under its own status, and each is somewhere") {
  names seen;
  const auto paths = below(lines(), "paths:");
  for (const auto& path : keys(paths))
    for (const auto& method : keys(below(paths, path + ":"))) {
      if (method == "parameters") continue;
      const auto responses = below(below(below(paths, path + ":"), method + ":"), "responses:");
      for (const auto& line : responses) {
        const auto reference = line.find("#/components/responses/");
        if (line.empty() || line[0] == ' ' || reference == std::string::npos) continue;
        const auto name = line.substr(reference + 23, line.find('"', reference) - reference - 23);
        const auto status = line.substr(line[0] == '"' ? 1 : 0, line[0] == '"' ? 3 : 7);
        for (const auto& code : words(component("responses", name), "x-error-codes")) {
          CAPTURE(path);
          CAPTURE(code);
          seen.insert(code);
          const auto* known = find_error(code);
          REQUIRE(known != nullptr);
          if (status != "default") CHECK(std::to_string(known->status) == status);
        }
      }
    }
  for (const auto& each : error_catalogue()) {
    CAPTURE(each.name);
    CHECK(seen.count(std::string{each.name}) == 1);
  }
}

TEST_CASE("contract/answers: the objects have just the members that are documented") {
  using namespace novapay::domain;
  auto now = gateway::testing::given({event::created{gateway::testing::some_terms()},
                                      event::authorized{{operation_kind::authorize, 1}, "ch_1", gateway::testing::noon},
                                      event::capture_requested{1, "", std::nullopt, 1099, true}, event::captured{1, ""},
                                      event::refund_requested{1, "r", 5, 5, ""},
                                      event::refund_failed{1, {"c", "", "m"}, false},
                                      event::settled{1, settlement{"po_1", 1, 1, "usd"}},
                                      event::disputed{{"dp_1", dispute_stage::opened, 1, "", std::nullopt, {}}}});
  const auto payment = nlohmann::json::parse(render_payment(now));
  const auto check = [](const std::string& schema, const nlohmann::json& object) {
    CAPTURE(schema);
    CHECK(words(component("schemas", schema), "required") == members(object));
    CHECK(keys(below(component("schemas", schema), "properties:")) == members(object));
  };
  check("Payment", payment);
  check("Capture", payment["captures"][0]);
  check("Refund", payment["refunds"][0]);
  check("Settlement", payment["captures"][0]["settlement"]);
  check("Dispute", payment["disputes"][0]);
  check("Failure", payment["refunds"][0]["failure"]);
  const std::vector<history_entry> history{{1, gateway::testing::noon, event::expired{}}};
  const auto events = nlohmann::json::parse(render_history("pay_x", history));
  check("EventList", events);
  check("Event", events["data"][0]);
  check("PaymentList", nlohmann::json::parse(render_payments({})));
  check("RefundList", nlohmann::json::parse(render_refunds(now)));
  const auto error = nlohmann::json::parse(render_error({error_code::internal_error, {}, {}}, "/docs", "r"));
  check("Error", error);
  CHECK(words(below(component("schemas", "Error"), "properties:"), "required") == members(error["error"]));
}

TEST_CASE("contract/requests: the bodies take just the members that are documented") {
  const auto known = [](const auto& read) {
    const auto& message = std::get<api_error>(read).message;  // "… Known are 'a', 'b' or 'c'."
    names found;
    for (auto at = message.find('\'', message.find("Known are")); at != std::string::npos;
         at = message.find('\'', at)) {
      const auto end = message.find('\'', at + 1);
      found.insert(message.substr(at + 1, end - at - 1));
      at = end + 1;
    }
    return found;
  };
  const auto odd = std::get<json_value>(parse_json(R"({"odd":1})"));
  const auto documented = [](const std::string& schema) {
    return keys(below(component("schemas", schema), "properties:"));
  };
  CHECK(documented("PaymentCreate") == known(read_create(odd)));
  CHECK(documented("PaymentConfirm") == known(read_confirm(odd, "k")));
  CHECK(documented("PaymentCapture") == known(read_capture(odd, "k")));
  CHECK(documented("PaymentCancel") == known(read_cancel(odd, "k")));
  CHECK(documented("RefundCreate") == known(read_refund(odd, "k")));
}

TEST_CASE("contract/words: statuses, events, currencies and test tokens are all there") {
  names statuses, events, currencies;
  for (int at = 1; at <= static_cast<int>(domain::status::expired); ++at)
    statuses.insert(std::string{domain::to_text(static_cast<domain::status>(at))});
  CHECK(words(component("schemas", "PaymentStatus"), "enum") == statuses);

  [&]<std::size_t... at>(std::index_sequence<at...>) {
    (events.insert(std::string{domain::type_of(domain::event_type{std::in_place_index<at>})}), ...);
  }
  (std::make_index_sequence<std::variant_size_v<domain::event_type>>{});
  CHECK(words(component("schemas", "Event"), "enum") == events);

  for (const auto& each : domain::currencies()) currencies.insert(std::string{each.name});
  CHECK(words(component("schemas", "Currency"), "enum") == currencies);

  names advice{"null"}, stages;
  for (int at = 1; at <= static_cast<int>(domain::advice::do_not_retry); ++at)
    advice.insert(std::string{domain::to_text(static_cast<domain::advice>(at))});
  CHECK(words(component("schemas", "Failure"), "enum") == advice);
  for (int at = 1; at <= static_cast<int>(domain::dispute_stage::lost); ++at)
    stages.insert(std::string{domain::to_text(static_cast<domain::dispute_stage>(at))});
  std::string line;
  for (const auto& each : below(below(lines(), "components:"), "schemas:"))
    if (each.starts_with("DisputeStatus:")) line = each;
  CHECK(words({line}, "enum") == stages);

  std::istringstream table{sandbox::tokens_markdown()};
  for (std::string row; std::getline(table, row);) {
    CAPTURE(row);
    CHECK(openapi_yaml().find("    " + row + "\n") != std::string_view::npos);
  }
}

TEST_CASE("contract/embedded: the program carries the files as they are") {
  const auto* root = std::getenv("NOVAPAY_SOURCE_DIR");
  if (root == nullptr) return;  // run by hand, without the tree
  const auto file = [&](const char* name) {
    std::ifstream in{std::string{root} + "/gateway/" + name, std::ios::binary};
    return std::string{std::istreambuf_iterator<char>{in}, {}};
  };
  CHECK(openapi_yaml() == file("openapi.yaml"));
  CHECK(docs_page() == file("docs.html"));
}
