-- Bills, an append-only ledger that always balances, and receipts numbered without a gap.

create table bill (
    dossier_code text primary key,
    bill_id uuid not null unique,
    version int not null,
    sequence int not null,
    traceparent text,
    person_id uuid not null,
    agency text not null,
    state text not null,
    amount bigint not null check (amount > 0),
    currency text not null check (currency = 'VND'),
    fee_lines jsonb not null,
    due timestamptz not null,
    attempt jsonb,
    captured jsonb,
    taken jsonb not null,
    refund jsonb,
    receipt_number text,
    void_reason text
);
create index bill_attempt on bill ((attempt ->> 'attempt_id'));

create table ledger_entry (
    transaction_id uuid not null,
    line smallint not null,
    dossier_code text not null,
    bill_id uuid not null,
    account text not null,
    debit bigint not null default 0 check (debit >= 0),
    credit bigint not null default 0 check (credit >= 0),
    reason text not null,
    posted_at timestamptz not null default now(),
    primary key (transaction_id, line),
    check ((debit = 0) <> (credit = 0))
);
create index ledger_of_account on ledger_entry (account, posted_at);
create index ledger_of_dossier on ledger_entry (dossier_code);
revoke update, delete on ledger_entry from payments;

create function ledger_balances() returns trigger language plpgsql as $$
begin
    if (select sum(debit) <> sum(credit) from ledger_entry where transaction_id = new.transaction_id) then
        raise exception 'ledger transaction % does not balance', new.transaction_id using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger ledger_balances after insert on ledger_entry
    deferrable initially deferred for each row execute function ledger_balances();

create table receipt_counter (
    year int primary key,
    last int not null check (last <= 99999999)
);
create table receipt (
    receipt_id uuid primary key,
    year int not null,
    number int not null,
    dossier_code text not null,
    bill_id uuid not null,
    amount bigint not null,
    issued_at timestamptz not null default now(),
    unique (year, number)
);
revoke update, delete on receipt from payments;
