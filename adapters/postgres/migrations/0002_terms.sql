-- What an entity is found by, one row for each: its reference, and each of its labels. Written once, with the entity's
-- first event, for these never change; hashed, so that an entry is small and quick to compare. Who finds an entity here
-- looks at its row as well: two texts may have one hash.
--
-- The index goes by the name of the key, then by time in steps of 2^29 ms (six days), then by value. References are as good
-- as random. An index by value alone would take each into another page: with ten million stored that is a page read, and
-- after each checkpoint a page of WAL, for every one. This way they all go into the last few pages of this week, and a
-- search asks each six days by themselves.
create table entity_term (
  key bigint not null,
  era integer not null,
  value bigint not null,
  id uuid not null
) with (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
create index entity_term_find on entity_term (key, era, value, id);

insert into entity_term (key, era, value, id)
select hashtextextended(term.key, 0), (('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint >> 29)::integer,
       hashtextextended(term.value, 0), id
from entity, lateral (
  select scope || E'\n' || kind || E'\nreference', reference where reference <> ''
  union all
  select scope || E'\n' || kind || E'\nlabel\n' || label.key, label.value from jsonb_each_text(labels) label
) term (key, value)
where scope <> ''
order by id;

-- The newest first. An era without entries costs nothing, one with entries two probes.
create function find_term(wanted_key bigint, wanted_value bigint, first_era integer, last_era integer, first_id uuid,
                          before_id uuid, at_most bigint)
returns setof uuid language plpgsql stable as $$
declare
  at integer;
  added bigint;
  left_over bigint := at_most;
begin
  select era into at from entity_term where key = wanted_key and era <= last_era order by era desc limit 1;
  while at >= first_era and left_over > 0 loop
    return query
      select id from entity_term
      where key = wanted_key and era = at and value = wanted_value and id >= first_id and id < before_id
      order by id desc limit left_over;
    get diagnostics added = row_count;
    left_over := left_over - added;
    select (select era from entity_term where key = wanted_key and era < at order by era desc limit 1) into at;
  end loop;
end $$;

-- The same for a key with any value: era by era, for inside an era they come by value. A null at the end says that there are
-- more, or that an era has too many to put them in order.
create function find_key(wanted_key bigint, first_era integer, last_era integer, first_id uuid, before_id uuid,
                         at_most bigint, looked_at_most bigint)
returns setof uuid language plpgsql stable as $$
declare
  at integer;
  seen bigint;
  batch uuid[];
begin
  select era into at from entity_term where key = wanted_key and era <= last_era order by era desc limit 1;
  while at >= first_era loop
    select count(*), coalesce(array_agg(id order by id desc) filter (where id >= first_id and id < before_id), '{}')
      into seen, batch
      from (select id from entity_term where key = wanted_key and era = at limit looked_at_most + 1) entry;
    if seen > looked_at_most then
      return next null;
      return;
    end if;
    return query select id from unnest(batch) id limit at_most;
    if cardinality(batch) > at_most then
      return next null;
      return;
    end if;
    at_most := at_most - cardinality(batch);
    looked_at_most := looked_at_most - seen;
    select (select era from entity_term where key = wanted_key and era < at order by era desc limit 1) into at;
  end loop;
end $$;

drop index entity_reference, entity_labels;

-- Amounts are judged inside this index, too.
drop index entity_status;
create index entity_status on entity (scope, kind, status, id) include (amount_minor)
  where scope <> '' and status not in ('captured', 'settled');
