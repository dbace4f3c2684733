//! Postgres itself, killed.

use std::time::{Duration, Instant};

use rand::Rng;

use crate::report::Clients;
use crate::stage::Stage;
use crate::support::workload;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_killed_and_recovers() {
    let mut stage = Stage::set("Postgres killed with -9").await;
    let (mut kills, mut downs) = (0, Vec::new());
    let history = workload::run_amid(&stage.urls(), stage.plan(), async {
        let began = Instant::now();
        while began.elapsed() < stage.duration() {
            let pause = Duration::from_millis(stage.rng.random_range(500..2500));
            tokio::time::sleep(pause).await;
            let killed = Instant::now();
            stage.cluster.kill().await;
            stage.cluster.start_again().await;
            kills += 1;
            downs.push(killed.elapsed());
            // Its own recovery is not the service's: the clock starts when it accepts connections.
            stage.recover(Instant::now()).await;
        }
    })
    .await;
    downs.sort();
    stage.note(format!(
        "{kills} kills; Postgres was down: {}",
        crate::report::spread(downs)
    ));
    stage.judge(&history, Clients::Refused).await;
}
