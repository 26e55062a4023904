// routes: method and path → what is asked. One table, the same that openapi.yaml lists.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace novapay::gateway {

enum class route : std::uint8_t {
  create_payment,
  list_payments,
  read_payment,
  confirm_payment,
  capture_payment,
  cancel_payment,
  create_refund,
  list_refunds,
  list_events,
  customer_return,
  explain_route,
  take_webhook,
  read_openapi,
  read_docs,
  unmatched,  // no row of the table: 404 or 405
  refused,    // never reached us: the listener refused it
};
inline constexpr std::size_t routes_count = static_cast<std::size_t>(route::refused) + 1;

struct route_info {
  route what{};
  std::string_view method;
  std::string_view path;  // "/v1/payments/{id}/capture": at most one placeholder, a whole segment
};
std::span<const route_info> route_table() noexcept;  // in the order of the enum, without the last two

// For logs and metrics, where a raw path has no place: the table's path and method, or "unmatched" and "other".
std::string_view path_label(route what) noexcept;
std::string_view method_label(route what) noexcept;

struct route_match {
  route what = route::unmatched;
  std::string_view id;  // what stands for {id} or {name}, as sent; part of `path`
  std::string allow;    // unmatched, but the path exists: "GET, POST"
};
route_match match_route(std::string_view method, std::string_view path);

// A request target: "/path?query", or "http://host/path?query" as proxies are sent it.
struct split_target {
  std::string_view path;
  std::string_view query;  // without '?'
};
split_target split(std::string_view target) noexcept;

}  // namespace novapay::gateway
