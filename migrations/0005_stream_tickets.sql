-- What a native EventSource of another origin shows instead of a token, which must not stand in a URL.
-- Only the hash is kept. Valid until `expires_at`, which the instance that holds its stream keeps moving.
create table stream_tickets (
    hash       bytea not null,
    tenant_id  text not null,
    user_id    text not null,
    -- The ticket dies with the token it was bought with.
    token_exp  timestamptz not null,
    expires_at timestamptz not null,
    -- The newest stream opened with it: an older one ends when it finds another id here.
    stream_id  uuid,
    constraint stream_tickets_pkey primary key (hash),
    constraint stream_tickets_user foreign key (tenant_id, user_id) references users (tenant_id, id)
);
create index stream_tickets_expires on stream_tickets (expires_at);
