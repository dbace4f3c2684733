-- How far each person's devices were handed their feed, when, and by which transport: the trace that a support desk asks
-- for. One row a person, transport and second, whatever the number of messages; forgotten with the log.
create table handouts (
    tenant_id text not null,
    user_id   text not null,
    -- POLL, LONG_POLL, STREAM; or ACKNOWLEDGED, when a later cursor proved that it had arrived.
    transport text not null,
    -- Events above `after`, up to `up_to`.
    after     bigint not null,
    up_to     bigint not null,
    at        timestamptz not null,
    constraint handouts_pkey primary key (tenant_id, user_id, transport, up_to, after),
    constraint handouts_user foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint handouts_transport check (transport in ('POLL', 'LONG_POLL', 'STREAM', 'ACKNOWLEDGED'))
);
create index handouts_at on handouts (at);
