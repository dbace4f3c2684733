//! Somebody is told what is kept of her, and erased; and comes back as somebody new.

use serde_json::json;

use super::TENANT;
use super::everything::{id, person};
use super::reminded::{IN_THE_MIDDLE, she_is_to_be_reminded};
use crate::sse::Sse;
use crate::support::{App, Database, Person, eventually};

/// `alice` and `bob` have known her; so have many conversations and a group.
pub async fn somebody_parts(app: &App, alice: &Person, bob: &Person, host: &Person) {
    let eve = person(app, "eve", "Eve");
    eve.get("/v1/me").await.ok();
    let pair = eve.converse_with("alice").await;
    let group = she_is_known(&eve, alice, bob, &pair).await;
    let bought = eve.post("/v1/stream-tickets", &json!({})).await.ok();
    let ticket = bought["ticket"].as_str().expect("a ticket");
    let url = format!("{}/v1/events/stream?ticket={ticket}", eve.base);
    let opened = reqwest::get(url).await.expect("the service answers");
    Sse::of(opened).until("hello").await;
    she_is_to_be_reminded(host).await;
    for of in ["eve", "alice", "bob"] {
        is_exported(host, of).await;
    }
    host.post("/v1/admin/users/eve/revoke", &json!({})).await;
    is_exported(host, "eve").await;
    assert_eq!(host.delete("/v1/users/eve").await.status, 204);
    // At once, while it goes on.
    host.get("/v1/users/eve/export").await;
    alice.say(&pair, "Are you there?").await;
    bob.say(&group, "Has she left?").await;
    let with_her = json!({ "type": "GROUP", "memberIds": ["eve"] });
    bob.post("/v1/conversations", &with_her).await;
    is_over(host).await;
    for one in [alice, bob] {
        for conversation in [&pair, &group] {
            let path = format!("/v1/conversations/{conversation}");
            one.get(&path).await;
            one.get(&format!("{path}/messages")).await;
            one.get(&format!("{path}/members")).await;
        }
        one.get("/v1/unread").await;
        one.get("/v1/events?since=0").await;
    }
    bob.post("/v1/conversations", &with_her).await;
    is_exported(host, "eve").await;
    host.put("/v1/users/eve", &json!({ "name": "Eve anew" }))
        .await
        .ok();
    eve.get("/v1/me").await;
}

/// Texts, earlier texts, answers, notices, keys; some of it unread.
async fn she_is_known(eve: &Person, alice: &Person, bob: &Person, pair: &str) -> String {
    let messages = format!("/v1/conversations/{pair}/messages");
    let keyed = json!({ "content": "Hello", "clientMessageId": "hello", "metadata": { "a": 1 },
                        "attachments": [{ "url": "https://files.example/a.png", "type": "image/png", "fileName": "a.png" }] });
    let said = eve.post(&messages, &keyed).await.ok();
    let edited = format!("/v1/messages/{}", id(&said));
    eve.patch(&edited, &json!({ "content": "Good evening" }))
        .await
        .ok();
    let answer = json!({ "content": "You too", "replyToId": said["id"] });
    alice.post(&messages, &answer).await.ok();
    eve.say(pair, "to be deleted").await.ok();
    let new = json!({ "type": "GROUP", "memberIds": ["alice"], "subject": "Of hers" });
    let group = id(&eve.post("/v1/conversations", &new).await.ok());
    let members = format!("/v1/conversations/{group}/members");
    eve.post(&members, &json!({ "memberIds": ["bob"] }))
        .await
        .ok();
    eve.say(&group, "unread by all").await.ok();
    eve.post(&format!("/v1/conversations/{group}/read"), &json!({}))
        .await
        .ok();
    for one in [alice, bob, eve] {
        one.get("/v1/events?since=0").await.ok();
    }
    eve.say(pair, "and unread").await.ok();
    group
}

/// To its last page.
async fn is_exported(host: &Person, of: &str) {
    let mut next = Some(String::new());
    while let Some(token) = next {
        let page = host
            .get(&format!("/v1/users/{of}/export{token}"))
            .await
            .ok();
        let more = page["nextPageToken"].as_str();
        next = more.map(|token| format!("?pageToken={token}"));
    }
}

/// It is handed out again when nothing is left to be taken away.
async fn is_over(host: &Person) {
    let is_over = async || host.get("/v1/users/eve/export").await.status == 200;
    eventually("the erasure's end", async || is_over().await.then_some(())).await;
}

/// Her rows as they stood in the middle of it, when some were there still: each statement of an erasure has something to
/// find, and to leave alone where it is another's.
pub async fn stands_in_the_middle(database: &Database) {
    let like_bobs = |table: &str, more: &str| {
        format!(
            "insert into {table} select (jsonb_populate_record(x, '{{\"user_id\":\"eve\"{more}}}')).* from {table} x
              where tenant_id = '{TENANT}' and user_id = 'bob' on conflict do nothing"
        )
    };
    for sql in [
        "update erasures set finished_at = null, done_up_to = null, claimed_until = null",
        "update users u set is_erased = true, erased_at = e.requested_at, erased_position = e.position
           from erasures e where e.tenant_id = u.tenant_id and e.user_id = u.id",
        "update members set left_position = null where user_id = 'eve'",
        "update conversations c set dedupe_key = 'of eve' where c.type = 'PRIVATE' and exists (
                select from members m where m.tenant_id = c.tenant_id and m.conversation_id = c.id and m.user_id = 'eve')",
        "insert into revisions select x.tenant_id, x.id, x.changed_position, 'earlier', '[]', '{}', now(), 'eve'
           from messages x where x.sender_id = 'eve' on conflict do nothing",
        "update messages set content = 'left over', deleted_at = null, client_message_id = 'left-' || seq where sender_id = 'eve'",
        // Every notice names her, and every other message quotes one.
        "update messages set notice = jsonb_set(notice, '{actorId}', '\"eve\"') where notice is not null",
        "update messages x set reply_to_id = n.id from messages n
          where n.tenant_id = x.tenant_id and n.conversation_id = x.conversation_id and n.notice is not null
            and x.reply_to_id is null and x.sender_id is not null and x.seq % 2 = 0",
        // What alice put is to be cancelled, what bob put to be tried again; and some of it is hers.
        "update jobs set state = 'WAITING', payload = '{\"a\":1}', finished_at = null, run_at = now() - interval '1 hour' where user_id = 'alice'",
        "update jobs set state = 'CANCELLED', payload = '{\"a\":1}', finished_at = now() where user_id = 'bob'",
        &format!(
            "insert into jobs (tenant_id, id, kind, user_id, payload, state, run_at, max_attempts, finished_at)
             select '{TENANT}', gen_random_uuid(), 'MESSAGE', 'eve', '{{\"a\":1}}', state, now(), 3, case when state <> 'WAITING' then now() end
               from unnest(array['WAITING', 'CANCELLED']) state"
        ),
        "insert into digests select tenant_id, 'eve', conversation_id, told_at, told_up_to, times from digests on conflict do nothing",
        &like_bobs("presence", ""),
        &like_bobs("receipt_marks", ""),
        &like_bobs("handouts", ""),
        &like_bobs("notification_preferences", ""),
        &like_bobs("notifications", ",\"id\":\"01980000-0000-7000-8000-000000000001\""),
        &like_bobs("stream_tickets", ",\"hash\":\"\\\\x0123\""),
    ] {
        database.execute(sql).await;
    }
    for sql in IN_THE_MIDDLE {
        database.execute(sql).await;
    }
}
