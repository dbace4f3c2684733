//! The log: one JSON object per line on standard error, so that whatever a stranger sends stays inside its string.
//! `RUST_LOG` chooses what is written, except that nothing makes a library print what people say or prove themselves by.

use std::panic::PanicHookInfo;

use tracing::{Level, Metadata};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// What is logged unless `RUST_LOG` says otherwise.
const USUAL: &str = "causerie=info,warn,rocket=error";

/// Starts it. Lines are written by a thread of their own: a request does not wait for a terminal or a pipe. What is still
/// on its way is written when the guard is dropped.
pub fn start() -> WorkerGuard {
    let (errors, guard) = tracing_appender::non_blocking(std::io::stderr());
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_writer(errors)
        .with_filter(filter_fn(keeps_secrets));
    let asked = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(USUAL));
    tracing_subscriber::registry()
        .with(asked)
        .with(lines)
        .init();
    std::panic::set_hook(Box::new(say_where));
    guard
}

/// A panic's own words may quote what people said: of a text that is cut within a character they give all of it.
fn say_where(panic: &PanicHookInfo<'_>) {
    let at = panic.location().map(ToString::to_string);
    tracing::error!(at, "panicked");
}

/// Rocket prints URLs with their query strings (`info`, and in its `::_` lines at any level) and whole requests with
/// their Authorization and Cookie (`debug`). rocket_cors repeats at `error` what each stranger sent as Origin, and whole
/// requests at `info`; our own line says that they were refused. sqlx quotes the parameters of DATABASE_URL that it does
/// not know, `sslpassword` among them.
fn keeps_secrets(of: &Metadata<'_>) -> bool {
    let target = of.target();
    match target.split("::").next() {
        Some("rocket") => *of.level() == Level::ERROR && !target.ends_with("::_"),
        Some("rocket_cors") => false,
        Some("sqlx_postgres") => !target.starts_with("sqlx_postgres::options"),
        _ => true,
    }
}
