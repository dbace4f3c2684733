//! One feed over three transports.

use serde_json::Value;

use crate::support::{Answer, App, Person, eventually};

/// A poll that waits on the service by the time this returns.
async fn parked(app: &App, person: &Person, query: String) -> tokio::task::JoinHandle<Answer> {
    let before = app.instances[0].metric("causerie_waits_open").await;
    let waiting = person.clone();
    let poll = tokio::spawn(async move { waiting.get(&format!("/v1/events?{query}")).await });
    eventually("the poll waits", async || {
        (app.instances[0].metric("causerie_waits_open").await > before).then_some(())
    })
    .await;
    poll
}

async fn poll_with_etag(person: &Person, query: &str, etag: &str) -> Answer {
    let request = person
        .request(reqwest::Method::GET, &format!("/v1/events?{query}"))
        .header("If-None-Match", etag);
    person.send(request).await
}

fn contents(page: &Value) -> Vec<&str> {
    let events = page["events"].as_array().expect("events");
    events
        .iter()
        .filter_map(|event| event["data"]["message"]["content"].as_str())
        .collect()
}

#[tokio::test]
async fn a_waiting_poll_wakes_when_a_message_arrives() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let cursor = bob.cursor().await;
    let poll = parked(&app, &bob, format!("since={cursor}&wait=30")).await;
    alice.say(&conversation, "hi").await.ok();
    let page = poll.await.expect("no panic").ok();
    assert_eq!(page["events"][0]["data"]["message"]["content"], "hi");
    assert_eq!(page["unread"]["total"], 1);
}

#[tokio::test]
async fn a_poll_starts_now_or_at_the_oldest_or_at_a_cursor() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    alice.say(&conversation, "one").await.ok();
    let now = bob.get("/v1/events").await;
    assert_eq!(now.body["events"], serde_json::json!([]));
    assert_eq!(now.body["from"], now.body["cursor"]);
    alice.say(&conversation, "two").await.ok();
    let after = bob.poll(&now.cursor(), "").await.ok();
    assert_eq!(after["from"], now.body["cursor"]);
    assert_eq!(contents(&after), ["two"]);
    assert_eq!(after["events"][0]["cursor"], after["cursor"]);
    let all = bob.poll("0", "").await.ok();
    assert_eq!(all["events"][0]["type"], "conversation.created");
    assert_eq!(contents(&all), ["one", "two"]);
    assert_eq!(
        bob.poll(&bob.cursor().await, "").await.ok()["events"],
        serde_json::json!([])
    );
}

#[tokio::test]
async fn a_page_holds_the_limit_and_unread_waits_for_the_last_one() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let mut cursor = bob.cursor().await;
    for n in 1..=5 {
        alice.say(&conversation, &n.to_string()).await.ok();
    }
    let mut pages = Vec::new();
    loop {
        let page = bob.poll(&cursor, "&limit=2").await;
        assert_eq!(page.body["from"], cursor.as_str());
        cursor = page.cursor();
        pages.push(page.ok());
        if pages.last().is_some_and(|page| page["hasMore"] == false) {
            break;
        }
    }
    let read: Vec<_> = pages.iter().map(contents).collect();
    assert_eq!(read, [vec!["1", "2"], vec!["3", "4"], vec!["5"]]);
    for page in &pages[..2] {
        assert!(page.get("unread").is_none(), "{page}");
        assert_eq!(page["cursor"], page["events"][1]["cursor"]);
    }
    let unread = serde_json::json!({
        "total": 5, "conversations": 1, "notifications": 0, "changed": [{ "id": conversation, "unreadCount": 5 }]
    });
    assert_eq!(pages[2]["unread"], unread);
}

#[tokio::test]
async fn unread_follows_the_horizon_and_ones_own_messages() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let total = async |person: &Person, since: &str| {
        let page = person.poll(since, "").await;
        (page.body["unread"]["total"].as_i64(), page.cursor())
    };
    let start = bob.cursor().await;
    alice.say(&conversation, "1").await.ok();
    alice.say(&conversation, "2").await.ok();
    let (unread, cursor) = total(&bob, &start).await;
    assert_eq!(unread, Some(2));
    assert_eq!(total(&alice, &start).await.0, Some(0), "one's own are read");
    bob.post(
        &format!("/v1/conversations/{conversation}/read"),
        &serde_json::json!({ "upTo": 1 }),
    )
    .await
    .ok();
    let (unread, cursor) = total(&bob, &cursor).await;
    assert_eq!(unread, Some(1));
    bob.say(&conversation, "3").await.ok();
    assert_eq!(total(&bob, &cursor).await.0, Some(0), "sending reads");
    assert_eq!(total(&alice, &start).await.0, Some(1));
}

#[tokio::test]
async fn a_wait_ends_in_time_with_a_cursor_that_is_up_to_date() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let carol = app.person("carol");
    let first = carol.get("/v1/events").await;
    let (cursor, etag) = (
        first.cursor(),
        first.header("etag").expect("an ETag").to_owned(),
    );
    let poll = parked(&app, &carol, format!("since={cursor}&wait=2")).await;
    alice.say(&conversation, "not for carol").await.ok();
    let page = poll.await.expect("no panic");
    assert_eq!(page.body["events"], serde_json::json!([]));
    assert_ne!(page.cursor(), cursor, "it has looked beyond others' events");
    let started = std::time::Instant::now();
    let quiet = poll_with_etag(&carol, &format!("since={cursor}&wait=1"), &etag).await;
    assert_eq!(quiet.status, 304, "{}", quiet.text);
    assert!(
        started.elapsed().as_millis() >= 1000,
        "at the end of the wait"
    );
}

#[tokio::test]
async fn only_a_change_for_me_ends_the_304() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let (carol, dave) = (app.person("carol"), app.person("dave"));
    dave.get("/v1/me").await.ok();
    let elsewhere = carol.converse_with("dave").await;
    let first = bob.poll(&bob.cursor().await, "").await;
    let (since, etag) = (
        format!("since={}", first.cursor()),
        first.header("etag").expect("one").to_owned(),
    );
    assert!(etag.starts_with("W/\""), "{etag}");
    carol.say(&elsewhere, "not for bob").await.ok();
    let same = poll_with_etag(&bob, &since, &etag).await;
    assert_eq!((same.status, same.text.as_str()), (304, ""));
    assert_eq!(same.header("etag"), Some(etag.as_str()));
    assert!(same.header("x-poll-interval").is_some());
    assert_eq!(same.header("cache-control"), Some("private, no-store"));
    assert_eq!(same.header("vary"), Some("Authorization, Cookie, Origin"));
    // Another's tag is no answer to mine, and without a tag there is no 304.
    assert_eq!(poll_with_etag(&carol, &since, &etag).await.status, 200);
    assert_eq!(
        poll_with_etag(&bob, &since, "W/\"other\"").await.status,
        200
    );
    assert_eq!(
        poll_with_etag(&bob, &since, &format!("\"x\", {etag}"))
            .await
            .status,
        304
    );
    alice.say(&conversation, "for bob").await.ok();
    let changed = poll_with_etag(&bob, &since, &etag).await;
    assert_eq!(contents(&changed.body), ["for bob"]);
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
}

#[tokio::test]
async fn a_cursor_that_falls_behind_is_refreshed_by_a_200() {
    // A ring this small forgets soon, so that its half is the lag at which cursors are refreshed.
    let app = App::with(1, "ring={events=16}").await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let carol = app.person("carol");
    let first = carol.poll(&carol.cursor().await, "").await;
    let (cursor, etag) = (
        first.cursor(),
        first.header("etag").expect("one").to_owned(),
    );
    let since = format!("since={cursor}");
    assert_eq!(poll_with_etag(&carol, &since, &etag).await.status, 304);
    for n in 0..40 {
        alice.say(&conversation, &n.to_string()).await.ok();
    }
    let refreshed = eventually("a newer cursor", async || {
        let answer = poll_with_etag(&carol, &since, &etag).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!(refreshed.body["events"], serde_json::json!([]));
    assert_ne!(refreshed.cursor(), cursor);
    let since = format!("since={}", refreshed.cursor());
    let etag = refreshed.header("etag").expect("one");
    assert_eq!(poll_with_etag(&carol, &since, etag).await.status, 304);
}

#[tokio::test]
async fn the_eleventh_wait_of_a_user_is_refused() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let query = format!("since={}&wait=40", bob.cursor().await);
    let mut polls = Vec::new();
    for _ in 0..10 {
        polls.push(parked(&app, &bob, query.clone()).await);
    }
    let refused = bob.get(&format!("/v1/events?{query}")).await;
    assert_eq!((refused.status, refused.code()), (429, "too-many-waits"));
    assert!(refused.header("retry-after").is_some());
    assert!(refused.body["retryAfterMs"].is_number());
    // A plain poll is no wait, and another person has ten of their own.
    assert_eq!(bob.get("/v1/events").await.status, 200);
    let other = parked(&app, &alice, query.clone()).await;
    bob.say(&conversation, "for both").await.ok();
    assert_eq!(contents(&other.await.expect("no panic").ok()), ["for both"]);
    for poll in polls {
        assert_eq!(contents(&poll.await.expect("no panic").ok()), ["for both"]);
    }
    parked(&app, &bob, format!("since={}&wait=1", bob.cursor().await))
        .await
        .await
        .expect("a free place")
        .ok();
}

#[tokio::test]
async fn a_wait_ends_with_the_token() {
    let app = App::start().await;
    let (leeway, left) = (causerie::auth::LEEWAY_SECS, 4);
    let bob = Person::with(&app.instances[0].url, "bob", |claims| {
        claims.exp = chrono::Utc::now().timestamp() - leeway + left;
    });
    let cursor = bob.cursor().await;
    let started = std::time::Instant::now();
    let page = bob.poll(&cursor, "&wait=50").await.ok();
    assert_eq!(page["events"], serde_json::json!([]));
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    let after = eventually("the end of the token", async || {
        let answer = bob.poll(&cursor, "").await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!((after.status, after.code()), (401, "token-expired"));
}

#[tokio::test]
async fn polls_are_told_to_come_soon_in_a_live_exchange_and_later_otherwise() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let carol = app.person("carol");
    let quiet = carol.poll(&carol.cursor().await, "").await;
    assert_eq!(quiet.header("x-poll-interval"), Some("3"));
    assert_eq!(quiet.body["poll"]["nextMs"], 3000);
    let cursor = bob.cursor().await;
    alice.say(&conversation, "hi").await.ok();
    let live = bob.poll(&cursor, "").await;
    assert_eq!(live.header("x-poll-interval"), Some("1"));
    assert_eq!(live.body["poll"]["nextMs"], 1000);
    // An hour later: nobody waits for an hour here.
    app.database
        .execute("update events set occurred_at = now() - interval '2 hours'")
        .await;
    let mut later = app;
    let url = later.add("", &[]).await.url.clone();
    let slow = bob.at(&url).poll(&live.cursor(), "").await;
    assert_eq!(slow.body["poll"]["nextMs"], 10_000);
    assert_eq!(slow.header("x-poll-interval"), Some("10"));
}
