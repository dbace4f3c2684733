-- Every step of a horizon that others were shown, so that of each message can be said when it was delivered and read.
-- A row covers the messages above the row before it, up to its own `seq`. Kept as long as the messages.
create table receipt_marks (
    tenant_id       text not null,
    conversation_id uuid not null,
    user_id         text not null,
    status          text not null,
    up_to           bigint not null,
    at              timestamptz not null,
    constraint receipt_marks_pkey primary key (tenant_id, conversation_id, user_id, status, up_to),
    constraint receipt_marks_conversation foreign key (tenant_id, conversation_id) references conversations (tenant_id, id),
    constraint receipt_marks_user foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint receipt_marks_status check (status in ('DELIVERED', 'READ'))
);
