// settings: where the embedded store keeps its file.
#pragma once

#include <chrono>
#include <string>

namespace novapay::sqlite {

struct settings {
  std::string path;                              // "data/novapay.db"; its -wal and -shm files stand beside it
  std::chrono::milliseconds call_timeout{5000};  // of every call: waiting for the write lock and running. A disk that
                                                 // hangs in fsync is the one thing no deadline of ours can end
};

}  // namespace novapay::sqlite
