-- Replies, edits, and messages of the host's backend, which have no sender to look a repeated key up by.
alter table messages
    add column reply_to_id      uuid,
    -- Position of its creation: whoever was a member then is its recipient. Nothing was ever changed before this step.
    add column created_position bigint;
update messages set created_position = changed_position;
alter table messages alter column created_position set not null;
alter table messages add constraint messages_reply_to foreign key (tenant_id, reply_to_id) references messages (tenant_id, id);
create unique index messages_system_idempotency on messages (tenant_id, idempotency_key)
    where sender_id is null and idempotency_key is not null;

-- What a message said before an edit, for those who moderate. Kept for a while; a deletion takes them along.
create table revisions (
    tenant_id   text not null,
    message_id  uuid not null,
    -- Position of the edit that replaced it: one row per edit.
    position    bigint not null,
    content     text,
    attachments jsonb not null,
    metadata    jsonb not null,
    replaced_at timestamptz not null,
    replaced_by text not null,
    constraint revisions_pkey primary key (tenant_id, message_id, position),
    constraint revisions_message foreign key (tenant_id, message_id) references messages (tenant_id, id)
);
create index revisions_replaced_at on revisions (replaced_at);
