// spill_files: runtime/spill.hpp in files that have no name any more: they end with the process, however it ends.
//
// Bounds: `spill_parts` files open, each with a buffer of a few kB; a part is at most `spill_part_bytes_max`, and that much memory while it
// is read: some 32 GB of records altogether.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "runtime/spill.hpp"

namespace novapay::adapters {

inline constexpr std::size_t spill_parts = 128;
inline constexpr std::uint64_t spill_part_bytes_max = 256 * 1024 * 1024;

class spill_files final : public runtime::spill {
 public:
  // In `folder`, or where temporary files go ($TMPDIR, /tmp). Files are made when they are first written to.
  explicit spill_files(std::string folder = {});
  std::size_t parts() const override { return spill_parts; }
  std::string put(std::string_view key, std::string_view record) override;
  runtime::read_outcome<std::vector<std::string>> take(std::size_t part) override;

 private:
  struct close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  struct part_file {
    std::unique_ptr<std::FILE, close> file;
    std::uint64_t bytes = 0;
  };
  std::string folder_;
  std::array<part_file, spill_parts> files_;
};

}  // namespace novapay::adapters
