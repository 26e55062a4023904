// payment_view: a payment as the API shows it. Pure: the text depends on the payment's state alone, members in a fixed
// order, so the same version always gives the same bytes, which is what a replayed answer rests on.
//
// The payment method's token and the details of a confirmation are never shown: who has them could use them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "actors/payments.hpp"
#include "gateway/json_writer.hpp"

namespace novapay::gateway {

std::string render_payment(const domain::payment& now);
std::string render_refund(const domain::payment& now, const domain::operation& refund);

// {"object":"list","data":[…],"has_more":…,"next_cursor":…}
std::string render_payments(const payment_page& page);
// A routing decision: {"object": "route", "processors": […], "rule": …, "explanation": […]}.
std::string render_route(const domain::route_choice& chosen);
std::string render_refunds(const domain::payment& now);
std::string render_history(std::string_view payment_id, std::span<const history_entry> history);

// "cap_" or "ref_", the payment id's 26 characters, "_" and the operation's number.
std::string operation_id_text(std::string_view payment_id, domain::operation_id which);

void write_failure(json_writer& out, const domain::failure& why);
void write_next_action(json_writer& out, const domain::next_action& action);
void write_dispute(json_writer& out, const domain::dispute& what);
void write_settlement(json_writer& out, const domain::settlement& what);  // {"payout":…,"net":…,"fee":…,"currency":…}
void write_payment_method(json_writer& out, const domain::terms& agreed);
void write_metadata(json_writer& out, const std::map<std::string, std::string>& metadata);

// 201 or 200 would say that the outcome is known: is it, at this version?
bool is_settled_answer(const answer& given);

}  // namespace novapay::gateway
