-- Every creation asks each week's partition whether its key is known: by a hash, an entry of which is a third as large and
-- compared at once. Keys have no order, so the size of this index decides how many of its pages a checkpoint's worth of
-- payments touches. Whoever finds a hash compares the key as well.
create index creation_key_hash on creation_key (hashtextextended(scope || E'\n' || key, 0));
drop index creation_key_name;
