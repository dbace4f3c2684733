//! Postgres itself, killed.

use std::time::{Duration, Instant};

use rand::Rng;

use crate::report::{Clients, spread};
use crate::stage::Stage;
use crate::support::workload;

/// Kills the server, or one process of it, after which it ends the others and recovers by itself.
async fn kill(stage: &mut Stage, is_whole: bool) {
    if is_whole {
        stage.cluster.kill().await;
        stage.cluster.start_again().await;
    } else {
        stage.cluster.kill_a_backend(&mut stage.rng).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_killed_and_recovers() {
    let mut stage = Stage::set("Postgres killed with -9").await;
    let (mut servers, mut downs) = (0, Vec::new());
    let history = workload::run_amid(&stage.urls(), stage.plan(), async {
        let began = Instant::now();
        while began.elapsed() < stage.duration() {
            let pause = Duration::from_millis(stage.rng.random_range(500..2500));
            tokio::time::sleep(pause).await;
            let killed = Instant::now();
            // In turn, and the whole server first.
            let is_whole = downs.len().is_multiple_of(2);
            kill(&mut stage, is_whole).await;
            servers += usize::from(is_whole);
            downs.push(killed.elapsed());
            // Its own recovery is not the service's: the clock starts when it accepts connections.
            stage.recover(Instant::now()).await;
        }
    })
    .await;
    downs.sort();
    let backends = downs.len() - servers;
    stage.note(format!(
        "{servers} times the server, {backends} times one backend"
    ));
    stage.note(format!(
        "until Postgres accepted connections again: {}",
        spread(downs)
    ));
    stage.judge(&history, Clients::Refused).await;
}
