//! Who types: seen at once by the others on every transport and instance, by nobody else, and never for long.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::postgres::PgListener;

use crate::instances::hearing;
use crate::sse::Sse;
use crate::support::{Answer, App, Person, eventually};

/// Says that somebody types, or does not; any member gets the same answer.
async fn types(person: &Person, conversation: &str, is_typing: bool) {
    let path = format!("/v1/conversations/{conversation}/typing");
    let answer = person.put(&path, &json!({ "isTyping": is_typing })).await;
    assert_eq!((answer.status, &*answer.text), (204, ""));
}

/// Who types where, as a page or a frame's data has it.
fn typing(ephemeral: &Value) -> Vec<(&str, &str)> {
    let all = ephemeral["typing"].as_array().expect("a list");
    assert!(all.iter().all(|one| one["name"].is_string()), "{all:?}");
    all.iter()
        .filter_map(|one| Some((one["conversationId"].as_str()?, one["userId"].as_str()?)))
        .collect()
}

async fn is_shown(person: &Person, what: &[(&str, &str)]) -> bool {
    let page = person.get("/v1/events").await.ok();
    typing(&page["ephemeral"]) == what
}

async fn until_shown(person: &Person, what: &[(&str, &str)]) {
    eventually("who types", async || {
        is_shown(person, what).await.then_some(())
    })
    .await;
}

async fn with_etag(person: &Person, query: &str, etag: &str) -> Answer {
    let request = person.request(Method::GET, &format!("/v1/events?{query}"));
    person.send(request.header("If-None-Match", etag)).await
}

#[tokio::test]
async fn whoever_types_is_seen_by_poll_wait_and_stream_here_and_on_another_instance() {
    let app = App::with(2, "").await;
    hearing(&app).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let (mut waits, mut streams) = (Vec::new(), Vec::new());
    let since = bob.cursor().await;
    for instance in &app.instances {
        let bob = bob.at(&instance.url);
        let first = eventually("the present", async || {
            let page = bob.poll(&since, "").await;
            (page.cursor() == since).then_some(page)
        })
        .await;
        let etag = first.header("etag").expect("an ETag").to_owned();
        let mut stream = Sse::open(&bob, &format!("?since={since}")).await;
        stream.until("unread").await;
        let start = stream.next().await.expect("what is there");
        assert_eq!((&*start.event, start.id), ("ephemeral", None));
        assert!(typing(&start.data).is_empty());
        streams.push(stream);
        let query = format!("since={since}&wait=50&ephemeral=1");
        waits.push(tokio::spawn(
            async move { with_etag(&bob, &query, &etag).await },
        ));
        eventually("the wait", async || {
            (instance.metric("causerie_waits_open").await == 1.0).then_some(())
        })
        .await;
    }
    let began = Instant::now();
    types(&alice, &conversation, true).await;
    let expected = [(&*conversation, "alice")];
    for stream in &mut streams {
        let told = stream.until("ephemeral").await;
        assert_eq!((typing(&told.data), told.id), (expected.to_vec(), None));
        assert_eq!(told.data["typing"][0]["name"], "alice");
    }
    for wait in waits {
        let page = wait.await.expect("no panic").ok();
        assert_eq!(page["events"], json!([]));
        assert_eq!(typing(&page["ephemeral"]), expected);
        assert_eq!(
            (&page["from"], &page["cursor"]),
            (&json!(since), &json!(since))
        );
    }
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "not only at the end"
    );
    for instance in &app.instances {
        // Said again: a slow machine takes longer than it lasts.
        eventually("a poll", async || {
            types(&alice, &conversation, true).await;
            is_shown(&bob.at(&instance.url), &expected)
                .await
                .then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn nobody_is_shown_their_own_typing_nor_that_of_strangers() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let carol = app.person("carol");
    for person in [&alice, &carol] {
        person.get("/v1/events").await.ok();
    }
    until_shown(&bob, &[]).await;
    types(&alice, &conversation, true).await;
    assert!(is_shown(&bob, &[(&conversation, "alice")]).await, "at once");
    for other in [&alice, &carol] {
        assert!(is_shown(other, &[]).await);
        let mut stream = Sse::open(other, "").await;
        assert!(typing(&stream.until("ephemeral").await.data).is_empty());
    }
}

#[tokio::test]
async fn typing_ends_by_itself_by_word_or_by_the_message() {
    let app = App::with(2, "").await;
    hearing(&app).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let there = bob.at(&app.instances[1].url);
    let shown = [(&*conversation, "alice")];
    for person in [&bob, &there] {
        until_shown(person, &[]).await;
    }
    types(&alice, &conversation, true).await;
    let began = Instant::now();
    until_shown(&there, &shown).await;
    let mut stream = Sse::open(&there, "").await;
    assert_eq!(typing(&stream.until("ephemeral").await.data), shown);
    assert!(typing(&stream.until("ephemeral").await.data).is_empty());
    let lasted = began.elapsed();
    assert!((5..30).contains(&lasted.as_secs()), "{lasted:?}");
    until_shown(&bob, &[]).await;

    types(&alice, &conversation, true).await;
    until_shown(&there, &shown).await;
    types(&alice, &conversation, false).await;
    assert!(is_shown(&bob, &[]).await, "at once");
    let began = Instant::now();
    until_shown(&there, &[]).await;
    assert!(began.elapsed() < Duration::from_secs(5));

    types(&alice, &conversation, true).await;
    until_shown(&there, &shown).await;
    let cursor = there.cursor().await;
    // Another's message ends nothing; one's own does, wherever it is seen.
    bob.say(&conversation, "are you there?").await.ok();
    assert!(is_shown(&bob, &shown).await);
    alice.say(&conversation, "yes").await.ok();
    assert!(is_shown(&bob, &[]).await, "at once");
    eventually("the message, and no typing beside it", async || {
        let page = there.poll(&cursor, "").await.ok();
        let has_come = page["events"].as_array().map(Vec::len) == Some(2);
        has_come.then(|| assert!(typing(&page["ephemeral"]).is_empty(), "{page}"))
    })
    .await;
}

#[tokio::test]
async fn a_start_that_comes_after_the_message_it_announced_is_not_shown() {
    let app = App::with(2, "").await;
    hearing(&app).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let there = bob.at(&app.instances[1].url);
    until_shown(&there, &[]).await;
    let mut stream = Sse::open(&there, "").await;
    stream.until("ephemeral").await;
    for n in 0..5 {
        types(&alice, &conversation, true).await;
        alice.say(&conversation, &n.to_string()).await.ok();
    }
    // Ends it on the way of messages, and is told on both ways.
    let mut heard = 0;
    while heard < 5 {
        let frame = stream.next().await.expect("it goes on");
        heard += usize::from(frame.event == "message.created");
    }
    let quiet = Instant::now();
    while quiet.elapsed() < Duration::from_secs(1) {
        assert!(is_shown(&there, &[]).await, "it ended with the message");
    }
}

#[tokio::test]
async fn one_start_per_three_seconds_is_passed_on() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let mut listener = PgListener::connect(&app.database.url)
        .await
        .expect("it listens");
    listener.listen("causerie_ephemeral").await.expect("LISTEN");
    until_shown(&bob, &[]).await;
    let began = Instant::now();
    let mut said = 0;
    while began.elapsed() < Duration::from_secs(7) {
        types(&alice, &conversation, true).await;
        said += 1;
        assert!(
            is_shown(&bob, &[(&conversation, "alice")]).await,
            "without a gap"
        );
    }
    let over = began.elapsed().as_secs_f64();
    types(&alice, &conversation, false).await;
    let mut starts = 0;
    'all: loop {
        let word = listener.recv().await.expect("a word");
        let payload: Value = serde_json::from_str(word.payload()).expect("JSON");
        for word in payload["words"].as_array().expect("words") {
            match word["typing"]["left_ms"].as_u64() {
                Some(0) => break 'all,
                Some(_) => starts += 1,
                None => {}
            }
        }
    }
    println!("{said} said in {over} s, {starts} passed on");
    assert!(said > 5 && starts >= 2, "{said} {starts}");
    assert!(
        f64::from(starts) <= over / 3.0 + 1.0,
        "{starts} in {over} s"
    );
}

#[tokio::test]
async fn a_person_types_in_one_conversation_at_a_time() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let carol = app.person("carol");
    carol.get("/v1/me").await.ok();
    let other = alice.converse_with("carol").await;
    for person in [&bob, &carol] {
        until_shown(person, &[]).await;
    }
    types(&alice, &conversation, true).await;
    assert!(is_shown(&bob, &[(&conversation, "alice")]).await);
    types(&alice, &other, true).await;
    assert!(is_shown(&bob, &[]).await);
    assert!(is_shown(&carol, &[(&other, "alice")]).await);
    types(&alice, &conversation, false).await;
    assert!(
        is_shown(&carol, &[(&other, "alice")]).await,
        "that was not meant"
    );
}

#[tokio::test]
async fn nobody_is_told_in_a_large_group_or_a_closed_conversation() {
    let app = App::start().await;
    let (alice, bob, closed) = app.two_people_talking().await;
    let mut groups = Vec::new();
    for n in 1..50 {
        app.person(&format!("p{n}")).get("/v1/me").await.ok();
    }
    for others in [48, 49] {
        let mut ids: Vec<_> = (1..=others).map(|n| format!("p{n}")).collect();
        ids.push("bob".to_owned());
        let body = json!({ "type": "GROUP", "memberIds": ids });
        let group = alice.post("/v1/conversations", &body).await.ok();
        groups.push(group["id"].as_str().expect("an id").to_owned());
        assert_eq!(group["memberCount"], others + 2);
    }
    let close = format!("update conversations set closed = true where id = '{closed}'");
    app.database.execute(&close).await;
    until_shown(&bob, &[]).await;
    for silent in [&groups[1], &closed] {
        types(&alice, silent, true).await;
        assert!(is_shown(&bob, &[]).await);
    }
    types(&alice, &groups[0], true).await;
    assert!(is_shown(&bob, &[(&groups[0], "alice")]).await, "of fifty");
}

#[tokio::test]
async fn typing_alone_ends_the_304_and_moves_no_cursor() {
    let app = App::with(2, "").await;
    hearing(&app).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let since = bob.cursor().await;
    let tag = |answer: &Answer| answer.header("etag").expect("an ETag").to_owned();
    let query = format!("since={since}");
    let quiet = tag(&bob.poll(&since, "").await);
    let both = [bob.clone(), bob.at(&app.instances[1].url)];
    let all = async |etag: &str, status: u16| {
        for bob in &both {
            eventually("the same on both instances", async || {
                (with_etag(bob, &query, etag).await.status == status).then_some(())
            })
            .await;
        }
    };
    all(&quiet, 304).await;
    types(&alice, &conversation, true).await;
    let changed = with_etag(&bob, &query, &quiet).await;
    assert_eq!(changed.status, 200);
    assert_eq!(
        (&changed.body["events"], &changed.body["cursor"]),
        (&json!([]), &json!(since))
    );
    assert_eq!(
        typing(&changed.body["ephemeral"]),
        [(&*conversation, "alice")]
    );
    assert_ne!(tag(&changed), quiet);
    all(&tag(&changed), 304).await;
    // One that does not ask for it is not woken, and has it at the end.
    types(&alice, &conversation, false).await;
    all(&quiet, 304).await;
    let began = Instant::now();
    let parked = format!("{query}&wait=2");
    let (waiting, etag) = (bob.clone(), quiet.clone());
    let wait = tokio::spawn(async move { with_etag(&waiting, &parked, &etag).await });
    eventually("the wait", async || {
        (app.instances[0].metric("causerie_waits_open").await == 1.0).then_some(())
    })
    .await;
    types(&alice, &conversation, true).await;
    let page = wait.await.expect("no panic");
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert_eq!((page.status, page.cursor()), (200, since.clone()));
    // And one that asks has it at once, when it differs from what it knows.
    let known = with_etag(&bob, &format!("{query}&wait=50&ephemeral=1"), &quiet).await;
    assert_eq!(known.status, 200);
    assert_eq!(typing(&known.body["ephemeral"]).len(), 1);
}

#[tokio::test]
async fn a_page_with_more_to_come_says_nothing_of_the_present() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    for text in ["one", "two"] {
        alice.say(&conversation, text).await.ok();
    }
    types(&alice, &conversation, true).await;
    let page = bob.poll("0", "&limit=1").await.ok();
    assert_eq!(
        (&page["hasMore"], page.get("ephemeral")),
        (&json!(true), None)
    );
    let last = bob.poll("0", "").await.ok();
    // Began before anybody of bob's was here.
    assert_eq!(typing(&last["ephemeral"]), [(&*conversation, "alice")]);
}

#[tokio::test]
async fn what_is_said_of_typing_is_checked() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let path = format!("/v1/conversations/{conversation}/typing");
    for (pointer, body) in [
        ("/isTyping", json!({})),
        ("/isTyping", json!({ "isTyping": "yes" })),
        ("/isTyping", json!({ "isTyping": null })),
        ("/colour", json!({ "isTyping": true, "colour": 1 })),
    ] {
        let answer = alice.put(&path, &body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (422, "invalid-body"),
            "{body}"
        );
        assert_eq!(answer.body["errors"][0]["pointer"], pointer);
    }
}
