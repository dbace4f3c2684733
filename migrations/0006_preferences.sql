-- What people choose for themselves. Of receipts: what they read moves their own horizon, and nobody is told.
alter table users
    add column presence_hidden boolean not null default false,
    add column receipts_off    boolean not null default false;
