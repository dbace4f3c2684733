-- What is done later, or again until it succeeds: by whichever instance takes it first. Rows are taken with `for update
-- skip locked` and leased: those of an instance that was killed are taken over when the lease has ended.
create table jobs (
    tenant_id    text not null,
    id           uuid not null,
    kind         text not null,
    -- There is one job of a kind by this key, for as long as it is kept: what asks for it twice asks for it once.
    key          text,
    -- Whose it is, where it is one person's: goes with the person.
    user_id      text,
    -- Emptied once it is done: what it was about stands elsewhere, or is gone.
    payload      jsonb not null,
    state        text not null default 'WAITING',
    run_at       timestamptz not null,
    -- Started so many times.
    attempts     integer not null default 0,
    max_attempts integer not null,
    -- Drawn anew each time it is taken: whoever held it before can no more say how it ended.
    lease        uuid,
    leased_until timestamptz,
    -- Of the newest attempt that failed, or why it was given up.
    error        text,
    created_at   timestamptz not null default now(),
    finished_at  timestamptz,
    constraint jobs_pkey primary key (tenant_id, id),
    constraint jobs_state check (state in ('WAITING', 'RUNNING', 'DONE', 'DEAD', 'CANCELLED'))
);
create unique index jobs_key on jobs (tenant_id, kind, key) where key is not null;
create index jobs_due on jobs (run_at) where state = 'WAITING' and kind not in ('EMAIL', 'DIGEST');
create index jobs_digests_due on jobs (run_at) where state = 'WAITING' and kind = 'DIGEST';
create index jobs_emails_due on jobs (run_at) where state = 'WAITING' and kind = 'EMAIL';
create index jobs_leased on jobs (leased_until) where state = 'RUNNING';
create index jobs_finished on jobs (finished_at) where finished_at is not null;
create index jobs_dead on jobs (finished_at) where state = 'DEAD';
create index jobs_listed on jobs (tenant_id, state, kind, id);
create index jobs_of_user on jobs (tenant_id, user_id, id) where user_id is not null;
create index jobs_ahead on jobs (tenant_id, user_id, kind, run_at, id) where state in ('WAITING', 'RUNNING');
