//! One key, one message; one pair, one conversation.

use serde_json::{Value, json};

use crate::instances::{at_once, caught_up};
use crate::support::{Answer, App, Person};

fn is_replay(answer: &Answer) -> bool {
    answer.header("Idempotency-Replayed") == Some("true")
}

/// Everything JSON can say, so that whoever reorders, rounds or re-encodes it is found out.
fn metadata() -> Value {
    json!({
        "zebra": 1, "a": [1.5, -0.25, null, true, { "é": "\u{2028}</script>" }], "big": 9_007_199_254_740_993_i64,
        "": "empty", "quote\"": "back\\slash", "nested": { "z": {}, "a": [] },
        "no NUL": "\\u0000",
    })
}

#[tokio::test]
async fn one_client_message_id_sent_fifty_times_at_once_over_two_processes_is_one_message() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let start = bob.cursor().await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let body = json!({ "content": "Once", "clientMessageId": "c-1", "metadata": metadata() });
    let answers = at_once(50, |i| {
        let (alice, path, body) = (
            alice.at(&app.instances[i % 2].url),
            path.clone(),
            body.clone(),
        );
        async move { alice.post(&path, &body).await }
    })
    .await;

    for answer in &answers {
        assert_eq!(
            (answer.status, &answer.text),
            (201, &answers[0].text),
            "equal to the byte"
        );
        assert_eq!(answer.header("Location"), answers[0].header("Location"));
    }
    assert_eq!(
        answers.iter().filter(|answer| is_replay(answer)).count(),
        49
    );
    assert_eq!(
        app.database.number("select count(*) from messages").await,
        1
    );

    let mut message = answers[0].body.clone();
    let fields = message.as_object_mut().expect("a message");
    // Told to its sender alone.
    assert_eq!(fields.remove("status"), Some(json!("SENT")));
    let message = &message;
    assert_eq!(
        (&message["seq"], &message["metadata"]),
        (&json!(1), &metadata())
    );
    let elsewhere = bob.at(&app.instances[1].url);
    caught_up(&bob, &elsewhere).await;
    let (events, _) = bob.all_events(&start, 10).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["data"]["message"], *message);
    caught_up(&elsewhere, &bob).await;
    // The same bytes wherever the message is shown, but for what its sender alone is told.
    let common = answers[0].text.replace(",\"status\":\"SENT\"", "");
    let id = message["id"].as_str().expect("an id");
    for shown in [
        bob.get(&format!("/v1/messages/{id}")).await,
        bob.get(&path).await,
        bob.get(&format!("{path}?since=0")).await,
        bob.poll(&start, "").await,
        bob.get("/v1/sync").await,
        elsewhere.poll("0", "").await,
    ] {
        assert!(shown.text.contains(&*common), "{}", shown.text);
    }
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused_and_changes_nothing() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let elsewhere = a_group(&alice).await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let body = json!({ "content": "One", "clientMessageId": "c-1" });
    let first = alice.post(&path, &body).await;
    assert_eq!(first.status, 201);
    assert!(!is_replay(&first));

    let attachment = json!([{ "url": "https://site.example/a.jpg", "type": "image/jpeg" }]);
    for (path, other) in [
        (&path, json!({ "content": "Two", "clientMessageId": "c-1" })),
        (
            &path,
            json!({ "content": "One", "clientMessageId": "c-1", "metadata": { "a": 1 } }),
        ),
        (
            &path,
            json!({ "content": "One", "clientMessageId": "c-1", "attachments": attachment }),
        ),
        (
            &format!("/v1/conversations/{elsewhere}/messages"),
            body.clone(),
        ),
    ] {
        let refused = alice.post(path, &other).await;
        assert_eq!(
            (refused.status, refused.code()),
            (409, "idempotency-mismatch"),
            "{other}"
        );
    }
    assert_eq!(
        app.database.number("select count(*) from messages").await,
        1
    );
    assert_eq!(
        alice.post(&path, &body).await.text,
        first.text,
        "and the key still stands"
    );

    // Nothing of a refused first message stays: neither it nor the conversation around it.
    let refused = alice
        .post(
            "/v1/conversations",
            &json!({ "type": "GROUP", "memberIds": ["bob"], "firstMessage": body }),
        )
        .await;
    assert_eq!(
        (refused.status, refused.code()),
        (409, "idempotency-mismatch")
    );
    assert_eq!(
        app.database
            .number("select count(*) from conversations")
            .await,
        2
    );
}

async fn a_group(by: &Person) -> String {
    let body = json!({ "type": "GROUP", "memberIds": ["bob"] });
    let answer = by.post("/v1/conversations", &body).await.ok();
    answer["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn an_idempotency_key_works_like_a_client_message_id() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let start = bob.cursor().await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let send = |i: usize, content: &'static str| {
        let (alice, path) = (alice.at(&app.instances[i % 2].url), path.clone());
        async move {
            let post = alice.request(reqwest::Method::POST, &path);
            let post = post
                .header("Idempotency-Key", "k-1")
                .json(&json!({ "content": content }));
            alice.send(post).await
        }
    };
    let answers = at_once(50, |i| send(i, "Once")).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 201 && answer.text == answers[0].text)
    );
    assert_eq!(
        answers.iter().filter(|answer| is_replay(answer)).count(),
        49
    );
    assert_eq!(answers[0].body["clientMessageId"], Value::Null);
    let refused = send(0, "Twice").await;
    assert_eq!(
        (refused.status, refused.code()),
        (409, "idempotency-mismatch")
    );
    caught_up(&bob, &alice.at(&app.instances[1].url)).await;
    assert_eq!(bob.all_events(&start, 10).await.0.len(), 1);
    // A clientMessageId of the same spelling is another key.
    let body = json!({ "content": "Once", "clientMessageId": "k-1" });
    assert!(!is_replay(&alice.post(&path, &body).await));
}

#[tokio::test]
async fn keys_belong_to_their_sender_and_their_tenant() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let body = json!({ "content": "Mine", "clientMessageId": "c-1" });
    let of_alice = alice.post(&path, &body).await;
    let of_bob = bob.post(&path, &body).await;
    assert!(!is_replay(&of_bob));
    assert_eq!((of_bob.status, &of_bob.body["seq"]), (201, &json!(2)));
    assert_ne!(of_alice.body["id"], of_bob.body["id"]);

    let base = &app.instances[0].url;
    let in_tenant =
        |id: &str| Person::with(base, id, |claims| claims.tenant = Some("other".to_owned()));
    let (other_alice, other_bob) = (in_tenant("alice"), in_tenant("bob"));
    other_bob.get("/v1/me").await.ok();
    let theirs = other_alice.converse_with("bob").await;
    let answer = other_alice
        .post(&format!("/v1/conversations/{theirs}/messages"), &body)
        .await;
    assert_eq!((answer.status, is_replay(&answer)), (201, false));
}

#[tokio::test]
async fn a_burst_of_different_messages_and_retries_numbers_without_a_hole() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let people = [alice.clone(), bob.clone()];
    // Twenty messages, each sent three times, by both people.
    let answers = at_once(120, |i| {
        let person = people[i % 2].at(&app.instances[i / 2 % 2].url);
        let key = i / 2 % 20;
        let body = json!({ "content": format!("n{key}"), "clientMessageId": format!("c-{key}") });
        let path = path.clone();
        async move { person.post(&path, &body).await.ok()["seq"].as_i64() }
    })
    .await;
    let mut seqs: Vec<_> = answers.into_iter().flatten().collect();
    seqs.sort_unstable();
    let thrice: Vec<i64> = (1..=40).flat_map(|seq| [seq; 3]).collect();
    assert_eq!(seqs, thrice);
}

#[tokio::test]
async fn the_order_of_metadata_keys_makes_no_other_content() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let send = async |metadata: &str| {
        let body = format!(
            r#"{{"content":"x","clientMessageId":"{}",{metadata}}}"#,
            "c-1"
        );
        let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        alice.post(&path, &body).await
    };
    let first = send(r#""metadata":{"b":1,"a":{"d":1,"c":2}}"#).await;
    let again = send(r#""metadata":{"a":{"c":2,"d":1},"b":1}"#).await;
    assert!(is_replay(&again), "{}", again.text);
    assert_eq!(first.text, again.text);
    assert_eq!(send(r#""metadata":{}"#).await.status, 409);
}
