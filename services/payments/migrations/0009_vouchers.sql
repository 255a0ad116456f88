-- A voucher (phiếu thu) is for one bill: the same money taken at a counter pays nothing else.

create table counter_voucher (
    reference text primary key,
    bill_id uuid not null,
    taken_at timestamptz not null default now()
);
insert into counter_voucher (reference, bill_id)
select capture ->> 'reference', bill_id from bill, jsonb_array_elements(captures) as capture
where capture ->> 'gateway' = 'counter' order by capture ->> 'paid_at'
on conflict do nothing;
revoke update, delete, truncate on counter_voucher from payments;
