-- What the host tells one person outside of any conversation. The text stands here, events refer to it. One that is
-- deleted is a tombstone: its events go on to be told.
create table notifications (
    tenant_id  text not null,
    id         uuid not null,
    user_id    text not null,
    type       text not null,
    -- Null once it is deleted.
    title      text,
    message    text,
    link       text,
    -- Whether an e-mail goes with it.
    email      boolean not null default false,
    -- When it is to be shown, where the host said so.
    deliver_at timestamptz,
    -- Of its event; null until it is shown.
    position   bigint,
    -- When it was shown, or until then, made.
    created_at timestamptz not null,
    read_at    timestamptz,
    deleted_at timestamptz,
    constraint notifications_pkey primary key (tenant_id, id),
    constraint notifications_user foreign key (tenant_id, user_id) references users (tenant_id, id)
);
create index notifications_of_user on notifications (tenant_id, user_id, position) where deleted_at is null;
create index notifications_created_at on notifications (created_at);
create index notifications_over on notifications
    (coalesce(deleted_at, read_at, case when position is null then coalesce(deliver_at, created_at) end));
create index notifications_by_id on notifications (tenant_id, user_id, id);
create index notifications_unread on notifications (tenant_id, user_id, position) where deleted_at is null and read_at is null;

alter table events add column notification_id uuid;

-- What a request of the host's backend came to, by its `Idempotency-Key`.
create table idempotency_keys (
    tenant_id  text not null,
    -- The noun it made.
    noun       text not null,
    key        text not null,
    hash       bytea not null,
    ids        uuid[] not null,
    created_at timestamptz not null,
    constraint idempotency_keys_pkey primary key (tenant_id, noun, key)
);
create index idempotency_keys_created_at on idempotency_keys (created_at);
