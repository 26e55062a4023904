-- Webhooks as they arrived. Rows are only ever added, and deleted when they are old. Fields are "name: value" lines.
create table webhook (
  id integer primary key autoincrement,
  processor text not null,
  received_at_ms integer not null,
  fields blob not null,
  body blob not null
) strict;
create index webhook_processor on webhook (processor, id);

-- What is still to be done with one, or went wrong. Applied ones have no row here. state: 1 received, 3 unmatched, 4 unreadable,
-- 5 rejected (actors/webhooks.hpp).
create table webhook_open (
  id integer primary key,
  processor text not null,
  received_at_ms integer not null,
  state integer not null,
  detail text not null,
  attempts integer not null,
  next_attempt_at_ms integer
) strict;
create index webhook_open_due on webhook_open (next_attempt_at_ms, id) where next_attempt_at_ms is not null;
create index webhook_open_state on webhook_open (state, id) where state <> 1;
