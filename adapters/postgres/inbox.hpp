// inbox: the webhooks' inbox in PostgreSQL. One statement writes a batch: what arrived, and what became of what arrived before.
//
// The schema must be there (migrate.hpp): without it every call fails.
#pragma once

#include <memory>

#include "actors/webhook_inbox.hpp"
#include "adapters/postgres/settings.hpp"

namespace novapay::postgres {

class address_book;

class inbox_store final : public webhook_inbox_store {
 public:
  explicit inbox_store(settings where);
  std::unique_ptr<webhook_inbox> open() override;

 private:
  settings settings_;
  std::shared_ptr<address_book> book_;
};

}  // namespace novapay::postgres
