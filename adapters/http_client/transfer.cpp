#include "adapters/http_client/transfer.hpp"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <string_view>

#include "adapters/http_client/client.hpp"
#include "adapters/http_client/pool.hpp"
#include "adapters/http_client/sockets.hpp"

namespace novapay::adapters::http_client {
namespace {

constexpr const char* system_roots = "/etc/ssl/certs/ca-certificates.crt";  // Debian's ca-certificates

}  // namespace

shared_memory::shared_memory() : handle_{curl_share_init()} {
  if (!handle_) throw std::bad_alloc{};
  auto* share = static_cast<CURLSH*>(handle_);  // one thread uses it: no locks
  curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
  curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
}

shared_memory::~shared_memory() { curl_share_cleanup(static_cast<CURLSH*>(handle_)); }

struct transfer::list_memory {
  std::vector<curl_slist> nodes;
};

// What libcurl calls. Nothing is thrown through it.
struct transfer::callbacks {
  static transfer& self(void* user) { return *static_cast<transfer*>(user); }

  static int about_to_write(void* user, char*, char*, int, int) {
    auto& t = self(user);
    if (t.seen_.begun) {  // its own idea of a second attempt
      t.seen_.repetition = true;
      return CURL_PREREQFUNC_ABORT;
    }
    t.seen_.begun = true;
    t.connected();
    return CURL_PREREQFUNC_OK;
  }

  static curl_socket_t open(void* user, curlsocktype, curl_sockaddr* address) {
    auto& t = self(user);
    if (t.seen_.begun) {  // a new connection for a second attempt: not even that
      t.seen_.repetition = true;
      return CURL_SOCKET_BAD;
    }
    const int made = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (made < 0) return CURL_SOCKET_BAD;
    t.opened_socket_ = true;
    t.sockets_.opened(made);
    return made;
  }

  static int close(void* user, curl_socket_t socket) {
    static_cast<sockets*>(user)->closed(socket);
    return ::close(socket);
  }

  template <class Take>
  static std::size_t took(std::size_t count, const Take& take) noexcept {
    try {
      return take() ? count : 0;
    } catch (const std::bad_alloc&) {
      return 0;  // the answer is lost, the call in doubt
    }
  }
  static std::size_t head(char* bytes, std::size_t, std::size_t count, void* user) {
    return took(count, [&] { return self(user).answer_.line({bytes, count}); });
  }
  static std::size_t body(char* bytes, std::size_t, std::size_t count, void* user) {
    return took(count, [&] { return self(user).answer_.body({bytes, count}); });
  }
};

transfer::transfer(const pool_settings& settings, const shared_memory& memory, sockets& all, std::size_t& connecting)
    : sockets_{all},
      connecting_{connecting},
      easy_{curl_easy_init()},
      list_{std::make_unique<list_memory>()},
      text_(CURL_ERROR_SIZE) {
  if (!easy_) throw std::bad_alloc{};
  const auto set = [this](CURLoption option, auto value) {
    if (const auto code = curl_easy_setopt(easy_, option, value); code != CURLE_OK) out_of_memory_ = true;
  };
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_SHARE, memory.handle());
  set(CURLOPT_ERRORBUFFER, text_.data());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));  // libcurl 7.88 is not to be trusted with HTTP/2
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  // Roots from one file alone are read once for all connections; a folder of them would be looked at for each.
  set(CURLOPT_CAINFO, settings.ca_file.empty() ? system_roots : settings.ca_file.c_str());
  set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  set(CURLOPT_PROXY, settings.proxy.c_str());  // "": none, not even the environment's
  set(CURLOPT_NOPROXY, "");
  set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));  // our fields are not the proxy's business
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_MAXAGE_CONN, static_cast<long>(settings.idle_timeout.count()));
  set(CURLOPT_DNS_CACHE_TIMEOUT, static_cast<long>(settings.lookup_lifetime.count()));
  set(CURLOPT_QUICK_EXIT, 1L);  // a look-up that is given up is not waited for
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_PREREQFUNCTION, &callbacks::about_to_write);
  set(CURLOPT_PREREQDATA, this);
  set(CURLOPT_OPENSOCKETFUNCTION, &callbacks::open);
  set(CURLOPT_OPENSOCKETDATA, this);
  set(CURLOPT_CLOSESOCKETFUNCTION, &callbacks::close);
  set(CURLOPT_CLOSESOCKETDATA, &sockets_);  // a connection outlives the handle that opened it
  set(CURLOPT_HEADERFUNCTION, &callbacks::head);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &callbacks::body);
  set(CURLOPT_WRITEDATA, this);
  if (out_of_memory_) {
    curl_easy_cleanup(easy_);
    throw std::bad_alloc{};
  }
}

transfer::~transfer() { curl_easy_cleanup(easy_); }

transfer& transfer::of(void* easy) {
  void* mine = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &mine);
  return *static_cast<transfer*>(mine);
}

void transfer::set_fields(const runtime::outgoing_call& what) {
  bool has_type = false;
  lines_.resize(std::max(lines_.size(), what.fields.size() + 2));
  std::size_t count = 0;
  for (const auto& [name, value] : what.fields) {
    auto& line = lines_[count++];
    line.assign(name)
        .append(value.empty() ? ";" : ": ")
        .append(value);  // "name;" is libcurl's way to send an empty one
    has_type = has_type || name == "content-type" || name == "Content-Type";
  }
  lines_[count++] = "Expect:";                       // no waiting for a 100
  if (!has_type) lines_[count++] = "Content-Type:";  // libcurl would invent one
  list_->nodes.resize(std::max(list_->nodes.size(), lines_.size()));
  for (std::size_t i = 0; i < count; ++i)
    list_->nodes[i] = {lines_[i].data(), i + 1 < count ? &list_->nodes[i + 1] : nullptr};
}

void transfer::set_request(const call& which) {
  const auto& what = which.what;
  const auto set = [this](CURLoption option, auto value) {
    if (const auto code = curl_easy_setopt(easy_, option, value); code != CURLE_OK) out_of_memory_ = true;
  };
  set_fields(what);
  const bool head = what.method == "HEAD";
  const bool body = !what.body.empty() || what.method == "POST" || what.method == "PUT" || what.method == "PATCH";
  set(CURLOPT_POSTFIELDS, body ? what.body.c_str() : static_cast<const char*>(nullptr));  // not copied
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(what.body.size()));
  set(head ? CURLOPT_NOBODY : body ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);  // each undoes the others
  const bool usual = head || what.method == (body ? "POST" : "GET");
  set(CURLOPT_CUSTOMREQUEST, usual ? static_cast<const char*>(nullptr) : what.method.c_str());
  set(CURLOPT_URL, what.url.c_str());
  set(CURLOPT_HTTPHEADER, list_->nodes.data());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(what.connect_timeout.count(), 1)));
}

bool transfer::begin(call& which) {
  seen_ = {};
  answer_ = answer_reader{which.what.answer_bytes_max, which.what.method == "HEAD"};
  text_.front() = '\0';
  out_of_memory_ = opened_socket_ = false;
  set_request(which);
  if (out_of_memory_) return false;
  current_ = &which;
  counts_ = true;
  ++connecting_;
  return true;
}

void transfer::connected() noexcept {
  if (!counts_) return;
  counts_ = false;
  --connecting_;
}

void transfer::keep_socket() {
  if (!opened_socket_) return;
  curl_socket_t socket = CURL_SOCKET_BAD;
  if (curl_easy_getinfo(easy_, CURLINFO_ACTIVESOCKET, &socket) == CURLE_OK && socket != CURL_SOCKET_BAD)
    sockets_.keep(socket);
}

verdict transfer::end(int curl_code) {
  connected();
  current_ = nullptr;
  long os_error = 0;
  curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_error);
  seen_.curl_code = curl_code;
  seen_.os_error = static_cast<int>(os_error);
  if (!seen_.begun)
    seen_.early_text = text_.front() != '\0' ? text_.data() : curl_easy_strerror(static_cast<CURLcode>(curl_code));
  return judge(seen_, answer_);
}

}  // namespace novapay::adapters::http_client
