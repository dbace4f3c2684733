//! A migration by hand: an `ALTER TABLE` that keeps its lock.

use std::time::{Duration, Instant};

use rand::Rng;
use rand::seq::IndexedRandom;

use crate::report::Clients;
use crate::stage::Stage;
use crate::support::workload;

const TABLES: [&str; 5] = ["messages", "events", "members", "conversations", "users"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alter_table_holds_its_lock() {
    let mut stage = Stage::set("an ALTER TABLE that holds its lock for up to 7 s").await;
    let mut held = Vec::new();
    let history = workload::run_amid(&stage.urls(), stage.plan(), async {
        let began = Instant::now();
        while began.elapsed() < stage.duration() {
            let table = TABLES.choose(&mut stage.rng).expect("some");
            let seconds = stage.rng.random_range(0.5..7.0);
            // As patient as somebody's psql: while it waits for its lock, everybody else waits behind it.
            let alter = format!("alter table {table} add column chaos int");
            let sleep = format!("select pg_sleep({seconds})");
            let statements = [
                "begin",
                "set local lock_timeout = 0",
                &alter,
                &sleep,
                "rollback",
            ];
            stage.cluster.execute(&statements).await;
            held.push(format!("{table} {seconds:.1} s"));
            stage.recover(Instant::now()).await;
            let pause = Duration::from_millis(stage.rng.random_range(0..1000));
            tokio::time::sleep(pause).await;
        }
    })
    .await;
    stage.note(format!("held: {}", held.join(", ")));
    stage.judge(&history, Clients::Refused).await;
}
