-- Webhooks as they arrived. Rows are only ever added, and deleted when they are old. Fields are "name: value" lines; bytes, because
-- nothing promises that they are UTF-8.
create table webhook (
  id bigint primary key,
  processor text not null,
  received_at_ms bigint not null,
  fields bytea not null,
  body bytea not null
) with (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_scale_factor = 0.05);
create sequence webhook_id cache 32;
create index webhook_processor on webhook (processor, id);

-- What is still to be done with one, or went wrong. Applied ones have no row here: so what arrived is written once, and this table stays
-- as small as what is under way. state: 1 received, 3 unmatched, 4 unreadable, 5 rejected (actors/webhooks.hpp).
create table webhook_open (
  id bigint primary key,
  processor text not null,
  received_at_ms bigint not null,
  state smallint not null,
  detail text not null,
  attempts integer not null,
  next_attempt_at_ms bigint
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);
create index webhook_open_due on webhook_open (next_attempt_at_ms, id) where next_attempt_at_ms is not null;
create index webhook_open_state on webhook_open (state, id) where state <> 1;
