-- What the two PostgreSQL baselines need beside NovaPay's own tables (made by `novapay migrate`).
create sequence bench_offset;

-- An id as NovaPay makes it: 48 bits of milliseconds, then random.
create function bench_id() returns uuid language sql volatile as $$
  select (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
          || substr(md5(random()::text), 1, 20))::uuid
$$;
select make_key_partition(0);
