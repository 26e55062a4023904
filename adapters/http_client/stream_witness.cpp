#include "adapters/http_client/stream_witness.hpp"

#include <dlfcn.h>
#include <nghttp2/nghttp2.h>

#include <atomic>
#include <unordered_map>
#include <utility>

namespace novapay::adapters::http_client {
namespace {

constexpr const char* entry_point = "nghttp2_session_callbacks_set_on_stream_close_callback";
using hand_over = void (*)(nghttp2_session_callbacks*, nghttp2_on_stream_close_callback);

thread_local std::unordered_map<const void*, std::function<void(std::uint32_t)>> watched;

// libcurl's function: one and the same in the whole process.
std::atomic<nghttp2_on_stream_close_callback> passed_on{nullptr};

int on_stream_close(nghttp2_session* session, std::int32_t stream, std::uint32_t error, void* user) {
  // The handle whose request the stream is: libcurl keeps it there, and takes it away when it gives the stream up.
  if (const auto found = watched.find(nghttp2_session_get_stream_user_data(session, stream)); found != watched.end())
    found->second(error);
  return passed_on.load(std::memory_order_relaxed)(session, stream, error, user);
}

}  // namespace

bool stream_witness::present() noexcept {
  // What libcurl's call arrives at: the first of that name in the process.
  static const bool first = dlsym(RTLD_DEFAULT, entry_point) ==
                            reinterpret_cast<void*>(&nghttp2_session_callbacks_set_on_stream_close_callback);
  return first;
}

void stream_witness::watch(const void* easy, std::function<void(std::uint32_t)> ended) {
  watched[easy] = std::move(ended);
}

void stream_witness::forget(const void* easy) { watched.erase(easy); }

}  // namespace novapay::adapters::http_client

extern "C" __attribute__((visibility("default"))) void nghttp2_session_callbacks_set_on_stream_close_callback(
    nghttp2_session_callbacks* callbacks, nghttp2_on_stream_close_callback theirs) {
  using namespace novapay::adapters::http_client;
  static const auto next = reinterpret_cast<hand_over>(dlsym(RTLD_NEXT, entry_point));
  passed_on.store(theirs, std::memory_order_relaxed);
  next(callbacks, &on_stream_close);
}
