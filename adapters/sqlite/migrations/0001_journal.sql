-- The journal: one log for each shard. Its key is the fence (runtime/journal.hpp).
create table journal (
  shard integer not null,
  "offset" integer not null,
  epoch integer not null,
  type integer not null,
  entity_id blob not null,
  sequence integer not null,
  at_ms integer not null,
  payload blob not null,
  primary key (shard, "offset")
) without rowid, strict;

-- The second fence, and the way to one entity's history. Claims (type 1) belong to no entity.
create unique index journal_entity on journal (entity_id, sequence) where type = 2;

-- One row for each entity: its state and what it is listed by, replaced as a whole. Ids begin with their time of birth,
-- so "newest first" is id descending and a range of creation times is a range of ids.
create table entity (
  id blob not null primary key,
  shard integer not null,
  kind text not null,
  version integer not null,
  state blob not null,
  wake_at_ms integer,
  scope text not null,
  status text not null,
  reference text not null,
  unit text not null,
  amount_minor integer not null,
  labels text not null
) strict;

-- Every list names a scope and a kind; amounts and common statuses are filtered on the way through this index.
create index entity_scope on entity (scope, kind, id, amount_minor, status) where scope <> '';
-- Most payments end as captured or settled; any other status is rare enough to be looked up.
create index entity_status on entity (scope, kind, status, id)
  where scope <> '' and status not in ('captured', 'settled');
create index entity_reference on entity (scope, kind, reference, id) where scope <> '' and reference <> '';
create index entity_wake on entity (wake_at_ms, id) where wake_at_ms is not null;

-- Metadata, one row for each key, kept by triggers in the transaction that writes the entity.
create table entity_label (
  scope text not null,
  key text not null,
  value text not null,
  entity_id blob not null,
  primary key (scope, key, value, entity_id)
) without rowid, strict;
create index entity_label_entity on entity_label (entity_id);

create trigger entity_label_insert after insert on entity when new.scope <> '' and new.labels <> '{}' begin
  insert into entity_label (scope, key, value, entity_id)
    select new.scope, label.key, label.value, new.id from json_each(new.labels) as label;
end;
create trigger entity_label_update after update of scope, labels on entity
  when new.scope <> old.scope or new.labels <> old.labels
begin
  delete from entity_label where entity_id = new.id;
  insert into entity_label (scope, key, value, entity_id)
    select new.scope, label.key, label.value, new.id from json_each(new.labels) as label where new.scope <> '';
end;

-- The idempotency keys under which entities were created, dropped by week.
create table creation_key (
  scope text not null,
  key text not null,
  entity_id blob not null,
  week integer not null,
  primary key (scope, key, entity_id)
) without rowid, strict;
create index creation_key_week on creation_key (week);
