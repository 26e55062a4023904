// api: the REST API. Authenticates, parses, asks `payments`, renders. It decides nothing.
//
// Threads: `handle` and `render_refusal` may be called from any thread, many at once. The answer leaves on whichever
// thread has it: the caller's for what is refused here, one of `payments`' otherwise. No call blocks, none throws.
// Lifetime: everything in `api_ports` outlives the last answer, and so must the api.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "actors/credentials.hpp"
#include "actors/payments.hpp"
#include "actors/webhook_intake.hpp"
#include "runtime/clock.hpp"
#include "runtime/http.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "runtime/random.hpp"

namespace novapay::gateway {

struct api_ports {
  novapay::payments& payments;
  const novapay::credentials& credentials;
  const runtime::clock& clock;
  runtime::random_source& random;
  runtime::log& log;
  runtime::metrics& metrics;
  novapay::webhook_intake* webhooks = nullptr;  // nullptr: none are taken here
};

struct api_settings {
  // What is not begun by then is dropped by `payments`. Longer than domain::answer_wait, shorter than clients' usual
  // 30 s.
  std::chrono::milliseconds request_deadline{25'000};
  std::string docs_url = "/docs";  // where errors send their reader; absolute if the public address is known
  std::string openapi_json;        // openapi_yaml() of gateway/embedded.hpp as JSON text
};

struct api_context;

class api {
 public:
  api(const api_ports& ports, api_settings settings);
  ~api();

  void handle(runtime::http_request request, runtime::http_respond respond);

  // What the listener refuses before any handler, in the API's error format. `detail`: one sentence of the listener's
  // own for the client, never bytes of the request; may be empty.
  runtime::http_response render_refusal(runtime::http_refusal why, std::string_view detail);

 private:
  runtime::http_response refuse_for_load();
  std::unique_ptr<api_context> context_;
};

}  // namespace novapay::gateway
