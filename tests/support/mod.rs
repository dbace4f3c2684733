//! What every test stands on: a real Postgres, a database of its own, and the real program as processes of its own.

mod app;
pub mod history;
pub mod nginx;
mod person;
mod postgres;
pub mod proxy;
pub mod workload;

pub use app::{App, Instance};
pub use person::{Answer, Person};
pub use postgres::{Database, remove_what_dead_runs_left};

use std::time::{Duration, Instant};

/// What signs tokens in tests.
pub const SECRET: &str = "a-secret-of-the-tests-that-is-long-enough";

/// The longest anything may take before a test says that it hangs. Never how fast it should be.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` gives something, and says what was waited for when it never does.
pub async fn eventually<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
