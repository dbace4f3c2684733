-- Where e-mails for a person go, as their token or the host's backend says; and whether they want any.
alter table users
    add column email     text,
    add column email_off boolean not null default false;

-- What links are signed with that nobody else may make: 32 random bytes, drawn at first use. One row.
create table secrets (
    id    boolean not null default true,
    value bytea not null,
    constraint secrets_pkey primary key (id),
    constraint secrets_one check (id)
);
