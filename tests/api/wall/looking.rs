//! All that is only asked: lists, pages, one thing, who is there; from memory and below it.

use causerie::model::Cursor;
use reqwest::Client;
use serde_json::json;

use super::everything::id;
use crate::sse::Sse;
use crate::support::{App, Person, eventually};

/// Reads all there is to read, from memory and below it.
pub async fn looks(one: &Person, conversations: &[&String], start: &str) {
    for path in [
        "/v1/me",
        "/v1/unread",
        "/v1/notifications",
        "/v1/notifications?unread=true",
        "/v1/sync",
        "/v1/conversations?limit=100",
        "/v1/conversations?unread=true&page=1&limit=100",
        "/v1/conversations?contextType=AD&contextId=ad-1",
        "/v1/conversations?organizationId=o",
        "/v1/conversations?status=ARCHIVED",
        "/v1/conversations?page=1&limit=100",
        "/v1/users/bob",
        "/v1/presence?userIds=alice,bob,carol",
        "/v1/events?since=0",
        &format!("/v1/events?since={start}"),
        &format!("/v1/events?since={start}&limit=5"),
    ] {
        one.get(path).await;
    }
    let far = start.parse::<Cursor>().expect("a cursor");
    let far = [
        Cursor { position: 1, ..far },
        Cursor {
            position: 1_000_000,
            ..far
        },
    ];
    for cursor in far {
        one.get(&format!("/v1/events?since={cursor}")).await;
    }
    for conversation in conversations {
        let path = format!("/v1/conversations/{conversation}");
        one.get(&path).await;
        one.get(&format!("{path}/members?limit=1")).await;
        for query in [
            "",
            "?before=4",
            "?after=1",
            "?page=1",
            &format!("?since={start}"),
        ] {
            let page = one.get(&format!("{path}/messages{query}")).await;
            let items = page.body["items"].as_array().into_iter().flatten();
            for message in items.filter(|item| item["replyTo"].is_object()).map(id) {
                one.get(&format!("/v1/messages/{message}")).await;
                one.get(&format!("/v1/messages/{message}/receipts")).await;
            }
        }
    }
}

pub async fn the_host_looks(host: &Person, pair: &str, alice: &Person) {
    host.get("/v1/presence?userIds=alice,bob,nobody").await.ok();
    let path = format!("/v1/conversations/{pair}");
    host.get(&path).await.ok();
    let page = alice.get(&format!("{path}/messages")).await.ok();
    for message in page["items"].as_array().into_iter().flatten().map(id) {
        let trace = format!("/v1/admin/messages/{message}/trace");
        host.get(&trace).await.ok();
    }
}

pub async fn people_are_seen(app: &App, people: [&Person; 2], conversations: [&String; 3]) {
    for one in people {
        for conversation in conversations {
            let path = format!("/v1/conversations/{conversation}/typing");
            one.put(&path, &json!({ "isTyping": true })).await;
        }
        for hidden in [true, false] {
            one.patch(
                "/v1/me",
                &json!({ "presenceHidden": hidden, "receiptsOff": hidden }),
            )
            .await
            .ok();
        }
        one.get("/v1/events").await.ok();
    }
    counted(app, "presence.note").await;
    counted(app, "presence.recent").await;
}

pub async fn a_stream_lives_by_a_ticket(app: &App, person: &Person) {
    let bought = person.post("/v1/stream-tickets", &json!({})).await.ok();
    let ticket = bought["ticket"].as_str().expect("a ticket");
    let url = format!("{}/v1/events/stream?ticket={ticket}", person.base);
    let mut stream = Sse::of(
        Client::new()
            .get(url)
            .send()
            .await
            .expect("the service answers"),
    );
    stream.until("hello").await;
    counted(app, "tickets.extend").await;
}

/// Waits for what is done without being asked for.
pub async fn counted(app: &App, kind: &str) {
    let series = format!("causerie_sql_statements_total{{kind=\"{kind}\"}}");
    let is_sent = async || (app.instances[0].metric(&series).await > 0.0).then_some(());
    eventually(kind, is_sent).await;
}
