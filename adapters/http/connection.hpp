// connection: one client's socket, from accept to close. Private to this folder.
//
// Lives on its worker's thread: every function is called there. The worker's list owns it until it has closed itself.
#pragma once

#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "adapters/http/server.hpp"

namespace boost::asio {
class io_context;
}

namespace novapay::adapters::http {

using steady_time = std::chrono::steady_clock::time_point;

// What all connections of a server share. handler, render and admits are dropped by stop(), after the io threads have ended:
// a `respond` kept beyond that must not keep the gateway alive.
struct server_state {
  http_server_settings settings;
  runtime::http_handler handler;
  runtime::http_refusal_renderer render;
  runtime::http_admission admits;  // nullptr: everything
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> requests{0};
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::condition_variable all_closed;  // connections == 0
};

class connection {
 public:
  virtual ~connection() = default;
  virtual void begin() = 0;                    // joins its worker's list
  virtual void begin_refused() = 0;            // the same, over connections_max: answers 503 and closes
  virtual void sweep(steady_time now) = 0;     // acts on deadlines that have passed
  virtual void wind_down() = 0;                // the server is stopping: an idle connection closes
  virtual bool give_way(steady_time now) = 0;  // its place to a new one, if it only waits for its client
  virtual void close() = 0;                    // leaves the list and server_state::connections
};
using connection_list = std::list<std::shared_ptr<connection>>;

// One io thread and its connections.
struct worker : std::enable_shared_from_this<worker> {
  explicit worker(std::shared_ptr<server_state> state);
  ~worker();
  const std::shared_ptr<server_state> server;
  connection_list connections;                  // the longest without an answered request first
  std::string date;                             // for the Date field; renewed by the sweep
  std::thread::id thread;                       // set before the first connection
  std::unique_ptr<boost::asio::io_context> io;  // last: destroyed first, and with it what still waits in it
};

// `descriptor` is an accepted socket, from here on the connection's; `v6` its protocol. The caller has counted it in
// server_state::connections. May be called from any thread. Throws std::bad_alloc or std::system_error; then the socket
// has been closed.
std::shared_ptr<connection> make_connection(worker& home, int descriptor, bool v6, std::string remote);

}  // namespace novapay::adapters::http
