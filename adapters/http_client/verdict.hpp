// verdict: what may be concluded from how a call ended. Pure: the one place where evidence becomes a fate.
#pragma once

#include <string>

#include "adapters/http_client/answer.hpp"
#include "runtime/http_client.hpp"

namespace novapay::adapters::http_client {

struct evidence {
  int curl_code = 0;        // CURLcode
  int os_error = 0;         // errno of a connection that failed
  bool begun = false;       // libcurl was about to write the request: from here on bytes of it may have left
  bool repetition = false;  // libcurl was about to write it a second time, and was stopped: the first went unanswered
  std::string
      early_text;  // libcurl's words from before `begun`, when no server had seen anything it could have repeated
};

struct verdict {
  runtime::call_fate fate = runtime::call_fate::may_be_executed;
  const char* reason = "";  // of runtime/http_client.hpp
  std::string detail;
};

verdict judge(const evidence& seen, const answer_reader& answer);

}  // namespace novapay::adapters::http_client
