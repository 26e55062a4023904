// runner: the client's thread: what it is told, what it waits for, which deadlines have passed.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adapters/http_client/pool.hpp"
#include "adapters/http_client/sockets.hpp"

namespace novapay::adapters::http_client {

class runner {
 public:
  runner(const std::map<std::string, pool_settings>& pools, runtime::metrics& metrics);

  // Any thread.
  pool* pool_of(std::string_view name) const;  // nullptr: there is none
  bool start(std::unique_ptr<call>& which);    // `admit`ted. False: it is closed, nothing was done
  void cancel(runtime::call_id which);
  void close();  // `run` ends every call and returns

  void run();  // the thread

 private:
  struct command {
    std::unique_ptr<call> start;  // or else:
    runtime::call_id cancel = 0;
  };

  bool give(command& what);  // moves it away, if true
  bool take_commands();      // false: closed
  void take(command what);
  int wait_ms() const;
  void expire();
  void finish(call& which, verdict found, runtime::http_response answer) noexcept;

  sockets sockets_;
  std::map<std::string, std::unique_ptr<pool>, std::less<>> pools_;
  deadlines deadlines_;
  std::unordered_map<runtime::call_id, std::unique_ptr<call>> calls_;
  const call_ended ended_;
  bool more_ = false;  // there may be something to do at once

  std::mutex mutex_;
  std::vector<command> commands_;
  bool closed_ = false;
  std::vector<command> taken_;  // the other buffer
};

}  // namespace novapay::adapters::http_client
