// addresses: where the hosts of a connection string are. libpq would look their names up in one blocking call that no deadline
// ends; here that happens in a thread of its own, and when it takes too long the addresses of last time are used.
//
// Internal to this adapter. Thread-safe; one book serves all connections of a store.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace novapay::postgres {

// One way to reach the server. What is empty is left to the connection string.
struct target {
  std::string host;
  std::string address;  // numeric
  std::string port;
  friend bool operator==(const target&, const target&) = default;
};

class address_book {
 public:
  // Numeric addresses of a name, in the order they should be tried; none: it is not known. May block.
  using look_up = std::function<std::vector<std::string>(const std::string& name)>;

  explicit address_book(const std::string& connection);
  address_book(const std::string& connection, look_up by);

  // In the order of the string, a name's addresses together. Names are waited for no longer than `name_patience`, unless no
  // address at all is known: then until the deadline. Empty: no address is known for any of the hosts.
  std::vector<target> targets(std::chrono::steady_clock::time_point until);

 private:
  struct host {
    std::string name;  // a name to look up, or whatever libpq takes by itself: a number, a socket's folder
    std::string port;
    bool is_name = false;
  };
  struct known_names;  // shared with the threads that look up, which may outlive the book

  std::vector<target> known_now() const;

  std::vector<host> hosts_;
  std::shared_ptr<known_names> names_;
};

inline constexpr std::chrono::milliseconds name_patience{250};

}  // namespace novapay::postgres
