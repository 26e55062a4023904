#include "adapters/postgres/addresses.hpp"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netdb.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace novapay::postgres {

namespace {

using steady = std::chrono::steady_clock;

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (auto at = list.find(','); at != std::string::npos; at = list.find(',', from)) {
    parts.push_back(list.substr(from, at - from));
    from = at + 1;
  }
  parts.push_back(list.substr(from));
  return parts;
}

bool is_number(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

bool is_socket(const std::string& host) { return host.empty() || host.front() == '/' || host.front() == '@'; }

std::vector<std::string> system_look_up(const std::string& name) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(name.c_str(), nullptr, &wanted, &found) != 0) return {};
  std::vector<std::string> addresses;
  for (const auto* one = found; one != nullptr; one = one->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      addresses.emplace_back(text);
  }
  freeaddrinfo(found);
  return addresses;
}

}  // namespace

struct address_book::known_names {
  struct entry {
    std::vector<std::string> addresses;  // the last ones found
    bool looking = false;                // one thread for each name at a time, however long it takes
  };
  std::mutex lock;
  std::condition_variable changed;
  std::map<std::string, entry> entries;
  look_up by;

  // Called with the lock held.
  static void start(const std::shared_ptr<known_names>& names, const std::string& name) {
    auto& one = names->entries[name];
    if (one.looking) return;
    try {
      std::thread([names, name] {
        auto found = names->by(name);
        const std::lock_guard held(names->lock);
        auto& mine = names->entries[name];
        mine.looking = false;
        if (!found.empty()) mine.addresses = std::move(found);
        names->changed.notify_all();
      }).detach();
      one.looking = true;
    } catch (const std::system_error&) {  // no thread to be had: what is known must do
    }
  }
};

address_book::address_book(const std::string& connection) : address_book{connection, &system_look_up} {}

address_book::address_book(const std::string& connection, look_up by) : names_{std::make_shared<known_names>()} {
  names_->by = std::move(by);
  std::map<std::string, std::string> given;
  auto* options = PQconninfoParse(connection.c_str(), nullptr);
  for (const auto* one = options; one != nullptr && one->keyword != nullptr; ++one)
    if (one->val != nullptr) given[one->keyword] = one->val;
  PQconninfoFree(options);

  // A string that cannot be parsed, names no host or gives the addresses itself is libpq's business.
  if (!given.contains("host") || given.contains("hostaddr")) return;
  const auto hosts = split(given["host"]);
  const auto ports = split(given["port"]);
  if (ports.size() != 1 && ports.size() != hosts.size()) return;  // libpq says what is wrong
  for (std::size_t i = 0; i < hosts.size(); ++i)
    hosts_.push_back({hosts[i], ports[ports.size() == 1 ? 0 : i], !is_socket(hosts[i]) && !is_number(hosts[i])});
}

std::vector<target> address_book::targets(steady::time_point until) {
  if (hosts_.empty()) return {target{}};
  std::unique_lock held(names_->lock);
  for (const auto& one : hosts_)
    if (one.is_name) known_names::start(names_, one.name);
  const auto answered = [&] {
    return std::ranges::none_of(hosts_,
                                [&](const host& one) { return one.is_name && names_->entries[one.name].looking; });
  };
  names_->changed.wait_until(held, std::min(until, steady::now() + name_patience), answered);
  if (auto found = known_now(); !found.empty()) return found;
  names_->changed.wait_until(held, until, [&] { return answered() || !known_now().empty(); });
  return known_now();
}

// With the lock held.
std::vector<target> address_book::known_now() const {
  std::vector<target> found;
  for (const auto& one : hosts_) {
    if (!one.is_name) {
      found.push_back({one.name, is_socket(one.name) ? std::string{} : one.name, one.port});
      continue;
    }
    for (const auto& address : names_->entries[one.name].addresses) found.push_back({one.name, address, one.port});
  }
  return found;
}

}  // namespace novapay::postgres
