// settings: how to reach the database.
#pragma once

#include <chrono>
#include <string>

namespace novapay::postgres {

struct settings {
  // libpq's: "host=db port=5432 dbname=novapay user=novapay sslmode=verify-full", or a postgresql:// URI. Several hosts
  // may stand in it; target_session_attrs is ours (read-write).
  std::string connection;

  // Of every call, connecting included. The server itself gives up a statement after three quarters of it, so that a
  // slow one ends with a certain answer; a silent server costs the whole and leaves an append `unknown`.
  std::chrono::milliseconds call_timeout{3000};

  // Of one try at one address, within the call's: a host that is silent must not hide the next one, nor a server's return.
  std::chrono::milliseconds connect_timeout{1500};
};

}  // namespace novapay::postgres
