// relay: a TCP hop in front of PostgreSQL that a test can make fail at a chosen moment.
//
// One thread of its own carries all connections. Everything is relayed until a `cut` is armed; it then strikes once, at the
// next bytes of its direction on any connection, and later connections pass again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace novapay::test {

enum class cut {
  none,
  request,        // the next request never arrives: both ends are closed instead
  answer,         // the next request arrives, its answer is dropped and both ends are closed
  stall_request,  // the next request is held back until `release`, even if the client has gone by then
  stall_answer,   // the next answer, and all after it on that connection, never arrive; the connection stays
};

class relay {
 public:
  // `target` is libpq's string with host= and port=.
  explicit relay(const std::string& target);
  ~relay();
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;

  const std::string& connection() const { return connection_; }  // the same string, through here
  void arm(cut next);
  void await_cut();  // until the armed cut has struck
  void release();    // what stall_request held goes on its way

 private:
  struct link {
    int client = -1;
    int server = -1;
    bool holding = false;  // requests go to `held`
    bool mute = false;     // answers are dropped
    bool doomed = false;   // the next answer ends it
    std::string held;
  };

  void run();
  void accept_one();
  void from_client(link& one);
  void from_server(link& one);
  void send_held();
  static void end(link& one);
  cut take(std::initializer_list<cut> any_of);

  std::string connection_;
  std::string host_;
  std::string port_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};  // a pipe: `release` and the destructor wake the thread
  std::vector<link> links_;
  std::mutex mutex_;
  std::condition_variable struck_;
  cut armed_ = cut::none;
  bool releasing_ = false;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace novapay::test
