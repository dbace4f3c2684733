-- What people were told of by an e-mail about unread messages, conversation by conversation: by it the next one waits
-- longer. Forgotten a month later.
create table digests (
    tenant_id       text not null,
    user_id         text not null,
    conversation_id uuid not null,
    told_at         timestamptz not null,
    -- The newest message that was counted.
    told_up_to      bigint not null,
    -- E-mails since the person was last on the site.
    times           integer not null,
    constraint digests_pkey primary key (tenant_id, user_id, conversation_id),
    constraint digests_user foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint digests_conversation foreign key (tenant_id, conversation_id) references conversations (tenant_id, id)
);
create index digests_told_at on digests (told_at);

-- How far the log was gone through for messages that stay unread. One row, held by whoever goes on.
create table unread_sweep (
    only_row boolean not null default true,
    position bigint not null,
    constraint unread_sweep_pkey primary key (only_row),
    constraint unread_sweep_one_row check (only_row)
);
