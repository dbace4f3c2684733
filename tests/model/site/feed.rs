//! Feeds: reading them page by page and as streams, and holding every event against the world's log.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::host::{Host, no_dead_text};
use super::notifications::of_notification;
use super::view::{difference, of_description, of_member, of_members, of_message};
use super::world::{By, World};
use super::{Failure, Kind};
use crate::support::history::position;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    cursor: String,
    has_more: bool,
    events: Vec<Box<RawValue>>,
    unread: Option<Value>,
}

/// What a message's creation tells.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    cursor: String,
    conversation_id: String,
    data: MessageData,
}

#[derive(Deserialize)]
struct MessageData {
    message: Named,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    seq: i64,
}

/// All events after a cursor, byte for byte, and where that ended.
#[derive(Debug, PartialEq)]
pub struct Reading {
    pub events: Vec<String>,
    pub cursor: String,
    pub pages: usize,
    /// Of the last page.
    pub unread: Value,
}

/// Polls until there is no more.
pub async fn read(
    host: &Host,
    world: &mut World,
    person: usize,
    instance: usize,
    since: &str,
    limit: usize,
) -> Result<Reading, Failure> {
    let mut reading = Reading {
        events: Vec::new(),
        cursor: since.to_owned(),
        pages: 0,
        unread: Value::Null,
    };
    loop {
        if reading.cursor != "0" {
            let acked = &mut world.people[person].acked;
            *acked = position(&reading.cursor).max(*acked);
        }
        let path = format!("/v1/events?since={}&limit={limit}", reading.cursor);
        let answer = host.get(world, By::Person(person), instance, &path).await?;
        let page: Page = serde_json::from_str(&answer.text)
            .map_err(|error| Failure::new(Kind::Pages, format!("{error}: {}", answer.text)))?;
        Failure::unless(page.events.len() <= limit, Kind::Pages, || {
            format!("{path}: too many")
        })?;
        for event in page.events {
            let event = event.get().to_owned();
            bind(world, &event)?;
            reading.events.push(event);
        }
        (reading.cursor, reading.pages) = (page.cursor, reading.pages + 1);
        if !page.has_more {
            reading.unread = page.unread.unwrap_or_default();
            return Ok(reading);
        }
        Failure::unless(page.unread.is_none(), Kind::Pages, || {
            format!("{path}: unread amid a backlog")
        })?;
    }
}

/// The world learns the id and the place of a message.
fn bind(world: &mut World, event: &str) -> Result<(), Failure> {
    if !event.starts_with("{\"type\":\"message.created\"") {
        return Ok(());
    }
    let wrong = |what: &str| Failure::new(Kind::Feed, format!("{what}: {event}"));
    let created: Created = serde_json::from_str(event).map_err(|_| wrong("no event"))?;
    let message = world
        .find(&created.conversation_id)
        .and_then(|of| {
            world.conversations[of]
                .messages
                .get(created.data.message.seq as usize - 1)
        })
        .copied()
        .ok_or_else(|| wrong("a message that nobody sent"))?;
    let message = &mut world.messages[message];
    message.position = Some(position(&created.cursor));
    let id = message
        .id
        .get_or_insert_with(|| created.data.message.id.clone());
    Failure::unless(*id == created.data.message.id, Kind::Feed, || {
        format!("another id than {id}: {event}")
    })
}

/// A stream from a cursor on: its first events, byte for byte.
pub async fn stream(
    host: &Host,
    world: &World,
    person: usize,
    instance: usize,
    since: &str,
    events: usize,
) -> Result<Vec<String>, Failure> {
    let mut response = host.stream(person, instance, since).await?;
    let (mut bytes, mut found) = (Vec::new(), Vec::new());
    while found.len() < events {
        let chunk = tokio::time::timeout(crate::support::PATIENCE, response.chunk()).await;
        let Ok(Ok(Some(chunk))) = chunk else {
            let what = format!("a stream ended after {} of {events} events", found.len());
            return Err(Failure::new(Kind::Pages, what));
        };
        bytes.extend_from_slice(&chunk);
        while let Some(end) = bytes.windows(2).position(|pair| pair == b"\n\n") {
            let frame: Vec<u8> = bytes.drain(..end + 2).collect();
            let frame = String::from_utf8_lossy(&frame).into_owned();
            let data = frame.lines().find_map(|line| line.strip_prefix("data: "));
            let data = data.filter(|data| data.starts_with("{\"type\":\""));
            found.extend(data.map(str::to_owned));
        }
    }
    for event in &found {
        no_dead_text(world, event, || "a stream".to_owned())?;
    }
    found.truncate(events);
    Ok(found)
}

/// Holds events against the world's log: `skip` of the person's were seen before. Gives how many these are.
pub fn check(
    world: &World,
    person: usize,
    skip: usize,
    events: &[String],
) -> Result<usize, Failure> {
    let expected = &world.feed(person)[skip..];
    let mut expected = expected.iter();
    let mut seen = 0;
    for text in events {
        let event: Value = serde_json::from_str(text).unwrap_or_default();
        if event["type"] == "receipt.delivered" {
            delivery(world, person, &event)?;
            continue;
        }
        let wrong =
            |what: String| Failure::new(Kind::Feed, format!("p{person} is told {text}\n  {what}"));
        let at = *expected
            .next()
            .ok_or_else(|| wrong("and nothing more happened".to_owned()))?;
        seen += 1;
        same(world, at, &event).map_err(wrong)?;
    }
    let missed = expected.next().map(|at| &world.log[*at]);
    Failure::unless(missed.is_none(), Kind::Feed, || {
        format!("p{person} is not told {missed:?}")
    })?;
    Ok(seen)
}

/// Whether it is this event, with its content as it is now.
fn same(world: &World, at: usize, event: &Value) -> Result<(), String> {
    let expected = &world.log[at];
    let data = &event["data"];
    let of = expected.conversation;
    let id = of.map(|of| world.conversations[of].id.clone());
    let mut pairs = vec![
        (json!(expected.kind), event["type"].clone()),
        (json!(id), event["conversationId"].clone()),
        (json!(expected.actor), event["actorId"].clone()),
    ];
    let detail = json!(expected.detail);
    match (expected.kind.split('.').next(), of) {
        (Some("conversation"), Some(of)) => {
            let conversation = &data["conversation"];
            pairs.push((detail, data.get("status").cloned().unwrap_or(json!(""))));
            pairs.push((world.described(of), of_description(conversation)));
            pairs.push((
                world.members_at(of, at).into(),
                of_members(&conversation["members"]).into(),
            ));
        }
        (Some("member"), Some(of)) => {
            let mut members = world.members_at(of, at);
            members.retain(|member| member["id"] == detail);
            pairs.push((
                members.pop().unwrap_or_default(),
                of_member(&data["member"]),
            ));
        }
        (Some("message"), Some(of)) => {
            let seq = expected.detail.parse::<usize>().unwrap_or(0);
            let message = world.conversations[of].messages[seq - 1];
            pairs.push((world.message(message, None), of_message(&data["message"])));
        }
        (Some("notification"), _) => {
            let told = of_notification(&data["notification"]);
            pairs.push((world.notification(&expected.detail), told));
        }
        (Some("receipt"), _) => {
            let receipt = &data["receipt"];
            let told = format!(
                "{} {}",
                receipt["userId"].as_str().unwrap_or_default(),
                receipt["readUpTo"]
            );
            pairs.push((detail, told.into()));
        }
        _ => {
            let person = world.people.iter().find(|p| p.id == expected.detail);
            let told = json!([data["user"]["id"], data["user"]["name"]]);
            pairs.push((json!([detail, person.map(|p| &p.name)]), told));
        }
    }
    let differs = pairs
        .iter()
        .find_map(|(expected, told)| difference(expected, told));
    differs.map_or(Ok(()), |difference| {
        Err(format!("{difference}\n  expected {expected:?}"))
    })
}

/// Of a PRIVATE conversation, to the other one, never more than a poll has proven.
fn delivery(world: &World, person: usize, event: &Value) -> Result<(), Failure> {
    let wrong = || Failure::new(Kind::Receipts, format!("p{person} is told {event}"));
    let receipt = &event["data"]["receipt"];
    let of = event["conversationId"]
        .as_str()
        .and_then(|id| world.find(id))
        .ok_or_else(wrong)?;
    let by = world
        .people
        .iter()
        .position(|p| receipt["userId"] == *p.id)
        .ok_or_else(wrong)?;
    let up_to = receipt["deliveredUpTo"].as_i64().ok_or_else(wrong)?;
    let is_right = by != person
        && world.receipts
        && !world.conversations[of].is_group
        && world.conversations[of].was_member(person)
        && up_to <= world.arrived(by, of);
    if is_right { Ok(()) } else { Err(wrong()) }
}

impl World {
    pub fn find(&self, id: &str) -> Option<usize> {
        self.conversations.iter().position(|c| c.id == id)
    }

    /// The most that can be known to have reached a device of a member: what a poll's cursor has proven, and what the
    /// member put aside itself. A message whose place nobody was told yet may be among them.
    pub fn arrived(&self, person: usize, of: usize) -> i64 {
        let conversation = &self.conversations[of];
        let acked = self.people[person].acked;
        let messages = conversation.messages.iter().map(|m| &self.messages[*m]);
        let proven = messages
            .filter(|m| m.position.is_none_or(|at| at <= acked))
            .map(|m| m.seq)
            .max();
        let stretches = conversation.stretches.iter().filter(|s| s.person == person);
        let own = stretches
            .map(|s| s.shown.max(s.archived).max(s.deleted))
            .max();
        proven.max(own).unwrap_or(0)
    }
}
