//! A snapshot and the events after it are a fresh snapshot.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::instances::caught_up;
use crate::support::{App, Person};

/// What a client holds of one conversation.
#[derive(Debug, Clone, PartialEq)]
struct Held {
    /// Role and horizon of each member.
    members: BTreeMap<String, (Value, i64)>,
    names: BTreeMap<String, Value>,
    last_message: Value,
}

type Client = BTreeMap<String, Held>;

fn hold(conversation: &Value) -> Held {
    let members = conversation["members"].as_array().expect("members");
    let id = |member: &Value| member["user"]["id"].as_str().expect("an id").to_owned();
    Held {
        members: members
            .iter()
            .map(|m| {
                (
                    id(m),
                    (m["role"].clone(), m["readUpTo"].as_i64().expect("a number")),
                )
            })
            .collect(),
        names: members
            .iter()
            .map(|m| (id(m), m["user"]["name"].clone()))
            .collect(),
        last_message: conversation
            .get("lastMessage")
            .map(shared)
            .unwrap_or_default(),
    }
}

/// Without what only its sender is told, and only in answers.
fn shared(message: &Value) -> Value {
    let mut message = message.clone();
    if let Some(fields) = message.as_object_mut() {
        fields.remove("status");
    }
    message
}

fn of_snapshot(sync: &Value) -> Client {
    let items = sync["conversations"]["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| (item["id"].as_str().expect("an id").to_owned(), hold(item)))
        .collect()
}

/// As a client would, knowing nothing but the contract. What it does not hold it asks for.
async fn apply(me: &Person, client: &mut Client, event: &Value) {
    let conversation = event["conversationId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let data = &event["data"];
    match event["type"].as_str().unwrap_or_default() {
        "conversation.created" => {
            client.insert(conversation, hold(&data["conversation"]));
        }
        "conversation.deleted" => {
            client.remove(&conversation);
        }
        "message.created" if !client.contains_key(&conversation) => {
            let fresh = me
                .get(&format!("/v1/conversations/{conversation}"))
                .await
                .ok();
            client.insert(conversation, hold(&fresh));
        }
        "message.created" => {
            let held = client.get_mut(&conversation).expect("held");
            let message = &data["message"];
            if held.last_message["seq"].as_i64() < message["seq"].as_i64() {
                held.last_message = message.clone();
            }
            if let Some((_, read)) = message["sender"]["id"]
                .as_str()
                .and_then(|id| held.members.get_mut(id))
            {
                *read = (*read).max(message["seq"].as_i64().expect("a number"));
            }
        }
        // Told apart: of devices, not of people.
        "receipt.delivered" => {}
        "receipt.read" => {
            let receipt = &data["receipt"];
            let held = client.get_mut(&conversation);
            if let Some((_, read)) =
                held.and_then(|held| held.members.get_mut(receipt["userId"].as_str()?))
            {
                *read = (*read).max(receipt["readUpTo"].as_i64().expect("a number"));
            }
        }
        "user.updated" => {
            let user = &data["user"];
            let id = user["id"].as_str().expect("an id");
            for held in client.values_mut() {
                if let Some(name) = held.names.get_mut(id) {
                    *name = user["name"].clone();
                }
                if held.last_message["sender"]["id"] == id {
                    held.last_message["sender"] = user.clone();
                }
            }
        }
        other => panic!("an event of an unknown type: {other}"),
    }
}

const IDS: [&str; 3] = ["alice", "bob", "carol"];

/// What the three of them have begun: each conversation with who is in it.
type Begun = Vec<(String, Vec<usize>)>;

/// Somebody does something, on some instance.
async fn happen(app: &App, step: usize, random: &mut StdRng, begun: &mut Begun) {
    let by = random.random_range(0..3);
    let me = app.person(IDS[by]).at(&app.instances[step % 2].url);
    let mine: Vec<_> = begun
        .iter()
        .filter(|(_, members)| members.contains(&by))
        .collect();
    let one = (!mine.is_empty()).then(|| mine[random.random_range(0..mine.len())].0.clone());
    match (random.random_range(0..20), one) {
        (0..12, Some(one)) => {
            me.say(&one, &format!("step {step}")).await.ok();
        }
        (12..16, Some(one)) => {
            let path = format!("/v1/conversations/{one}/read");
            me.post(&path, &json!({})).await.ok();
        }
        (16, Some(one)) => {
            let deleted = me.delete(&format!("/v1/conversations/{one}")).await;
            let is_group = |members: &[usize]| members.len() == IDS.len();
            // A PRIVATE one for oneself; a group for all by its ADMIN, who has begun it, and by nobody else.
            if deleted.status == 204 {
                begun.retain(|(id, members)| *id != one || !is_group(members));
            }
        }
        (17, _) => {
            let service = Person::service(&app.instances[0].url);
            let name = json!({ "name": format!("{} {step}", IDS[by]) });
            let path = format!("/v1/users/{}", IDS[by]);
            service.put(&path, &name).await.ok();
        }
        _ => begin(&me, by, step, random, begun).await,
    }
}

/// A new conversation, or one that is found again.
async fn begin(me: &Person, by: usize, step: usize, random: &mut StdRng, begun: &mut Begun) {
    let other = (by + 1) % 3;
    let context = json!({ "type": "AD", "id": format!("{}", step % 4) });
    let (body, members) = if random.random_range(0..3) == 0 {
        let first = json!({ "content": "first" });
        let body = json!({ "type": "GROUP", "memberIds": IDS, "firstMessage": first });
        (body, vec![0, 1, 2])
    } else {
        let body = json!({ "type": "PRIVATE", "recipientId": IDS[other], "context": context });
        (body, vec![by, other])
    };
    let made = me.post("/v1/conversations", &body).await.ok();
    let id = made["id"].as_str().expect("an id").to_owned();
    if !begun.iter().any(|(known, _)| *known == id) {
        begun.push((id, members));
    }
}

#[tokio::test]
async fn a_snapshot_and_the_events_after_it_are_a_fresh_snapshot() {
    let app = App::with(2, "").await;
    for id in IDS {
        app.person(id).get("/v1/me").await.ok();
    }
    let seed = rand::random();
    println!("seed {seed}");
    let (mut random, mut begun) = (StdRng::seed_from_u64(seed), Begun::new());
    let bob = app.person("bob");
    let (mut client, mut cursor) = (Client::new(), bob.get("/v1/sync").await.cursor());
    for round in 0..12 {
        for step in 0..10 {
            happen(&app, 10 * round + step, &mut random, &mut begun).await;
        }
        let elsewhere = bob.at(&app.instances[round % 2].url);
        let fresh = elsewhere.get("/v1/sync?limit=100").await;
        for instance in &app.instances {
            caught_up(&bob, &bob.at(&instance.url)).await;
        }
        let (events, end) = bob.all_events(&cursor, 7).await;
        for event in &events {
            apply(&elsewhere, &mut client, event).await;
        }
        cursor = end;
        assert_eq!(client, of_snapshot(&fresh.body), "round {round}");
        assert_eq!(bob.all_events(&fresh.cursor(), 10).await.0.len(), 0);
    }
    assert!(begun.len() > 3);
}

#[tokio::test]
async fn a_snapshot_holds_the_first_page_and_all_that_is_unread() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    alice.say(&conversation, "hi").await.ok();
    for i in 0..3 {
        let body =
            json!({ "type": "GROUP", "memberIds": ["bob"], "subject": format!("Group {i}") });
        alice.post("/v1/conversations", &body).await.ok();
    }
    let sync = bob.get("/v1/sync?limit=2").await.ok();
    assert_eq!(sync["me"], alice.get("/v1/users/bob").await.ok());
    assert_eq!(
        sync["conversations"],
        bob.get("/v1/conversations?limit=2").await.ok()
    );
    assert_eq!(sync["conversations"]["hasMore"], true);
    let expected = json!({ "total": 1, "conversations": 1, "notifications": 0, "changed": [{ "id": conversation, "unreadCount": 1 }] });
    assert_eq!(sync["unread"], expected, "also of what is on a later page");
    let token = sync["conversations"]["nextPageToken"]
        .as_str()
        .expect("more");
    let rest = bob
        .get(&format!("/v1/conversations?pageToken={token}"))
        .await
        .ok();
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(2));
}
