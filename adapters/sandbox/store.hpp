// store: the writing side of the ledger. One thread at a time; several processes may share one file: every write happens
// between begin() and commit(), which hold the file's one write lock. All but open() throw ledger_error.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/sandbox/behaviour.hpp"
#include "adapters/sandbox/sqlite.hpp"

namespace novapay::sandbox {

class store {
 public:
  // Makes the file, its folder and its tables if need be. nullptr: `error` says why not.
  static std::unique_ptr<store> open(const std::string& path, std::string& error);

  void begin();
  void commit();
  void rollback() noexcept;

  // All entries of the call's payment, in order of arrival, and the one under the call's key, which may be another payment's.
  struct recollection {
    std::vector<ledger_entry> of_payment;
    std::optional<ledger_entry> known;
  };
  recollection recall(const std::string& idempotency_key, const std::string& payment);
  void put(const ledger_entry& entry);
  void add(const ledger_notice& what);
  void add(const anomaly& what);

  // Notices to be delivered now, the longest due first; each is put off by its backoff, and on its first delivery its
  // operation becomes settled or failed.
  std::vector<ledger_notice> take_due(timestamp now, const rules& by, std::size_t limit);
  std::optional<timestamp> next_due();
  void acknowledge(std::int64_t notice, timestamp now);

 private:
  explicit store(const std::string& path);

  database db_;
  statement begin_, commit_, find_, recall_, put_, add_notice_, add_anomaly_, due_, put_off_, settle_, fail_, next_due_,
      acknowledge_;
};

// How rows read: for select statements made of these columns, in this order.
extern const char* const operation_columns;
extern const char* const notice_columns;
extern const char* const anomaly_columns;
ledger_entry read_entry(const statement& row);
ledger_notice read_notice(const statement& row);
anomaly read_anomaly(const statement& row);
inline constexpr std::int64_t ledger_version = 2;  // PRAGMA user_version; 1 had another index

}  // namespace novapay::sandbox
