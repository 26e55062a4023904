#include "adapters/http_client/verdict.hpp"

#include <curl/curl.h>

#include <cerrno>

namespace novapay::adapters::http_client {
namespace {

using runtime::call_fate;

// No byte of the request has left: only who is to blame is asked.
verdict before_sending(const evidence& seen) {
  switch (seen.curl_code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return {call_fate::never_sent, "bad_url", "the URL cannot be read"};
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return {call_fate::never_sent, "dns_failed", seen.early_text};
    case CURLE_OPERATION_TIMEDOUT: return {call_fate::never_sent, "connect_timeout", seen.early_text};
    case CURLE_COULDNT_CONNECT:
      if (seen.os_error == ECONNREFUSED) return {call_fate::refused, "connect_refused", seen.early_text};
      if (seen.os_error == ETIMEDOUT) return {call_fate::never_sent, "connect_timeout", seen.early_text};
      break;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH: return {call_fate::refused, "tls_failed", seen.early_text};
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER: return {call_fate::never_sent, "tls_failed", seen.early_text};
    default: break;
  }
  return {call_fate::never_sent, "connect_failed", seen.early_text};
}

const char* reason_of(const evidence& seen, const answer_reader& answer) {
  if (answer.problem() == answer_reader::fault::too_large) return "answer_too_large";
  if (answer.problem() == answer_reader::fault::malformed) return "malformed";
  if (seen.repetition) return "connection_lost";
  switch (seen.curl_code) {
    case CURLE_OPERATION_TIMEDOUT: return "timeout";
    case CURLE_OUT_OF_MEMORY:  // one line over libcurl's own bound
#if LIBCURL_VERSION_NUM >= 0x080600
    case CURLE_TOO_LARGE:
#endif
    case CURLE_FILESIZE_EXCEEDED: return "answer_too_large";
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:  // HTTP/0.9: no head at all
    case CURLE_BAD_CONTENT_ENCODING: return "malformed";
    default: return answer.begun() ? "truncated" : "connection_lost";
  }
}

}  // namespace

verdict judge(const evidence& seen, const answer_reader& answer) {
  if (!seen.begun) return before_sending(seen);
  if (seen.curl_code == CURLE_OK && !seen.repetition && answer.complete()) return {call_fate::answered, "", {}};

  verdict out{call_fate::may_be_executed, reason_of(seen, answer), {}};
  if (seen.repetition)
    out.detail = "a kept-alive connection ended without an answer";
  else if (seen.curl_code == CURLE_OK)
    out.detail = "the answer's end is not known";
  else
    out.detail = curl_easy_strerror(static_cast<CURLcode>(seen.curl_code));
  if (answer.begun()) out.detail += ", after " + std::to_string(answer.body_bytes()) + " bytes of its body";
  return out;
}

}  // namespace novapay::adapters::http_client
