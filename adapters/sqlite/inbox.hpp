// inbox: the webhooks' inbox in the same file as the journal, on a connection of its own.
//
// The schema must be there (migrate.hpp): without it every call fails.
#pragma once

#include <memory>

#include "actors/webhook_inbox.hpp"
#include "adapters/sqlite/settings.hpp"

namespace novapay::sqlite {

class inbox_store final : public webhook_inbox_store {
 public:
  explicit inbox_store(settings where);
  std::unique_ptr<webhook_inbox> open() override;

 private:
  settings settings_;
};

}  // namespace novapay::sqlite
