//! What Postgres makes of every statement that is sent while people talk, on a site with more than 100,000 messages:
//! indexes, never a table from end to end, never a sort of more than a page. The statements are the service's own, as
//! it sends them; a new one is judged without being named here.

#[path = "plans/export.rs"]
mod export;
#[path = "plans/plan.rs"]
mod plan;
#[path = "plans/site.rs"]
mod site;

use std::collections::BTreeMap;

use causerie::model::Cursor;
use reqwest::Method;
use serde_json::{Value, json};

use self::plan::{Executed, IN_VAIN};
use self::site::{CONVERSATIONS, GROUP_NUMBER};
use crate::scheduled::{ahead, are};
use crate::sse::Sse;
use crate::support::{App, Person, eventually};

/// Of the service's own names, those that people's requests bring about. Each has to be executed, or the test is vain.
const HOT: [&str; 84] = [
    "conversations.alter",
    "conversations.alter_check",
    "conversations.at_positions",
    "conversations.check",
    "conversations.delete",
    "conversations.get",
    "conversations.get_for_service",
    "conversations.insert",
    "conversations.is_there",
    "conversations.list",
    "conversations.list_newest",
    "conversations.total",
    "conversations.touch",
    "deliveries.standing",
    "deliveries.write",
    "ephemeral.notify",
    "feeds.snapshot",
    "handouts.write",
    "jobs.end",
    "jobs.put",
    "jobs.take",
    "log.after",
    "log.append",
    "log.at",
    "log.candidates",
    "log.feed",
    "log.head",
    "log.lock",
    "log.look",
    "members.aside",
    "members.at_positions",
    "members.change",
    "members.check_joins",
    "members.insert",
    "members.join",
    "members.list",
    "members.manage",
    "members.may_see",
    "members.some",
    "members.status",
    "members.typist",
    "messages.by_ids",
    "messages.check",
    "messages.delete",
    "messages.edit",
    "messages.edit_check",
    "messages.get",
    "messages.insert",
    "messages.list",
    "messages.list_after",
    "messages.list_since",
    "messages.standing",
    "presence.contacts",
    "presence.find",
    "presence.hide",
    "presence.list",
    "presence.note",
    "presence.recent",
    "receipts.list",
    "receipts.may_see",
    "receipts.read",
    "receipts.standing",
    "revisions.list",
    "revisions.may_see",
    "scheduled.cancel",
    "scheduled.check",
    "scheduled.find",
    "scheduled.get",
    "scheduled.list",
    "sync.head",
    "tickets.create",
    "tickets.extend",
    "tickets.find",
    "tickets.open",
    "trace.message",
    "trace.recipients",
    "unread.list",
    "users.account",
    "users.choose",
    "users.find",
    "users.known",
    "users.names",
    "users.put",
    "users.see",
];

/// What is done once a minute, whoever asks: by words of each statement. It may read a table.
const NOW_AND_THEN: [&str; 3] = [
    "with old as",
    "delete from stream_tickets",
    "filter (where closed)",
];

/// The inbox in order of activity looks at each of its reader's conversations, and keeps a page of them while it does: an
/// index in that order would have to move for every member with every message.
const INBOX: (&str, &str) = ("select m.*, c.activity_position", "top-N heapsort of");
/// The inbox where memory says where to look: no exception for it.
const NEWEST: &str = "unnest($11::uuid[]";

/// What looks at each of a person's conversations, at a window of the log, or at all that somebody was handed: outside of
/// the log's lock, it may pass over twice as many rows as the site's busiest member has conversations.
const WIDE: [&str; 4] = [
    INBOX.0,
    "select c.id, n.unread from members m",
    "e.position > $3 and e.position <= $4",
    "from handouts h",
];

#[tokio::test]
async fn every_statement_finds_what_it_reads_by_an_index() {
    let mut app = App::with(0, "").await;
    site::build(&app.database).await;
    plan::explain_everything(&app.database).await;
    let notices = ("RUST_LOG", "causerie=info,sqlx::postgres::notice=info");
    // Whether a conversation is there is asked only where new ones are counted.
    app.add("limits={conversations_per_hour=1000000}", &[notices])
        .await;
    use_everything(&app).await;
    let mut worst: BTreeMap<String, (Vec<String>, Executed)> = BTreeMap::new();
    let mut executed = plan::in_log(&app.instances[0].log());
    executed.retain(|one| !NOW_AND_THEN.iter().any(|part| one.text.contains(part)));
    for one in executed {
        let is_wide = WIDE.iter().any(|part| one.text.contains(part));
        let in_vain = if is_wide {
            2.0 * CONVERSATIONS as f64
        } else {
            IN_VAIN
        };
        let mut objections = one.objections(in_vain);
        let is_inbox = one.text.contains(INBOX.0) && !one.text.contains(NEWEST);
        if is_inbox && objections.iter().any(|said| said.starts_with(INBOX.1)) {
            println!("the inbox, {objections:?}: {} ms", one.milliseconds);
            objections.retain(|said| !said.starts_with(INBOX.1));
        }
        let known = worst.get(&one.text);
        if known.is_none_or(|(known, _)| objections.len() > known.len()) {
            worst.insert(one.text.clone(), (objections, one));
        }
    }
    println!("{} statements were judged", worst.len());
    assert!(worst.len() >= HOT.len(), "{:?}", worst.keys());
    worst.retain(|_, (objections, _)| !objections.is_empty());
    for (text, (objections, one)) in &worst {
        println!("\n{objections:?}\n{text}\n{:#}", one.plan);
    }
    assert!(worst.is_empty(), "{} statements, see above", worst.len());
}

/// Asks for everything that there is, as somebody with very much and as people with little.
async fn use_everything(app: &App) {
    let (hub, few) = (app.person("hub"), app.person("p42"));
    let ids = Ids::read(app).await;
    for person in [&hub, &few] {
        read_lists(person).await;
        catch_up(app, person).await;
        read_conversation(person, &ids.with_hub).await;
        write_into(person, &ids.with_hub).await;
        change(person, &ids.with_hub).await;
    }
    read_conversation(&few, &ids.group).await;
    write_into(&few, &ids.group).await;
    change(&few, &ids.group).await;
    host(app).await;
    manage_a_group(app).await;
    be_seen(app, [&hub, &few], [&ids.with_hub, &ids.group]).await;
    stream_by_ticket(app, &few).await;
    are(app, "DONE", 3).await;
    let mut missing = Vec::new();
    for kind in HOT {
        let series = format!("causerie_sql_statements_total{{kind=\"{kind}\"}}");
        if app.instances[0].metric(&series).await == 0.0 {
            missing.push(kind);
        }
    }
    assert!(missing.is_empty(), "never executed: {missing:?}");
}

/// Conversations that were put there in bulk.
struct Ids {
    with_hub: String,
    group: String,
}

impl Ids {
    async fn read(app: &App) -> Self {
        let id = async |n: i64| -> String {
            let sql = format!("select {}::text", site::conversation(n));
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .fetch_one(&mut app.database.connect().await)
                .await
                .expect("an id")
        };
        Self {
            with_hub: id(42).await,
            group: id(GROUP_NUMBER).await,
        }
    }
}

async fn read_lists(person: &Person) {
    for path in [
        "/v1/me",
        "/v1/events",
        "/v1/unread",
        "/v1/sync",
        "/v1/conversations?limit=100",
        "/v1/conversations?unread=true",
        "/v1/conversations?contextType=AD&contextId=ad-42",
        "/v1/conversations?page=3",
    ] {
        person.get(path).await.ok();
    }
    let first = person.get("/v1/conversations?limit=2").await.ok();
    if let Some(token) = first["nextPageToken"].as_str() {
        let next = format!("/v1/conversations?pageToken={token}");
        person.get(&next).await.ok();
    }
}

/// Polls at the head, a little and far below what memory holds, and above the log's end.
async fn catch_up(app: &App, person: &Person) {
    let now: Cursor = person.cursor().await.parse().expect("a cursor");
    let floor = app
        .database
        .number("select max(position) - 10000 from events")
        .await;
    for position in [now.position, floor - 1_000, CONVERSATIONS, 1] {
        let since = Cursor { position, ..now };
        person.poll(&since.to_string(), "").await.ok();
    }
    let above = Cursor {
        position: now.position + 1_000_000,
        ..now
    };
    assert_eq!(person.poll(&above.to_string(), "").await.status, 410);
}

async fn read_conversation(person: &Person, id: &str) {
    person.get(&format!("/v1/conversations/{id}")).await.ok();
    let cursor: Cursor = person.cursor().await.parse().expect("a cursor");
    let since = Cursor {
        position: 20_000,
        ..cursor
    };
    for query in [
        "",
        "?before=5",
        "?after=1",
        "?page=2&limit=2",
        &format!("?since={since}"),
    ] {
        let path = format!("/v1/conversations/{id}/messages{query}");
        let page = person.get(&path).await.ok();
        if let Some(message) = page["items"][0]["id"].as_str() {
            person.get(&format!("/v1/messages/{message}")).await.ok();
        }
    }
}

async fn write_into(person: &Person, id: &str) {
    // First: who sends has read.
    let read = format!("/v1/conversations/{id}/read");
    person.post(&read, &json!({ "upTo": 1 })).await.ok();
    person.post(&read, &json!({})).await.ok();
    let path = format!("/v1/conversations/{id}/messages");
    let body = json!({ "content": "Still there?", "clientMessageId": format!("plan-{id}") });
    person.post(&path, &body).await.ok();
    person.post(&path, &body).await.ok();
    // One that is sent in a moment, and one that is cancelled.
    for (seconds, content) in [(1, "Now?"), (3600, "Never")] {
        let key = format!("later-{seconds}-{id}");
        let body =
            json!({ "content": content, "clientMessageId": key, "deliverAt": ahead(seconds) });
        let waits = person.post(&path, &body).await.ok();
        person.get("/v1/scheduled-messages").await.ok();
        let waits = waits["id"].as_str().expect("an id");
        if seconds > 1 {
            person
                .delete(&format!("/v1/scheduled-messages/{waits}"))
                .await;
        }
    }
}

/// What one does to one's own messages, and to one's own side of a conversation.
async fn change(person: &Person, id: &str) {
    let patch = async |path: &str, body: Value| {
        person
            .send(person.request(Method::PATCH, path).json(&body))
            .await
            .ok()
    };
    let sent = person.say(id, "to be changed").await.ok();
    let message = format!("/v1/messages/{}", sent["id"].as_str().expect("an id"));
    let reply = json!({ "content": "an answer", "replyToId": sent["id"] });
    let messages = format!("/v1/conversations/{id}/messages");
    person.post(&messages, &reply).await.ok();
    patch(&message, json!({ "content": "changed" })).await;
    person.get(&format!("{message}/receipts")).await.ok();
    assert_eq!(person.delete(&message).await.status, 204);
    for status in ["ARCHIVED", "ACTIVE"] {
        patch(
            &format!("/v1/conversations/{id}"),
            json!({ "status": status }),
        )
        .await;
    }
    person
        .get(&format!("/v1/conversations/{id}/members?limit=2"))
        .await
        .ok();
    person.get("/v1/conversations?status=ARCHIVED").await.ok();
    patch("/v1/me", json!({ "presenceHidden": true })).await;
}

/// An ADMIN and the host's backend, with a group that is as large as it may be.
async fn manage_a_group(app: &App) {
    let (host, admin) = (Person::service(&app.instances[0].url), app.person("p1"));
    let ids: Vec<_> = (2..=999).map(|n| format!("p{n}")).collect();
    let group = json!({ "type": "GROUP", "memberIds": ids });
    let group = admin.post("/v1/conversations", &group).await.ok();
    let id = group["id"].as_str().expect("an id");
    let path = format!("/v1/conversations/{id}");
    let patch = async |path: &str, body: Value| {
        admin
            .send(admin.request(Method::PATCH, path).json(&body))
            .await
            .ok()
    };
    let members = format!("{path}/members");
    admin
        .post(&members, &json!({ "memberIds": ["p1000"] }))
        .await
        .ok();
    patch(&format!("{members}/p2"), json!({ "role": "ADMIN" })).await;
    assert_eq!(admin.delete(&format!("{members}/p3")).await.status, 204);
    patch(&path, json!({ "subject": "Renamed" })).await;
    let sent = admin.say(id, "to be edited").await.ok();
    let message = format!("/v1/messages/{}", sent["id"].as_str().expect("an id"));
    patch(&message, json!({ "content": "edited" })).await;
    admin.get(&format!("{message}/receipts")).await.ok();
    for by in [&host, &admin] {
        by.get(&format!("{message}/revisions")).await.ok();
    }
    let traced = message.replace("/v1/messages", "/v1/admin/messages");
    host.get(&format!("{traced}/trace")).await.ok();
    assert_eq!(host.delete(&path).await.status, 204);
}

/// The host's backend names people, creates for others, and looks.
async fn host(app: &App) {
    let host = Person::service(&app.instances[0].url);
    let seven = app.person("p7");
    let before = seven.cursor().await;
    let pair = seven.converse_with("p8").await;
    seven.say(&pair, "under the old name").await.ok();
    let profile = json!({ "id": "p7", "name": "Another name" });
    host.put("/v1/users", &json!([profile])).await.ok();
    host.get("/v1/users/p7").await.ok();
    // What was in memory under the old name is read anew.
    seven.poll(&before, "").await.ok();
    let group = json!({ "type": "GROUP", "memberIds": (1..=1_000).map(|n| format!("p{n}")).collect::<Vec<_>>() });
    let group = host.post("/v1/conversations", &group).await.ok();
    let id = group["id"].as_str().expect("an id");
    host.get(&format!("/v1/conversations/{id}")).await.ok();
    let hub = app.person("hub");
    let pair = hub.converse_with("p9").await;
    hub.say(&pair, "to be hidden").await.ok();
    assert!(
        hub.delete(&format!("/v1/conversations/{pair}"))
            .await
            .status
            < 300
    );
    hub.get("/v1/users/p9").await.ok();
}

/// Types, asks who is there, hides and comes back.
async fn be_seen(app: &App, people: [&Person; 2], conversations: [&str; 2]) {
    for person in people {
        for id in conversations {
            let path = format!("/v1/conversations/{id}/typing");
            person.put(&path, &json!({ "isTyping": true })).await;
        }
        let path = "/v1/presence?userIds=hub,p42,p7,p8,nobody";
        person.get(path).await.ok();
        for hidden in [true, false] {
            let body = json!({ "presenceHidden": hidden });
            let change = person.request(Method::PATCH, "/v1/me").json(&body);
            person.send(change).await.ok();
        }
        person.get("/v1/events").await.ok();
    }
    eventually("it is read who was noted", async || {
        let read = "causerie_sql_statements_total{kind=\"presence.recent\"}";
        (app.instances[0].metric(read).await > 0.0).then_some(())
    })
    .await;
}

async fn stream_by_ticket(app: &App, person: &Person) {
    let bought = person.post("/v1/stream-tickets", &json!({})).await.ok();
    let ticket = bought["ticket"].as_str().expect("a ticket");
    let path = format!("/v1/events/stream?ticket={ticket}");
    let opened = person.request(Method::GET, &path).send().await;
    let mut stream = Sse::of(opened.expect("the service answers"));
    stream.until("hello").await;
    let kept = "causerie_sql_statements_total{kind=\"tickets.extend\"}";
    eventually("the ticket is kept valid", async || {
        (app.instances[0].metric(kept).await > 0.0).then_some(())
    })
    .await;
}
