//! Causerie: conversations for a site's own pages, over one log, one cursor and three transports.
//!
//! # Layout
//!
//! - `config`: Rocket.toml and the environment, one checked struct
//! - `checks`: what of it is unsafe in production
//! - `store`: all SQL; `store::writer` is the only way into the log
//! - `live`: the tail that follows the log, and the feeds it fills, in memory
//! - `routes`: HTTP, one file per noun; `routes::feed` is the one read behind poll, long-poll and stream
//! - `mail`: e-mails, written and handed to an SMTP server
//! - `jobs`: what is done later, or again until it succeeds
//! - `auth`, `error`, `requests`, `client_ip`, `cors`, `headers`: what every route leans on
//! - `model`: plain data
//! - `logging`: where the lines go, and what no setting makes them say
//! - `doctor`: what a proxy in between does, seen from outside
//!
//! # A message
//!
//! `routes::messages` parses → `store::writer` batches and commits → handed to the tail here, told elsewhere →
//! `live::tail` applies on every instance → `live::feed` wakes who waits → `routes::feed` hands out bytes.

pub mod auth;
pub mod checks;
mod client_ip;
pub mod config;
mod cors;
pub mod demo;
pub mod doctor;
pub mod embedded;
mod erasing;
pub mod error;
#[cfg(feature = "planted-faults")]
pub mod faults;
mod headers;
pub mod jobs;
pub mod live;
pub mod logging;
pub mod mail;
mod maintenance;
pub mod model;
mod recorder;
mod requests;
pub mod routes;
pub mod serve;
mod shutdown;
pub mod store;
mod strict;
mod working;
