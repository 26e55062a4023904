// postgres: the journal in PostgreSQL 15 or later, for production.
//
// Each journal has a connection of its own, made by its first call and again by the next call after it was lost. An
// append is one statement, its own transaction, one round trip. The schema must be there (migrate.hpp): without it every
// call answers `unavailable`.
//
// Which answer an append gets: `committed` only after the server was ready for more; `collided` for a taken key;
// `rejected` for data the server refuses (SQLSTATE classes 22, 23, and 54); `unavailable` for any other error after which
// the session goes on, for the transaction was rolled back, and when nothing had been sent; `unknown` otherwise.
#pragma once

#include <memory>

#include "adapters/postgres/settings.hpp"
#include "runtime/journal.hpp"

namespace novapay::postgres {

class address_book;

class journal_store final : public runtime::journal_store {
 public:
  explicit journal_store(settings where);
  std::unique_ptr<runtime::journal> open() override;

 private:
  settings settings_;
  std::shared_ptr<address_book> book_;
};

}  // namespace novapay::postgres
