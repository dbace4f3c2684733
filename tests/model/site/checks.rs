//! What must hold between operations, and at the end of a run.

use serde_json::{Value, json};

use super::device::Device;
use super::feed::{self, Reading};
use super::host::Host;
use super::receipts;
use super::snapshot::Snapshot;
use super::view::{difference, of_conversation, of_message};
use super::world::{By, World};
use super::{Failure, Kind, MEMORY, STORE, notifications};

/// A fresh snapshot is what the world holds, in this order.
pub fn fresh(world: &World, person: usize, snapshot: &Snapshot) -> Result<(), Failure> {
    let mut listed = world.list(person, false);
    listed.extend(world.list(person, true));
    let ids: Vec<&str> = listed
        .iter()
        .map(|of| &*world.conversations[*of].id)
        .collect();
    let told: Vec<&str> = snapshot
        .items
        .iter()
        .filter_map(|item| item["id"].as_str())
        .collect();
    Failure::unless(ids == told, Kind::Snapshot, || {
        format!("p{person}'s list is {told:?}, should be {ids:?}")
    })?;
    for (of, item) in listed.into_iter().zip(&snapshot.items) {
        if let Some(difference) = difference(
            &world.conversation(of, By::Person(person)),
            &of_conversation(item),
        ) {
            let what = format!("p{person}'s list: {difference}\n  {item}");
            let kind = if what.contains("list: me: unreadCount") {
                Kind::Unread
            } else {
                Kind::Snapshot
            };
            return Err(Failure::new(kind, what));
        }
        receipts::horizons(world, person, of, item)?;
    }
    notifications::unread(world, person, &snapshot.unread, "GET /v1/sync")?;
    unread(world, person, &snapshot.unread["changed"], "GET /v1/sync")
}

fn unread(world: &World, person: usize, counts: &Value, told_by: &str) -> Result<(), Failure> {
    let mut told: Vec<(String, i64)> = Vec::new();
    for count in counts.as_array().into_iter().flatten() {
        told.push((
            count["id"].as_str().unwrap_or_default().to_owned(),
            count["unreadCount"].as_i64().unwrap_or(0),
        ));
    }
    told.sort();
    let expected: Vec<(String, i64)> = world.unread_of(person).into_iter().collect();
    Failure::unless(told == expected, Kind::Unread, || {
        format!("p{person} by {told_by}: {told:?}, a recount gives {expected:?}")
    })
}

/// `/v1/unread` of each instance, once it is where the snapshot is.
pub async fn counts(
    host: &Host,
    world: &World,
    person: usize,
    cursor: &str,
) -> Result<(), Failure> {
    for instance in 0..host.urls.len() {
        let by = By::Person(person);
        // The backend's poll brings the instance there: the person's own would prove that everything has arrived.
        let reach = format!("/v1/events?since={cursor}");
        host.get(world, By::Service, instance, &reach).await?;
        let answer = host.get(world, by, instance, "/v1/unread").await?;
        let told_by = format!("/v1/unread of {instance}");
        unread(world, person, &answer.body["conversations"], &told_by)?;
        notifications::unread(world, person, &answer.body, &told_by)?;
        let total: i64 = world.unread_of(person).values().sum();
        Failure::unless(answer.body["total"] == total, Kind::Unread, || {
            format!("p{person}: {}", answer.text)
        })?;
    }
    Ok(())
}

/// One device catches up and holds what a fresh snapshot shows, which is what the world holds.
pub async fn device(
    host: &Host,
    world: &mut World,
    device: &mut Device,
    round: usize,
) -> Result<usize, Failure> {
    // What it has had before is read again: memory must not have kept what has changed since.
    let (person, before) = (device.person, device.before.clone());
    let snapshot = Snapshot::take(host, world, person, round).await?;
    fresh(world, person, &snapshot)?;
    counts(host, world, person, &snapshot.cursor).await?;
    let limit = [200, 7, 200, 50][round % 4];
    device.follow(host, world, round / 2, limit).await?;
    notifications::list(host, world, person, round).await?;
    if let Some(difference) = device.difference(&snapshot) {
        let what = format!(
            "p{person}: the snapshot and the events after it are no fresh snapshot: {difference}"
        );
        return Err(Failure::new(Kind::Snapshot, what));
    }
    let read = transports(host, world, person, &before, false).await?;
    Ok(read.events.len())
}

/// Of the newest so many it is also seen how they come one by one.
const ONE_BY_ONE: usize = 10;

/// The same events by every way: from memory and from Postgres, in small pages and large ones, and as a stream. What
/// memory gives stands still meanwhile, or it is looked at again: receipts of delivery are written late.
pub async fn transports(
    host: &Host,
    world: &mut World,
    person: usize,
    since: &str,
    is_all: bool,
) -> Result<Reading, Failure> {
    for _ in 0..20 {
        let memory = feed::read(host, world, person, MEMORY, since, 200).await?;
        let many = memory.events.len();
        let skipped = many.saturating_sub(ONE_BY_ONE);
        let newest = skipped.checked_sub(1).map(|n| cursor(&memory.events[n]));
        let newest = newest.unwrap_or_else(|| since.to_owned());
        let store = feed::read(host, world, person, STORE, since, 200).await?;
        let mut others = vec![(Kind::Memory, "Postgres", 0, store.events)];
        for (of, instance) in [("one by one", MEMORY), ("one by one of Postgres", STORE)] {
            let small = feed::read(host, world, person, instance, &newest, 1).await?;
            others.push((Kind::Pages, of, skipped, small.events));
        }
        if is_all {
            for (of, instance) in [("a stream", MEMORY), ("a stream of Postgres", STORE)] {
                let stream = feed::stream(host, world, person, instance, since, many).await?;
                others.push((Kind::Pages, of, 0, stream));
                let pages = feed::read(host, world, person, instance, since, 37).await?;
                others.push((Kind::Pages, "pages of a few", 0, pages.events));
            }
        }
        let again = feed::read(host, world, person, MEMORY, since, 200).await?;
        if memory.events == again.events {
            for (kind, of, skipped, events) in others {
                same(person, kind, of, &memory.events[skipped..], &events)?;
            }
            return Ok(memory);
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let what = format!("p{person}'s events after {since} do not come to rest");
    Err(Failure::new(Kind::Memory, what))
}

/// Where a reader stands that has this event.
fn cursor(event: &str) -> String {
    let event: Value = serde_json::from_str(event).unwrap_or_default();
    event["cursor"].as_str().unwrap_or_default().to_owned()
}

fn same(
    person: usize,
    kind: Kind,
    of: &str,
    memory: &[String],
    other: &[String],
) -> Result<(), Failure> {
    // What was written after memory was read can only stand at the end.
    let differs = (0..memory.len()).find(|n| memory.get(*n) != other.get(*n));
    differs.map_or(Ok(()), |n| {
        let what = format!(
            "p{person}: event {n} of memory and of {of} differ:\n  {}\n  {:?}",
            memory[n],
            other.get(n)
        );
        Err(Failure::new(kind, what))
    })
}

/// Everything that a person can reach of a conversation: no old text, and what the world says.
pub async fn conversation(
    host: &Host,
    world: &World,
    person: usize,
    of: usize,
    instance: usize,
) -> Result<(), Failure> {
    let by = By::Person(person);
    let path = format!("/v1/conversations/{}", world.conversations[of].id);
    let answer = host.get(world, by, instance, &path).await?;
    receipts::horizons(world, person, of, &answer.body)?;
    let all: Vec<usize> = world.conversations[of].messages.clone();
    let expected: Vec<Value> = all
        .iter()
        .map(|m| world.message(*m, Some(person)))
        .collect();
    let mut after = Vec::new();
    loop {
        let page = format!("{path}/messages?after={}&limit=30", after.len());
        let page = host.get(world, by, instance, &page).await?.body;
        after.extend(
            page["items"]
                .as_array()
                .into_iter()
                .flatten()
                .map(of_message),
        );
        if page["hasMore"] != true {
            break;
        }
    }
    let mut cursor = "0".to_owned();
    let mut changed = Vec::new();
    loop {
        let page = host
            .get(
                world,
                by,
                instance,
                &format!("{path}/messages?since={cursor}&limit=40"),
            )
            .await?;
        changed.extend(
            page.body["items"]
                .as_array()
                .into_iter()
                .flatten()
                .map(of_message),
        );
        cursor = page.cursor();
        if page.body["hasMore"] != true {
            break;
        }
    }
    // In order of last change, each once: nothing is written meanwhile.
    changed.sort_by_key(|message| message["seq"].as_i64());
    for (route, told) in [("after", after), ("since", changed)] {
        if let Some(difference) = difference(&json!(expected), &json!(told)) {
            let what = format!("p{person} {path}/messages?{route}: {difference}");
            return Err(Failure::new(Kind::Snapshot, what));
        }
    }
    Ok(())
}

/// Of a deleted message nothing is left: no text, no earlier ones.
pub async fn revisions(host: &Host, world: &World, instance: usize) -> Result<(), Failure> {
    for message in world.messages.iter().filter(|m| m.is_deleted()) {
        let (Some(id), None) = (
            &message.id,
            world.conversations[message.conversation].deleted,
        ) else {
            continue;
        };
        let path = format!("/v1/messages/{id}/revisions");
        let answer = host.get(world, By::Service, instance, &path).await?;
        Failure::unless(answer.body["items"] == json!([]), Kind::Text, || {
            format!("{path}: {}", answer.text)
        })?;
    }
    Ok(())
}
