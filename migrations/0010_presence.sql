-- Who is there, as the instances that serve them have last said it. One row per person, written anew about every 45 s
-- while they are there: half of each page is left free for that. An ordinary table: an unlogged one is empty after a
-- crash and on a standby, and everybody's `last_seen_at` with it.
create table presence (
    tenant_id    text not null,
    user_id      text not null,
    -- Null: not seen since this is kept.
    last_seen_at timestamptz,
    -- ONLINE up to here. Nobody has to say goodbye: an instance that was killed cannot.
    online_until timestamptz not null,
    -- `users.presence_hidden`, here as well: an upsert that began before the choice must see the choice in the row it
    -- waited for.
    hidden       boolean not null default false,
    -- Newest change of the row: of two words about a person the newer counts.
    changed_at   timestamptz not null,
    constraint presence_pkey primary key (tenant_id, user_id),
    constraint presence_user foreign key (tenant_id, user_id) references users (tenant_id, id)
) with (fillfactor = 50);
-- What an instance reads every few seconds, in case it was not told.
create index presence_changed on presence (changed_at);
