//! Other databases of the same cluster, whose long transactions are none of the service's business.

use std::time::Instant;

use sqlx::{Connection, Executor};

use crate::report::{Clients, LATE, spread};
use crate::stage::Stage;
use crate::support::workload;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_transaction_and_a_create_index_in_another_database_delay_nothing() {
    let mut stage = Stage::set("a long transaction and CREATE INDEX in another database").await;
    stage.cluster.execute(&["create database neighbour"]).await;
    let mut builder = stage.cluster.connect_to("neighbour").await;
    let filled =
        "create table things as select n, md5(n::text) as t from generate_series(1, 200000) n";
    builder.execute(filled).await.expect("a table");
    let mut open = stage.cluster.connect_to("neighbour").await;
    // It has written, so that it has a number that everything later lies behind.
    let begun = "begin; insert into things values (0, ''); select count(*) from things";
    open.execute(begun).await.expect("a transaction");
    let mut indexes = 0;
    let history = workload::run_amid(&stage.urls(), stage.plan(), async {
        let began = Instant::now();
        while began.elapsed() < stage.duration() {
            // Of a copy: on the same table it would wait for the open transaction itself.
            let index =
                "create table more as table things; create index on more (t); drop table more";
            builder.execute(index).await.expect("an index");
            indexes += 1;
        }
    })
    .await;
    open.close().await.expect("open to the end");
    let delays = history.delays(None);
    let late = delays.iter().filter(|delay| **delay > LATE).count();
    stage.note(format!(
        "{indexes} indexes built beside it, {late} messages later than {LATE:?}"
    ));
    assert_eq!(late, 0, "seed {}: {}", stage.seed, spread(delays));
    stage.judge(&history, Clients::Refused).await;
}
