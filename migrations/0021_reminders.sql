-- What the host wants people reminded of at a time: once, whatever stops and starts meanwhile. Each has a job (`REMINDER`, by
-- its id) that comes at its time; what it comes to stands here, in the commit that makes its notifications.
create table reminders (
    tenant_id   text not null,
    id          uuid not null,
    at          timestamptz not null,
    -- From then on nobody is reminded any more.
    expires_at  timestamptz,
    type        text not null,
    -- Null once everybody it was for is erased.
    title       text,
    message     text,
    link        text,
    channels    text[] not null,
    state       text not null default 'WAITING',
    created_at  timestamptz not null default now(),
    finished_at timestamptz,
    constraint reminders_pkey primary key (tenant_id, id),
    constraint reminders_state check (state in ('WAITING', 'FIRED', 'EXPIRED', 'CANCELLED')),
    constraint reminders_finished check ((state = 'WAITING') = (finished_at is null))
);
create index reminders_listed on reminders (tenant_id, state, at, id);
create index reminders_finished_at on reminders (finished_at) where finished_at is not null;

-- Whom it is for, in the order they were named.
create table reminder_people (
    tenant_id   text not null,
    reminder_id uuid not null,
    user_id     text not null,
    ordinal     integer not null,
    constraint reminder_people_pkey primary key (tenant_id, reminder_id, user_id),
    constraint reminder_people_reminder foreign key (tenant_id, reminder_id) references reminders (tenant_id, id),
    constraint reminder_people_user foreign key (tenant_id, user_id) references users (tenant_id, id)
);
create index reminder_people_of_user on reminder_people (tenant_id, user_id, reminder_id);
