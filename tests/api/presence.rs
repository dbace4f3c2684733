//! Who is there: whoever polls, waits or streams, on any instance; gone when that ends, and hidden when they say so.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};

use crate::instances::hearing;
use crate::sse::Sse;
use crate::support::{Answer, App, Person, eventually};

/// Nobody waits 75 s in a test.
const SHORT: &str = "presence_secs=4";

/// The people a page or a frame's data shows. All are ONLINE, and were seen.
fn online(ephemeral: &Value) -> Vec<&str> {
    let all = ephemeral["presence"].as_array().expect("a list");
    for one in all {
        assert_eq!(one["status"], "ONLINE", "{one}");
        let seen = one["lastSeenAt"].as_str().expect("a time");
        chrono::DateTime::parse_from_rfc3339(seen).expect("RFC 3339");
    }
    all.iter()
        .filter_map(|one| one["userId"].as_str())
        .collect()
}

async fn sees(person: &Person, who: &[&str]) -> bool {
    online(&person.get("/v1/events").await.ok()["ephemeral"]) == who
}

async fn until_sees(person: &Person, who: &[&str]) {
    eventually(&format!("{who:?}"), async || {
        sees(person, who).await.then_some(())
    })
    .await;
}

async fn asked(person: &Person, ids: &str) -> Vec<Value> {
    let page = person.get(&format!("/v1/presence?userIds={ids}")).await;
    page.ok()["items"].as_array().expect("items").clone()
}

async fn hide(person: &Person, hidden: bool) {
    let body = json!({ "presenceHidden": hidden });
    let change = person.request(Method::PATCH, "/v1/me").json(&body);
    let me = person.send(change).await.ok();
    assert_eq!(me["presenceHidden"], hidden);
}

/// Bob, and others who each talk with him.
async fn bob_and(app: &App, others: &[&str]) -> (Person, Vec<Person>) {
    let bob = app.person("bob");
    bob.get("/v1/me").await.ok();
    let others: Vec<_> = others.iter().map(|id| app.person(id)).collect();
    for other in &others {
        other.converse_with("bob").await;
    }
    (bob, others)
}

#[tokio::test]
async fn whoever_polls_waits_or_streams_anywhere_is_online_everywhere() {
    let app = App::with(2, "").await;
    hearing(&app).await;
    let names = ["follows", "polls", "reads", "streams", "waits"];
    let (bob, others) = bob_and(&app, &names).await;
    let there = bob.at(&app.instances[1].url);
    let mut streams = [Sse::open(&bob, "").await, Sse::open(&there, "").await];
    for stream in &mut streams {
        assert!(online(&stream.until("ephemeral").await.data).is_empty());
    }
    let conversation = others[0].converse_with("bob").await;
    let cursor = others[0].cursor().await;
    let follow = format!("/v1/conversations/{conversation}/messages?since={cursor}");
    let [follows, polls, reads, streaming, waits] = &others[..] else {
        panic!("five")
    };
    let far = |person: &Person| person.at(&app.instances[1].url);
    far(follows).get(&follow).await.ok();
    polls.get("/v1/events").await.ok();
    far(reads).get("/v1/unread").await.ok();
    let _stream = Sse::open(&far(streaming), "").await;
    let waiting = waits.clone();
    tokio::spawn(async move { waiting.get("/v1/events?wait=50").await });
    for stream in &mut streams {
        while online(&stream.until("ephemeral").await.data) != names {}
    }
    for bob in [&bob, &there] {
        until_sees(bob, &names).await;
        let found = asked(bob, "waits,bob,polls,nobody,polls").await;
        let ids: Vec<_> = found.iter().map(|one| &one["userId"]).collect();
        assert_eq!(ids, ["waits", "polls"]);
        assert!(found.iter().all(|one| one["status"] == "ONLINE"));
    }
    // The same on both, and nothing but a change ends the 304.
    let page = bob.poll(&bob.cursor().await, "").await;
    let etag = page.header("etag").expect("an ETag");
    let path = format!("/v1/events?since={}", page.cursor());
    for bob in [&bob, &there] {
        let again = bob.request(Method::GET, &path);
        let again = bob.send(again.header("If-None-Match", etag)).await;
        assert_eq!(again.status, 304, "{} {}", again.text, page.text);
    }
}

#[tokio::test]
async fn somebody_who_comes_ends_the_wait_of_those_who_want_to_know() {
    let app = App::start().await;
    let (bob, others) = bob_and(&app, &["alice"]).await;
    let first = bob.poll(&bob.cursor().await, "").await;
    let etag = first.header("etag").expect("an ETag").to_owned();
    let path = format!("/v1/events?since={}&wait=50&ephemeral=1", first.cursor());
    let waiting = bob.clone();
    let wait = tokio::spawn(async move {
        let request = waiting.request(Method::GET, &path);
        waiting.send(request.header("If-None-Match", &etag)).await
    });
    eventually("the wait", async || {
        (app.instances[0].metric("causerie_waits_open").await == 1.0).then_some(())
    })
    .await;
    let began = Instant::now();
    others[0].get("/v1/events").await.ok();
    let page: Answer = wait.await.expect("no panic");
    assert_eq!((page.status, page.cursor()), (200, first.cursor()));
    assert_eq!(online(&page.body["ephemeral"]), ["alice"]);
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn whoever_is_heard_no_more_is_offline_after_the_time_and_was_last_seen_then() {
    let app = App::with(2, SHORT).await;
    hearing(&app).await;
    let (bob, others) = bob_and(&app, &["polls", "streams"]).await;
    let there = bob.at(&app.instances[1].url);
    let mut watching = Sse::open(&there, "").await;
    let stream = Sse::open(&others[1], "").await;
    let before = chrono::Utc::now();
    others[0].get("/v1/events").await.ok();
    let after = chrono::Utc::now();
    while online(&watching.until("ephemeral").await.data) != ["polls", "streams"] {}
    // The one who polled once goes; the one with the stream stays longer than any time that was noted at first.
    while online(&watching.until("ephemeral").await.data) != ["streams"] {}
    let gone = (chrono::Utc::now() - before).num_milliseconds();
    // Three times what a loaded machine was seen to take: not by chance, and not by a longer time.
    assert!((3_500..30_000).contains(&gone), "{gone} ms");
    let last = asked(&bob, "polls").await;
    assert_eq!(last[0]["status"], "OFFLINE");
    let seen = last[0]["lastSeenAt"].as_str().expect("a time");
    let seen = chrono::DateTime::parse_from_rfc3339(seen).expect("RFC 3339");
    // What is noted is noted once a second.
    let second = chrono::TimeDelta::seconds(2);
    let seen = seen.to_utc();
    assert!(before - second < seen && seen < after + second, "{last:?}");
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(sees(&bob, &["streams"]).await);
    drop(stream);
    until_sees(&bob, &[]).await;
    until_sees(&there, &[]).await;
}

#[tokio::test]
async fn people_of_an_instance_that_is_killed_go_offline_by_themselves() {
    let app = App::with(2, SHORT).await;
    hearing(&app).await;
    let (bob, others) = bob_and(&app, &["alice"]).await;
    let _stream = Sse::open(&others[0].at(&app.instances[1].url), "").await;
    until_sees(&bob, &["alice"]).await;
    app.instances[1].signal(Signal::SIGKILL);
    let killed = Instant::now();
    until_sees(&bob, &[]).await;
    // 90 s with the real setting of 75, and a slow machine's share.
    assert!(killed.elapsed() < Duration::from_secs(30));
    assert_eq!(asked(&bob, "alice").await[0]["status"], "OFFLINE");
}

#[tokio::test]
async fn people_of_an_instance_that_leaves_in_order_are_not_declared_gone() {
    let mut app = App::with(2, "drain_secs=1").await;
    hearing(&app).await;
    let (bob, others) = bob_and(&app, &["alice"]).await;
    let mut stream = Sse::open(&others[0].at(&app.instances[1].url), "").await;
    let mut watching = Sse::open(&bob, "").await;
    while online(&watching.until("ephemeral").await.data) != ["alice"] {}
    app.instances[1].signal(Signal::SIGTERM);
    stream.until("goodbye").await;
    let _again = Sse::open(&others[0], "").await;
    assert_eq!(app.instances[1].exit_code().await, Some(0));
    assert!(sees(&bob, &["alice"]).await);
    // Whatever the stream has said until now, alice was in it.
    let conversation = others[0].converse_with("bob").await;
    others[0].say(&conversation, "still here").await.ok();
    loop {
        let frame = watching.next().await.expect("it goes on");
        match &*frame.event {
            "ephemeral" => assert_eq!(online(&frame.data), ["alice"]),
            "message.created" => break,
            _ => {}
        }
    }
}

#[tokio::test]
async fn whoever_hides_is_offline_at_once_and_looks_like_somebody_never_seen() {
    let app = App::with(2, SHORT).await;
    hearing(&app).await;
    let (bob, others) = bob_and(&app, &["alice", "never"]).await;
    let there = bob.at(&app.instances[1].url);
    let alice = &others[0];
    let _stream = Sse::open(alice, "").await;
    let _elsewhere = Sse::open(&alice.at(&app.instances[1].url), "").await;
    for bob in [&bob, &there] {
        until_sees(bob, &["alice"]).await;
    }
    hide(alice, true).await;
    assert!(sees(&bob, &[]).await, "at once");
    until_sees(&there, &[]).await;
    let began = Instant::now();
    // Longer than it takes to be noted again.
    while began.elapsed() < Duration::from_secs(6) {
        for bob in [&bob, &there] {
            assert!(sees(bob, &[]).await);
            let hidden = asked(bob, "alice").await;
            let mut never = asked(bob, "never").await;
            never[0]["userId"] = json!("alice");
            assert_eq!(hidden, never);
            assert_eq!(hidden[0]["lastSeenAt"], Value::Null);
        }
        alice.get("/v1/events").await.ok();
    }
    let backend = Person::service(&app.instances[0].url);
    assert_eq!(asked(&backend, "alice").await[0]["status"], "OFFLINE");
    hide(alice, false).await;
    for bob in [&bob, &there] {
        until_sees(bob, &["alice"]).await;
    }
}

#[tokio::test]
async fn strangers_and_other_tenants_are_shown_nothing() {
    let app = App::start().await;
    let (bob, others) = bob_and(&app, &["alice"]).await;
    let stranger = app.person("stranger");
    let of_other = |id: &str, role: Option<&str>| {
        Person::with(&app.instances[0].url, id, |claims| {
            claims.tenant = Some("other".to_owned());
            claims.role = role.map(str::to_owned);
        })
    };
    // The same ids talk there; only this bob is there.
    let (twin, twin_bob) = (of_other("alice", None), of_other("bob", None));
    for person in [&stranger, &twin, &twin_bob, &others[0]] {
        person.get("/v1/me").await.ok();
    }
    twin.converse_with("bob").await;
    bob.get("/v1/events").await.ok();
    until_sees(&others[0], &["bob"]).await;
    for other in [&twin, &stranger] {
        assert!(sees(other, &[]).await);
    }
    let found = asked(&twin, "bob").await;
    assert_eq!(
        found,
        [json!({ "userId": "bob", "status": "OFFLINE", "lastSeenAt": null })]
    );
    assert_eq!(
        asked(&stranger, "bob,alice,stranger").await,
        [] as [Value; 0]
    );
    let backend = Person::service(&app.instances[0].url);
    assert_eq!(asked(&backend, "bob,nobody").await[0]["status"], "ONLINE");
    let backend = of_other("backend", Some("service"));
    assert_eq!(asked(&backend, "bob").await[0]["status"], "OFFLINE");
}

#[tokio::test]
async fn people_of_a_new_conversation_are_shown_and_those_of_a_large_group_are_not() {
    let app = App::start().await;
    let (bob, others) = bob_and(&app, &["alice"]).await;
    let mut stream = Sse::open(&bob, "").await;
    stream.until("ephemeral").await;
    let ids: Vec<_> = (0..50).map(|n| format!("p{n}")).collect();
    for id in &ids {
        app.person(id).get("/v1/me").await.ok();
    }
    let all = [&ids[..], &["bob".to_owned()]].concat();
    let group = json!({ "type": "GROUP", "memberIds": all });
    others[0].post("/v1/conversations", &group).await.ok();
    let carol = app.person("carol");
    carol.converse_with("bob").await;
    for person in [&carol, &app.person("p0"), &others[0]] {
        person.get("/v1/events").await.ok();
    }
    // Told on the open stream, once its conversations are looked at again.
    while online(&stream.until("ephemeral").await.data) != ["alice", "carol"] {}
    assert!(sees(&bob, &["alice", "carol"]).await);
    assert_eq!(asked(&bob, "p0").await.len(), 1, "but it can be asked for");
}

#[tokio::test]
async fn one_change_reaches_many_people_and_is_noted_and_told_together() {
    const MANY: usize = 120;
    let app = App::with(2, "").await;
    hearing(&app).await;
    let ids: Vec<_> = (0..MANY).map(|n| format!("p{n}")).collect();
    let people: Vec<_> = ids.iter().map(|id| app.person(id)).collect();
    let hub = app.person("hub");
    for person in &people {
        person.get("/v1/me").await.ok();
        hub.converse_with(&person.id).await;
    }
    let mut streams = Vec::new();
    for (n, person) in people.iter().enumerate() {
        let mut stream = Sse::open(&person.at(&app.instances[n % 2].url), "").await;
        stream.until("ephemeral").await;
        streams.push(stream);
    }
    let statements = async |kind: &str| {
        let name = format!("causerie_sql_statements_total{{kind=\"{kind}\"}}");
        app.instances[0].metric(&name).await
    };
    let before = (
        statements("presence.note").await,
        statements("presence.contacts").await,
    );
    hub.get("/v1/events").await.ok();
    let mut seen = Vec::new();
    for stream in &mut streams {
        while online(&stream.until("ephemeral").await.data) != ["hub"] {}
        seen.push(());
    }
    let notes = statements("presence.note").await - before.0;
    let reads = statements("presence.contacts").await - before.1;
    assert_eq!((seen.len(), reads), (MANY, 1.0), "only the hub's own");
    assert!(notes < 20.0, "{notes} statements");
    // And the other way round: of 120 who are there the hub sees the 100 newest conversations'.
    let all = eventually("a hundred people", async || {
        let page = hub.get("/v1/events").await.ok();
        let all = online(&page["ephemeral"]).len();
        (all == 100).then_some(page)
    })
    .await;
    let mut newest: Vec<_> = ids[MANY - 100..].iter().map(String::as_str).collect();
    newest.sort_unstable();
    assert_eq!(online(&all["ephemeral"]), newest);
}

#[tokio::test]
async fn up_to_a_hundred_people_are_asked_for_at_once() {
    let app = App::start().await;
    let (bob, _) = bob_and(&app, &["alice"]).await;
    let list = |n: usize| {
        (0..n)
            .map(|n| format!("p{n}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    assert!(asked(&bob, &list(100)).await.is_empty());
    for (ids, code) in [
        (list(101), "too-many"),
        ("x".repeat(129), "too-long"),
        ("alice,".to_owned(), "blank"),
        ("alice,%0A".to_owned(), "control-character"),
    ] {
        let answer = bob.get(&format!("/v1/presence?userIds={ids}")).await;
        assert_eq!((answer.status, answer.code()), (400, "invalid-parameter"));
        let error = &answer.body["errors"][0];
        assert_eq!(
            (&error["pointer"], &error["code"]),
            (&json!("userIds"), &json!(code))
        );
    }
}
