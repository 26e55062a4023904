-- The least the database can be asked: the final rows of 100 payments in one statement, never touched again.
-- Variables: payloads (400 in one array), states (100 in one array).
with made as materialized (
  select bench_id() as id, (random() * 1023)::integer as shard, state, number
  from unnest(:states::bytea[]) with ordinality as given (state, number)
), written as (
  insert into entity
  select id, shard, 'payment', 4, state, null, 'mrc_bench/test', 'captured', 'bench', 'eur', 1099, '{}' from made
), named as (
  insert into creation_key select 0, 'mrc_bench/test', id::text, id from made
), referred as (
  insert into entity_term select hashtextextended('mrc_bench/test reference', 0), 0, hashtextextended('bench', 0), id from made
)
insert into journal
select shard, nextval('bench_offset'), 0, 2, id, (event.number - 1) % 4 + 1, 1800000000000, payload
from unnest(:payloads::bytea[]) with ordinality as event (payload, number)
join made on made.number = (event.number - 1) / 4 + 1;
