//! A client that knows only the contract: it starts from a snapshot, folds the events after it, and asks for what it
//! does not hold.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::feed::{self, Reading};
use super::held::{Held, text};
use super::host::Host;
use super::snapshot::Snapshot;
use super::world::{By, World};
use super::{Failure, Kind, notifications};

/// One device of one person.
pub struct Device {
    pub person: usize,
    id: String,
    pub held: BTreeMap<String, Held>,
    /// Deleted for oneself, as far as the device was told.
    deleted: BTreeSet<String>,
    pub cursor: String,
    /// Where it stood when it had caught up before.
    pub before: String,
}

impl Device {
    pub fn start(world: &World, person: usize, snapshot: &Snapshot) -> Self {
        let items = snapshot.items.iter();
        Self {
            person,
            id: world.person_id(person),
            held: items
                .map(|item| (text(&item["id"]), Held::of(item)))
                .collect(),
            deleted: BTreeSet::new(),
            cursor: snapshot.cursor.clone(),
            before: snapshot.cursor.clone(),
        }
    }

    /// Polls to the end and folds what came.
    pub async fn follow(
        &mut self,
        host: &Host,
        world: &mut World,
        instance: usize,
        limit: usize,
    ) -> Result<Reading, Failure> {
        let reading = feed::read(host, world, self.person, instance, &self.cursor, limit).await?;
        for event in &reading.events {
            let event = serde_json::from_str(event).unwrap_or_default();
            self.fold(host, world, instance, &event).await?;
        }
        self.before = std::mem::replace(&mut self.cursor, reading.cursor.clone());
        let mut counts = reading.unread["changed"].clone();
        if reading.pages > 1 {
            // A backlog tells of its last page only.
            let all = host
                .get(world, By::Person(self.person), instance, "/v1/unread")
                .await?;
            counts = all.body["conversations"].clone();
            for held in self.held.values_mut() {
                held.me["unreadCount"] = 0.into();
            }
        }
        for count in counts.as_array().into_iter().flatten() {
            if let Some(held) = self.held.get_mut(&text(&count["id"])) {
                held.me["unreadCount"] = count["unreadCount"].clone();
            }
        }
        notifications::unread(world, self.person, &reading.unread, "its device")?;
        let sum: i64 = self
            .held
            .values()
            .filter_map(|held| held.me["unreadCount"].as_i64())
            .sum();
        Failure::unless(reading.unread["total"] == sum, Kind::Unread, || {
            format!(
                "p{}: {} in all, of the conversations {sum}",
                self.person, reading.unread
            )
        })?;
        Ok(reading)
    }

    async fn fold(
        &mut self,
        host: &Host,
        world: &World,
        instance: usize,
        event: &Value,
    ) -> Result<(), Failure> {
        let (of, data) = (text(&event["conversationId"]), &event["data"]);
        let kind = event["type"].as_str().unwrap_or_default();
        let me = self.id.clone();
        let is_own = |id: &Value| id.as_str() == Some(&*me);
        let is_missing = match kind {
            "message.created" => !self.held.contains_key(&of),
            "member.joined" => is_own(&data["member"]["user"]["id"]),
            "conversation.updated" => {
                data.get("status").is_some()
                    && !self.held.contains_key(&of)
                    && !self.deleted.contains(&of)
            }
            _ => false,
        };
        if is_missing {
            self.fetch(host, world, instance, &of).await?;
        }
        match kind {
            "conversation.created" => {
                self.held
                    .insert(of, Held::of_event(&data["conversation"], &me));
            }
            "conversation.deleted" => {
                self.deleted.insert(of.clone());
                self.held.remove(&of);
            }
            "member.left" if is_own(&data["member"]["user"]["id"]) => {
                self.held.remove(&of);
            }
            "user.updated" => {
                let user = &data["user"];
                let named = self
                    .held
                    .values_mut()
                    .filter_map(|held| held.members.get_mut(user["id"].as_str()?));
                named.for_each(|member| member["name"] = user["name"].clone());
            }
            _ => {
                if let Some(held) = self.held.get_mut(&of) {
                    held.fold(kind, data, &me);
                }
            }
        }
        Ok(())
    }

    /// Holds it as it is now. Who may not see it any more will be told why.
    async fn fetch(
        &mut self,
        host: &Host,
        world: &World,
        instance: usize,
        of: &str,
    ) -> Result<(), Failure> {
        let ask = super::host::Ask::get(&format!("/v1/conversations/{of}"));
        let answer = host.ask(By::Person(self.person), instance, &ask).await?;
        super::host::no_dead_text(world, &answer.text, || ask.to_string())?;
        if answer.status == 200 {
            self.deleted.remove(of);
            self.held.insert(of.to_owned(), Held::of(&answer.body));
        }
        Ok(())
    }

    /// What differs between what was folded and a fresh snapshot.
    pub fn difference(&self, fresh: &Snapshot) -> Option<String> {
        let other = Held::of;
        let mut later: Option<&str> = None;
        let mut ids = BTreeSet::new();
        for item in &fresh.items {
            let id = text(&item["id"]);
            let Some(held) = self.held.get(&id) else {
                return Some(format!("it does not hold {item}"));
            };
            let (folded, fresh) = (held.compared(&self.id), other(item).compared(&self.id));
            if let Some(difference) = super::view::difference(&fresh, &folded) {
                return Some(format!("{id}: {difference}"));
            }
            // The archive is another list.
            if item["me"]["status"] == "ACTIVE" {
                if later.is_some_and(|later| *held.at > *later) {
                    return Some(format!("{id} of {} stands below {later:?}", held.at));
                }
                later = Some(&held.at);
            }
            ids.insert(id);
        }
        let more = self.held.keys().find(|id| !ids.contains(*id));
        more.map(|id| format!("it holds {id}, which is not there: {:?}", self.held[id]))
    }
}
