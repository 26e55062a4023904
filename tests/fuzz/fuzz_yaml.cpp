// yaml: configuration and credentials files. What is accepted becomes JSON by another parser's judgement; what is refused says
// where; a file of keys is read whole or refused with its name.
#include <nlohmann/json.hpp>

#include "adapters/credentials/keys_file.hpp"
#include "adapters/yaml/yaml_to_json.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace novapay;
using fuzz::must;

FUZZ_TARGET(yaml) {
  const std::string text{input};
  const auto converted = adapters::yaml_to_json_text(text);
  if (const auto* json = std::get_if<std::string>(&converted))
    must(nlohmann::json::accept(*json), "what is accepted becomes JSON");
  else
    must(!std::get<adapters::yaml_error>(converted).message.empty(), "a refusal says why");

  try {
    const auto keys = adapters::parse_keys(text, "keys.yaml");
    for (const auto& key : keys)
      must(key.merchant.starts_with("mrc_") && key.name.size() <= 100, "an entry keeps to its form");
  } catch (const fuzz::broken_promise&) { throw; } catch (const std::runtime_error& refused) {
    must(std::string_view{refused.what()}.starts_with("keys.yaml"), "a refusal names the file");
  }
}
