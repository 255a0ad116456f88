-- Whose turn a chore is: for as long as its process says so again and again.
create table chore_turn (
    chore text primary key,
    holder uuid not null,
    until timestamptz not null
);
