//! How much is unread: one number, wherever it is asked for.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};

use crate::instances::caught_up;
use crate::support::{App, Person};

type Counts = BTreeMap<String, i64>;

fn counts(list: &Value, id: &str, count: &str) -> Counts {
    let of = |item: &Value| {
        Some((
            item.pointer(id)?.as_str()?.to_owned(),
            item.pointer(count)?.as_i64()?,
        ))
    };
    let all = list.as_array().expect("a list").iter().filter_map(of);
    all.filter(|(_, count)| *count > 0).collect()
}

/// What every place that tells says, which must be one thing.
async fn told(person: &Person) -> Counts {
    let unread = person.get("/v1/unread").await.ok();
    let told = counts(&unread["conversations"], "/id", "/unreadCount");
    let total: i64 = told.values().sum();
    assert_eq!(unread["total"], total, "{unread}");
    let list = person.get("/v1/conversations?limit=100").await.ok();
    assert_eq!(
        counts(&list["items"], "/id", "/me/unreadCount"),
        told,
        "the list, {}",
        person.id
    );
    let filtered = person
        .get("/v1/conversations?unread=true&limit=100")
        .await
        .ok();
    assert_eq!(
        counts(&filtered["items"], "/id", "/me/unreadCount"),
        told,
        "the filter, {}",
        person.id
    );
    assert_eq!(filtered["items"].as_array().map(Vec::len), Some(told.len()));
    let sync = person.get("/v1/sync?limit=100").await.ok();
    assert_eq!(
        counts(&sync["unread"]["changed"], "/id", "/unreadCount"),
        told,
        "the snapshot, {}",
        person.id
    );
    assert_eq!(
        counts(&sync["conversations"]["items"], "/id", "/me/unreadCount"),
        told
    );
    let poll = person.get("/v1/events").await.ok();
    for state in [&sync["unread"], &poll["unread"]] {
        assert_eq!(
            (state["total"].as_i64(), state["conversations"].as_u64()),
            (Some(total), Some(told.len() as u64)),
            "{} {state}",
            person.id
        );
    }
    told
}

/// A conversation of the model: who of the three is in it, who sent each message, and how far each has read.
struct Talk {
    id: String,
    members: usize,
    senders: Vec<usize>,
    horizons: [usize; 3],
}

/// What a person has unread by the rules alone: of each conversation, the others' messages after the horizon.
fn by_the_rules(talks: &[Talk], person: usize) -> Counts {
    let of = |talk: &Talk| {
        let after = &talk.senders[talk.horizons[person]..];
        let others = after.iter().filter(|sender| **sender != person).count();
        (talk.id.clone(), others as i64)
    };
    let mine = talks.iter().filter(|talk| person < talk.members);
    mine.map(of).filter(|(_, count)| *count > 0).collect()
}

/// One of its members sends, reads, or deletes for itself.
async fn happen(talk: &mut Talk, random: &mut StdRng, people: &[Person; 3], instances: [&str; 2]) {
    let by = random.random_range(0..talk.members);
    let person = people[by].at(instances[random.random_range(0..2)]);
    let path = format!("/v1/conversations/{}", talk.id);
    let said = talk.senders.len();
    let horizon = &mut talk.horizons[by];
    match random.random_range(0..10) {
        0..6 => {
            person.say(&talk.id, "x").await.ok();
            talk.senders.push(by);
            *horizon = said + 1;
        }
        6..9 if said > 0 => {
            let up_to = random.random_range(1..=said);
            let body = json!({ "upTo": up_to });
            person.post(&format!("{path}/read"), &body).await.ok();
            *horizon = (*horizon).max(up_to);
        }
        9 if talk.members == 2 => {
            // What is deleted for oneself is not unread.
            person.delete(&path).await.ok();
            *horizon = said;
        }
        _ => {}
    }
}

#[tokio::test]
async fn list_poll_unread_and_sync_say_the_same_after_whatever_was_sent_read_and_deleted() {
    let app = App::with(2, "").await;
    let people = ["alice", "bob", "carol"].map(|id| app.person(id));
    for person in &people {
        person.get("/v1/me").await.ok();
    }
    let mut talks = Vec::new();
    for (body, members) in [
        (json!({ "type": "GROUP", "memberIds": ["bob", "carol"] }), 3),
        (json!({ "type": "GROUP", "memberIds": ["carol", "bob"] }), 3),
        (json!({ "type": "PRIVATE", "recipientId": "bob" }), 2),
    ] {
        let made = people[0].post("/v1/conversations", &body).await.ok();
        let id = made["id"].as_str().expect("an id").to_owned();
        let (senders, horizons) = (Vec::new(), [0; 3]);
        talks.push(Talk {
            id,
            members,
            senders,
            horizons,
        });
    }
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let instances = [&*app.instances[0].url, &app.instances[1].url];
    for round in 0..15 {
        for _ in 0..6 {
            let talk = &mut talks[random.random_range(0..3)];
            happen(talk, &mut random, &people, instances).await;
        }
        for (i, person) in people.iter().enumerate() {
            let person = person.at(instances[round % 2]);
            caught_up(&person, &person.at(instances[(round + 1) % 2])).await;
            let expected = by_the_rules(&talks, i);
            assert_eq!(
                told(&person).await,
                expected,
                "{} in round {round}",
                person.id
            );
        }
    }
}

#[tokio::test]
async fn unread_answers_not_modified_until_something_changes() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    alice.say(&conversation, "one").await.ok();
    let ask = async |person: &Person, etag: &str| {
        let get = person
            .request(Method::GET, "/v1/unread")
            .header("If-None-Match", etag);
        person.send(get).await
    };
    let first = ask(&bob, "W/\"x\"").await;
    let etag = first.header("ETag").expect("an ETag").to_owned();
    assert_eq!((first.status, &first.body["total"]), (200, &json!(1)));
    assert_eq!(
        first.body["conversations"],
        json!([{ "id": conversation, "unreadCount": 1 }])
    );
    assert!(
        first.body["cursor"]
            .as_str()
            .is_some_and(|cursor| cursor.starts_with('c'))
    );
    let same = ask(&bob, &etag).await;
    assert_eq!(
        (same.status, same.text.as_str(), same.header("ETag")),
        (304, "", Some(&*etag))
    );
    assert!(same.header("X-Poll-Interval").is_some());
    // Another person's numbers are other numbers, even where they are equal.
    let (carol, dan) = (app.person("carol"), app.person("dan"));
    dan.get("/v1/me").await.ok();
    let theirs = carol.converse_with("dan").await;
    carol.say(&theirs, "one").await.ok();
    assert_eq!(ask(&dan, &etag).await.status, 200);
    // One read and one come elsewhere: the sums are the same, the numbers are not.
    let group = alice
        .post(
            "/v1/conversations",
            &json!({ "type": "GROUP", "memberIds": ["bob"] }),
        )
        .await
        .ok();
    alice
        .say(group["id"].as_str().expect("an id"), "two")
        .await
        .ok();
    bob.post(
        &format!("/v1/conversations/{conversation}/read"),
        &json!({}),
    )
    .await
    .ok();
    let moved = ask(&bob, &etag).await;
    assert_eq!((moved.status, &moved.body["total"]), (200, &json!(1)));
    assert_eq!(moved.body["conversations"][0]["id"], group["id"]);
}
