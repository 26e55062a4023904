// deliveries: webhooks on their way to a node, as many at once as there are connections. One thread, over epoll.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace callgen {

struct delivered {
  std::map<std::string, std::size_t> answers;  // by status; "broken": the connection ended first
  double seconds = 0;                          // from the first to the last answer
};

// Sends POST `path` to 127.0.0.1 until `next` has no more to give, and returns when each is answered. `next` gives false at the end, else
// the body and the fields beyond Host and Content-Length, each ending in CRLF. Throws std::system_error when it cannot connect.
delivered deliver(std::uint16_t port, const std::string& path, std::size_t connections,
                  const std::function<bool(std::string& fields, std::string& body)>& next);

}  // namespace callgen
