-- A voucher is one money of its agency, whether it was taken at a counter or paid out there: `money_id` names which.
-- Money that operators pay out and that is no bill's has no bill.

alter table counter_voucher alter column bill_id drop not null, add column money_id uuid;
update counter_voucher as voucher set money_id = (capture ->> 'capture_id')::uuid
from bill, jsonb_array_elements(captures) as capture
where bill.bill_id = voucher.bill_id and capture ->> 'reference' = voucher.reference;
-- One that an operator began to use, and that no bill has taken, can be used still.
delete from counter_voucher where money_id is null;
alter table counter_voucher alter column money_id set not null;
insert into counter_voucher (reference, bill_id, money_id)
select agency || ' ' || (refund ->> 'reference'), bill_id, (refund ->> 'refund_id')::uuid
from bill, jsonb_array_elements(refunds) as refund
where refund ->> 'paid_out_by' is not null and refund ->> 'reference' is not null
order by refund ->> 'done_at'
on conflict do nothing;
