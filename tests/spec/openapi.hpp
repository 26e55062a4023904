// openapi: judges requests and answers by a processor's published description (../shared/specs), for tests. A subset of JSON Schema as
// OpenAPI 3.0 has it: $ref, type, nullable, properties, required, additionalProperties, items, enum, anyOf, oneOf, allOf, bounds, pattern;
// and the marks of those files: x-open-enum (other strings are reported, not refused), x-trimmed (members are not judged).
//
// Form-encoded bodies and queries are judged as Stripe does: text stands for numbers and truth values, and a name that the description
// does not have is refused at any depth, as is what `expand` cannot expand. What we send has to be known in full: there, no enum is open.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace novapay::spec {

struct verdict {
  std::vector<std::string> wrong;       // "body.amount: not an integer"; empty: it fits
  std::vector<std::string> new_values;  // of open enums: "status: brand_new"
};

// "a[b]=1&c[0]=x" as {"a": {"b": "1"}, "c": {"0": "x"}}. Throws std::runtime_error for what is no form.
nlohmann::json form_as_json(std::string_view encoded);

class openapi {
 public:
  // `file`: below ../shared/specs beside the source tree: "stripe/stripe-openapi-trimmed.json". Throws if it cannot be read.
  explicit openapi(const std::string& file);
  static openapi of(nlohmann::json description);

  // `path_and_query`: "/v1/refunds?limit=3". `type`: the body's content type; JSON is judged as JSON.
  verdict request(std::string_view method, std::string_view path_and_query, std::string_view type,
                  std::string_view body) const;
  verdict response(std::string_view method, std::string_view path, int status, std::string_view body) const;
  verdict instance(const std::string& schema, const nlohmann::json& value) const;  // of components.schemas

 private:
  openapi() = default;
  struct found {
    const nlohmann::json* operation = nullptr;
    std::vector<std::pair<std::string, std::string>> in_path;
  };
  found find(std::string_view method, std::string_view path) const;
  const nlohmann::json& resolved(const nlohmann::json& schema) const;

  friend struct judge;
  nlohmann::json all_;
};

// The JSON of a file below ../shared/specs.
nlohmann::json file(const std::string& name);

}  // namespace novapay::spec
