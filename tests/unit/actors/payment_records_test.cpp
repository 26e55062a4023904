// The journal is read for ever: records as each format wrote them are kept, as files, in tests/fuzz/corpus/journal. Today's code
// reads them all; and every kind of record there is has been kept. NOVAPAY_KEEP_RECORDS=1 writes those that are missing: done
// once, with the code that introduces them, and never again.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "actors/payment_codec.hpp"
#include "runtime/claim_record.hpp"
#include "runtime/envelope.hpp"
#include "tests/unit/actors/domain/payment_fixture.hpp"

using namespace novapay;
using namespace novapay::domain::testing;

namespace {

// One of each event, with every field set.
std::vector<domain::event_type> every_event() {
  using namespace domain;
  using namespace domain::event;
  auto terms = usual_terms();
  terms.reference = "order-1";
  terms.description = "Two nights";
  terms.statement_descriptor = "HOTEL";
  const std::map<std::string, std::string> details{{"redirect_result", "abc"}};
  terms.tokens = {{"north", "tok_n"}, {"south", "tok_s"}};
  terms.brand = "visa";
  terms.country = "DE";
  terms.customer = "customer-1";
  terms.return_url = "https://shop.example/back";
  handling how{{"north", "south"}, "eu cards", on_expiry::capture, 24h};
  failure declined_card = card_declined;
  declined_card.advice = advice::retry_later;
  declined_card.raw = "card_declined/insufficient_funds";
  const dispute opened{"dp_1", dispute_stage::opened, 100, "fraudulent", noon, noon};
  return {created{terms, how},
          authorized{authorize, "auth_1", noon},
          declined{authorize, declined_card},
          action_required{authorize, redirect, "auth_1", noon},
          confirm_requested{1, "key", details},
          confirm_failed{1, card_declined},
          capture_requested{2, "key", 60, 60, true},
          captured{2, "cap_1"},
          capture_failed{2, card_declined, true},
          capture_contested{2, card_declined},
          refund_requested{3, "key", std::nullopt, 40, "other"},
          refunded{3, "ref_1"},
          refund_failed{3, card_declined, true},
          cancel_requested{1, "key", "changed my mind", "north", "auth_1"},
          canceled{1},
          cancel_failed{1, card_declined},
          settled{2, settlement{"po_1", 57, 3, "usd"}},
          expired{},
          late_authorization{"auth_2", authorize, "north"},
          in_doubt{capture(2), "processor_timeout", noon},
          deferred{refund(3), "rate_limited", noon},
          attempt_started{confirm()},
          answer_deferred{authorize, "awaiting_processor"},
          break_noted{refund(9), "unknown_operation", card_declined, "failed", "north", "ref_9"},
          accepted{capture(2), "cap_2", noon},
          rerouted{authorize, "rate_limited", 2, "south"},
          voided{"expired"},
          disputed{opened},
          flagged{capture(2), "processor_timeout"},
          authorization_expiring{noon}};
}

// What this version writes: file name → the fuzz target's letter and the record.
std::map<std::string, std::string> records() {
  const auto format = "format-" + std::to_string(payment_format) + "-";
  std::map<std::string, std::string> all;
  for (const auto& event : every_event())
    all[format + "event-" + std::string(domain::type_of(event))] = "e" + encode(event);
  for (const auto& [name, now] : situations()) {
    auto file = format + "state-" + name;
    for (auto& c : file)
      if (c == ' ' || c == ',') c = '-';
    all[file] = "s" + encode(now);
  }
  std::size_t last = 99;
  for (const auto& [name, asked, when] : questions())
    if (asked.index() != last) all[format + "command-" + std::to_string(last = asked.index())] = "c" + encode(asked);
  all[format + "refusal"] =
      "r" + encode(domain::refusal{domain::refusal_code::not_found, "No such payment.", "id", {"query"}});
  runtime::envelope envelope;
  envelope.kind = "payment";
  envelope.command = "bytes";
  envelope.scope = "mrc_a/test";
  envelope.creation_key = "key";
  all["format-" + std::to_string(runtime::envelope_format) + "-envelope"] = "v" + encode(envelope);
  all["format-1-claim"] = "k" + encode(runtime::claim_record{"node-1", 7, 9});
  return all;
}

void read(const std::string& record) {
  const auto bytes = record.substr(1);
  switch (record.front()) {
    case 'e': decode_event(bytes); return;
    case 's': decode_payment(bytes); return;
    case 'c': decode_command(bytes); return;
    case 'r': decode_refusal(bytes); return;
    case 'v': REQUIRE(runtime::decode_envelope(bytes)); return;
    case 'k': REQUIRE(runtime::decode_claim(bytes)); return;
    default: FAIL("a record of no known sort");
  }
}

}  // namespace

TEST_CASE("payment_records: every record ever written is read, and every kind of them was kept") {
  REQUIRE(every_event().size() == std::variant_size_v<domain::event_type>);
  const auto* root = std::getenv("NOVAPAY_SOURCE_DIR");
  if (root == nullptr) return;  // run by hand, without the tree
  const auto folder = std::filesystem::path{root} / "tests/fuzz/corpus/journal";

  for (const auto& [name, record] : records()) {
    INFO(name);
    const auto file = folder / name;
    if (std::getenv("NOVAPAY_KEEP_RECORDS") != nullptr && !std::filesystem::exists(file))
      std::ofstream{file, std::ios::binary} << record;
    CHECK(std::filesystem::exists(file));
  }
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with("format-")) continue;
    INFO(name);
    std::ifstream in{entry.path(), std::ios::binary};
    const std::string record{std::istreambuf_iterator<char>{in}, {}};
    REQUIRE_FALSE(record.empty());
    CHECK_NOTHROW(read(record));
  }
}
