#include "actors/reconcile.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <map>
#include <type_traits>
#include <utility>
#include <vector>

#include "actors/payment_codec.hpp"
#include "actors/payment_kind.hpp"
#include "actors/payments.hpp"
#include "runtime/journal_period.hpp"

namespace novapay {
namespace {

constexpr std::size_t rows_at_once = 256;

// It cannot go on. Thrown and caught in this file only.
struct broken_off {
  broken_by what;
  std::string why;
};

template <class T>
T value_of(runtime::read_outcome<T> read, broken_by what) {
  if (!read.value) throw broken_off{what, std::move(read.detail)};
  return *std::move(read.value);
}

domain::standing standing_of(line_status status) noexcept {
  switch (status) {
    case line_status::succeeded: return domain::standing::done;
    case line_status::pending: return domain::standing::open;
    case line_status::failed: break;
  }
  return domain::standing::failed;
}

domain::listed listed_of(const statement_line& line) {
  return {line.operation, line.amount, line.raw_amount, standing_of(line.status), line.reference, line.at};
}

// ---- as they lie in the spill: only this process reads them -------------------------------------------------------

void put_text(std::string& to, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  to.append(reinterpret_cast<const char*>(&size), sizeof size);
  to.append(text);
}
template <class T>
void put_plain(std::string& to, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <class T>
T take_plain(std::string_view& from) {
  T value;
  std::memcpy(&value, from.data(), sizeof value);
  from.remove_prefix(sizeof value);
  return value;
}
std::string take_text(std::string_view& from) {
  const auto size = take_plain<std::uint32_t>(from);
  std::string text{from.substr(0, size)};
  from.remove_prefix(size);
  return text;
}

// Of a payment without lines: its name alone.
std::string record_of(const std::string& payment) {
  std::string out;
  put_text(out, payment);
  return out;
}
std::string record_of(const std::string& payment, const domain::listed& line) {
  auto out = record_of(payment);
  put_plain(out, line.id);
  put_plain(out, line.amount);
  put_plain(out, line.stands);
  put_plain(out, line.at);
  put_text(out, line.reference);
  put_text(out, line.raw_amount);
  return out;
}
void read_record(std::string_view from, std::map<std::string, std::vector<domain::listed>>& into) {
  auto& lines = into[take_text(from)];
  if (from.empty()) return;
  auto& line = lines.emplace_back();
  line.id = take_plain<domain::operation_id>(from);
  line.amount = take_plain<domain::money>(from);
  line.stands = take_plain<domain::standing>(from);
  line.at = take_plain<domain::timestamp>(from);
  line.reference = take_text(from);
  line.raw_amount = take_text(from);
}

// -------------------------------------------------------------------------------------------------------------------

class reconciler {
 public:
  reconciler(const reconcile_request& asked, const reconcile_ports& ports) : asked_(asked), ports_(ports) {}

  reconcile_outcome run() {
    reconcile_outcome done;
    try {
      read_statement();
      read_journal();
      compare();
    } catch (broken_off& broken) {
      done.broken = broken.what;
      done.why = std::move(broken.why);
    }
    done.reached = std::move(reached_);
    return done;
  }

 private:
  void go_on() {
    ports_.progress(reached_);
    if (ports_.stopped()) throw broken_off{broken_by::stop, "interrupted"};
  }

  void put(const std::string& payment, const std::string& record) {
    if (auto wrong = ports_.aside.put(payment, record); !wrong.empty())
      throw broken_off{broken_by::temporary_files, std::move(wrong)};
  }

  void read_statement() {
    const auto from = asked_.from - statement_skew;
    const auto to =
        asked_.traits.later ? std::max(asked_.to, asked_.now) + statement_reach : asked_.to + statement_reach;
    std::string at;
    do {
      go_on();
      auto got = ports_.page(from, to, at);
      if (auto* failed = std::get_if<statement_failure>(&got)) {
        if (ports_.stopped()) throw broken_off{broken_by::stop, "interrupted"};
        throw broken_off{failed->retryable ? broken_by::processor : broken_by::statement, std::move(failed->reason)};
      }
      auto& page = std::get<statement_page>(got);
      for (const auto& line : page.lines) set_aside(line);
      ++reached_.pages;
      if (!page.next.empty() && page.next == at)
        throw broken_off{broken_by::statement, "a page that is followed by itself"};
      at = std::move(page.next);
    } while (!at.empty());
    reached_.statement_read = true;
    if (asked_.traits.later && reached_.lines == 0)
      throw broken_off{broken_by::statement, "nothing of this period or later stands in it"};
  }

  void set_aside(const statement_line& line) {
    ++reached_.lines;
    reached_.newest = std::max(reached_.newest, line.at);
    reached_.latest_read = line.at;
    // Those that name nobody are spread by what the processor calls them.
    put(line.payment.empty() ? line.reference : line.payment, record_of(line.payment, listed_of(line)));
  }

  void read_journal() {
    bool stopped = false;
    bool full = false;
    std::string why;
    const runtime::period_ports ports{ports_.scan, ports_.read,
                                      [&](const runtime::entity_id& id) -> std::optional<std::string> {
                                        const auto payment = payment_id_text(id);
                                        why = ports_.aside.put(payment, record_of(payment));
                                        full = !why.empty();
                                        return full ? std::optional{why} : std::nullopt;
                                      },
                                      [&](std::uint64_t records) -> std::optional<std::string> {
                                        reached_.records = records;
                                        ports_.progress(reached_);
                                        stopped = ports_.stopped();
                                        return stopped ? std::optional<std::string>{"interrupted"} : std::nullopt;
                                      }};
    if (auto failed = runtime::walk_period(ports, asked_.from, asked_.to))
      throw broken_off{stopped ? broken_by::stop
                       : full  ? broken_by::temporary_files
                               : broken_by::store,
                       *std::move(failed)};
    reached_.journal_read = true;
  }

  domain::reconciliation_scope scope() const {
    domain::reconciliation_scope out;
    out.from = asked_.from;
    out.to = asked_.to;
    out.lists_holds = asked_.traits.lists_holds;
    out.dated_by_payment = asked_.traits.dated_by_payment;
    if (asked_.traits.later) {
      out.complete_until = reached_.newest + std::chrono::seconds{1} - asked_.traits.lag;  // dates are whole seconds
      out.shown_until = asked_.now;
    } else {
      out.shown_until = asked_.now - asked_.traits.lag;
      out.complete_until = std::min(out.shown_until, asked_.to + statement_reach - statement_skew);
    }
    return out;
  }

  void compare() {
    domain::reconciliation both(scope(), ports_.found);
    reached_.parts_all = ports_.aside.parts();
    for (std::size_t part = 0; part < reached_.parts_all; ++part) {
      go_on();
      std::map<std::string, std::vector<domain::listed>> payments;
      for (const auto& record : value_of(ports_.aside.take(part), broken_by::temporary_files))
        read_record(record, payments);
      compare(payments, both);
      ++reached_.parts;
      reached_.report = both.report();
    }
    ports_.progress(reached_);
  }

  void compare(std::map<std::string, std::vector<domain::listed>>& payments, domain::reconciliation& both) {
    if (const auto nobody = payments.find(""); nobody != payments.end()) {
      for (auto& line : nobody->second) both.compare("", nullptr, {std::move(line)});
      payments.erase(nobody);
    }
    for (auto next = payments.begin(); next != payments.end();) {
      std::vector<runtime::entity_id> ids;
      std::vector<decltype(next)> asked;
      for (; next != payments.end() && ids.size() < rows_at_once; ++next) {
        if (const auto id = parse_payment_id(next->first)) {
          ids.push_back(*id);
          asked.push_back(next);
        } else {
          both.compare(next->first, nullptr, std::move(next->second));
        }
      }
      if (ids.empty()) continue;
      if (ports_.stopped()) throw broken_off{broken_by::stop, "interrupted"};
      const auto rows = value_of(ports_.read.load(ids), broken_by::store);
      for (std::size_t i = 0; i < asked.size(); ++i) {
        auto& [payment, lines] = *asked[i];
        const auto books = rows[i] ? books_in(payment, *rows[i]) : std::nullopt;
        both.compare(payment, books ? &*books : nullptr, std::move(lines));
      }
    }
  }

  std::optional<domain::payment_books> books_in(const std::string& payment, const runtime::entity_row& row) const {
    if (row.kind != payment_kind_name) return std::nullopt;
    try {
      return domain::books_of(decode_payment(row.state), asked_.processor, asked_.nameless);
    } catch (const std::exception& thrown) {
      throw broken_off{broken_by::store,
                       payment + " cannot be read: " + thrown.what() + " (novapay verify tells more)"};
    }
  }

  const reconcile_request& asked_;
  const reconcile_ports& ports_;
  reconcile_progress reached_;
};

}  // namespace

reconcile_outcome reconcile(const reconcile_request& asked, const reconcile_ports& ports) {
  return reconciler(asked, ports).run();
}

}  // namespace novapay
