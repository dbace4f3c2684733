//! Messages with `deliverAt`: what is taken, what is refused, and that each is sent once, at its time, or not at all.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::erasure::tables_with;
use crate::instances::at_once;
use crate::support::{Answer, App, Person, eventually};

/// In so many seconds, as the API writes it.
pub fn ahead(seconds: i64) -> String {
    let at = Utc::now() + TimeDelta::seconds(seconds);
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub fn path_of(conversation: &str) -> String {
    format!("/v1/conversations/{conversation}/messages")
}

pub fn id(body: &Value) -> String {
    body["id"].as_str().expect("an id").to_owned()
}

/// Schedules a message in an hour, and gives its id.
pub async fn schedule(by: &Person, conversation: &str, content: &str) -> String {
    let body = json!({ "content": content, "deliverAt": ahead(3600) });
    let answer = by.post(&path_of(conversation), &body).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    id(&answer.body)
}

/// What is scheduled is due now.
pub async fn let_time_pass(app: &App) {
    let sql = "update jobs set run_at = now() where state = 'WAITING'";
    app.database.execute(sql).await;
}

/// Waits until as many jobs have come so far.
pub async fn are(app: &App, state: &str, count: i64) {
    let sql = format!("select count(*) from jobs where state = '{state}'");
    eventually(&format!("{count} jobs to be {state}"), async || {
        (app.database.number(&sql).await == count).then_some(())
    })
    .await;
}

async fn contents(by: &Person, conversation: &str) -> Vec<String> {
    let page = by.get(&path_of(conversation)).await.ok();
    let items = page["items"].as_array().expect("items").iter();
    let texts = items.map(|item| item["content"].as_str().unwrap_or_default().to_owned());
    texts.collect()
}

fn is_replay(answer: &Answer) -> bool {
    answer.header("Idempotency-Replayed") == Some("true")
}

#[tokio::test]
async fn a_message_waits_for_its_time_and_is_sent_then_as_it_was_written() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let first = alice.say(&conversation, "a question").await.ok();
    let at = ahead(2);
    let attachment = json!({ "url": "https://files.example/a.png", "type": "image/png", "fileName": "a.png", "fileSize": 7 });
    let body = json!({ "content": "Good morning", "deliverAt": at, "attachments": [attachment], "replyToId": first["id"],
                       "metadata": { "z": 1, "a": [] }, "clientMessageId": "c-1" });
    let answer = alice.post(&path_of(&conversation), &body).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert!(!is_replay(&answer));
    let waits = answer.body;
    let created = waits["createdAt"].as_str().expect("a time");
    assert!(DateTime::parse_from_rfc3339(created).is_ok(), "{created}");
    let expected = json!({ "id": waits["id"], "conversationId": conversation, "content": "Good morning",
        "attachments": [attachment], "replyToId": first["id"], "metadata": { "z": 1, "a": [] },
        "clientMessageId": "c-1", "deliverAt": at, "createdAt": created });
    assert_eq!(waits, expected);
    let list = alice.get("/v1/scheduled-messages").await.ok();
    assert_eq!(list["items"], json!([waits]));
    assert_eq!(
        bob.get("/v1/scheduled-messages").await.ok()["items"],
        json!([])
    );

    let shown = format!("/v1/messages/{}", id(&waits));
    assert_eq!(bob.get(&shown).await.status, 404, "not yet");
    let message = eventually("its time", async || {
        let answer = bob.get(&shown).await;
        (answer.status == 200).then_some(answer.body)
    })
    .await;
    let sent = message["createdAt"].as_str().expect("a time");
    assert!(sent >= &*at, "{sent}, not before {at}");
    for same in [
        "id",
        "conversationId",
        "content",
        "metadata",
        "clientMessageId",
    ] {
        assert_eq!(message[same], waits[same], "{same}");
    }
    assert_eq!(message["sender"]["id"], "alice");
    assert_eq!(message["replyTo"]["id"], first["id"]);
    assert_eq!(message["attachments"][0]["url"], attachment["url"]);
    are(&app, "DONE", 1).await;
    let list = alice.get("/v1/scheduled-messages").await.ok();
    assert_eq!(list["items"], json!([]));
    let kept = "select count(*) from jobs where payload = '{}'";
    assert_eq!(app.database.number(kept).await, 1, "no second copy is kept");
}

#[tokio::test]
async fn the_host_schedules_system_messages_as_many_as_it_likes_and_sees_its_own() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let host = Person::service(&alice.base);
    for n in 0..120 {
        schedule(&host, &conversation, &format!("number {n}")).await;
    }
    let (mut seen, mut token) = (0, String::new());
    loop {
        let path = format!("/v1/scheduled-messages?limit=50{token}");
        let page = host.get(&path).await.ok();
        seen += page["items"].as_array().expect("items").len();
        match page["nextPageToken"].as_str() {
            Some(next) => token = format!("&pageToken={next}"),
            None => break,
        }
    }
    assert_eq!(seen, 120);
    let of_alice = alice.get("/v1/scheduled-messages").await.ok();
    assert_eq!(of_alice["items"], json!([]));
    let_time_pass(&app).await;
    are(&app, "DONE", 120).await;
    let system = "select count(*) from messages where type = 'SYSTEM' and sender_id is null";
    assert_eq!(app.database.number(system).await, 120);
}

#[tokio::test]
async fn a_list_is_in_order_of_time_and_of_one_conversation_where_that_is_asked() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let group = json!({ "type": "GROUP", "memberIds": ["bob"] });
    let group = id(&alice.post("/v1/conversations", &group).await.ok());
    for (of, content, seconds) in [
        (&group, "c", 900),
        (&conversation, "a", 300),
        (&group, "b", 600),
    ] {
        let body = json!({ "content": content, "deliverAt": ahead(seconds) });
        alice.post(&path_of(of), &body).await.ok();
    }
    let listed = async |query: &str| {
        let page = alice
            .get(&format!("/v1/scheduled-messages{query}"))
            .await
            .ok();
        let items = page["items"].as_array().expect("items").iter();
        let all: Vec<_> = items
            .map(|item| item["content"].as_str().map(str::to_owned))
            .collect();
        (
            all.into_iter().flatten().collect::<String>(),
            page["nextPageToken"].clone(),
        )
    };
    assert_eq!(listed("").await.0, "abc");
    assert_eq!(listed(&format!("?conversationId={group}")).await.0, "bc");
    let (first, token) = listed("?limit=2").await;
    let token = token.as_str().expect("a next page").to_owned();
    assert_eq!(first, "ab");
    assert_eq!(listed(&format!("?limit=2&pageToken={token}")).await.0, "c");
    for wrong in [
        "pageToken=x",
        "pageToken=s1-2",
        "conversationId=x",
        "limit=101",
    ] {
        let refused = alice.get(&format!("/v1/scheduled-messages?{wrong}")).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, "invalid-parameter"),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn what_is_past_is_sent_at_once_and_what_is_no_time_or_too_far_ahead_is_refused() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let path = path_of(&conversation);
    for (at, status) in [
        (ahead(-60), 201),
        ("1999-12-31T23:59:59+01:00".to_owned(), 201),
        (ahead(365 * 86_400), 202),
        (ahead(367 * 86_400), 422),
        ("2999-01-01T00:00:00Z".to_owned(), 422),
        ("tomorrow".to_owned(), 422),
        ("2027-01-01".to_owned(), 422),
        ("2027-01-01T00:00:00".to_owned(), 422),
    ] {
        let answer = alice
            .post(&path, &json!({ "content": at, "deliverAt": at }))
            .await;
        assert_eq!(answer.status, status, "{at}: {}", answer.text);
        if status == 422 {
            assert_eq!(answer.body["errors"][0]["pointer"], "/deliverAt", "{at}");
        }
    }
    assert_eq!(contents(&alice, &conversation).await.len(), 2);
    let first = json!({ "content": "hello", "deliverAt": ahead(60) });
    let new = json!({ "type": "GROUP", "memberIds": ["bob"], "firstMessage": first });
    let refused = alice.post("/v1/conversations", &new).await;
    let pointer = &refused.body["errors"][0]["pointer"];
    assert_eq!(
        (refused.status, pointer),
        (422, &json!("/firstMessage/deliverAt"))
    );
}

#[tokio::test]
async fn one_key_is_one_message_before_and_after_it_was_sent() {
    let app = App::with(2, "").await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let (path, at) = (path_of(&conversation), ahead(3600));
    let body = json!({ "content": "Once", "clientMessageId": "c-1", "deliverAt": at });
    let answers = at_once(20, |n| {
        let (by, path, body) = (
            alice.at(&app.instances[n % 2].url),
            path.clone(),
            body.clone(),
        );
        async move { by.post(&path, &body).await }
    })
    .await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.text), (202, &answers[0].text));
    }
    assert_eq!(
        answers.iter().filter(|answer| is_replay(answer)).count(),
        19
    );
    for other in [
        json!({ "content": "Twice", "clientMessageId": "c-1", "deliverAt": at }),
        json!({ "content": "Once", "clientMessageId": "c-1", "deliverAt": ahead(7200) }),
        json!({ "content": "Twice", "clientMessageId": "c-1", "deliverAt": ahead(-60) }),
    ] {
        let refused = alice.post(&path, &other).await;
        assert_eq!(
            (refused.status, refused.code()),
            (409, "idempotency-mismatch"),
            "{other}"
        );
    }
    let_time_pass(&app).await;
    are(&app, "DONE", 1).await;
    // Its time is ahead still, by the clock of whoever asks again.
    let again = alice.post(&path, &body).await;
    assert_eq!(
        (again.status, &again.body["id"]),
        (201, &answers[0].body["id"]),
        "{}",
        again.text
    );
    assert!(is_replay(&again));
    let other = json!({ "content": "Twice", "clientMessageId": "c-1", "deliverAt": at });
    assert_eq!(
        alice.post(&path, &other).await.code(),
        "idempotency-mismatch"
    );
    assert_eq!(contents(&alice, &conversation).await, ["Once"]);
}

#[tokio::test]
async fn a_key_of_the_header_holds_as_well_and_sent_at_once_it_is_not_sent_again() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let path = path_of(&conversation);
    let send = async |body: &Value| {
        let post = alice.request(reqwest::Method::POST, &path).json(body);
        alice.send(post.header("Idempotency-Key", "k-1")).await
    };
    let scheduled = json!({ "content": "Once", "deliverAt": ahead(3600) });
    assert_eq!(send(&scheduled).await.status, 202);
    assert!(is_replay(&send(&scheduled).await));
    let now = send(&json!({ "content": "Once" })).await;
    assert_eq!(now.status, 201, "{}", now.text);
    let_time_pass(&app).await;
    are(&app, "DONE", 1).await;
    assert_eq!(contents(&alice, &conversation).await, ["Once"]);
    // Sent first, and scheduled then: it is there.
    let body = json!({ "content": "First", "clientMessageId": "c-2" });
    let sent = id(&alice.post(&path, &body).await.ok());
    let body = json!({ "content": "First", "clientMessageId": "c-2", "deliverAt": ahead(60) });
    let again = alice.post(&path, &body).await;
    assert_eq!((again.status, id(&again.body)), (201, sent));
}

#[tokio::test]
async fn what_is_refused_at_once_is_refused_ahead() {
    let app = App::with(1, "link_hosts=[\"files.example\"]").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let elsewhere = json!({ "type": "GROUP", "memberIds": ["bob"] });
    let elsewhere = id(&alice.post("/v1/conversations", &elsewhere).await.ok());
    let other = id(&alice.say(&elsewhere, "elsewhere").await.ok());
    let (path, at) = (path_of(&conversation), ahead(60));
    let stranger = app.person("mallory");
    let body = json!({ "content": "hello", "deliverAt": at });
    let refused = stranger.post(&path, &body).await;
    assert_eq!((refused.status, refused.code()), (404, "not-found"));
    for (body, pointer) in [
        (json!({ "content": " ", "deliverAt": at }), "/content"),
        (
            json!({ "content": "x", "replyToId": other, "deliverAt": at }),
            "/replyToId",
        ),
        (
            json!({ "content": "x", "attachments": [{ "url": "https://evil.example/a", "type": "t" }], "deliverAt": at }),
            "/attachments/0/url",
        ),
    ] {
        let refused = alice.post(&path, &body).await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["pointer"]),
            (422, &json!(pointer))
        );
    }
    for _ in 0..100 {
        schedule(&bob, &conversation, "one of many").await;
    }
    let refused = bob.post(&path, &body).await;
    assert_eq!(
        (refused.status, refused.code()),
        (422, "too-many-scheduled")
    );
    schedule(&alice, &conversation, "another's do not count").await;
    let group = format!("/v1/conversations/{elsewhere}");
    alice.patch(&group, &json!({ "closed": true })).await.ok();
    let refused = alice.post(&path_of(&elsewhere), &body).await;
    assert_eq!(
        (refused.status, refused.code()),
        (409, "conversation-closed")
    );
}

#[tokio::test]
async fn whoever_has_left_or_writes_to_what_is_closed_or_gone_sends_nothing() {
    let app = App::start().await;
    let (alice, bob) = (app.person("alice"), app.person("bob"));
    bob.get("/v1/me").await.ok();
    let mut groups = Vec::new();
    for _ in 0..3 {
        let group = json!({ "type": "GROUP", "memberIds": ["bob"] });
        let group = id(&alice.post("/v1/conversations", &group).await.ok());
        schedule(&bob, &group, "too late").await;
        groups.push(format!("/v1/conversations/{group}"));
    }
    assert_eq!(
        bob.delete(&format!("{}/members/me", groups[0]))
            .await
            .status,
        204
    );
    alice
        .patch(&groups[1], &json!({ "closed": true }))
        .await
        .ok();
    assert_eq!(
        Person::service(&bob.base).delete(&groups[2]).await.status,
        204
    );
    let_time_pass(&app).await;
    are(&app, "CANCELLED", 3).await;
    let because = |why: &str| format!("select count(*) from jobs where error like '{why}: %'");
    assert_eq!(app.database.number(&because("not-found")).await, 2);
    assert_eq!(
        app.database.number(&because("conversation-closed")).await,
        1
    );
    let said = "select count(*) from messages where content = 'too late'";
    assert_eq!(app.database.number(said).await, 0);
}

#[tokio::test]
async fn what_is_cancelled_is_not_sent_and_nothing_of_it_is_kept() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let body =
        json!({ "content": "never mind", "clientMessageId": "c-1", "deliverAt": ahead(3600) });
    let path = path_of(&conversation);
    let waits = id(&alice.post(&path, &body).await.ok());
    let one = format!("/v1/scheduled-messages/{waits}");
    let host = Person::service(&alice.base);
    for other in [&bob, &host] {
        assert_eq!(other.delete(&one).await.status, 404, "another's");
    }
    for _ in 0..2 {
        assert_eq!(alice.delete(&one).await.status, 204, "and said again");
    }
    assert!(tables_with(&app, "never mind").await.is_empty());
    let again = alice.post(&path, &body).await;
    assert_eq!((again.status, again.code()), (409, "schedule-cancelled"));
    let retried = host
        .post(&format!("/v1/admin/jobs/{waits}/retry"), &json!({}))
        .await;
    assert_eq!((retried.status, retried.code()), (409, "job-not-ended"));
    let later = schedule(&alice, &conversation, "this one").await;
    let_time_pass(&app).await;
    are(&app, "DONE", 1).await;
    assert_eq!(contents(&bob, &conversation).await, ["this one"]);
    let sent = alice
        .delete(&format!("/v1/scheduled-messages/{later}"))
        .await;
    assert_eq!((sent.status, sent.code()), (409, "job-started"));
}

#[tokio::test]
async fn of_an_erased_person_nothing_waits_and_nothing_is_kept() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let ahead_of = schedule(&alice, &conversation, "kanarienvogel ahead").await;
    let over = schedule(&alice, &conversation, "kanarienvogel over").await;
    schedule(&bob, &conversation, "of somebody else").await;
    let host = Person::service(&alice.base);
    let cancel = format!("/v1/admin/jobs/{over}/cancel");
    host.post(&cancel, &json!({})).await.ok();
    assert_eq!(tables_with(&app, "kanarienvogel").await, ["jobs"]);
    assert_eq!(host.delete("/v1/users/alice").await.status, 204);
    eventually("the erasure's end", async || {
        tables_with(&app, "kanarienvogel")
            .await
            .is_empty()
            .then_some(())
    })
    .await;
    let there = format!("select count(*) from jobs where id = '{ahead_of}'");
    assert_eq!(app.database.number(&there).await, 0);
    let_time_pass(&app).await;
    are(&app, "DONE", 1).await;
    assert_eq!(contents(&bob, &conversation).await, ["of somebody else"]);
}
