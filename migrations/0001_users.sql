-- People of the host site. The host owns the account: the id is its own opaque string, and everything else here is
-- a copy for display, taken from tokens or put by the host's backend.
create table users (
    tenant_id  text not null,
    id         text not null,
    name       text,
    image_url  text,
    role       text,
    -- `iat` of the token (or the moment of the PUT) this profile came from: an older token never overwrites it.
    claims_iat bigint not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint users_pkey primary key (tenant_id, id),
    constraint users_id_length check (char_length(id) between 1 and 128)
);
