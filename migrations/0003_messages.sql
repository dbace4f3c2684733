-- The one place where text lives: events refer to it, so an edit or a deletion is seen by every later reader.
create table messages (
    tenant_id         text not null,
    id                uuid not null,
    conversation_id   uuid not null,
    -- 1, 2, 3 … inside the conversation, without a hole: taken under the log's lock, after replays were taken out.
    seq               bigint not null,
    type              text not null,
    sender_id         text,
    content           text,
    attachments       jsonb not null default '[]',
    -- What a notice ("X joined") says, for clients that word it themselves. Notices do not count as unread.
    notice            jsonb,
    client_message_id text,
    -- `c:` + clientMessageId or `k:` + Idempotency-Key, with the hash of what was asked under it.
    idempotency_key   text,
    request_hash      bytea,
    metadata          jsonb not null default '{}',
    -- Position of the event that last changed this row: "new and changed since", per conversation.
    changed_position  bigint not null,
    created_at        timestamptz not null,
    edited_at         timestamptz,
    deleted_at        timestamptz,
    constraint messages_pkey primary key (tenant_id, id),
    constraint messages_seq unique (tenant_id, conversation_id, seq),
    constraint messages_conversation foreign key (tenant_id, conversation_id) references conversations (tenant_id, id),
    constraint messages_sender foreign key (tenant_id, sender_id) references users (tenant_id, id),
    constraint messages_type check (type in ('USER', 'SYSTEM'))
);

-- One key, one message, whatever the number of retries. Scoped to the sender: nobody replays another's key.
create unique index messages_idempotency on messages (tenant_id, sender_id, idempotency_key) where idempotency_key is not null;
create index messages_changed on messages (tenant_id, conversation_id, changed_position);
