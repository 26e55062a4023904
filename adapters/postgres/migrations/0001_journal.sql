-- The journal: one log for each shard. Its key is the fence (runtime/journal.hpp). Rows are only ever added; vacuum has
-- nothing to clean here but must mark pages visible and frozen in small steps.
create table journal (
  shard integer not null,
  "offset" bigint not null,
  epoch bigint not null,
  type smallint not null,
  entity_id uuid not null,
  sequence bigint not null,
  at_ms bigint not null,
  payload bytea not null,
  primary key (shard, "offset")
) with (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);

-- The second fence, and the way to one entity's history. Claims (type 1) belong to no entity.
create unique index journal_entity on journal (entity_id, sequence) where type = 2;

-- One row for each entity: its state and what it is listed by, replaced as a whole. Ids begin with their time of birth,
-- so "newest first" is id descending and a range of creation times is a range of ids. Rows are rewritten a few times
-- while young: pages keep room for that, and vacuum comes often.
create table entity (
  id uuid primary key,
  shard integer not null,
  kind text not null,
  version bigint not null,
  state bytea not null,
  wake_at_ms bigint,
  scope text not null,
  status text not null,
  reference text not null,
  unit text not null,
  amount_minor bigint not null,
  labels jsonb not null
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- Every list names a scope and a kind. Amounts and common statuses are filtered inside this index, without visiting the
-- rows: an index of their own would cost every write more than it saves the rare search.
create index entity_scope on entity (scope, kind, id) include (amount_minor, status) where scope <> '';
-- Most payments end as captured or settled; any other status is rare enough to be looked up.
create index entity_status on entity (scope, kind, status, id)
  where scope <> '' and status not in ('captured', 'settled');
create index entity_reference on entity (scope, kind, reference, id) where scope <> '' and reference <> '';
-- Metadata, with a key alone or with its value.
create index entity_labels on entity using gin (labels) where scope <> '' and labels <> '{}';
create index entity_wake on entity (wake_at_ms, id) where wake_at_ms is not null;

-- The idempotency keys under which entities were created. One partition a week, dropped as a whole.
create table creation_key (
  week integer not null,
  scope text not null,
  key text not null,
  entity_id uuid not null
) partition by list (week);
create index creation_key_name on creation_key (scope, key);

-- Several nodes may call these at once: the advisory lock lets one work and the others find it done.
create function make_key_partition(wanted integer) returns void language plpgsql as $$
declare
  name text := 'creation_key_w' || wanted;
begin
  if to_regclass(quote_ident(name)) is not null then return; end if;
  perform pg_advisory_xact_lock(hashtext('novapay creation_key'));
  if to_regclass(quote_ident(name)) is not null then return; end if;
  -- Attaching needs a weaker lock than creating in place: writers of other weeks go on.
  execute format('create table %I (like creation_key including defaults)', name);
  execute format('alter table creation_key attach partition %I for values in (%s)', name, wanted);
end $$;

create function drop_key_partitions(before integer) returns void language plpgsql as $$
declare
  name text;
begin
  for name in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'creation_key'::regclass and substring(c.relname from 'w(-?\d+)$')::integer < before
  loop
    perform pg_advisory_xact_lock(hashtext('novapay creation_key'));
    execute format('drop table if exists %I', name);
  end loop;
end $$;
