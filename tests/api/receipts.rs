//! What has arrived and what was read: who is told, when, and who is not.

use serde_json::{Value, json};

use crate::instances::caught_up;
use crate::members::{group, kinds};
use crate::sse::Sse;
use crate::support::{App, Person, eventually};

async fn status(by: &Person, message: &Value) -> String {
    let path = format!("/v1/messages/{}", message["id"].as_str().expect("an id"));
    let status = by.get(&path).await.ok()["status"].clone();
    status.as_str().unwrap_or("none").to_owned()
}

async fn receipts(by: &Person, message: &Value) -> Vec<Value> {
    let path = format!(
        "/v1/messages/{}/receipts",
        message["id"].as_str().expect("an id")
    );
    let page = by.get(&path).await.ok();
    page["items"].as_array().expect("items").clone()
}

async fn becomes(by: &Person, message: &Value, expected: &str) {
    eventually(&format!("{expected} is told"), async || {
        (status(by, message).await == expected).then_some(())
    })
    .await;
}

async fn read(by: &Person, conversation: &str, body: &Value) -> Value {
    let path = format!("/v1/conversations/{conversation}/read");
    by.post(&path, body).await.ok()
}

/// Takes in a page or an event over a transport, and lets that be known.
async fn receive(transport: &str, bob: &Person, since: &str, is_handed_out: impl AsyncFn()) {
    if transport == "poll" || transport == "wait" {
        let wait = if transport == "wait" { "&wait=20" } else { "" };
        let page = bob.poll(since, wait).await;
        is_handed_out().await;
        bob.poll(&page.cursor(), "").await.ok();
        return;
    }
    let mut stream = Sse::open(bob, &format!("?since={since}")).await;
    let cursor = stream.until("message.created").await.id.expect("a cursor");
    is_handed_out().await;
    if transport == "stream" {
        let body = json!({ "cursor": cursor });
        assert_eq!(bob.post("/v1/delivered", &body).await.status, 204);
    } else {
        let mut again = Sse::open(bob, &format!("?since={cursor}")).await;
        again.until("hello").await;
    }
}

#[tokio::test]
async fn what_a_poll_a_wait_or_a_stream_has_is_delivered() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let bob = bob.at(&app.instances[1].url);
    for transport in ["poll", "wait", "stream", "reconnect"] {
        let since = bob.cursor().await;
        let told = alice.cursor().await;
        let sent = alice.say(&conversation, transport).await.ok();
        assert_eq!(
            (sent["status"].as_str(), status(&bob, &sent).await.as_str()),
            (Some("SENT"), "none")
        );
        caught_up(&bob, &alice).await;
        receive(transport, &bob, &since, async || {
            // What was handed out has not arrived yet; what comes back proves it.
            assert_eq!(status(&alice, &sent).await, "SENT");
        })
        .await;
        becomes(&alice, &sent, "DELIVERED").await;
        let (events, _) = alice.all_events(&told, 200).await;
        let receipt = events
            .iter()
            .find(|event| event["type"] == "receipt.delivered");
        let receipt = &receipt.expect("she is told")["data"]["receipt"];
        assert_eq!(
            (&receipt["userId"], &receipt["deliveredUpTo"]),
            (&json!("bob"), &sent["seq"])
        );
        assert!(
            !kinds(&bob, &since)
                .await
                .contains(&"receipt.delivered".to_owned()),
            "not to himself"
        );
        let of_bob = &receipts(&alice, &sent).await[0];
        assert_eq!(
            (&of_bob["status"], &of_bob["readAt"]),
            (&json!("DELIVERED"), &Value::Null)
        );
        assert_eq!(of_bob["deliveredAt"], receipt["deliveredAt"]);
    }
    let members = alice
        .get(&format!("/v1/conversations/{conversation}"))
        .await
        .ok()["members"]
        .clone();
    let of_bob = members
        .as_array()
        .expect("members")
        .iter()
        .find(|m| m["user"]["id"] == "bob");
    assert_eq!(
        of_bob.map(|m| (&m["deliveredUpTo"], &m["readUpTo"])),
        Some((&json!(4), &json!(0)))
    );
}

#[tokio::test]
async fn of_each_message_it_is_known_when_it_was_read() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let mut sent = Vec::new();
    for n in 0..3 {
        sent.push(alice.say(&conversation, &format!("{n}")).await.ok());
    }
    let first = read(&bob, &conversation, &json!({ "upTo": 1 })).await;
    // Who answers has read.
    let answer = bob.say(&conversation, "an answer").await.ok();
    let of = async |n: usize| receipts(&alice, &sent[n]).await[0].clone();
    assert_eq!(
        (&of(0).await["status"], &of(0).await["readAt"]),
        (&json!("READ"), &first["readAt"])
    );
    for n in [1, 2] {
        assert_eq!(of(n).await["readAt"], answer["createdAt"], "message {n}");
        assert_eq!(status(&alice, &sent[n]).await, "READ");
    }
    // Later steps do not change when an earlier message was read.
    alice.say(&conversation, "more").await.ok();
    read(&bob, &conversation, &json!({})).await;
    assert_eq!(of(0).await["readAt"], first["readAt"]);
    assert_eq!(
        of(0).await["deliveredAt"],
        first["readAt"],
        "who has read has received"
    );
    let listed = alice.get("/v1/conversations").await.ok();
    assert_eq!(listed["items"][0]["lastMessage"]["status"], "READ");
    let seen = bob.get("/v1/conversations").await.ok();
    assert_eq!(
        seen["items"][0]["lastMessage"].get("status"),
        None,
        "not his own"
    );
}

#[tokio::test]
async fn receipts_of_one_member_are_a_second_apart_and_the_last_one_says_all() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    crate::messages::say_many(&alice, &conversation, 20).await;
    let since = alice.cursor().await;
    let devices = [bob.clone(), bob.at(&app.instances[1].url)];
    caught_up(&devices[1], &alice).await;
    let mut reads = Vec::new();
    for n in 1..=20 {
        let (device, path) = (
            devices[n % 2].clone(),
            format!("/v1/conversations/{conversation}/read"),
        );
        reads.push(tokio::spawn(async move {
            device.post(&path, &json!({ "upTo": n })).await.ok()
        }));
    }
    for (n, answer) in reads.into_iter().enumerate() {
        let answer = answer.await.expect("no panic");
        assert!(answer["readUpTo"].as_i64() > Some(n as i64), "{answer}");
    }
    let (events, _) = alice.all_events(&since, 200).await;
    let told: Vec<_> = events
        .iter()
        .filter(|event| event["type"] == "receipt.read")
        .collect();
    assert_eq!(
        told.last().expect("told")["data"]["receipt"]["readUpTo"],
        20
    );
    let at = |event: &&Value| {
        let at = event["occurredAt"].as_str().expect("a time");
        chrono::DateTime::parse_from_rfc3339(at).expect("RFC 3339")
    };
    for two in told.windows(2) {
        assert!(
            (at(&two[1]) - at(&two[0])).num_milliseconds() >= 999,
            "{two:?}"
        );
    }
    assert_eq!(bob.get("/v1/unread").await.ok()["total"], 0);
}

/// Bob has received and read; what alice is told of it.
async fn nothing_is_told(alice: &Person, bob: &Person, conversation: &str) {
    let since = [alice.cursor().await, bob.cursor().await];
    let sent = alice.say(conversation, "is anybody there?").await.ok();
    let page = bob.poll(&since[1], "").await;
    bob.poll(&page.cursor(), "").await.ok();
    let unread = bob.get("/v1/unread").await.ok()["total"].clone();
    assert!(unread.as_i64() > Some(0));
    let receipt = read(bob, conversation, &json!({})).await;
    assert_eq!(receipt["readUpTo"], sent["seq"]);
    assert_eq!(
        bob.get("/v1/unread").await.ok()["total"],
        0,
        "his own horizon moves"
    );
    assert!(
        kinds(bob, &since[1])
            .await
            .contains(&"receipt.read".to_owned()),
        "to his own devices"
    );
    assert_eq!(status(alice, &sent).await, "SENT");
    assert_eq!(receipts(alice, &sent).await[0]["status"], "SENT");
    let one = alice
        .get(&format!("/v1/conversations/{conversation}"))
        .await
        .ok();
    let of_bob = one["members"]
        .as_array()
        .expect("members")
        .iter()
        .find(|m| m["user"]["id"] == "bob");
    assert_eq!(
        of_bob.map(|m| (&m["readUpTo"], &m["deliveredUpTo"])),
        Some((&json!(0), &json!(0)))
    );
    // Longer than what has arrived waits to be written.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(3);
    while std::time::Instant::now() < end {
        assert_eq!(kinds(alice, &since[0]).await, ["message.created"]);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn whoever_turned_receipts_off_reads_for_themselves_alone() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    bob.patch("/v1/me", &json!({ "receiptsOff": true }))
        .await
        .ok();
    nothing_is_told(&alice, &bob, &conversation).await;
    // Turned on again, from then on.
    bob.patch("/v1/me", &json!({ "receiptsOff": false }))
        .await
        .ok();
    let sent = alice.say(&conversation, "and now?").await.ok();
    read(&bob, &conversation, &json!({})).await;
    assert_eq!(status(&alice, &sent).await, "READ");
}

#[tokio::test]
async fn a_tenant_may_have_no_receipts() {
    let app = App::with(1, "tenants={default={receipts=false}}").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    nothing_is_told(&alice, &bob, &conversation).await;
}

#[tokio::test]
async fn in_a_large_group_receipts_are_for_ones_own_devices_and_for_who_asks() {
    let app = App::start().await;
    let ids: Vec<String> = (0..20).map(|n| format!("u{n:02}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (alice, path) = group(&app, &ids).await;
    let (id, reader) = (path.rsplit('/').next().expect("an id"), app.person("u00"));
    let sent = alice.say(id, "to all 21").await.ok();
    let since = [alice.cursor().await, reader.cursor().await];
    let receipt = read(&reader, id, &json!({})).await;
    assert!(kinds(&alice, &since[0]).await.is_empty());
    assert_eq!(kinds(&reader, &since[1]).await, ["receipt.read"]);
    assert_eq!(status(&alice, &sent).await, "SENT");
    let all = receipts(&alice, &sent).await;
    assert_eq!(all.len(), 20, "everybody but the sender");
    let of = all
        .iter()
        .find(|one| one["user"]["id"] == "u00")
        .expect("listed");
    assert_eq!(
        (&of["status"], &of["readAt"]),
        (&json!("READ"), &receipt["readAt"])
    );
    assert_eq!(all.iter().filter(|one| one["status"] == "SENT").count(), 19);
    // One fewer, and everybody is told.
    assert_eq!(
        alice.delete(&format!("{path}/members/u19")).await.status,
        204
    );
    let sent = alice.say(id, "to all 20").await.ok();
    read(&app.person("u01"), id, &json!({})).await;
    assert!(
        kinds(&alice, &since[0])
            .await
            .contains(&"receipt.read".to_owned())
    );
    assert_eq!(receipts(&alice, &sent).await.len(), 19);
}

#[tokio::test]
async fn receipts_are_of_those_who_were_there_and_shown_to_members() {
    let app = App::start().await;
    let (alice, path) = group(&app, &["bob"]).await;
    let id = path.rsplit('/').next().expect("an id");
    let sent = alice.say(id, "before carol").await.ok();
    let carol = app.person("carol");
    carol.get("/v1/me").await.ok();
    let of_message = format!(
        "/v1/messages/{}/receipts",
        sent["id"].as_str().expect("an id")
    );
    assert_eq!(carol.get(&of_message).await.status, 404);
    alice
        .post(
            &format!("{path}/members"),
            &json!({ "memberIds": ["carol"] }),
        )
        .await
        .ok();
    alice.say(id, "after").await.ok();
    read(&carol, id, &json!({})).await;
    let of = receipts(&carol, &sent).await;
    let people: Vec<_> = of.iter().map(|one| &one["user"]["id"]).collect();
    assert_eq!(people, ["bob"], "carol read it, and was no recipient");
    // Nor does she, or who comes back, make it READ.
    assert_eq!(
        alice.delete(&format!("{path}/members/bob")).await.status,
        204
    );
    assert_eq!(status(&alice, &sent).await, "SENT");
    let back = json!({ "memberIds": ["bob"] });
    alice.post(&format!("{path}/members"), &back).await.ok();
    assert_eq!(status(&alice, &sent).await, "SENT");
    assert_eq!(
        alice.get(&format!("{of_message}?limit=0")).await.status,
        400
    );
    assert_eq!(
        alice.get(&format!("{of_message}?pageToken=x")).await.code(),
        "invalid-parameter"
    );
    let of = alice.post("/v1/delivered", &json!({ "cursor": "x" })).await;
    assert_eq!(
        (of.status, &of.body["errors"][0]["pointer"]),
        (422, &json!("/cursor"))
    );
    let of = alice
        .post("/v1/delivered", &json!({ "cursor": "c00000000-1" }))
        .await;
    assert_eq!((of.status, of.code()), (410, "cursor-expired"));
}
