//! What waiting and asking in vain cost: no connection, no statement.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use sqlx::Row;

use crate::support::{App, Database, Instance, Person, eventually};

/// What every instance does by itself, with nobody asking.
const BACKGROUND: [&str; 17] = [
    "digests.prune",
    "ephemeral.notify",
    "log.after",
    "log.notify",
    "presence.note",
    "presence.recent",
    "tickets.prune",
    "conversations.count",
    "log.prune",
    "revocations.recent",
    "erasures.claim",
    "jobs.take",
    "jobs.take_back",
    "jobs.standing",
    "jobs.prune",
    "reminders.prune",
    "reminders.prune_people",
];

/// How often each kind of statement was sent, by the service's own count; the background's left out.
async fn statements(instance: &Instance) -> BTreeMap<String, u64> {
    let answer = reqwest::get(format!("{}/metrics", instance.url)).await;
    let text = answer.expect("metrics").text().await.expect("text");
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("causerie_sql_statements_total{kind=\""));
    let counts = lines.filter_map(|line| {
        let (kind, number) = line.split_once("\"} ")?;
        Some((kind.to_owned(), number.parse().ok()?))
    });
    counts
        .filter(|(kind, _)| !BACKGROUND.contains(&kind.as_str()))
        .collect()
}

/// How often each statement ran in this database, by Postgres's count; none without pg_stat_statements.
async fn statements_by_postgres(database: &Database) -> Option<BTreeMap<String, i64>> {
    let mut connection = database.connect().await;
    sqlx::query("create extension if not exists pg_stat_statements")
        .execute(&mut connection)
        .await
        .ok()?;
    let rows = sqlx::query(
        "select query, sum(calls)::bigint as calls from pg_stat_statements
          where dbid = (select oid from pg_database where datname = current_database()) group by query",
    );
    let rows = rows.fetch_all(&mut connection).await.ok()?;
    let counts = rows.iter().map(|row| (row.get("query"), row.get("calls")));
    Some(counts.collect())
}

/// Whether it is one of the background's, or of this test's.
fn is_background(query: &str) -> bool {
    [
        "select * from events where position >",
        "pg_notify",
        "insert into presence",
        "p.changed_at > now()",
        "delete from stream_tickets",
        "filter (where closed)",
        "with old as",
        "from revocations where revoked_at",
        "update erasures set claimed_until",
        "with emails as",
        "leased_until < now()",
        "from jobs where state",
        "delete from jobs",
        "delete from digests",
        "delete from reminder",
        "pg_stat_statements",
    ]
    .iter()
    .any(|part| query.contains(part))
}

/// Polls in vain 1,000 times in all, half of them told 304.
async fn poll_in_vain(bob: &Person, conversation: &str) {
    let since = bob.cursor().await;
    let paths = [
        format!("/v1/events?since={since}"),
        format!("/v1/conversations/{conversation}/messages?since={since}"),
        "/v1/unread".to_owned(),
    ];
    for (path, times) in paths.iter().zip([200, 150, 150]) {
        let first = bob.get(path).await;
        let etag = first.header("etag").expect("an ETag").to_owned();
        first.ok();
        for _ in 0..times {
            assert_eq!(bob.get(path).await.status, 200);
            let request = bob.request(Method::GET, path);
            let same = bob.send(request.header("If-None-Match", &etag)).await;
            assert_eq!((same.status, same.text.as_str()), (304, ""), "{path}");
        }
    }
}

#[tokio::test]
async fn a_thousand_idle_polls_execute_no_statement() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    alice.say(&conversation, "unread").await.ok();
    // The first sight of a token, and the birth of a feed, cost what they cost.
    // So does the first cursor that proves what has arrived: its sender is told.
    let since = bob.cursor().await;
    bob.poll(&since, "").await.ok();
    eventually("the receipt is written", async || {
        let alice = alice
            .get(&format!("/v1/conversations/{conversation}"))
            .await
            .ok();
        (alice["lastMessage"]["status"] == "DELIVERED").then_some(())
    })
    .await;
    alice.get("/v1/events").await.ok();
    let online = async || {
        let page = bob.get("/v1/events").await.ok();
        (page["ephemeral"]["presence"][0]["userId"] == "alice").then_some(())
    };
    eventually("alice is there", online).await;
    let ours = statements(&app.instances[0]).await;
    for kind in ["feeds.snapshot", "presence.contacts"] {
        assert!(ours.contains_key(kind), "{ours:?}");
    }
    let theirs = statements_by_postgres(&app.database).await;
    poll_in_vain(&bob, &conversation).await;
    assert_eq!(statements(&app.instances[0]).await, ours);
    let (Some(before), Some(after)) = (theirs, statements_by_postgres(&app.database).await) else {
        println!("skipped: pg_stat_statements is not loaded in this server");
        return;
    };
    assert!(before.keys().any(|query| query.contains("messages")));
    let new: Vec<_> = after
        .iter()
        .filter(|(query, calls)| before.get(*query) != Some(calls) && !is_background(query))
        .collect();
    assert!(new.is_empty(), "{new:?}");
}

#[tokio::test]
async fn fifty_waits_on_a_pool_of_three_answer_within_a_second_of_the_post() {
    let mut app = App::with(0, "").await;
    let pool = ("ROCKET_DATABASES", "{causerie={max_connections=3}}");
    app.add("", &[pool]).await;
    let names = ["u1", "u2", "u3", "u4", "u5"];
    let people = names.map(|name| app.person(name));
    for person in &people {
        person.get("/v1/me").await.ok();
    }
    let group = json!({ "type": "GROUP", "memberIds": names });
    let speaker = app.person("speaker");
    let answer = speaker.post("/v1/conversations", &group).await.ok();
    let group = answer["id"].as_str().expect("an id").to_owned();
    let cursor = speaker.cursor().await;
    let mut waits = Vec::new();
    for person in people.iter().flat_map(|person| [person; 10]) {
        let (person, cursor) = (person.clone(), cursor.clone());
        waits.push(tokio::spawn(async move {
            let page = person.poll(&cursor, "&wait=50").await;
            (Instant::now(), page)
        }));
    }
    eventually("fifty waits", async || {
        let open = app.instances[0].metric("causerie_waits_open").await;
        (open == 50.0).then_some(())
    })
    .await;
    let posted = Instant::now();
    speaker.say(&group, "now").await.ok();
    let post = posted.elapsed();
    let mut slowest = Duration::ZERO;
    for wait in waits {
        let (at, page) = wait.await.expect("no panic");
        assert_eq!(page.ok()["events"][0]["data"]["message"]["content"], "now");
        slowest = slowest.max(at - posted);
    }
    println!("the POST took {post:?}, the slowest of 50 waits {slowest:?}");
    assert!(post < Duration::from_secs(1), "{post:?}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}
