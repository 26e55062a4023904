// stripe: events and answers, of any bytes. Whatever Stripe (or something on the way) sends, each call ends in a bounded number of steps,
// nothing is approved that does not name an object, and an event says nothing of another payment than its own.
#include "adapters/stripe/conversation.hpp"
#include "adapters/stripe/events.hpp"
#include "adapters/stripe/form.hpp"
#include "adapters/stripe/signature.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace novapay;
using namespace novapay::stripe;
using fuzz::must;

namespace {

constexpr domain::timestamp now{std::chrono::milliseconds{1'800'000'000'000}};

void check_event(std::string_view body) {
  const auto event = read_event(body);
  if (!event) return;
  remarks odd;
  const auto items = items_of(*event, "stripe", false, odd);
  must(!items.empty() && items.size() <= 3, "an event says something, and little");
  must(odd.size() <= 20, "remarks are bounded");
  for (const auto& item : items) {
    must(item.type == event->type, "an item is of its event");
    must(item.identity.starts_with(event->id), "an item is named by its event");
    must(item.payment.empty() || item.payment.starts_with("pay_"), "a payment is one of ours, or none");
    must(!item.what || !item.payment.empty() || !item.lookup.empty() || event->type.starts_with("charge.dispute."),
         "news is for somebody");
    must(!(item.what && event->live), "the other mode says nothing");
  }
}

// One call against answers of any bytes, cut out of the input at newlines.
void check_call(fuzz::choices& from) {
  static const settings how = [] {
    settings made;
    made.multicapture = true;
    return made;
  }();
  const auto flags = from.byte();
  processor_call call;
  call.operation = static_cast<domain::operation_kind>(flags % 5 + 1);
  call.payment = "pay_1";
  call.idempotency_key = "pay_1:x";
  call.amount = {1099, *domain::parse_currency("usd")};
  call.processor_reference = call.operation == domain::operation_kind::authorize ? "" : "pi_1";
  call.final_capture = (flags & 16) != 0;
  call.doubted = (flags & 32) != 0;
  call.attempt = call.doubted ? 2 : 1;
  call.first_attempt_at = (flags & 64) != 0 ? now - 24h : now;

  conversation talk(how, call);
  auto step = talk.begin(now);
  int requests = 0, posts = 0;
  while (const auto* asked = std::get_if<request>(&step)) {
    must(++requests <= requests_max, "a conversation ends");
    posts += asked->post ? 1 : 0;
    must(!asked->post || asked->idempotency_key == call.idempotency_key, "a post bears the call's key");
    must(posts <= 1, "a conversation posts once");
    runtime::call_result reply;
    const auto kind = from.byte();
    reply.fate = static_cast<runtime::call_fate>(kind % 8 < 4 ? kind % 4 + 1 : 3);
    reply.response.status = kind < 128 ? 200 : static_cast<int>(from.number(2) % 700);
    if ((kind & 64) != 0) reply.response.fields = {{"idempotent-replayed", "true"}};
    reply.response.body = from.line();
    reply.reason = "timeout";
    step = talk.next(reply, now);
  }
  const auto& outcome = std::get<domain::outcome>(step);
  if (const auto* yes = std::get_if<domain::reported::approved>(&outcome))
    must(!yes->reference.empty(), "what is approved has a name");
  if (const auto* no = std::get_if<domain::reported::declined>(&outcome))
    must(!no->why.code.empty() && !no->why.message.empty(), "a decline says why");
  must(talk.odd().size() <= 20, "remarks are bounded");
}

}  // namespace

FUZZ_TARGET(stripe) {
  fuzz::choices from{input};
  switch (from.byte() % 4) {
    case 0: return check_event(from.rest());
    case 1: return check_call(from);
    case 2: {
      const std::vector<std::string> secrets{"whsec_a", "whsec_b"};
      const auto header = from.line();
      must(!check_signature(header, from.rest(), secrets, now, 300s).authentic, "nobody guesses a signature");
      return;
    }
    default: {
      (void)read_intents(from.rest());
      (void)read_balance_rows(from.rest());
      (void)read_error(from.rest());
      const auto encoded = form{}.text("metadata[a]", from.rest()).encoded();
      must(encoded.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~%[]=") ==
               std::string::npos,
           "a form has only what a form may have");
    }
  }
}
