//! Who has received and read what: per message as `GET …/receipts` says it, and as members and own messages show it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::host::Host;
use super::world::{By, World};
use super::{Failure, Kind};

/// Asks for the receipts of a message, and holds them against the marks of the world.
pub async fn check(
    host: &Host,
    world: &World,
    viewer: usize,
    instance: usize,
    message: usize,
) -> Result<(), Failure> {
    let Some(id) = &world.messages[message].id else {
        return Ok(());
    };
    let path = format!("/v1/messages/{id}/receipts");
    let answer = host.get(world, By::Person(viewer), instance, &path).await?;
    let items: Vec<&Value> = answer.body["items"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let recipients = world.recipients(message);
    let told: Vec<&str> = items
        .iter()
        .filter_map(|item| item["user"]["id"].as_str())
        .collect();
    let wrong = |what: &str| {
        Failure::new(
            Kind::Receipts,
            format!("p{viewer} {path}: {what}: {}", answer.text),
        )
    };
    let expected: Vec<String> = recipients
        .iter()
        .map(|person| world.person_id(*person))
        .collect();
    if told != expected {
        return Err(wrong(&format!("the recipients are {expected:?}")));
    }
    for (person, item) in recipients.into_iter().zip(items) {
        one(world, message, person, item).map_err(|what| wrong(&what))?;
    }
    Ok(())
}

fn one(world: &World, message: usize, person: usize, item: &Value) -> Result<(), String> {
    let of = &world.messages[message];
    let conversation = &world.conversations[of.conversation];
    let is_told = world.receipts && !world.people[person].receipts_off;
    let marks = conversation.marks.iter();
    let mark = marks
        .filter(|m| is_told && m.person == person && m.up_to >= of.seq)
        .min_by_key(|m| m.up_to);
    let [read, delivered] = ["readAt", "deliveredAt"].map(|at| instant(&item[at]));
    let Some(mark) = mark else {
        let may_arrive =
            is_told && !conversation.is_group && world.arrived(person, of.conversation) >= of.seq;
        return match (item["status"].as_str(), read, delivered) {
            (Some("SENT"), None, None) => Ok(()),
            (Some("DELIVERED"), None, Some(at)) if may_arrive && at <= Utc::now() => Ok(()),
            _ => Err(format!(
                "p{person} has not read it, may have received it: {may_arrive}"
            )),
        };
    };
    let (from, to) = mark.between;
    let is_right = item["status"] == "READ"
        && read.is_some_and(|at| from <= at && at <= to)
        && delivered.is_some_and(|at| read.is_some_and(|read| at <= read));
    is_right
        .then_some(())
        .ok_or_else(|| format!("p{person} read it between {from} and {to}"))
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok()
}

impl World {
    /// Those who were members when it was sent and are, in order of joining, the sender excepted.
    pub fn recipients(&self, message: usize) -> Vec<usize> {
        let of = &self.messages[message];
        let conversation = &self.conversations[of.conversation];
        let mut current: Vec<_> = conversation
            .current()
            .filter(|s| of.sender != Some(s.person) && conversation.holds(s.person, of.created))
            .collect();
        current.sort_by_key(|s| (s.joined, self.person_id(s.person)));
        current.into_iter().map(|s| s.person).collect()
    }
}

/// In an answer to a member: nobody has received less than they have read, nor more than polls have proven, and the
/// last message's status is what its members' horizons say.
pub fn horizons(world: &World, viewer: usize, of: usize, answer: &Value) -> Result<(), Failure> {
    let wrong = |what: String| Failure::new(Kind::Receipts, format!("p{viewer}: {what}: {answer}"));
    let is_group = world.conversations[of].is_group;
    let me = world.person_id(viewer);
    let last = &answer["lastMessage"];
    let mut least: Option<(i64, i64)> = None;
    for member in answer["members"].as_array().into_iter().flatten() {
        let [read, delivered] =
            ["readUpTo", "deliveredUpTo"].map(|at| member[at].as_i64().unwrap_or(-1));
        let person = world
            .people
            .iter()
            .position(|p| member["user"]["id"] == *p.id)
            .unwrap_or(viewer);
        let most = if is_group || !world.receipts {
            read
        } else {
            world.arrived(person, of).max(read)
        };
        if delivered < read || delivered > most {
            return Err(wrong(format!(
                "p{person} has received up to {read} to {most}"
            )));
        }
        // Those who were there when it was sent, and who tell.
        let was_there = instant(&member["joinedAt"]) <= instant(&last["createdAt"]);
        if member["user"]["id"] != *me && was_there {
            let is_told = !world.people[person].receipts_off;
            let (read, delivered) = if is_told { (read, delivered) } else { (0, 0) };
            let (all_read, all_delivered) = least.unwrap_or((i64::MAX, i64::MAX));
            least = Some((all_read.min(read), all_delivered.min(delivered)));
        }
    }
    let Some(status) = last.get("status") else {
        return Ok(());
    };
    let seq = last["seq"].as_i64().unwrap_or(0);
    let others = world.conversations[of].current().count() - 1;
    let expected = match least {
        Some((read, _)) if others < super::world::PUBLIC && read >= seq => "READ",
        Some((_, delivered)) if others < super::world::PUBLIC && delivered >= seq => "DELIVERED",
        _ => "SENT",
    };
    if *status == json!(expected) {
        Ok(())
    } else {
        Err(wrong(format!("the last message is {expected}")))
    }
}
