// admin_webhooks: the operators' view of the webhooks' inbox. Shows what processors sent as it came: this port is for operators only.
#pragma once

#include "actors/webhook_desk.hpp"
#include "runtime/http.hpp"

namespace novapay::node {

//   GET  /webhooks?state=&processor=&cursor=&limit=   newest first: {"data": […], "next_cursor"}
//   GET  /webhooks/{id}                               with header fields and body
//   POST /webhooks/{id}/replay                        it is applied (again) at once; 409 for a rejected one
//   POST /webhooks/replay?state=unmatched&processor=  all of them
// False: the path is none of these, and `respond` was not called.
bool answer_webhooks(webhook_desk& desk, const runtime::http_request& asked, const runtime::http_respond& respond);

}  // namespace novapay::node
