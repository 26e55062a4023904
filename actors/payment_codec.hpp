// payment_codec: a payment's events, state, commands and refusals as versioned protobuf (actors/proto/payment.proto).
//
// Encoding is deterministic: equal values give equal bytes. Decoders throw std::runtime_error on what is damaged or of a format
// this version does not know; the entity is then quarantined rather than read in part.
#pragma once

#include <string>
#include <string_view>

#include "actors/domain/payment.hpp"

namespace novapay {

// What is written; every earlier one is read.
//   1  until processors had names
//   2  routes, processors' names, disputes, settlement figures
inline constexpr std::uint32_t payment_format = 2;

std::string encode(const domain::payment& state);
std::string encode(const domain::event_type& happened);
std::string encode(const domain::command_type& asked);
std::string encode(const domain::refusal& refused);

domain::payment decode_payment(std::string_view bytes);
domain::event_type decode_event(std::string_view bytes);
domain::command_type decode_command(std::string_view bytes);
domain::refusal decode_refusal(std::string_view bytes);

}  // namespace novapay
