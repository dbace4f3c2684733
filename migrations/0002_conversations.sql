-- Who talks with whom, about what. Rows that a send touches (`conversations`, `members`) leave room on the page and
-- keep the moving columns out of every index, so that Postgres updates them in place.
create table conversations (
    tenant_id         text not null,
    id                uuid not null,
    type              text not null,
    subject           text,
    context_type      text,
    context_id        text,
    -- title, url, imageUrl, startsAt of the context: shown, never searched.
    context           jsonb,
    organization_id   text,
    closed            boolean not null default false,
    metadata          jsonb not null default '{}',
    -- What create-or-get finds again: the pair and its context, a unique context, or the caller's key. Null = always new.
    dedupe_key        text,
    last_seq          bigint not null default 0,
    -- Position of the newest event of any kind: catch-up skips a conversation by it.
    last_position     bigint not null,
    -- Position of the creation or the newest message: the order of the inbox.
    activity_position bigint not null,
    last_message_at   timestamptz,
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    constraint conversations_pkey primary key (tenant_id, id),
    constraint conversations_dedupe_key unique (tenant_id, dedupe_key),
    constraint conversations_type check (type in ('PRIVATE', 'GROUP'))
) with (fillfactor = 60);

-- One row per membership interval, in positions of the log: whoever leaves and rejoins has two. What a member's feed
-- holds is decided by these bounds alone, in SQL and in memory alike.
create table members (
    tenant_id       text not null,
    conversation_id uuid not null,
    user_id         text not null,
    joined_position bigint not null,
    left_position   bigint,
    role            text not null default 'MEMBER',
    joined_at       timestamptz not null,
    -- Horizons, in `seq`: they only move forward and are shared by all devices.
    read_up_to      bigint not null default 0,
    read_at         timestamptz,
    -- Deleted for oneself up to this `seq`: hidden until a newer message comes.
    deleted_up_to   bigint,
    constraint members_pkey primary key (tenant_id, conversation_id, user_id, joined_position),
    constraint members_conversation foreign key (tenant_id, conversation_id) references conversations (tenant_id, id),
    constraint members_user foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint members_role check (role in ('MEMBER', 'ADMIN'))
) with (fillfactor = 60);

-- At most one open interval; also how a send checks membership.
create unique index members_open on members (tenant_id, conversation_id, user_id) where left_position is null;
-- A user's conversations, closed intervals included: feeds and catch-up need both.
create index members_user_conversations on members (tenant_id, user_id, conversation_id);
-- The host's look-up "the conversations about this ad".
create index conversations_context on conversations (tenant_id, context_type, context_id) where context_type is not null;
