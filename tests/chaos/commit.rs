//! Connections that are cut exactly where it hurts: at COMMIT, when the writer cannot know what became of it.

use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;

use crate::report::Clients;
use crate::stage::Stage;
use crate::support::proxy::{Cut, Fault};
use crate::support::workload;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_cut_at_commit() {
    let mut stage =
        Stage::set("a connection cut at COMMIT: before it, behind it, behind its answer").await;
    let history = workload::run_amid(&stage.urls(), stage.plan(), async {
        let began = Instant::now();
        while began.elapsed() < stage.duration() {
            for n in 0..stage.stands.len() {
                let how = [Cut::Before, Cut::Passed, Cut::Answered];
                let how = how.choose(&mut stage.rng).expect("three");
                stage.stands[n].base.set(Fault::CutAtCommit(*how));
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        for stand in &stage.stands {
            stand.base.set(Fault::None);
        }
        stage.recover(Instant::now()).await;
    })
    .await;
    let cuts: usize = stage.stands.iter().map(|stand| stand.base.cuts()).sum();
    stage.note(format!("{cuts} connections cut"));
    assert!(cuts > 20, "{cuts}");
    stage.judge(&history, Clients::Refused).await;
}
