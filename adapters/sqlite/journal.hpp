// sqlite: the journal in one file, for the embedded default and for tests.
//
// WAL with synchronous=FULL: a commit is on the disk when it is answered. Each journal has a connection of its own, and
// several processes may share the file; SQLite lets one write at a time. The schema must be there (migrate.hpp):
// without it every call answers `unavailable`. Exceptions of the library end here.
#pragma once

#include <memory>

#include "adapters/sqlite/settings.hpp"
#include "runtime/journal.hpp"

namespace novapay::sqlite {

class journal_store final : public runtime::journal_store {
 public:
  explicit journal_store(settings where);
  std::unique_ptr<runtime::journal> open() override;

 private:
  settings settings_;
};

}  // namespace novapay::sqlite
