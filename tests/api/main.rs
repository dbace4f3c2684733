//! Everything the service promises, tried on the real program over real HTTP and a real Postgres.

#[path = "../support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "shared by the test binaries; none uses all of it"
)]
mod support;

mod access;
mod answers;
mod architecture;
mod assets;
mod auth;
mod bad_input;
mod bad_messages;
mod bad_requests;
mod batches;
mod booking;
mod browsers;
mod canaries;
mod changes;
mod checks;
mod claims;
mod clients;
mod contract;
mod conversations;
mod creation;
mod cursors;
mod demo;
mod described;
mod doctor;
mod drain;
mod durability;
mod emails;
mod embedded;
mod erasure;
mod events;
mod export;
mod forged;
mod frozen;
mod guide;
mod headers;
mod history;
mod horizons;
mod hostile;
mod idempotency;
mod idle;
mod inbox;
mod instances;
mod jobs;
mod jwks;
mod limits;
mod links;
mod listener;
mod log_fields;
mod logs;
mod members;
mod messages;
mod names;
mod notices;
mod notifications;
mod plans;
mod preferences;
mod presence;
mod receipts;
mod refusals;
mod reminders;
mod removal;
mod replaced;
mod reread;
mod restore;
mod revisions;
mod revoked;
mod scheduled;
mod schema;
mod security;
mod settings;
mod shutdown;
mod sides;
mod sites;
mod slow_readers;
mod sse;
mod strangers;
mod streams;
mod sync;
mod tenants;
mod tickets;
mod tls;
mod trace;
mod two_instances;
mod typing;
mod unread;
mod unread_streams;
mod users;
mod verbatim;
mod wall;
