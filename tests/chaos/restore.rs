//! A base backup that is put back: the same cluster by its identity, and half a minute of the log is gone.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::Value;
use tokio::process::Command;

use crate::cluster::Cluster;
use crate::report::Clients;
use crate::stage::Stage;
use crate::support::history::{History, Kind, Moment, Page};
use crate::support::workload::{self, Plan, Run};
use crate::support::{Person, eventually};

/// How old the backup is when it is put back.
const AGE: Duration = Duration::from_secs(30);

/// Takes a base backup beside the data, as the user that owns those.
async fn back_up(cluster: &Cluster) -> PathBuf {
    let directory: String =
        sqlx::query_scalar("select setting from pg_config where name = 'BINDIR'")
            .fetch_one(&mut cluster.connect().await)
            .await
            .expect("pg_config");
    let backup = cluster.home.join("backup");
    let owner = std::fs::metadata(cluster.data()).expect("data");
    let sockets: String = sqlx::query_scalar("show unix_socket_directories")
        .fetch_one(&mut cluster.connect().await)
        .await
        .expect("a setting");
    let mut command = Command::new(PathBuf::from(directory).join("pg_basebackup"));
    command
        .args(["--host", sockets.trim_matches('"'), "--port", "5432"])
        .args(["--username", "postgres", "--no-password"])
        .args(["--checkpoint", "fast", "--wal-method", "stream", "--pgdata"])
        .arg(&backup)
        .current_dir("/");
    if nix::unistd::geteuid().is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    let done = command.output().await.expect("pg_basebackup is installed");
    assert!(done.status.success(), "{done:?}");
    backup
}

async fn head(cluster: &Cluster) -> i64 {
    sqlx::query_scalar("select coalesce(max(position), 0) from events")
        .fetch_one(&mut cluster.connect().await)
        .await
        .expect("a number")
}

/// Where the log ends once nobody writes: receipts of what was written last come for a second or two.
async fn at_rest(cluster: &Cluster) -> i64 {
    let (mut end, mut since) = (head(cluster).await, Instant::now());
    eventually("the last receipts", async || {
        let now = head(cluster).await;
        if now != end {
            (end, since) = (now, Instant::now());
        }
        (since.elapsed() > Duration::from_secs(3)).then_some(now)
    })
    .await
}

/// Writes at every instance, in conversations that the backup holds, until the log is as long as the one that was lost:
/// from then on only the epoch tells the cursors of the old from the new.
async fn fill_up(stage: &Stage, run: &Run, old: usize, lost: i64) {
    let conversations = &run.conversations()[..old];
    let mut sent = 0;
    while head(&stage.cluster).await <= lost {
        let mut sends = Vec::new();
        for conversation in conversations {
            for member in &conversation.members {
                let urls = stage.urls();
                let person = Person::new(&urls[sent % urls.len()], member);
                sends
                    .push(async move { person.say(&conversation.id, "the log grows again").await });
                sent += 1;
            }
        }
        join_all(sends).await;
    }
}

/// What an old cursor was told that it must not be. Between the kill and the first write to the new log an instance may
/// still say from memory that the old one ends at `lost`, as it did; a poll that was asked later gets 410.
fn silent_skips(history: &History, killed: Moment, renewed: Moment, lost: i64) -> usize {
    let told = history.pages.iter().filter(|page| page.at > killed);
    let is_skip = |page: &&Page| {
        let too_late = page.asked.is_some_and(|asked| asked > renewed);
        too_late || !page.events.is_empty() || page.cursor > lost
    };
    told.filter(is_skip).count()
}

/// Whoever starts again from a snapshot is where the new log is: what comes after it are the receipts of those who have
/// started again meanwhile.
async fn resync(stage: &Stage, history: &History) {
    let users: BTreeSet<&String> = history.followers.iter().map(|f| &f.user).collect();
    for (user, url) in users
        .iter()
        .flat_map(|user| stage.urls().into_iter().map(move |url| (user, url)))
    {
        let person = Person::new(&url, user);
        let cursor = person.get("/v1/sync").await.cursor();
        let page = person.poll(&cursor, "").await.ok();
        let events = page["events"].as_array().expect("events");
        let is_receipt = |event: &Value| event["type"] == "receipt.delivered";
        assert!(events.iter().all(is_receipt), "{user}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_backup_of_half_a_minute_ago_is_put_back() {
    let mut stage = Stage::set("a base backup, 30 s old, put back").await;
    let (run, followers) = Run::begin(&stage.urls(), stage.plan()).await;
    let old = run.conversations().len();
    let backup = back_up(&stage.cluster).await;
    let kept = head(&stage.cluster).await;
    assert!(
        run.write_amid(tokio::time::sleep(AGE.max(stage.duration())))
            .await,
        "all was read before"
    );
    let lost = at_rest(&stage.cluster).await;
    let killed = run.now();
    stage.cluster.kill().await;
    std::fs::rename(stage.cluster.data(), stage.cluster.home.join("lost")).expect("renamed");
    std::fs::rename(backup, stage.cluster.data()).expect("renamed");
    stage.cluster.start_again().await;
    stage.recover(Instant::now()).await;
    let renewed = run.now();
    fill_up(&stage, &run, old, lost).await;
    eventually("the end of every old cursor", async || {
        run.is_refused().then_some(())
    })
    .await;
    drop(followers);
    let mut history = run.take();
    let skips = silent_skips(&history, killed, renewed, lost);
    resync(&stage, &history).await;
    stage.note(format!("{} of {lost} positions lost; every one of {} followers got 410 or resync; {skips} silent skips",
        lost - kept, history.followers.len()));
    assert_eq!(skips, 0, "seed {}", stage.seed);
    // Told of the end of their log, as it must be.
    history.refusals.clear();
    let mut verdict = history.check();
    let after = workload::run(
        &stage.urls(),
        Plan {
            seed: stage.seed + 1,
            ..stage.plan()
        },
    )
    .await;
    stage.note(format!(
        "afterwards: {} operations checked",
        after.operations()
    ));
    let after = after.check();
    assert!(!after.counts().contains_key(&Kind::Refused), "{after}");
    verdict.anomalies.extend(after.anomalies);
    stage.judge_as(&history, &verdict, Clients::Refused).await;
}
