//! SIGTERM: not ready first, then everybody is told, then the port closes.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::sse::{Frame, Sse};
use crate::support::{Answer, App, Instance, Person, eventually};

/// From SIGTERM to the end of the process.
const BOUND: Duration = Duration::from_secs(25);

/// Twenty people with ten waits and ten streams each.
struct Crowd {
    people: Vec<Person>,
    waits: Vec<JoinHandle<Answer>>,
    streams: Vec<JoinHandle<Vec<Frame>>>,
}

impl Crowd {
    async fn gather(app: &App) -> Self {
        let people: Vec<_> = (0..20).map(|n| app.person(&format!("u{n}"))).collect();
        let (mut waits, mut streams) = (Vec::new(), Vec::new());
        for person in &people {
            let cursor = person.cursor().await;
            for _ in 0..10 {
                let (waiting, since) = (person.clone(), cursor.clone());
                waits.push(tokio::spawn(async move {
                    waiting.poll(&since, "&wait=50").await
                }));
                let mut stream = Sse::open(person, &format!("?since={cursor}")).await;
                streams.push(tokio::spawn(async move { stream.rest().await }));
            }
        }
        let crowd = Self {
            people,
            waits,
            streams,
        };
        for gauge in ["causerie_waits_open", "causerie_streams_open"] {
            eventually(gauge, async || {
                (app.instances[0].metric(gauge).await == 200.0).then_some(())
            })
            .await;
        }
        crowd
    }

    /// Every wait has its answer, and every stream its last word.
    async fn assert_told(self) {
        for wait in self.waits {
            let answer = wait.await.expect("no panic");
            assert!(matches!(answer.status, 200 | 304), "{}", answer.text);
            if answer.status == 200 {
                assert_eq!(answer.body["events"], json!([]), "{}", answer.text);
                assert!(answer.body["cursor"].is_string());
            }
        }
        let mut pauses = Vec::new();
        for stream in self.streams {
            let frames = stream.await.expect("no panic");
            let goodbye = frames.last().expect("a last word");
            assert_eq!(goodbye.event, "goodbye", "{goodbye:?}");
            assert_eq!(goodbye.data["reason"], "shutdown");
            pauses.push(
                goodbye.data["reconnectAfterMs"]
                    .as_u64()
                    .expect("milliseconds"),
            );
        }
        assert_eq!(pauses.len(), 200);
        pauses.sort_unstable();
        assert!(pauses[199] - pauses[0] > 500, "spread out: {pauses:?}");
    }
}

/// Until `/readyz` says no.
async fn not_ready(instance: &Instance) {
    eventually("not ready", async || {
        (instance.status("/readyz").await == Some(503)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_crowd_of_waits_and_streams_is_told_before_the_end() {
    let mut app = App::start().await;
    let crowd = Crowd::gather(&app).await;
    let asked = Instant::now();
    app.instances[0].signal(Signal::SIGTERM);
    not_ready(&app.instances[0]).await;
    // Requests are served while load balancers look elsewhere.
    crowd.people[0].get("/v1/me").await.ok();
    let body = json!({ "type": "PRIVATE", "recipientId": "nobody" });
    let refused = crowd.people[1].post("/v1/conversations", &body).await;
    assert_eq!(refused.code(), "user-unknown");
    assert_eq!(app.instances[0].status("/healthz").await, Some(200));
    crowd.assert_told().await;
    assert_eq!(
        app.instances[0].exit_code().await,
        Some(0),
        "{}",
        app.instances[0].log()
    );
    println!(
        "200 waits and 200 streams: gone after {:?}",
        asked.elapsed()
    );
    assert!(asked.elapsed() < BOUND, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn with_nobody_connected_the_end_is_quick() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut app = App::start().await;
        let asked = Instant::now();
        app.instances[0].signal(signal);
        assert_eq!(
            app.instances[0].exit_code().await,
            Some(0),
            "{}",
            app.instances[0].log()
        );
        println!("nobody connected: gone after {:?}", asked.elapsed());
        assert!(
            asked.elapsed() < Duration::from_secs(10),
            "{:?}",
            asked.elapsed()
        );
    }
}

#[tokio::test]
async fn writes_in_flight_are_answered_whole() {
    let mut app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    // The log's lock is held elsewhere, so that these cannot be answered before the signal.
    let mut other = app.database.connect().await;
    sqlx::query("select pg_advisory_lock(4714171)")
        .execute(&mut other)
        .await
        .expect("the lock");
    let mut writes = Vec::new();
    for n in 0..40 {
        let (alice, conversation) = (alice.clone(), conversation.clone());
        writes.push(tokio::spawn(async move {
            alice.say(&conversation, &n.to_string()).await
        }));
    }
    eventually("the writer waits for the lock", async || {
        let sql = "select count(*) from pg_locks where locktype = 'advisory' and not granted";
        (app.database.number(sql).await > 0).then_some(())
    })
    .await;
    app.instances[0].signal(Signal::SIGTERM);
    eventually("the port closes", async || {
        app.instances[0]
            .log()
            .contains("the port closes")
            .then_some(())
    })
    .await;
    sqlx::query("select pg_advisory_unlock(4714171)")
        .execute(&mut other)
        .await
        .expect("it is ours");
    let mut seqs = Vec::new();
    for write in writes {
        let answer = write.await.expect("no panic");
        assert_eq!(answer.status, 201, "{}", answer.text);
        seqs.extend(answer.body["seq"].as_i64());
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=40).collect::<Vec<_>>());
    assert_eq!(
        app.instances[0].exit_code().await,
        Some(0),
        "{}",
        app.instances[0].log()
    );
    let again = app.add("", &[]).await;
    let bob = bob.at(&again.url);
    assert_eq!(bob.all_events("0", 200).await.0.len(), 41);
}

#[tokio::test]
async fn a_writer_that_goes_on_is_answered_or_finds_the_port_closed() {
    let mut app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let mut stream = Sse::open(&bob, "").await;
    stream.until("unread").await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let mut writers = Vec::new();
    for writer in 0..4 {
        let (alice, path) = (alice.clone(), path.clone());
        writers.push(tokio::spawn(async move {
            let mut stored = 0;
            for n in 0.. {
                let body = json!({ "content": "hi", "clientMessageId": format!("{writer}-{n}") });
                let sent = alice
                    .request(reqwest::Method::POST, &path)
                    .json(&body)
                    .send()
                    .await;
                // Nobody took it: what is taken must be answered whole.
                let Ok(answer) = sent else { break };
                let status = answer.status().as_u16();
                answer
                    .json::<serde_json::Value>()
                    .await
                    .expect("a whole answer");
                assert!(matches!(status, 201 | 503), "{status}");
                stored += usize::from(status == 201);
            }
            stored
        }));
    }
    eventually("they write", async || {
        (app.instances[0]
            .metric("causerie_events_applied_total")
            .await
            > 50.0)
            .then_some(())
    })
    .await;
    app.instances[0].signal(Signal::SIGTERM);
    let frames = stream.rest().await;
    assert_eq!(
        frames.last().map(|frame| frame.event.as_str()),
        Some("goodbye")
    );
    assert_eq!(
        app.instances[0].exit_code().await,
        Some(0),
        "{}",
        app.instances[0].log()
    );
    let mut acknowledged = 0;
    for writer in writers {
        acknowledged += writer.await.expect("no panic");
    }
    let stored = app.database.number("select count(*) from messages").await;
    println!("{acknowledged} acknowledged during the shutdown, {stored} stored");
    assert!(stored >= acknowledged as i64, "{stored} of {acknowledged}");
}

#[tokio::test]
async fn a_client_that_does_not_read_cannot_hold_the_end_up() {
    let mut app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let mut paused = Vec::new();
    for _ in 0..3 {
        paused.push(Sse::open(&bob, "").await);
    }
    // More than the sockets' buffers take.
    let text = "é".repeat(9_999);
    for _ in 0..20 {
        let sends = (0..40).map(|_| alice.say(&conversation, &text));
        for answer in futures::future::join_all(sends).await {
            answer.ok();
        }
    }
    let asked = Instant::now();
    app.instances[0].signal(Signal::SIGTERM);
    assert_eq!(
        app.instances[0].exit_code().await,
        Some(0),
        "{}",
        app.instances[0].log()
    );
    println!(
        "three clients that do not read: gone after {:?}",
        asked.elapsed()
    );
    assert!(asked.elapsed() < BOUND, "{:?}", asked.elapsed());
}
