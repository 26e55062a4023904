#include "actors/domain/reconciliation.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

#include "actors/domain/payment_rules.hpp"

namespace novapay::domain {
namespace {

standing standing_of(const operation& what) noexcept {
  switch (what.progress) {
    case progress::succeeded: return what.contested ? standing::open : standing::done;
    case progress::failed: return standing::failed;
    case progress::sending:
    case progress::deferred:
    case progress::in_doubt:
    case progress::needs_action:
    case progress::accepted: break;
  }
  return standing::open;
}

booked entry_of(const payment& now, const operation& what) {
  booked entry;
  entry.id = what.id;
  const bool amount_counts = what.id.kind != operation_kind::cancel;
  entry.amount = {amount_counts ? what.amount_minor : 0, now.agreed.amount.code};
  entry.stands = standing_of(what);
  entry.reference = what.processor_reference;
  if (what.id.kind == operation_kind::cancel)
    entry.reference = what.target_reference.empty() ? now.processor_reference : what.target_reference;
  entry.reason = what.why_failed ? what.why_failed->code : what.doubt_reason;
  entry.requested_at = what.requested_at;
  entry.last_attempt_at = std::max(what.requested_at, what.attempted_at);
  return entry;
}

// Every confirm is of the last authorize, and its outcome is that one's.
void add_confirms(const payment& now, booked& authorize) {
  for (const auto& what : now.operations) {
    if (what.id.kind != operation_kind::confirm) continue;
    authorize.last_attempt_at = std::max(authorize.last_attempt_at, what.attempted_at);
    if (what.progress == progress::succeeded) authorize.stands = standing::done;
  }
  const bool ended = now.stage == stage::failed || now.stage == stage::canceled || now.stage == stage::expired;
  if (ended && authorize.stands == standing::open) authorize.stands = standing::failed;
  if (authorize.stands == standing::done && authorize.reference.empty()) authorize.reference = now.processor_reference;
}

std::int64_t clamped_sum(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
}

// The same line again (a report given twice), or a later word about it: a refund that came back.
std::vector<listed> folded(std::vector<listed> lines) {
  std::vector<listed> out;
  for (auto& line : lines) {
    const auto same = std::find_if(out.begin(), out.end(), [&](const listed& other) {
      return !line.reference.empty() && other.reference == line.reference && other.id == line.id &&
             other.amount == line.amount && other.raw_amount == line.raw_amount;
    });
    if (same == out.end())
      out.push_back(std::move(line));
    else if (same->stands == standing::open || line.stands == standing::failed)
      *same = std::move(line);
  }
  return out;
}

constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

}  // namespace

payment_books books_of(const payment& now, std::string_view processor, bool nameless) {
  payment_books books;
  books.created_at = now.created_at;
  books.updated_at = now.updated_at;
  const auto here = [&](const std::string& name) { return name.empty() ? nameless : name == processor; };
  books.holds = now.stage == stage::authorized && capturable(now) > 0 && here(processor_of(now));
  const auto* last = current_authorize(now);
  for (const auto& what : now.operations) {
    if (what.id.kind == operation_kind::confirm || !here(what.processor)) continue;
    auto entry = entry_of(now, what);
    if (&what == last) add_confirms(now, entry);
    books.operations.push_back(std::move(entry));
  }
  return books;
}

std::string_view to_text(difference_kind value) noexcept {
  switch (value) {
    case difference_kind::missing: return "missing";
    case difference_kind::extra: return "extra";
    case difference_kind::duplicate: return "duplicate";
    case difference_kind::amount: return "amount";
    case difference_kind::contradiction: return "contradiction";
    case difference_kind::doubt: return "doubt";
  }
  return "unknown";
}

std::uint64_t reconciliation_report::differing() const noexcept {
  std::uint64_t sum = 0;
  for (const auto each : differences) sum += each;
  return sum;
}

// ---- one payment --------------------------------------------------------------------------------------------------

namespace {

class comparison {
 public:
  comparison(const reconciliation_scope& scope, const std::string& payment, const payment_books* ours,
             std::vector<listed> theirs, reconciliation_report& report, const std::function<void(difference)>& found)
      : scope_(scope),
        payment_(payment),
        ours_(ours),
        lines_(folded(std::move(theirs))),
        report_(report),
        found_(found) {}

  void run() {
    for (const auto kind :
         {operation_kind::authorize, operation_kind::capture, operation_kind::refund, operation_kind::cancel}) {
      const bool hold = kind == operation_kind::authorize || kind == operation_kind::cancel;
      if (!hold || scope_.lists_holds) compare(kind);
    }
  }

 private:
  struct side {
    std::vector<const booked*> ours;
    std::vector<const listed*> theirs;
    std::vector<std::size_t> line_of;  // by place in `ours`; none
    std::vector<std::size_t> ours_of;  // by place in `theirs`; none
  };

  void compare(operation_kind kind) {
    side both;
    if (ours_ != nullptr)
      for (const auto& each : ours_->operations)
        if (each.id.kind == kind) both.ours.push_back(&each);
    for (const auto& each : lines_)
      if (each.id.kind == kind) both.theirs.push_back(&each);
    if (kind == operation_kind::capture && captured_in_one(both)) return;
    pair(both);
    for (std::size_t i = 0; i < both.theirs.size(); ++i) {
      const auto& line = *both.theirs[i];
      if (both.ours_of[i] != none)
        compare(*both.ours[both.ours_of[i]], line);
      else
        unknown_line(both, line);
    }
    for (std::size_t i = 0; i < both.ours.size(); ++i)
      if (both.line_of[i] == none) unlisted(*both.ours[i]);
  }

  // ---- which line means which operation

  void pair(side& both) const {
    both.line_of.assign(both.ours.size(), none);
    both.ours_of.assign(both.theirs.size(), none);
    const auto pass = [&both](auto fits) {
      for (std::size_t line = 0; line < both.theirs.size(); ++line)
        for (std::size_t own = 0; own < both.ours.size() && both.ours_of[line] == none; ++own)
          if (both.line_of[own] == none && fits(*both.ours[own], *both.theirs[line])) {
            both.line_of[own] = line;
            both.ours_of[line] = own;
          }
    };
    const auto may_be = [](const booked& own, const listed& line) {
      return line.id.number == 0 || line.id.number == own.id.number;
    };
    const auto unnumbered = [](const listed& line) { return line.id.number == 0; };
    pass([&](const booked& own, const listed& line) {
      return !own.reference.empty() && own.reference == line.reference && may_be(own, line);
    });
    pass([](const booked& own, const listed& line) { return own.id.number == line.id.number; });
    pass([&](const booked& own, const listed& line) {
      return unnumbered(line) && own.amount == line.amount && own.stands == line.stands;
    });
    pass([&](const booked& own, const listed& line) { return unnumbered(line) && own.amount == line.amount; });
    if (std::count(both.line_of.begin(), both.line_of.end(), none) == 1 &&
        std::count(both.ours_of.begin(), both.ours_of.end(), none) == 1)
      pass([&](const booked&, const listed& line) { return unnumbered(line); });
  }

  // Captures that the processor only tells as a sum.
  bool captured_in_one(const side& both) {
    if (both.theirs.size() != 1 || both.theirs.front()->stands != standing::done) return false;
    const auto& line = *both.theirs.front();
    booked sum;
    std::vector<const booked*> done;
    bool same_reference = true;
    for (const auto* own : both.ours) {
      if (own->stands != standing::done) continue;
      if (own->id.number == line.id.number && own->amount == line.amount) return false;  // it is that one
      if (done.empty())
        sum = *own;
      else
        sum.amount.minor = clamped_sum(sum.amount.minor, own->amount.minor);
      sum.last_attempt_at = std::max(sum.last_attempt_at, own->last_attempt_at);
      same_reference = same_reference && !own->reference.empty() && own->reference == line.reference;
      done.push_back(own);
    }
    if (done.size() < 2 || (!same_reference && sum.amount != line.amount)) return false;
    if (sum.amount != line.amount && sum.last_attempt_at > scope_.shown_until) {
      ++report_.awaited;
      return true;
    }
    if (!in_period(sum) && !in_period(line)) return true;
    if (sum.amount != line.amount) {
      sum.id.number = 0;
      report(difference_kind::amount, &sum, &line, "The captures add up to another amount there.");
    } else {
      for (const auto* own : done) match(*own);
      auto& theirs = totals(line.id.kind, line.amount.code).theirs;
      theirs.count += done.size();
      theirs.minor = clamped_sum(theirs.minor, line.amount.minor);
    }
    for (const auto* own : both.ours)
      if (own->stands == standing::open) ++report_.under_way;
    return true;
  }

  // ---- both sides have it

  void compare(const booked& own, const listed& line) {
    if (!in_period(own) && !in_period(line)) return;
    if (own.stands == standing::open) return compare_open(own, line);
    if (own.stands == line.stands) {
      if (own.stands == standing::failed) return;
      return compare_amounts(own, line);
    }
    if (own.stands == standing::done) return done_here_only(own, line);
    if (line.stands == standing::open) {
      if (own.id.kind != operation_kind::authorize)
        ++report_.under_way;  // nothing of an authorization that is not one yet
      return;
    }
    if (own.id.kind == operation_kind::authorize && harmless(line)) return;
    if (changed_meanwhile()) return;
    report(difference_kind::contradiction, &own, &line,
           "It has failed with us" + because(own.reason) + ", and is done there.");
  }

  void compare_amounts(const booked& own, const listed& line) {
    if (own.amount != line.amount)
      return report(difference_kind::amount, &own, &line,
                    own.amount.code == line.amount.code ? "The amounts differ." : "The currencies differ.");
    match(own);
    add(line);
  }

  void compare_open(const booked& own, const listed& line) {
    if (line.stands != standing::done || own.requested_at > scope_.shown_until) {
      ++report_.under_way;
      return;
    }
    report(difference_kind::doubt, &own, &line,
           "It is done there; with us its outcome is not known yet" + because(own.reason) + ".");
  }

  void done_here_only(const booked& own, const listed& line) {
    if (line.stands == standing::open && own.id.kind != operation_kind::authorize)
      return compare_amounts(own, line);  // taken; its money is on its way
    if (changed_meanwhile()) return;
    report(difference_kind::contradiction, &own, &line,
           line.stands == standing::failed ? "It is done with us, and has failed there."
                                           : "It is done with us, and not finished there.");
  }

  // An authorization that we gave up: canceled there, or a cancel of ours is on its way to it.
  bool harmless(const listed& line) {
    if (released(line)) {
      ++report_.released;
      return true;
    }
    const bool on_its_way = std::any_of(ours_->operations.begin(), ours_->operations.end(), [&](const booked& each) {
      return each.id.kind == operation_kind::cancel && each.stands == standing::open &&
             (each.reference.empty() || line.reference.empty() || each.reference == line.reference);
    });
    if (on_its_way) ++report_.under_way;
    return on_its_way;
  }

  // ---- only one side has it

  void unknown_line(const side& both, const listed& line) {
    if (!in_period(line)) return;
    if (line.id.kind == operation_kind::cancel) return unasked_release(line);
    const bool money = line.id.kind != operation_kind::authorize;
    if (line.stands == standing::failed || (line.stands == standing::open && !money)) return;
    if (!money && released(line)) {
      ++report_.released;
      return;
    }
    if (ours_ == nullptr)
      return report(difference_kind::extra, nullptr, &line,
                    payment_.empty() ? "It names no payment of ours." : "We have no such payment.");
    for (std::size_t i = 0; i < both.ours.size(); ++i) {
      const bool taken = both.line_of[i] != none && both.theirs[both.line_of[i]]->stands != standing::failed;
      if (taken && (line.id.number == 0 || line.id.number == both.ours[i]->id.number))
        return report(difference_kind::duplicate, both.ours[i], &line, "It is done there once more than with us.");
    }
    report(difference_kind::extra, nullptr, &line, "It is no operation of the payment at this processor.");
  }

  // The processor holds nothing any more, and we believe it does.
  void unasked_release(const listed& line) {
    if (ours_ == nullptr || !ours_->holds || line.stands != standing::done || line.at > scope_.shown_until) return;
    const auto held = std::find_if(ours_->operations.begin(), ours_->operations.end(), [&](const booked& own) {
      return own.id.kind == operation_kind::authorize && own.stands == standing::done &&
             (own.reference.empty() || own.reference == line.reference);
    });
    if (held != ours_->operations.end() && !changed_meanwhile())
      report(difference_kind::contradiction, nullptr, &line,
             "The authorization has ended there; with us it stands and may be captured.");
  }

  void unlisted(const booked& own) {
    if (!in_period(own)) return;
    if (own.stands == standing::failed) return;
    if (own.stands == standing::open) {
      ++report_.under_way;
      return;
    }
    if (own.id.kind == operation_kind::cancel && !still_held(own)) return;
    if (!due(own)) {
      ++report_.awaited;
      return;
    }
    report(difference_kind::missing, &own, nullptr,
           own.id.kind == operation_kind::cancel ? "It is canceled with us, and still held there."
                                                 : "It is done with us, and not listed there.");
  }

  bool still_held(const booked& cancel) const {
    const auto of_it = [&](const listed& line) {
      return cancel.reference.empty() || line.reference.empty() || line.reference == cancel.reference;
    };
    const bool held = std::any_of(lines_.begin(), lines_.end(), [&](const listed& line) {
      return line.id.kind == operation_kind::authorize && line.stands == standing::done && of_it(line) &&
             !released(line);
    });
    const bool captured = std::any_of(lines_.begin(), lines_.end(), [](const listed& line) {
      return line.id.kind == operation_kind::capture && line.stands == standing::done;
    });
    return held && !captured;  // of what is partly captured, the release of the rest is not listed
  }

  // ---- when

  bool in_period(timestamp at) const noexcept { return at >= scope_.from && at < scope_.to; }
  bool in_period(const listed& line) const noexcept { return line.at == timestamp{} || in_period(line.at); }
  bool in_period(const booked& own) const noexcept {
    assert(ours_ != nullptr);  // what is booked is in our books
    return in_period(with_payment(own.id.kind) ? ours_->created_at : own.requested_at);
  }
  bool with_payment(operation_kind kind) const noexcept {
    return scope_.dated_by_payment && kind != operation_kind::refund;
  }
  bool due(const booked& own) const {
    if (!with_payment(own.id.kind) || own.id.kind == operation_kind::authorize)
      return own.last_attempt_at <= scope_.complete_until;
    if (own.last_attempt_at > scope_.shown_until) return false;
    return std::all_of(ours_->operations.begin(), ours_->operations.end(), [this](const booked& each) {
      return each.id.kind != operation_kind::authorize || each.stands != standing::done ||
             each.last_attempt_at <= scope_.complete_until;
    });
  }
  bool changed_meanwhile() {
    if (ours_->updated_at <= scope_.shown_until) return false;
    ++report_.awaited;
    return true;
  }

  // ---- saying it

  bool released(const listed& line) const {
    return !line.reference.empty() && std::any_of(lines_.begin(), lines_.end(), [&](const listed& other) {
      return other.id.kind == operation_kind::cancel && other.stands == standing::done &&
             other.reference == line.reference;
    });
  }

  static std::string because(const std::string& reason) { return reason.empty() ? reason : " (" + reason + ")"; }

  operation_totals& totals(operation_kind kind, currency code) { return report_.totals[{kind, code}]; }
  static void add(side_totals& to, money amount) {
    ++to.count;
    to.minor = clamped_sum(to.minor, amount.minor);
  }
  void add(const booked& own) { add(totals(own.id.kind, own.amount.code).ours, own.amount); }
  void add(const listed& line) { add(totals(line.id.kind, line.amount.code).theirs, line.amount); }
  void match(const booked& own) {
    add(own);
    ++report_.matched;
    ++totals(own.id.kind, own.amount.code).matched;
  }

  void report(difference_kind kind, const booked* own, const listed* line, std::string why) {
    ++report_.differences[static_cast<std::size_t>(kind) - 1];
    if (own != nullptr && own->stands == standing::done && kind != difference_kind::duplicate) add(*own);
    if (line != nullptr && line->stands == standing::done) add(*line);
    difference made;
    made.kind = kind;
    made.payment = payment_;
    if (own != nullptr) {
      made.about = own->id;
      made.ours = own->amount;
      made.our_reference = own->reference;
      made.at = own->requested_at;
    }
    if (line != nullptr) {
      if (own == nullptr) made.about = line->id;
      if (line->amount.code != currency{}) made.theirs = line->amount;
      made.raw_amount = line->raw_amount;
      made.their_reference = line->reference;
      made.at = line->at;
    }
    made.why = std::move(why);
    found_(std::move(made));
  }

  const reconciliation_scope& scope_;
  const std::string& payment_;
  const payment_books* ours_;
  const std::vector<listed> lines_;
  reconciliation_report& report_;
  const std::function<void(difference)>& found_;
};

}  // namespace

void reconciliation::compare(const std::string& payment, const payment_books* ours, std::vector<listed> theirs) {
  if ((ours == nullptr || ours->operations.empty()) && theirs.empty()) return;
  ++report_.payments;
  comparison(scope_, payment, ours, std::move(theirs), report_, found_).run();
}

}  // namespace novapay::domain
