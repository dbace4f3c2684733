//! A site on which everything happens that the service has SQL for, all of it of one tenant.

use serde_json::{Value, json};

use super::TENANT;
use super::emailed::{people_are_emailed, somebody_is_told_what_is_unread};
use super::looking::{a_stream_lives_by_a_ticket, counted, looks, people_are_seen, the_host_looks};
use super::parting::somebody_parts;
use super::reminded::people_are_reminded;
use crate::scheduled::ahead;
use crate::support::{App, Database, Person, eventually};

/// More events than one look at the log passes over, of somebody else: what comes later is far above where a log begins.
const FILLER: &str = "insert into events (position, tenant_id, type, conversation_id, actor_id, audience_user_id, seq, occurred_at)
    select n, 'elsewhere', 'receipt.read', gen_random_uuid(), 'x', 'x', 1, now() from generate_series(1, 5200) n";

pub async fn fill(database: &Database) {
    let mut connection = database.connect().await;
    causerie::store::migrate(&mut connection)
        .await
        .expect("the schema");
    database.execute(FILLER).await;
}

pub fn person(app: &App, id: &str, name: &str) -> Person {
    Person::with(&app.instances[0].url, id, |claims| {
        claims.name = Some(name.to_owned());
        claims.tenant = Some(TENANT.to_owned());
        claims.role = (id == "backend").then(|| "service".to_owned());
    })
}

pub fn id(answer: &Value) -> String {
    answer["id"].as_str().expect("an id").to_owned()
}

pub async fn happens(app: &App) {
    let [alice, bob, carol, host] =
        ["alice", "bob", "carol", "backend"].map(|id| person(app, id, id));
    for one in [&alice, &bob, &carol, &host] {
        one.get("/v1/me").await.ok();
    }
    let start = alice.cursor().await;
    let pair = a_pair_talks(&alice, &bob).await;
    let group = a_group_is_managed(&alice, &bob, &carol, &host).await;
    let crowd = people_are_many(&alice, &host).await;
    somebody_is_in_many(&alice, &host).await;
    for one in [&alice, &bob, &carol] {
        looks(one, &[&pair, &group, &crowd], &start).await;
    }
    people_are_told(&host, [&alice, &bob]).await;
    the_host_looks(&host, &pair, &alice).await;
    people_are_seen(app, [&alice, &bob], [&pair, &group, &crowd]).await;
    a_stream_lives_by_a_ticket(app, &bob).await;
    people_change(&alice, &bob, &host, app).await;
    for one in [&alice, &bob, &carol] {
        looks(one, &[&pair, &group, &crowd], &start).await;
    }
    people_are_reminded(&host).await;
    people_are_emailed(app, &host, &alice).await;
    somebody_is_told_what_is_unread(app, &host, &alice).await;
    something_is_sent_later(app, &alice, &bob, &host, &pair).await;
    somebody_parts(app, &alice, &bob, &host).await;
    host.post("/v1/admin/users/carol/revoke", &json!({})).await;
    assert_eq!(carol.get("/v1/me").await.status, 401);
    is_swept(app).await;
}

/// About an ad; with keys, replays, answers, edits and a deletion.
async fn a_pair_talks(alice: &Person, bob: &Person) -> String {
    let context = json!({ "type": "AD", "id": "ad-1", "title": "A bicycle" });
    let first = json!({ "content": "Is it there still?", "clientMessageId": "first" });
    let new = json!({ "type": "PRIVATE", "recipientId": "bob", "subject": "A bicycle", "organizationId": "o",
                      "context": context, "firstMessage": first });
    let pair = id(&alice.post("/v1/conversations", &new).await.ok());
    alice.post("/v1/conversations", &new).await.ok();
    let messages = format!("/v1/conversations/{pair}/messages");
    let said = json!({ "content": "It is", "clientMessageId": "c-1", "metadata": { "a": 1 } });
    let said = [
        bob.post(&messages, &said).await.ok(),
        bob.post(&messages, &said).await.ok(),
    ];
    assert_eq!(said[0]["id"], said[1]["id"]);
    let answer = json!({ "content": "Good", "replyToId": said[0]["id"], "clientMessageId": "c-1" });
    alice.post(&messages, &answer).await.ok();
    let [edited, gone] = [
        bob.say(&pair, "for 5").await.ok(),
        bob.say(&pair, "oops").await.ok(),
    ];
    let edited = format!("/v1/messages/{}", id(&edited));
    bob.patch(&edited, &json!({ "content": "for 50" }))
        .await
        .ok();
    bob.delete(&format!("/v1/messages/{}", id(&gone))).await;
    alice.get(&format!("{edited}/receipts")).await.ok();
    alice
        .post(
            &format!("/v1/conversations/{pair}/read"),
            &json!({ "upTo": 4 }),
        )
        .await
        .ok();
    for status in ["ARCHIVED", "ACTIVE"] {
        let one = format!("/v1/conversations/{pair}");
        bob.patch(&one, &json!({ "status": status })).await.ok();
    }
    bob.say(&pair, "still unread").await.ok();
    let answer = json!({ "content": "and so is this", "replyToId": said[0]["id"], "clientMessageId": "c-2" });
    alice.post(&messages, &answer).await.ok();
    // What reached bob is proven by his next cursor.
    let cursor = bob.get("/v1/events?since=0").await.cursor();
    let proof = json!({ "cursor": cursor });
    bob.post("/v1/delivered", &proof).await;
    pair
}

async fn a_group_is_managed(alice: &Person, bob: &Person, carol: &Person, host: &Person) -> String {
    let new = json!({ "type": "GROUP", "memberIds": ["bob"], "subject": "Trip", "key": "trip",
                      "context": { "type": "EVENT", "id": "e-1" } });
    let group = id(&alice.post("/v1/conversations", &new).await.ok());
    let path = format!("/v1/conversations/{group}");
    alice.say(&group, "before anybody else came").await.ok();
    let members = format!("{path}/members");
    alice
        .post(&members, &json!({ "memberIds": ["carol", "not-seen-yet"] }))
        .await
        .ok();
    alice
        .patch(&format!("{members}/bob"), &json!({ "role": "ADMIN" }))
        .await
        .ok();
    alice
        .patch(
            &path,
            &json!({ "subject": "The trip", "metadata": { "b": 2 } }),
        )
        .await
        .ok();
    let sent = carol.say(&group, "hello").await.ok();
    bob.post(&format!("/v1/messages/{}/read", id(&sent)), &json!({}))
        .await
        .ok();
    carol
        .patch(
            &format!("/v1/messages/{}", id(&sent)),
            &json!({ "content": "hello all" }),
        )
        .await
        .ok();
    for by in [alice, host] {
        by.get(&format!("/v1/messages/{}/revisions", id(&sent)))
            .await
            .ok();
    }
    carol.say(&group, "and one that stays unread").await.ok();
    alice.delete(&format!("{members}/not-seen-yet")).await;
    let new = json!({ "type": "GROUP", "memberIds": ["alice", "carol"], "systemMessage": { "content": "Booked", "clientMessageId": "s-1" } });
    let booked = id(&host.post("/v1/conversations", &new).await.ok());
    alice
        .post(
            &format!("/v1/conversations/{booked}/messages"),
            &json!({ "content": "When?" }),
        )
        .await
        .ok();
    group
}

/// Not too many to be told who types; twice as many would be. And one group more, of which nothing stays.
async fn people_are_many(alice: &Person, host: &Person) -> String {
    let many: Vec<_> = (0..28).map(|n| format!("stub-{n}")).collect();
    let mut members = vec!["alice".to_owned(), "bob".to_owned()];
    members.extend(many);
    let new = json!({ "type": "GROUP", "memberIds": members, "subject": "A crowd" });
    let crowd = id(&host.post("/v1/conversations", &new).await.ok());
    let sent = alice.say(&crowd, "hello, crowd").await.ok();
    let answer = json!({ "content": "and an answer", "replyToId": sent["id"] });
    alice
        .post(&format!("/v1/conversations/{crowd}/messages"), &answer)
        .await
        .ok();
    let new = json!({ "type": "GROUP", "memberIds": ["bob"], "subject": "Not for long" });
    let doomed = id(&alice.post("/v1/conversations", &new).await.ok());
    // The second time as if the first answer had been lost.
    for _ in 0..2 {
        alice.delete(&format!("/v1/conversations/{doomed}")).await;
    }
    crowd
}

/// In so many that memory says where to look for the newest of them; and not where those are that moved since.
async fn somebody_is_in_many(alice: &Person, host: &Person) {
    let mut many = Vec::new();
    for n in 0..45 {
        let new =
            json!({ "type": "GROUP", "memberIds": ["alice"], "subject": format!("Number {n}") });
        many.push(id(&host.post("/v1/conversations", &new).await.ok()));
    }
    let page = alice.get("/v1/conversations?limit=3").await.ok();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(3));
    for conversation in &many[..5] {
        alice.say(conversation, "the newest now").await.ok();
    }
}

/// Now and later, with a key and again; read, all read, and deleted.
async fn people_are_told(host: &Person, people: [&Person; 2]) {
    let all = json!({ "userIds": ["alice", "bob", "carol"], "type": "T", "title": "t", "message": "m", "link": "/l" });
    let keyed = || host.request(reqwest::Method::POST, "/v1/notifications");
    let keyed = || keyed().header("Idempotency-Key", "told").json(&all);
    for _ in 0..2 {
        host.send(keyed()).await.ok();
    }
    let soon = chrono::Utc::now() + chrono::Duration::milliseconds(300);
    let soon = json!({ "userIds": ["alice", "bob"], "type": "T", "title": "soon", "deliverAt": soon.to_rfc3339() });
    host.post("/v1/notifications", &soon).await.ok();
    for one in people {
        let wishes = json!({ "quietHours": null, "types": [{ "type": "OTHER", "inApp": false }] });
        one.patch("/v1/me/preferences", &wishes).await.ok();
        let shown = eventually("what was for later is shown", async || {
            let list = one.get("/v1/notifications").await.ok();
            (list["unreadCount"] == 2).then_some(list)
        });
        let shown = shown.await;
        let first = format!("/v1/notifications/{}", id(&shown["items"][0]));
        one.post(&format!("{first}/read"), &json!({})).await.ok();
        one.get("/v1/notifications?unread=true").await.ok();
        one.post("/v1/notifications/read-all", &json!({}))
            .await
            .ok();
        for _ in 0..2 {
            one.delete(&first).await.ok();
        }
    }
    host.post("/v1/notifications", &all).await.ok();
    let unwanted = json!({ "userIds": ["alice", "bob"], "type": "OTHER", "title": "t" });
    host.post("/v1/notifications", &unwanted).await.ok();
}

/// Under new names; one by a newer token, one by the host.
async fn people_change(alice: &Person, bob: &Person, host: &Person, app: &App) {
    let cursor = alice.cursor().await;
    host.put("/v1/users", &json!([{ "id": "bob", "name": "Robert" }]))
        .await
        .ok();
    host.put("/v1/users/dave", &json!({ "name": "Dave" }))
        .await
        .ok();
    host.get("/v1/users/dave").await.ok();
    person(app, "alice", "Alice A.").get("/v1/me").await.ok();
    alice.get(&format!("/v1/events?since={cursor}")).await.ok();
    let pair = bob.converse_with("dave").await;
    bob.say(&pair, "to be hidden").await.ok();
    bob.delete(&format!("/v1/conversations/{pair}")).await;
}

/// By a person and by the host, under keys and without; looked at, cancelled, tried again; some of it due soon.
async fn something_is_sent_later(
    app: &App,
    alice: &Person,
    bob: &Person,
    host: &Person,
    pair: &str,
) {
    let path = format!("/v1/conversations/{pair}/messages");
    let said = alice.say(pair, "to be answered later").await.ok();
    let answer = json!({ "content": "later", "deliverAt": ahead(3600), "replyToId": said["id"] });
    bob.post(&path, &answer).await.ok();
    let mut ids = Vec::new();
    for by in [alice, bob, host] {
        for seconds in [3, 3600] {
            let new = json!({ "content": "later", "deliverAt": ahead(seconds) });
            ids.push(id(&by.post(&path, &new).await.ok()));
            let key = format!("later-{seconds}");
            let new =
                json!({ "content": "later", "deliverAt": ahead(seconds), "clientMessageId": key });
            ids.push(id(&by.post(&path, &new).await.ok()));
            by.post(&path, &new).await.ok();
        }
        by.get("/v1/scheduled-messages").await.ok();
        by.get(&format!("/v1/scheduled-messages?conversationId={pair}"))
            .await
            .ok();
        let last = ids.last().expect("just put");
        for _ in 0..2 {
            by.delete(&format!("/v1/scheduled-messages/{last}")).await;
        }
        // One that is sent by now.
        let soonest = &ids[ids.len() - 4];
        eventually("its time", async || {
            let waiting = by.get("/v1/scheduled-messages").await.ok().to_string();
            (!waiting.contains(&**soonest)).then_some(())
        })
        .await;
        by.delete(&format!("/v1/scheduled-messages/{soonest}"))
            .await;
    }
    host.get("/v1/admin/jobs").await.ok();
    let waiting = host.get("/v1/admin/jobs?state=WAITING&kind=MESSAGE&limit=1");
    waiting.await.ok();
    // One of alice's, and one of bob's.
    for job in [&ids[2], &ids[6]] {
        for what in ["cancel", "cancel", "retry", "retry", "cancel"] {
            let path = format!("/v1/admin/jobs/{job}/{what}");
            host.post(&path, &json!({})).await;
        }
    }
    for kind in ["jobs.end", "jobs.standing"] {
        counted(app, kind).await;
    }
}

/// What nobody asks for, and is done all the same.
async fn is_swept(app: &App) {
    for kind in [
        "handouts.write",
        "jobs.prune",
        "reminders.prune",
        "deliveries.write",
        "revocations.recent",
        "conversations.count",
        "log.after",
    ] {
        counted(app, kind).await;
    }
}
