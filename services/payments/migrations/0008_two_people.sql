-- Money that no bill has is paid out by two people: who ordered it (`by`), and who did it. Subjects of tokens, not names.
alter table difference add column paid_out_by text;
