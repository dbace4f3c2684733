//! What was acknowledged is there, whatever is killed: the program with its Postgres, or connections amid sends.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{App, Instance, Person, eventually};

/// A data directory that is removed with the test.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        let name = format!("causerie-{}", uuid::Uuid::new_v4().simple());
        Self(std::env::temp_dir().join(name))
    }

    /// The program with a Postgres of its own.
    async fn start(&self) -> Instance {
        let directory = self.0.to_str().expect("a plain path");
        // An empty DATABASE_URL is none.
        Instance::start("", "", &[("CAUSERIE_DATA_DIR", directory)]).await
    }

    fn postmaster(&self) -> Pid {
        let file = std::fs::read_to_string(self.0.join("data/postmaster.pid"));
        let file = file.expect("Postgres runs");
        let pid = file.lines().next().and_then(|pid| pid.trim().parse().ok());
        Pid::from_raw(pid.expect("a process id"))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What somebody asked to be sent, by key, and the `seq` it was acknowledged with.
type Acknowledged = Vec<(String, i64)>;

fn body(key: &str) -> Value {
    json!({ "content": format!("text of {key}"), "clientMessageId": key })
}

/// Sends until it is told to stop or nobody answers. Only 2xx, or 503 with a time to come back, is an answer.
async fn send_on(
    person: Person,
    conversation: String,
    writer: usize,
    stop: Arc<AtomicBool>,
) -> (Acknowledged, usize) {
    let path = format!("/v1/conversations/{conversation}/messages");
    let (mut acknowledged, mut refused) = (Vec::new(), 0);
    for n in 0.. {
        let key = format!("{writer}-{n}");
        let request = person.request(Method::POST, &path).json(&body(&key));
        let Ok(answer) = request.send().await else {
            break;
        };
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let Ok(text) = answer.text().await else { break };
        match status {
            200 | 201 => {
                let message: Value = serde_json::from_str(&text).expect("JSON");
                acknowledged.push((key, message["seq"].as_i64().expect("a number")));
            }
            503 => {
                assert!(headers.contains_key("retry-after"), "{text}");
                refused += 1;
            }
            _ => panic!("{status} {text}"),
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    (acknowledged, refused)
}

/// All messages of a conversation, oldest first.
async fn history(person: &Person, conversation: &str) -> Vec<Value> {
    let mut messages = Vec::new();
    loop {
        let last = messages
            .last()
            .map_or(0, |message: &Value| message["seq"].as_i64().expect("seq"));
        let path = format!("/v1/conversations/{conversation}/messages?after={last}&limit=200");
        let mut page = person.get(&path).await.ok();
        match page["items"].take() {
            Value::Array(items) if !items.is_empty() => messages.extend(items),
            _ => return messages,
        }
    }
}

/// Everything acknowledged is there under its number, once, and the numbers have no hole.
fn assert_kept(messages: &[Value], acknowledged: &[(String, i64)]) {
    let seqs = messages.iter().map(|message| message["seq"].as_i64());
    assert!(seqs.eq((1..=messages.len() as i64).map(Some)), "a hole");
    let mut keys: Vec<_> = messages
        .iter()
        .filter_map(|message| message["clientMessageId"].as_str())
        .collect();
    for (key, seq) in acknowledged {
        let message = &messages[*seq as usize - 1];
        assert_eq!(message["clientMessageId"], key.as_str(), "{seq}");
        assert_eq!(message["content"], format!("text of {key}"));
    }
    keys.sort_unstable();
    let all = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), all, "stored twice");
}

/// Several writers at once, until `enough` was written and then `disturb` is through.
async fn amid_sends(
    instance: &Instance,
    people: [&Person; 2],
    conversation: &str,
    disturb: impl AsyncFnOnce(),
) -> (Acknowledged, usize) {
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..8)
        .map(|n| {
            let person = people[n % 2].clone();
            tokio::spawn(send_on(person, conversation.to_owned(), n, stop.clone()))
        })
        .collect();
    eventually("they write", async || {
        (instance.metric("causerie_events_applied_total").await > 200.0).then_some(())
    })
    .await;
    disturb().await;
    stop.store(true, Ordering::Relaxed);
    let (mut acknowledged, mut refused) = (Vec::new(), 0);
    for writer in writers {
        let (of_one, no) = writer.await.expect("no panic");
        acknowledged.extend(of_one);
        refused += no;
    }
    (acknowledged, refused)
}

/// Whoever did not hear the answer sends again: that stores what was not stored, and nothing twice.
async fn send_again(people: [&Person; 2], conversation: &str, acknowledged: &[(String, i64)]) {
    let path = format!("/v1/conversations/{conversation}/messages");
    for writer in 0..8 {
        let (person, own) = (people[writer % 2], format!("{writer}-"));
        let heard = acknowledged.iter().filter(|(key, _)| key.starts_with(&own));
        let mut next = 0;
        for (key, seq) in heard {
            let again = person.post(&path, &body(key)).await;
            assert_eq!(
                again.header("idempotency-replayed"),
                Some("true"),
                "{}",
                again.text
            );
            assert_eq!(again.ok()["seq"], *seq);
            next += 1;
        }
        // The one whose answer never came.
        person
            .post(&path, &body(&format!("{own}{next}")))
            .await
            .ok();
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_program_is_killed() {
    let home = Home::new();
    let mut first = home.start().await;
    let (alice, bob) = (
        Person::new(&first.url, "alice"),
        Person::new(&first.url, "bob"),
    );
    bob.get("/v1/me").await.ok();
    let conversation = alice.converse_with("bob").await;
    let postmaster = home.postmaster();
    let pid = first.pid();
    let (acknowledged, _) = amid_sends(&first, [&alice, &bob], &conversation, async || {
        kill(pid, Signal::SIGKILL).expect("it is ours");
    })
    .await;
    assert_eq!(first.exit_code().await, None, "killed");
    let killed = std::time::Instant::now();
    eventually("the end of Postgres", async || {
        kill(postmaster, None).is_err().then_some(())
    })
    .await;
    println!(
        "{} acknowledged; Postgres gone {:?} after the kill",
        acknowledged.len(),
        killed.elapsed()
    );

    let second = home.start().await;
    let (alice, bob) = (alice.at(&second.url), bob.at(&second.url));
    assert_kept(&history(&alice, &conversation).await, &acknowledged);
    send_again([&alice, &bob], &conversation, &acknowledged).await;
    let messages = history(&alice, &conversation).await;
    assert_kept(&messages, &acknowledged);
    assert_eq!(messages.len(), acknowledged.len() + 8);
    let (events, _) = bob.all_events("0", 200).await;
    assert_eq!(
        events
            .iter()
            .filter(|event| event["type"] == "message.created")
            .count(),
        messages.len()
    );
}

#[tokio::test]
async fn connections_that_are_cut_amid_sends_lose_nothing_and_leave_no_hole() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let start = bob.cursor().await;
    let (here, there) = (&app.instances[0], bob.at(&app.instances[1].url));
    let names = [
        "causerie-writer",
        "causerie-tail",
        "causerie-listener",
        "causerie-notifier",
        "causerie",
    ];
    let (acknowledged, refused) = amid_sends(here, [&alice, &there], &conversation, async || {
        for round in 0..40 {
            let name = names[round % names.len()];
            let cut = format!(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity
                  where application_name = '{name}' and datname = current_database()"
            );
            app.database.number(&cut).await;
            // So that the next is cut in the middle of something, and not before it is there again.
            let before = here.metric("causerie_events_applied_total").await;
            eventually("it goes on", async || {
                (here.metric("causerie_events_applied_total").await > before + 5.0).then_some(())
            })
            .await;
        }
    })
    .await;
    println!(
        "{} acknowledged and {refused} refused over 40 cuts",
        acknowledged.len()
    );
    assert!(acknowledged.len() > 200);
    assert_kept(&history(&alice, &conversation).await, &acknowledged);
    for reader in [&bob, &there] {
        // The other instance may be told a moment later.
        eventually("the end of the log", async || {
            let (events, _) = reader.all_events(&start, 50).await;
            let seqs = events
                .iter()
                .filter_map(|event| event["data"]["message"]["seq"].as_u64());
            let seqs: Vec<u64> = seqs.collect();
            let stored = app.database.number("select count(*) from messages").await as u64;
            let all: Vec<u64> = (1..=stored).collect();
            assert!(all.starts_with(&seqs), "left out or told twice: {seqs:?}");
            (seqs == all).then_some(())
        })
        .await;
    }
    for instance in &app.instances {
        eventually("readiness", async || {
            (instance.status("/readyz").await == Some(200)).then_some(())
        })
        .await;
        alice
            .at(&instance.url)
            .say(&conversation, "goes on")
            .await
            .ok();
    }
}
