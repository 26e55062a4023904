#include "adapters/adyen/report_statement.hpp"

#include <charconv>
#include <fstream>
#include <optional>

#include "adapters/adyen/csv.hpp"
#include "adapters/adyen/report.hpp"

namespace novapay::adyen {
namespace {

// Where a page begins: "1:10240", file and byte.
struct place {
  std::size_t file = 0;
  std::uint64_t offset = 0;
};

std::optional<place> parse_place(const std::string& text) {
  place out;
  if (text.empty()) return out;
  const char* end = text.data() + text.size();
  const auto file = std::from_chars(text.data(), end, out.file);
  if (file.ec != std::errc{} || file.ptr == end || *file.ptr != ':') return std::nullopt;
  const auto offset = std::from_chars(file.ptr + 1, end, out.offset);
  if (offset.ec != std::errc{} || offset.ptr != end) return std::nullopt;
  return out;
}

std::string text_of(const place& at) { return std::to_string(at.file) + ":" + std::to_string(at.offset); }

// Records of a file, one after the other, with a buffer of a few records.
class records {
 public:
  explicit records(const std::string& path) : in_(path, std::ios::binary) {}

  bool open() const { return in_.is_open(); }
  std::uint64_t at() const { return offset_; }
  void go_to(std::uint64_t offset) {
    in_.clear();
    in_.seekg(static_cast<std::streamoff>(offset));
    offset_ = offset;
    buffer_.clear();
    begin_ = 0;
  }

  csv_found next(std::vector<std::string>& into) {
    for (;;) {
      auto text = std::string_view{buffer_}.substr(begin_);
      const auto mark = offset_ == 0 ? text.size() - without_mark(text).size() : 0;
      const bool last = in_.eof() || in_.fail();
      const auto step = read_record(text.substr(mark), last, into);
      if (step.found != csv_found::more) {
        if (step.found == csv_found::record) {
          begin_ += mark + step.used;
          offset_ += mark + step.used;
        }
        return step.found;
      }
      refill();
    }
  }

 private:
  void refill() {
    buffer_.erase(0, begin_);
    begin_ = 0;
    const auto had = buffer_.size();
    buffer_.resize(had + record_bytes_max);
    in_.read(buffer_.data() + had, static_cast<std::streamsize>(record_bytes_max));
    buffer_.resize(had + static_cast<std::size_t>(in_.gcount()));
  }

  std::ifstream in_;
  std::string buffer_;
  std::size_t begin_ = 0;     // of what has not been read, in the buffer
  std::uint64_t offset_ = 0;  // of the same in the file
};

bool in_span(const statement_line& line, domain::timestamp from, domain::timestamp to) {
  return line.at == domain::timestamp{} || (line.at >= from && line.at < to);
}

}  // namespace

statement_result report_statement::page(domain::timestamp from, domain::timestamp to, const std::string& at) const {
  auto here = parse_place(at);
  if (!here) return statement_failure{false, "unknown_page"};
  if (here->file >= files_.size()) return statement_page{};

  records file(files_[here->file]);
  if (!file.open()) return statement_failure{false, "no_such_report"};
  std::vector<std::string> record;
  const auto where = file.next(record) == csv_found::record ? columns_of(record) : std::nullopt;
  if (!where) return statement_failure{false, "unreadable_report"};
  if (here->offset > file.at()) file.go_to(here->offset);

  statement_page out;
  remarks odd;
  for (std::size_t rows = 0; rows < statement_rows_max; ++rows) {
    const auto found = file.next(record);
    if (found == csv_found::end) {
      if (here->file + 1 < files_.size()) out.next = text_of({here->file + 1, 0});
      return out;
    }
    const auto row = found == csv_found::record ? read_row(*where, record, odd) : std::nullopt;
    if (!row) return statement_failure{false, "unreadable_report"};
    if (!row->account.empty() && row->account != how_.merchant_account) continue;
    if (auto line = statement_of(*row); line && in_span(*line, from, to)) out.lines.push_back(*std::move(line));
  }
  out.next = text_of({here->file, file.at()});
  return out;
}

void report_statement::fetch(domain::timestamp from, domain::timestamp to, std::string at,
                             std::function<void(statement_result)> done) {
  done(page(from, to, at));
}

}  // namespace novapay::adyen
