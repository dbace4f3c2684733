-- Whose tokens are refused although they are signed and have not ended: those issued at that second or before.
create table revocations (
    tenant_id  text not null,
    user_id    text not null,
    before     bigint not null,
    revoked_at timestamptz not null default now(),
    constraint revocations_pkey primary key (tenant_id, user_id)
);
create index revocations_revoked_at on revocations (revoked_at);

-- What the token was with which a ticket was bought: it ends as that would. And the site it was bought from.
alter table stream_tickets
    add column token_iat bigint not null default 0,
    add column token_key bytea,
    add column origin text;
