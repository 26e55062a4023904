-- The naive way: the rows NovaPay writes for one payment (four events, its row, its key, its reference), one transaction a step, the row
-- locked and read before each change. Variables: payload, state (bytea of NovaPay's own average sizes).
\set shard random(0, 1023)
begin;
insert into entity values (bench_id(), :shard, 'payment', 1, :state::bytea, 1800000000000, 'mrc_bench/test', 'pending',
  'bench', 'eur', 1099, '{}') returning id \gset
insert into journal values (:shard, nextval('bench_offset'), 0, 2, :id::uuid, 1, 1800000000000, :payload::bytea);
insert into creation_key values (0, 'mrc_bench/test', :id::text, :id::uuid);
insert into entity_term values (hashtextextended('mrc_bench/test reference', 0), 0, hashtextextended('bench', 0), :id::uuid);
end;
begin;
select version, state as ignored from entity where id = :id::uuid for update;
insert into journal values (:shard, nextval('bench_offset'), 0, 2, :id::uuid, 2, 1800000000000, :payload::bytea);
update entity set version = 2, state = :state::bytea, status = 'authorized' where id = :id::uuid;
end;
begin;
select version, state as ignored from entity where id = :id::uuid for update;
insert into journal values (:shard, nextval('bench_offset'), 0, 2, :id::uuid, 3, 1800000000000, :payload::bytea);
update entity set version = 3, state = :state::bytea, status = 'pending' where id = :id::uuid;
end;
begin;
select version, state as ignored from entity where id = :id::uuid for update;
insert into journal values (:shard, nextval('bench_offset'), 0, 2, :id::uuid, 4, 1800000000000, :payload::bytea);
update entity set version = 4, state = :state::bytea, status = 'captured', wake_at_ms = null where id = :id::uuid;
end;
