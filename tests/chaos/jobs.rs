//! What is scheduled, while instances are killed all the time: each message is sent once, and none is left behind.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::future::join_all;
use rand::Rng;
use serde_json::json;
use uuid::Uuid;

use crate::stage::Stage;
use crate::support::{Person, eventually};

/// People, messages of each, and for how many seconds they come due: `CAUSERIE_TEST_FULL` gives the long form.
fn size() -> (usize, usize, i64) {
    match std::env::var_os("CAUSERIE_TEST_FULL") {
        Some(_) => (20, 100, 60),
        None => (20, 30, 24),
    }
}

/// By the message's id: what it says, and when it is due.
type Scheduled = BTreeMap<Uuid, (String, DateTime<Utc>)>;

/// Spread evenly from `start` on. Every second one has a key of its own.
async fn schedule(stage: &Stage, start: DateTime<Utc>) -> Scheduled {
    let (people, each, seconds) = size();
    let names: Vec<_> = (0..people).map(|n| format!("u{n}")).collect();
    let urls = stage.urls();
    let person = |n: usize| Person::new(&urls[n % urls.len()], &names[n]);
    for n in 0..people {
        person(n).get("/v1/me").await.ok();
    }
    let group = json!({ "type": "GROUP", "memberIds": names });
    let group = person(0).post("/v1/conversations", &group).await.ok();
    let path = format!(
        "/v1/conversations/{}/messages",
        group["id"].as_str().expect("an id")
    );
    let step = seconds * 1000 / (people * each) as i64;
    let of_one = async |n: usize| {
        let (by, mut scheduled) = (person(n), Vec::new());
        for k in 0..each {
            let (said, nth) = (format!("{n}/{k}"), (k * people + n) as i64);
            let due = start + TimeDelta::milliseconds(step * nth);
            let at = due.to_rfc3339_opts(SecondsFormat::Millis, true);
            let mut body = json!({ "content": said, "deliverAt": at });
            if k % 2 == 0 {
                body["clientMessageId"] = json!(said);
            }
            let answer = by.post(&path, &body).await;
            assert_eq!(answer.status, 202, "{}", answer.text);
            let id = answer.body["id"].as_str().expect("an id");
            scheduled.push((id.parse().expect("an id"), (said, due)));
        }
        scheduled
    };
    let all = join_all((0..people).map(of_one)).await;
    all.into_iter().flatten().collect()
}

/// What was sent, by its id: what it says, and when that was.
async fn sent(stage: &Stage) -> Vec<(Uuid, String, DateTime<Utc>)> {
    let text = "select id, content, created_at from messages where content like '%/%' order by id";
    sqlx::query_as(text)
        .fetch_all(&mut stage.cluster.connect().await)
        .await
        .expect("messages")
}

async fn number(stage: &Stage, text: &'static str) -> i64 {
    sqlx::query_scalar(text)
        .fetch_one(&mut stage.cluster.connect().await)
        .await
        .expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_scheduled_is_sent_once_while_an_instance_is_killed_every_three_seconds() {
    let mut stage = Stage::set("scheduled messages, an instance killed with -9 every 3 s").await;
    // Long enough that all are there before the first is due.
    let lead = TimeDelta::seconds(size().2);
    let start = Utc::now() + lead;
    let scheduled = schedule(&stage, start).await;
    assert!(Utc::now() < start, "they are there before the first is due");
    tokio::time::sleep((start - Utc::now()).to_std().unwrap_or_default()).await;
    let (began, mut kills) = (Instant::now(), 0);
    let mut every = tokio::time::interval(Duration::from_secs(3));
    while began.elapsed() < Duration::from_secs(size().2 as u64) {
        every.tick().await;
        let which = stage.rng.random_range(0..stage.stands.len());
        stage.stands[which].kill().await;
        stage.stands[which].start_again().await;
        kills += 1;
    }
    let open =
        "select count(*) from jobs where state in ('WAITING', 'RUNNING') or lease is not null";
    eventually("everything to have ended", async || {
        (number(&stage, open).await == 0).then_some(())
    })
    .await;

    let sent = sent(&stage).await;
    let (mut late, taken_over) = (Vec::new(), "select count(*) from jobs where attempts > 1");
    for (id, content, at) in &sent {
        let (said, due) = scheduled.get(id).expect("nothing that was not scheduled");
        assert_eq!(content, said);
        assert!(at >= due, "{said}: not before its time");
        late.push((*at - due).as_seconds_f64());
    }
    // A message's id is its key: none is there twice.
    assert_eq!(sent.len(), scheduled.len(), "none is lost");
    let done = "select count(*) from jobs where state = 'DONE'";
    assert_eq!(number(&stage, done).await as usize, scheduled.len());
    late.sort_by(f64::total_cmp);
    let part = |part: f64| late[((late.len() - 1) as f64 * part) as usize];
    println!(
        "{} scheduled, {kills} kills, each sent once; {} begun more than once; seconds late: median {:.1}, 95 % {:.1}, all {:.1}",
        sent.len(),
        number(&stage, taken_over).await,
        part(0.5),
        part(0.95),
        part(1.0)
    );
}
