//! Instances that are killed, and one that stands still in the middle of a batch.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rand::Rng;
use sqlx::PgConnection;

use crate::report::Clients;
use crate::stage::Stage;
use crate::support::workload;
use crate::support::{PATIENCE, proxy::Fault};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_instances_is_killed_every_few_seconds() {
    let mut stage = Stage::set("one of two instances killed with -9 every few seconds").await;
    let mut kills = 0;
    let history = workload::run_amid(&stage.urls(), stage.plan(), async {
        let began = Instant::now();
        while began.elapsed() < stage.duration() {
            let pause = Duration::from_millis(stage.rng.random_range(1000..3000));
            tokio::time::sleep(pause).await;
            let which = stage.rng.random_range(0..stage.stands.len());
            stage.stands[which].kill().await;
            kills += 1;
            // The other one is alone for a moment.
            let pause = Duration::from_millis(stage.rng.random_range(0..1000));
            tokio::time::sleep(pause).await;
            stage.stands[which].start_again().await;
            stage.recover(Instant::now()).await;
        }
    })
    .await;
    stage.note(format!(
        "{kills} kills; recovery counts from when the new process is ready"
    ));
    stage.judge(&history, Clients::CutOff).await;
}

/// Since when a transaction holds the log's lock while Postgres waits for its client.
async fn holder(admin: &mut PgConnection) -> Option<(i32, String)> {
    sqlx::query_as(
        "select pid, xact_start::text from pg_locks join pg_stat_activity using (pid)
          where locktype = 'advisory' and objid = 4714171 and granted and state = 'idle in transaction'",
    )
    .fetch_optional(admin)
    .await
    .expect("pg_locks")
}

/// Stops the first instance while it holds the log's lock.
async fn stop_in_a_batch(stage: &Stage, admin: &mut PgConnection) {
    let stand = &stage.stands[0];
    // So that a batch takes long enough to be hit.
    stand.base.set(Fault::Delay(Duration::from_millis(5)));
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "no batch was hit");
        if holder(admin).await.is_none() {
            continue;
        }
        stand.instance.signal(Signal::SIGSTOP);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let first = holder(admin).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        // The same one still: its client is the one that stands still.
        if first.is_some() && holder(admin).await == first {
            stand.base.set(Fault::None);
            return;
        }
        stand.instance.signal(Signal::SIGCONT);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_is_stopped_for_ten_seconds_in_the_middle_of_a_batch() {
    let mut stage = Stage::set("SIGSTOP of an instance for 10 s in the middle of a batch").await;
    let mut stops = Vec::new();
    let history = workload::run_amid(&stage.urls(), stage.plan(), async {
        let (began, mut admin) = (Instant::now(), stage.cluster.connect().await);
        while stops.is_empty() || began.elapsed() < stage.duration() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop_in_a_batch(&stage, &mut admin).await;
            let stopped = Instant::now();
            // Postgres ends the transaction of a client that stands still: the other one goes on.
            let other = stage.recover_at(stage.stands[1].url(), stopped).await;
            tokio::time::sleep(Duration::from_secs(10).saturating_sub(stopped.elapsed())).await;
            stage.stands[0].instance.signal(Signal::SIGCONT);
            stage.recover(Instant::now()).await;
            stops.push(other.write);
        }
    })
    .await;
    stage.note(format!(
        "{} stops; the other instance went on writing after {stops:.1?}",
        stops.len()
    ));
    assert!(
        stops.iter().all(|after| *after < Duration::from_secs(8)),
        "{stops:?}"
    );
    stage.judge(&history, Clients::CutOff).await;
}
