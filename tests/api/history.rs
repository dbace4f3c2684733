//! Everything at once on two processes, judged by the history checker: nothing lost, nothing twice, one order.

use crate::support::workload::{self, Plan};
use crate::support::{App, Person};

/// Two instances on one database; the second keeps so little in memory that most of what it hands out is read from
/// Postgres.
async fn two_instances() -> App {
    let mut app = App::with(1, "").await;
    app.add("ring={events=16},heartbeat_secs=1", &[]).await;
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_writers_and_forty_followers_on_two_instances_agree_on_one_history() {
    let app = two_instances().await;
    let urls: Vec<_> = app.instances.iter().map(|i| i.url.clone()).collect();
    let seed = workload::seeds(1)[0];
    let mut plan = Plan::long(seed);
    if std::env::var_os("CAUSERIE_TEST_FULL").is_some() {
        plan.bursts *= 5;
    }
    println!("seed {seed}");
    let started = std::time::Instant::now();
    let history = workload::run(&urls, plan).await;
    let ran = started.elapsed();
    let verdict = history.check();
    println!(
        "{} messages, {} edits and deletions, {} comings and goings, {} events delivered to {} followers, {} operations checked, {} s and {:.1} s to judge, other answers {:?}",
        history.messages(),
        history.edits.len(),
        history.moves.len(),
        history.deliveries(),
        history.followers.len(),
        history.operations(),
        ran.as_secs(),
        (started.elapsed() - ran).as_secs_f64(),
        history.other_answers,
    );
    assert!(verdict.is_good(), "seed {seed}:\n{verdict}");
    assert!(history.messages() >= 3000, "{}", history.messages());
    assert!(history.edits.len() >= 200, "{}", history.edits.len());
    assert!(history.moves.len() >= 100, "{}", history.moves.len());
    assert!(
        app.instances[1].metric("causerie_catch_ups_total").await > 100.0,
        "the small ring was meant to send readers to Postgres"
    );
    let mut users: Vec<_> = history.followers.iter().map(|f| &f.user).collect();
    users.dedup();
    for user in users {
        memory_is_as_sql(&app, user).await;
    }
}

/// The whole feed of one user, read from memory and read from Postgres, in pages of any size, is the same bytes.
async fn memory_is_as_sql(app: &App, user: &str) {
    let (memory, store) = (
        Person::new(&app.instances[0].url, user),
        Person::new(&app.instances[1].url, user),
    );
    let from_store = async || app.instances[0].metric("causerie_catch_ups_total").await;
    let before = from_store().await;
    let expected = whole_feed(&memory, 200).await;
    assert!(expected.len() > 200, "{user}: {}", expected.len());
    are_same(user, &expected, &whole_feed(&memory, 50).await);
    assert_eq!(from_store().await, before, "the large ring holds it all");
    are_same(user, &expected, &whole_feed(&store, 200).await);
    are_same(user, &expected, &whole_feed(&store, 50).await);
}

#[track_caller]
fn are_same(user: &str, expected: &[String], got: &[String]) {
    let mut pairs = expected.iter().zip(got);
    if let Some((expected, got)) = pairs.find(|(expected, got)| expected != got) {
        panic!("{user}: {expected}\nis elsewhere {got}");
    }
    assert_eq!(expected.len(), got.len(), "{user}");
}

/// Each event of a user's feed, as it was written.
async fn whole_feed(person: &Person, limit: usize) -> Vec<String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Page {
        cursor: String,
        has_more: bool,
        events: Vec<Box<serde_json::value::RawValue>>,
    }
    let (mut events, mut cursor) = (Vec::new(), "0".to_owned());
    loop {
        let answer = person.poll(&cursor, &format!("&limit={limit}")).await;
        let page: Page = serde_json::from_str(&answer.text).expect("a page");
        events.extend(page.events.iter().map(|event| event.get().to_owned()));
        if !page.has_more {
            return events;
        }
        assert_ne!(
            page.cursor, cursor,
            "a page that says there is more moves on"
        );
        cursor = page.cursor;
    }
}
