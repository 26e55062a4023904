#include "adapters/http_client/client.hpp"

#include <curl/curl.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include "adapters/http_client/runner.hpp"

namespace novapay::adapters::http_client {
namespace {

using runtime::call_fate;
using namespace std::string_view_literals;

constexpr auto timeout_max = std::chrono::hours{24};

bool is_token(std::string_view text) {  // RFC 9110, 5.6.2
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           "!#$%&'*+-.^_`|~"sv.find(c) != std::string_view::npos;
  });
}

bool same_word(std::string_view name, std::string_view lower) {
  return std::equal(name.begin(), name.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

bool is_url(std::string_view text) {
  const auto scheme = text.starts_with("https://") ? 8U : text.starts_with("http://") ? 7U : 0U;
  if (scheme == 0 || text.size() == scheme) return false;
  if (std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c >= 0x7f; })) return false;
  const auto authority = text.substr(scheme, text.find_first_of("/?#", scheme) - scheme);
  return !authority.empty() && authority.find('@') == std::string_view::npos;  // credentials belong in fields
}

bool is_field(const std::string& name, const std::string& value) {
  for (const auto ours :
       {"host"sv, "content-length"sv, "connection"sv, "transfer-encoding"sv, "expect"sv, "upgrade"sv, "te"sv})
    if (same_word(name, ours)) return false;
  return is_token(name) && value.find_first_of("\r\n\0"sv) == std::string::npos;
}

const char* wrong_with(const runtime::outgoing_call& what) {
  if (!is_url(what.url)) return "bad_url";
  if (!is_token(what.method) || same_word(what.method, "connect")) return "bad_request";
  for (const auto& [name, value] : what.fields)
    if (!is_field(name, value)) return "bad_request";
  return nullptr;
}

void refuse(const runtime::call_done& done, const char* reason, const char* detail) {
  done({call_fate::never_sent, {}, reason, detail, {}});
}

const std::map<std::string, pool_settings>& usable(const std::map<std::string, pool_settings>& pools) {
  static const auto ready = curl_global_init(CURL_GLOBAL_DEFAULT);  // once in a process, from whichever thread
  if (ready != CURLE_OK) throw std::runtime_error("libcurl cannot be initialised");
  for (const auto& [name, settings] : pools)
    if (!settings.ca_file.empty() && !std::ifstream{settings.ca_file})
      throw std::runtime_error("HTTP client: cannot read " + settings.ca_file);
  return pools;
}

}  // namespace

struct client::impl {
  impl(const std::map<std::string, pool_settings>& pools, runtime::metrics& metrics) : runs{usable(pools), metrics} {
    // The thread, and libcurl's, which inherit it, take no signals.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      thread = std::thread{[this] {
        pthread_setname_np(pthread_self(), "http_client");
        runs.run();
      }};
    } catch (...) {
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  runner runs;
  std::atomic<runtime::call_id> next_id{1};
  std::thread thread;
};

client::client(const std::map<std::string, pool_settings>& pools, runtime::metrics& metrics)
    : impl_{std::make_unique<impl>(pools, metrics)} {}

client::~client() {
  impl_->runs.close();
  impl_->thread.join();
}

runtime::call_id client::send(runtime::outgoing_call what, runtime::call_done done) {
  const auto id = impl_->next_id.fetch_add(1, std::memory_order_relaxed);
  auto* home = impl_->runs.pool_of(what.pool);
  if (!home) return refuse(done, "bad_request", "there is no such pool"), id;
  if (const auto* wrong = wrong_with(what)) return refuse(done, wrong, "the call itself is malformed"), id;
  auto made = std::make_unique<call>();
  if (!home->admit()) return refuse(done, "too_many_calls", "as many as may wait are waiting"), id;
  made->id = id;
  made->sent_at = std::chrono::steady_clock::now();
  made->ends_at = made->sent_at + std::min<std::chrono::milliseconds>(what.total_timeout, timeout_max);
  made->what = std::move(what);
  made->home = home;
  made->done = std::move(done);
  if (impl_->runs.start(made)) return id;
  home->left(call_fate::never_sent, {});
  return refuse(made->done, "shut_down", "the client is being shut down"), id;
}

void client::cancel(runtime::call_id which) { impl_->runs.cancel(which); }

}  // namespace novapay::adapters::http_client
