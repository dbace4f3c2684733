//! Backends of Postgres that are terminated, as an administrator or a fail-over does.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;
use tokio::time::interval;

use crate::report::Clients;
use crate::stage::Stage;
use crate::support::workload;

const EVERY: Duration = Duration::from_millis(100);

/// Ends one connection of the service at a time, whichever. Gives how often each kind was hit.
async fn terminate(stage: &mut Stage) -> BTreeMap<String, usize> {
    let mut hits = BTreeMap::new();
    let mut admin = stage.cluster.connect().await;
    let (began, mut beat) = (Instant::now(), interval(EVERY));
    while began.elapsed() < stage.duration() {
        beat.tick().await;
        let all: Vec<(i32, String)> = sqlx::query_as(
            "select pid, application_name from pg_stat_activity
              where datname = current_database() and application_name like 'causerie%' order by pid",
        )
        .fetch_all(&mut admin)
        .await
        .expect("pg_stat_activity");
        if let Some((pid, name)) = all.choose(&mut stage.rng) {
            let hit: bool = sqlx::query_scalar("select pg_terminate_backend($1)")
                .bind(pid)
                .fetch_one(&mut admin)
                .await
                .expect("it may");
            *hits.entry(name.clone()).or_default() += usize::from(hit);
        }
    }
    hits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_random_backend_is_terminated_every_100_ms() {
    let mut stage =
        Stage::set("a random backend, the listener included, terminated every 100 ms").await;
    let mut hits = BTreeMap::new();
    let history = workload::run_amid(&stage.urls(), stage.plan(), async {
        hits = terminate(&mut stage).await;
        stage.recover(Instant::now()).await;
    })
    .await;
    stage.note(format!("terminated: {hits:?}"));
    for name in ["writer", "tail", "listener", "notifier"] {
        let name = format!("causerie-{name}");
        assert!(hits.contains_key(&name), "{name} was spared: {hits:?}");
    }
    stage.judge(&history, Clients::Refused).await;
}
