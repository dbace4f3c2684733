-- The log: one row per durable change, in the order of commits. `position` is dense and taken under one advisory lock,
-- so that a reader who has seen position p never meets a new row at or below p. A sequence or a clock would lose rows.
create table events (
    position         bigint not null,
    tenant_id        text not null,
    type             text not null,
    conversation_id  uuid,
    message_id       uuid,
    actor_id         text,
    -- Set: for this user alone. Null: for everybody whose membership interval holds the position.
    audience_user_id text,
    -- The user a profile event is about.
    subject_user_id  text,
    -- A message's `seq`, or the horizon of a receipt.
    seq              bigint,
    occurred_at      timestamptz not null,
    constraint events_pkey primary key (position)
);
create index events_conversation on events (tenant_id, conversation_id, position) where audience_user_id is null;
create index events_audience on events (tenant_id, audience_user_id, position) where audience_user_id is not null;

-- Which log this is. Sends never touch this row. A restored or failed-over database is recognised by its identity and
-- gets a new epoch, so that no cursor of the old log is ever taken for one of the new.
create table log_state (
    only_row          boolean not null default true,
    epoch             text not null,
    -- Everything at or below was pruned.
    floor             bigint not null default 0,
    system_identifier text not null,
    timeline          integer not null,
    constraint log_state_pkey primary key (only_row),
    constraint log_state_one_row check (only_row)
);
