// certificates: a root of the test's own, and what it signs. Files live in a temporary folder as long as the authority.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace novapay::test {

struct key_pair {
  std::string certificate_file;  // PEM
  std::string key_file;
};

class authority {
 public:
  authority();
  ~authority();
  authority(const authority&) = delete;
  authority& operator=(const authority&) = delete;

  std::string root_file() const;
  // For a name ("localhost") or an address ("127.0.0.1"), valid from now plus `from` until now plus `until`, in hours.
  key_pair issue(const std::string& name, long from = -24, long until = 24);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace novapay::test
