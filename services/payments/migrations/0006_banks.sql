-- Payers' banks: what each notice of money was answered, for good, so that the same money is never taken and given back too.

create table bank_notice (
    bank text not null,
    reference text not null,
    payment_code text not null,
    amount bigint not null,
    paid_at timestamptz not null,
    result text not null check (result in ('accepted', 'refused')),
    why jsonb,
    bill_id uuid,
    heard_at timestamptz not null default now(),
    primary key (bank, reference)
);
revoke update, delete, truncate on bank_notice from payments;

-- Signatures that were used: each once, as long as its age would still be accepted.
create table bank_request (
    signature bytea primary key,
    heard_at timestamptz not null default now()
);
create index bank_request_heard on bank_request (heard_at);

-- Reports of days read what was posted and issued then; entries and receipts are written in the order of their time.
create index ledger_posted on ledger_entry using brin (posted_at);
create index receipt_issued on receipt using brin (issued_at);
