//! What the support desk is told of a message's way.

use serde_json::{Value, json};

use crate::instances::caught_up;
use crate::members::group;
use crate::sse::Sse;
use crate::support::{App, Person, eventually};

async fn trace(host: &Person, message: &Value) -> Value {
    let id = message["id"].as_str().expect("an id");
    host.get(&format!("/v1/admin/messages/{id}/trace"))
        .await
        .ok()
}

fn of<'t>(trace: &'t Value, id: &str) -> &'t Value {
    let recipients = trace["recipients"].as_array().expect("recipients");
    let of = recipients.iter().find(|one| one["user"]["id"] == id);
    of.unwrap_or_else(|| panic!("{id} in {trace}"))
}

#[tokio::test]
async fn a_trace_says_over_which_transport_each_was_handed_a_message_and_what_came_back() {
    let app = App::with(2, "").await;
    let people = ["by-poll", "by-wait", "by-stream", "absent", "late"];
    let (alice, path) = group(&app, &people).await;
    let (host, id) = (
        Person::service(&alice.base),
        path.rsplit('/').next().expect("an id"),
    );
    let ids = ["by-poll", "by-wait", "by-stream", "late"];
    let [poll, wait, stream, late] = ids.map(|id| app.person(id).at(&app.instances[1].url));
    let start = poll.cursor().await;
    let mut streaming = Sse::open(&stream, &format!("?since={start}")).await;
    let sent = alice.say(id, "where are you?").await.ok();
    // Came when it was said already, and starts from then on.
    caught_up(&late, &alice).await;
    late.poll(&late.cursor().await, "").await.ok();
    alice.say(id, "and another one").await.ok();
    caught_up(&poll, &alice).await;
    let page = poll.poll(&start, "").await;
    poll.poll(&page.cursor(), "").await.ok();
    wait.poll(&start, "&wait=20").await.ok();
    streaming.until("message.created").await;
    wait.post(&format!("{path}/read"), &json!({})).await.ok();
    let trace = eventually("everything is written", async || {
        let trace = trace(&host, &sent).await;
        let is_there = |id: &str| of(&trace, id)["handedOut"] != json!([]);
        let all = is_there("by-poll") && is_there("by-wait") && is_there("by-stream");
        (all && !of(&trace, "by-poll")["acknowledgedAt"].is_null()).then_some(trace)
    })
    .await;
    assert_eq!(
        (&trace["storedAt"], &trace["seq"]),
        (&sent["createdAt"], &json!(1))
    );
    for (id, transport) in [
        ("by-poll", "POLL"),
        ("by-wait", "LONG_POLL"),
        ("by-stream", "STREAM"),
    ] {
        let handed = of(&trace, id)["handedOut"].as_array().expect("a list");
        assert_eq!(handed.len(), 1, "{id}");
        assert_eq!(handed[0]["transport"], transport);
        assert!(handed[0]["at"].as_str() >= trace["storedAt"].as_str());
    }
    assert!(
        of(&trace, "by-stream")["acknowledgedAt"].is_null(),
        "nothing came back yet"
    );
    assert!(
        of(&trace, "by-wait")["readAt"].is_string() && of(&trace, "by-poll")["readAt"].is_null()
    );
    for id in ["absent", "late"] {
        assert_eq!(of(&trace, id)["handedOut"], json!([]), "{id}");
    }
    assert_eq!(
        trace["recipients"].as_array().map(Vec::len),
        Some(people.len()),
        "not the sender"
    );
}

#[tokio::test]
async fn a_trace_is_for_the_host_of_the_tenant_alone_and_comes_in_pages() {
    let app = App::start().await;
    let (alice, path) = group(&app, &["bob", "carol", "dave"]).await;
    let sent = alice
        .say(path.rsplit('/').next().expect("an id"), "hi")
        .await
        .ok();
    let of_message = format!(
        "/v1/admin/messages/{}/trace",
        sent["id"].as_str().expect("an id")
    );
    let refused = alice.get(&of_message).await;
    assert_eq!((refused.status, refused.code()), (403, "service-only"));
    let elsewhere = Person::with(&alice.base, "backend", |claims| {
        (claims.role, claims.tenant) = (Some("service".to_owned()), Some("other".to_owned()));
    });
    assert_eq!(elsewhere.get(&of_message).await.status, 404);
    let host = Person::service(&alice.base);
    // Whoever left since was a recipient all the same.
    assert_eq!(
        alice.delete(&format!("{path}/members/carol")).await.status,
        204
    );
    let (mut query, mut seen) = ("?limit=1".to_owned(), Vec::new());
    loop {
        let page = host.get(&format!("{of_message}{query}")).await.ok();
        seen.push(page["recipients"][0]["user"]["id"].clone());
        let Some(token) = page["nextPageToken"].as_str() else {
            break;
        };
        query = format!("?limit=1&pageToken={token}");
    }
    assert_eq!(seen, ["bob", "carol", "dave"]);
    let random = format!("/v1/admin/messages/{}/trace", uuid::Uuid::now_v7());
    assert_eq!(host.get(&random).await.status, 404);
}
