//! What is answered while Postgres stands still: from memory as long as memory is fresh, then nothing at all.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use causerie::embedded::{Embedded, Settings};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};

use crate::sse::Sse;
use crate::support::{App, Database, Person, eventually};

/// A memory that was not confirmed for this long is not fresh.
const FRESH: Duration = Duration::from_secs(5);

/// A Postgres of the test's own: nobody else is stopped with it.
pub struct Server {
    embedded: Embedded,
    home: PathBuf,
}

impl Server {
    pub async fn start() -> Self {
        let name = format!("causerie-{}", uuid::Uuid::new_v4().simple());
        let home = std::env::temp_dir().join(name);
        let settings = Settings {
            data_dir: Some(home.clone()),
            pg_bin: std::env::var_os("PG_BIN").map(Into::into),
        };
        let embedded = Embedded::start(&settings).await;
        Self {
            embedded: embedded.expect("PostgreSQL is installed"),
            home,
        }
    }

    pub fn app(&self) -> App {
        App {
            database: Database {
                url: self.embedded.url(),
                name: "causerie".to_owned(),
            },
            instances: Vec::new(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// Every process of a Postgres, stopped. They go on when this is dropped, whatever happens.
pub struct Frozen(Vec<Pid>);

impl Frozen {
    pub fn one(pid: Pid) -> Self {
        let mut frozen = Self(Vec::new());
        frozen.add(pid);
        frozen
    }

    fn stop(home: &Path) -> Self {
        let file = std::fs::read_to_string(home.join("data/postmaster.pid"));
        let file = file.expect("the server runs");
        let postmaster = file.lines().next().and_then(|pid| pid.trim().parse().ok());
        let postmaster = Pid::from_raw(postmaster.expect("a process id"));
        let mut frozen = Self(Vec::new());
        // The parent first: it makes no more children while they are counted.
        frozen.add(postmaster);
        children(postmaster)
            .into_iter()
            .for_each(|pid| frozen.add(pid));
        frozen
    }

    fn add(&mut self, pid: Pid) {
        self.0.push(pid);
        // A child that has just ended by itself is as good as stopped.
        let _ = kill(pid, Signal::SIGSTOP);
    }
}

/// The process by which the only instance that is there follows the log.
pub async fn tail_of(app: &App) -> Pid {
    let tail = "select pid::bigint from pg_stat_activity where application_name = 'causerie-tail'";
    Pid::from_raw(app.database.number(tail).await as i32)
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = kill(*pid, Signal::SIGCONT);
        }
    }
}

fn children(parent: Pid) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter(|pid: &i32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // `pid (name) state parent …`, where the name may hold anything.
            let parent_of = stat
                .rsplit_once(") ")
                .and_then(|(_, rest)| rest.split(' ').nth(1));
            parent_of == Some(parent.to_string().as_str())
        })
        .map(Pid::from_raw)
        .collect()
}

/// For some seconds every idle poll is answered as before.
async fn answers_from_memory(bob: &Person, paths: &[String], etag: &str) {
    let (stopped, mut answered) = (Instant::now(), 0);
    while stopped.elapsed() < Duration::from_secs(3) {
        for path in paths {
            let answer = bob.get(path).await;
            assert_eq!(answer.status, 200, "{path} after {:?}", stopped.elapsed());
        }
        let request = bob.request(Method::GET, &paths[0]);
        let same = bob.send(request.header("If-None-Match", etag)).await;
        assert_eq!(same.status, 304);
        answered += paths.len() + 1;
    }
    println!("{answered} idle polls answered in 3 s without Postgres");
}

/// Nothing is known for sure any more, and that is the answer.
async fn refuses(bob: &Person, paths: &[String]) {
    for path in paths {
        let refused = bob.get(path).await;
        assert_eq!(
            (refused.status, refused.code()),
            (503, "unavailable"),
            "{path}"
        );
        assert!(refused.header("retry-after").is_some());
        assert!(refused.body["retryAfterMs"].is_number());
    }
}

#[tokio::test]
async fn idle_polls_outlive_a_postgres_that_stands_still_but_not_their_freshness() {
    let server = Server::start().await;
    let mut app = server.app();
    app.add("", &[]).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let first = bob.poll(&bob.cursor().await, "").await;
    let (cursor, etag) = (
        first.cursor(),
        first.header("etag").expect("one").to_owned(),
    );
    let paths = [
        format!("/v1/events?since={cursor}"),
        format!("/v1/conversations/{conversation}/messages?since={cursor}"),
        "/v1/unread".to_owned(),
    ];
    let (waiting, since) = (bob.clone(), cursor.clone());
    let parked = tokio::spawn(async move { waiting.poll(&since, "&wait=12").await });
    let mut stream = Sse::open(&bob, &format!("?since={cursor}")).await;
    stream.until("unread").await;

    let frozen = Frozen::stop(&server.home);
    let stopped = Instant::now();
    answers_from_memory(&bob, &paths, &etag).await;
    let limit = FRESH + Duration::from_millis(500);
    eventually("the end of freshness", async || {
        (stopped.elapsed() > limit).then_some(())
    })
    .await;
    refuses(&bob, &paths).await;
    assert_eq!(app.instances[0].status("/readyz").await, Some(503));
    assert_eq!(app.instances[0].status("/healthz").await, Some(200));
    let body = json!({ "content": "into the ice", "clientMessageId": "ice" });
    let path = format!("/v1/conversations/{conversation}/messages");
    let refused = alice.post(&path, &body).await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.header("retry-after").is_some());
    let parked = parked.await.expect("no panic");
    assert_eq!(parked.status, 503, "not stale: {}", parked.text);

    drop(frozen);
    eventually("readiness", async || {
        (app.instances[0].status("/readyz").await == Some(200)).then_some(())
    })
    .await;
    // What was refused may be sent again under its key.
    alice.post(&path, &body).await.ok();
    let page = bob.poll(&cursor, "&wait=30").await.ok();
    assert_eq!(page["events"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        page["events"][0]["data"]["message"]["content"],
        "into the ice"
    );
    let told = stream.until("message.created").await;
    assert_eq!(
        told.data, page["events"][0],
        "the stream was never told anything else"
    );
}

#[tokio::test]
async fn waits_and_streams_that_outlast_a_pause_of_postgres_are_told_what_came_of_it() {
    let server = Server::start().await;
    let mut app = server.app();
    app.add("", &[]).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let cursor = bob.cursor().await;
    let mut stream = Sse::open(&bob, &format!("?since={cursor}")).await;
    stream.until("unread").await;
    stream.until("ephemeral").await;
    let mut waits = Vec::new();
    for _ in 0..10 {
        let (bob, cursor) = (bob.clone(), cursor.clone());
        waits.push(tokio::spawn(
            async move { bob.poll(&cursor, "&wait=50").await },
        ));
    }
    eventually("the waits", async || {
        (app.instances[0].metric("causerie_waits_open").await == 10.0).then_some(())
    })
    .await;
    // That ends while Postgres stands still, and is no reason to wake anybody then.
    let typing = format!("/v1/conversations/{conversation}/typing");
    let typing = alice.put(&typing, &json!({ "isTyping": true })).await;
    assert_eq!(typing.status, 204);
    stream.until("ephemeral").await;
    let frozen = Frozen::stop(&server.home);
    let stopped = Instant::now();
    let sending = tokio::spawn(async move { alice.say(&conversation, "in between").await });
    let pause = FRESH + Duration::from_millis(1500);
    eventually("a pause", async || {
        (stopped.elapsed() > pause).then_some(())
    })
    .await;
    drop(frozen);
    let sent = sending.await.expect("no panic");
    assert_eq!(sent.status, 201, "within its deadline: {}", sent.text);
    // Woken by the first event after the pause, they must find the memory fresh again.
    for wait in waits {
        let page = wait.await.expect("no panic").ok();
        assert_eq!(
            page["events"][0]["data"]["message"]["content"],
            "in between"
        );
    }
    loop {
        let told = stream.next().await.expect("it goes on");
        match told.event.as_str() {
            "message.created" => break,
            "ephemeral" => {}
            other => panic!("{other} {}", told.data),
        }
    }
}

#[tokio::test]
async fn a_feed_born_while_the_tail_lags_counts_no_message_before_it_tells_it() {
    let server = Server::start().await;
    let mut app = server.app();
    app.add("", &[]).await;
    let tail = tail_of(&app).await;
    app.add("", &[]).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let cursor = alice.cursor().await;
    let frozen = Frozen::one(tail);
    // At the other instance: what this one writes itself, its tail need not read.
    let alice = alice.at(&app.instances[1].url);
    alice.say(&conversation, "unheard of").await.ok();
    // Bob's feed is made of what Postgres says now, which the tail does not come to while this poll waits for it.
    let early = bob.poll(&cursor, "").await.ok();
    assert_eq!(early["events"].as_array().map(Vec::len), Some(0), "{early}");
    assert_eq!(
        (&early["hasMore"], &early["unread"]),
        (&json!(true), &Value::Null),
        "{early}"
    );
    drop(frozen);
    let since = early["cursor"].as_str().expect("a cursor").to_owned();
    let page = eventually("all that is counted", async || {
        let page = bob.poll(&since, "").await.ok();
        (page["hasMore"] == false).then_some(page)
    })
    .await;
    assert_eq!(page["events"].as_array().map(Vec::len), Some(1), "{page}");
    assert_eq!(page["unread"]["total"], 1, "{page}");
}
