-- Numbers without a gap: drawn in the transaction that uses them, and given back with it when it is rolled back.
create table series (
    name text primary key,
    last bigint not null check (last >= 0)
);
