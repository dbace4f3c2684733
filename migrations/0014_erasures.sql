-- Erasing a person. One commit hides everything of theirs: whatever they wrote at or below `erased_position` is shown as
-- deleted by every statement that shows messages, and a `user.updated` whose `seq` is 0 tells so. What they wrote is then
-- blanked, some hundred rows at a time (told with `seq` 1), and `erasures` says how far that has come, for whoever goes on after a restart.
alter table users
    -- Until a newer token, or the host's own word, brings a new person of this id.
    add column is_erased       boolean not null default false,
    -- Of the newest erasure, and kept for good: who comes back writes above it.
    add column erased_at       timestamptz,
    add column erased_position bigint;

create table erasures (
    tenant_id     text not null,
    user_id       text not null,
    position      bigint not null,
    requested_at  timestamptz not null,
    -- Conversations are blanked in the order of their ids: those up to this one are done.
    done_up_to    uuid,
    -- Rows blanked so far.
    blanked       bigint not null default 0,
    -- The instance that blanks says that it is still at it. An instance that was killed cannot say that it is not.
    claimed_until timestamptz,
    finished_at   timestamptz,
    constraint erasures_pkey primary key (tenant_id, user_id, position),
    constraint erasures_user foreign key (tenant_id, user_id) references users (tenant_id, id)
);
create index erasures_unfinished on erasures (tenant_id, user_id) where finished_at is null;
create index erasures_requested_at on erasures (requested_at);
