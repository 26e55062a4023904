#include "actors/hosted_payments.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "actors/payment_codec.hpp"
#include "actors/payment_kind.hpp"
#include "runtime/crash_point.hpp"

namespace novapay {

using runtime::reply_status;

std::string payment_id_text(const runtime::entity_id& id) { return "pay_" + runtime::to_text(id); }

std::optional<runtime::entity_id> parse_payment_id(std::string_view text) noexcept {
  if (!text.starts_with("pay_")) return std::nullopt;
  return runtime::parse_entity_id(text.substr(4));
}

routing_functions only(std::string processor) {
  const auto explain = [name = std::move(processor)](const domain::terms& asked) {
    domain::routing_rules rules;
    rules.otherwise = {name};
    domain::processor_standing alone;
    alone.name = name;
    alone.any_mode = true;
    return domain::choose_route(asked, rules, {&alone, 1}, domain::explain::yes);
  };
  return {[explain](const domain::terms& asked) {
            auto choice = explain(asked);
            domain::handling how;
            how.route = std::move(choice.route);
            how.rule = std::move(choice.rule);
            return how;
          },
          explain};
}

namespace {

const std::string return_key = "novapay:return:";

domain::refusal no_such_payment() { return {domain::refusal_code::not_found, "There is no such payment.", "", {}}; }

trouble trouble_of(reply_status why) {
  switch (why) {
    case reply_status::overloaded: return trouble::overloaded;
    case reply_status::unavailable: return trouble::unavailable;
    case reply_status::deadline_exceeded: return trouble::deadline_exceeded;
    case reply_status::quarantined: return trouble::quarantined;
    case reply_status::outcome_unknown: return trouble::outcome_unknown;
    case reply_status::store_unavailable: return trouble::store_unavailable;
    case reply_status::store_unknown: return trouble::store_unknown;
    case reply_status::ok:
    case reply_status::refused:
    case reply_status::not_found:
    case reply_status::internal: break;
  }
  return trouble::internal;
}

reply typed(const runtime::reply& from) {
  try {
    if (from.status == reply_status::refused) return decode_refusal(from.body);
    if (from.status == reply_status::not_found) return no_such_payment();
    if (from.status != reply_status::ok) return trouble_report{trouble_of(from.status), from.detail};
    answer given;
    given.payment = decode_payment(from.body);
    if (from.operation != 0) given.operation = unpack(from.operation);
    given.replayed = from.replayed;
    given.processor_time = from.replayed ? std::chrono::microseconds{0} : from.waited;
    return given;
  } catch (const std::exception& thrown) { return trouble_report{trouble::internal, thrown.what()}; }
}

runtime::envelope envelope_for(const caller& who, const domain::command_type& what) {
  runtime::envelope to;
  to.kind = payment_kind_name;
  to.command = encode(what);
  to.deadline = std::chrono::time_point_cast<std::chrono::milliseconds>(who.deadline);
  to.trace = who.request_id;
  to.scope = scope_of(who.merchant, who.mode);
  return to;
}

runtime::responder typed_responder(reply_handler done) {
  return runtime::responder([done = std::move(done)](const runtime::reply& with) { done(typed(with)); });
}

page_reply page_of(const runtime::list_page& from) {
  try {
    payment_page page;
    page.has_more = from.next.has_value();
    for (const auto& row : from.rows) page.payments.push_back(decode_payment(row.state));
    if (from.next) page.next_cursor = payment_id_text(*from.next);
    return page;
  } catch (const std::exception& thrown) { return trouble_report{trouble::internal, thrown.what()}; }
}

history_reply history_of(const std::vector<runtime::log_record>& records) {
  try {
    std::vector<history_entry> entries;
    for (const auto& one : records) entries.push_back({one.sequence, one.at, decode_event(one.payload)});
    return entries;
  } catch (const std::exception& thrown) { return trouble_report{trouble::internal, thrown.what()}; }
}

}  // namespace

// Runs a read unless nobody waits for it any more.
template <class Done, class Run>
void hosted_payments::read(const caller& who, const Done& done, Run run) {
  const auto deadline = std::chrono::time_point_cast<std::chrono::milliseconds>(who.deadline);
  const bool taken = host_.read([this, deadline, done, run = std::move(run)](runtime::journal& log) {
    if (time_.now() > deadline) return done(trouble_report{trouble::deadline_exceeded, "not begun in time"});
    if (!host_.store().gives_reads()) return done(trouble_report{trouble::store_unavailable, "the store fails"});
    run(log);
  });
  if (!taken) done(trouble_report{trouble::unavailable, "the node is starting or stopping"});
}

void hosted_payments::create(const caller& who, domain::terms asked, reply_handler done) {
  const auto key = asked.idempotency_key;
  auto how = routing_.choose(asked);
  runtime::ask job{envelope_for(who, domain::command::create{std::move(asked), std::move(how)}),
                   typed_responder(std::move(done))};
  job.what.creation_key = key;
  host_.route(std::move(job));
}

void hosted_payments::ask(const caller& who, const std::string& id, domain::command_type what, reply_handler done) {
  const auto entity = parse_payment_id(id);
  if (!entity) return done(no_such_payment());
  runtime::ask job{envelope_for(who, what), typed_responder(std::move(done))};
  job.what.entity = *entity;
  host_.route(std::move(job));
}

void hosted_payments::ask_unscoped(const caller& who, const runtime::entity_id& id, const domain::command_type& what,
                                   reply_handler done) {
  runtime::ask job{envelope_for(who, what), typed_responder(std::move(done))};
  job.what.entity = id;
  job.what.scope.clear();
  host_.route(std::move(job));
}

// The key names the confirm that is due: a reload of the page repeats it, the page after another action does not.
void hosted_payments::customer_returned(const caller& who, const std::string& id, return_details details,
                                        reply_handler done) {
  const auto entity = parse_payment_id(id);
  if (!entity) return done(no_such_payment());
  ask_unscoped(who, *entity, domain::command::query{},
               [this, who, entity = *entity, details = std::move(details), done](reply now) mutable {
                 const auto* found = std::get_if<answer>(&now);
                 if (found == nullptr || found->payment.stage != domain::stage::requires_action)
                   return done(std::move(now));
                 const auto confirms = std::ranges::count(found->payment.operations, domain::operation_kind::confirm,
                                                          [](const auto& what) { return what.id.kind; });
                 domain::command::confirm confirm{return_key + std::to_string(confirms + 1), std::move(details)};
                 ask_unscoped(who, entity, std::move(confirm), [before = std::move(now), done](reply after) {
                   done(std::holds_alternative<answer>(after) ? std::move(after) : before);
                 });
               });
}

void hosted_payments::list(const caller& who, runtime::list_query query, std::function<void(page_reply)> done) {
  query.scope = scope_of(who.merchant, who.mode);
  query.kind = payment_kind_name;
  read(who, done, [query = std::move(query), done](runtime::journal& log) {
    const auto page = log.list(query);
    done(page.value ? page_of(*page.value) : page_reply{trouble_report{trouble::store_unavailable, page.detail}});
  });
}

void hosted_payments::find_by_key(const caller& who, std::string idempotency_key,
                                  std::function<void(page_reply)> done) {
  runtime::creation_key key{scope_of(who.merchant, who.mode), std::move(idempotency_key)};
  read(who, done, [key = std::move(key), done](runtime::journal& log) {
    const auto found = log.find_keys({&key, 1});
    if (!found.value) return done(trouble_report{trouble::store_unavailable, found.detail});
    if (!found.value->front()) return done(payment_page{});
    const auto id = *found.value->front();
    auto rows = log.load({&id, 1});
    if (!rows.value) return done(trouble_report{trouble::store_unavailable, rows.detail});
    runtime::list_page page;
    if (rows.value->front()) page.rows.push_back(*std::move(rows.value->front()));
    done(page_of(page));
  });
}

void hosted_payments::history(const caller& who, const std::string& id, std::function<void(history_reply)> done) {
  const auto entity = parse_payment_id(id);
  if (!entity) return done(std::vector<history_entry>{});
  read(who, done, [id = *entity, scope = scope_of(who.merchant, who.mode), done](runtime::journal& log) {
    const auto rows = log.load({&id, 1});
    if (!rows.value) return done(trouble_report{trouble::store_unavailable, rows.detail});
    if (!rows.value->front() || rows.value->front()->listed.scope != scope) return done(std::vector<history_entry>{});
    const auto records = log.history(id, 0, history_entries_max);
    done(records.value ? history_of(*records.value)
                       : history_reply{trouble_report{trouble::store_unavailable, records.detail}});
  });
}

void hosted_payments::notify(processor_notice told) {
  const auto entity = parse_payment_id(told.payment);
  if (!entity) {
    logger_.write(runtime::log_level::error, "a processor's notice names no payment of ours", {});
    return told.acknowledge();  // repeating it would not help
  }
  tell(*entity, told.what, [this, told](const runtime::reply& with) {
    if (with.status == reply_status::ok) return told.acknowledge();
    if (with.status == reply_status::store_unavailable) return;                            // said once, by the runtime
    if (with.status == reply_status::refused || with.status == reply_status::not_found) {  // a repetition would be, too
      logger_.write(runtime::log_level::error, "a processor's notice fits no payment: look into it",
                    {{"payment_id", told.payment},
                     {"operation", domain::to_text(told.what.about.kind)},
                     {"number", static_cast<std::int64_t>(told.what.about.number)},
                     {"news", domain::name_of(told.what.what)}});
      return told.acknowledge();
    }
    logger_.write(
        runtime::log_level::warning, "a processor's notice was not taken: it will be repeated",
        {{"payment_id", told.payment}, {"status", static_cast<std::int64_t>(with.status)}, {"detail", with.detail}});
  });
}

void hosted_payments::tell(const runtime::entity_id& payment, const domain::notice& what,
                           std::function<void(const runtime::reply&)> done) {
  passing(runtime::crash_point::notice_before);
  runtime::ask job;
  job.what.kind = payment_kind_name;
  job.what.entity = payment;
  job.what.command = encode(domain::command_type{domain::command::notify{what}});
  job.internal = true;
  job.who = runtime::responder([done = std::move(done)](const runtime::reply& with) {
    if (with.status == reply_status::ok) passing(runtime::crash_point::notice_after);
    done(with);
  });
  host_.route(std::move(job));
}

void hosted_payments::deliver(const std::string& payment, const domain::notice& what, notice_done done) {
  const auto entity = parse_payment_id(payment);
  if (!entity) return done(notice_fate::unknown_payment, "not the id of a payment of ours");
  tell(*entity, what, [done = std::move(done)](const runtime::reply& with) {
    if (with.status == reply_status::ok) return done(notice_fate::applied, {});
    if (with.status == reply_status::not_found) return done(notice_fate::unknown_payment, "there is no such payment");
    if (with.status != reply_status::refused) return done(notice_fate::not_taken, with.detail);
    std::string why = "the payment refuses it";
    bool unknown = false;
    try {
      const auto no = decode_refusal(with.body);
      unknown = no.code == domain::refusal_code::not_found;
      why += ": " + no.message;
    } catch (const std::exception& thrown) { why += std::string{" ("} + thrown.what() + ")"; }
    done(unknown ? notice_fate::unknown_payment : notice_fate::refused, std::move(why));
  });
}

}  // namespace novapay
