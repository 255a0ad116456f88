-- Fees that come up later have bills of their own: a bill is known by its key, which was the dossier's code so far.

alter table bill add column key text;
update bill set key = dossier_code;
alter table bill
    alter column key set not null,
    drop constraint bill_pkey,
    add primary key (key);
create index bill_of_dossier on bill (dossier_code, bill_id desc);
