//! What the host tells people, and what they do with it.

use reqwest::Method;
use serde_json::{Value, json};

use super::choice::Choice;
use super::host::{Ask, Host};
use super::judge::Verdict;
use super::op::What;
use super::world::{By, Event, World};
use super::{Failure, Kind};

/// What is asked about notifications. By their place in the world.
#[derive(Debug, Clone)]
pub enum Step {
    Tell { people: Vec<usize>, title: String },
    Read(usize),
    ReadAll,
    Delete(usize),
}

#[derive(Debug)]
pub struct Notification {
    id: String,
    person: usize,
    title: Option<String>,
    is_read: bool,
}

impl Notification {
    fn is_unread(&self) -> bool {
        !self.is_read && self.title.is_some()
    }

    fn shown(&self) -> Value {
        json!({ "id": self.id, "title": self.title, "isRead": self.is_read, "isDeleted": self.title.is_none() })
    }
}

pub fn of_notification(told: &Value) -> Value {
    json!({ "id": told["id"], "title": told["title"], "isRead": told["readAt"].is_string(), "isDeleted": told["isDeleted"] })
}

impl Choice<'_> {
    pub fn notification(&self, text: &str, people: usize) -> Option<Step> {
        let title: String = text.chars().take(60).collect();
        let (op, all) = (self.op, &self.world.notifications);
        if op.what == What::Tell {
            let first = op.at as usize % people;
            let mut people = vec![first, (first + 1 + op.with as usize) % people];
            people.dedup();
            people.truncate(1 + op.with as usize % 3 / 2);
            if op.at.is_multiple_of(31) {
                people.push(self.world.people.len());
            }
            return Some(Step::Tell { people, title });
        }
        if op.what == What::ReadAllNotifications {
            return Some(Step::ReadAll);
        }
        let is_mine = |n: &usize| Some(all[*n].person) == self.me() || op.with.is_multiple_of(9);
        let some: Vec<usize> = (0..all.len()).filter(is_mine).collect();
        // Mostly one of the newest.
        let back = (op.at as usize).checked_rem(some.len().min(9))?;
        let one = some[some.len() - 1 - back];
        Some(match op.what {
            What::ReadNotification => Step::Read(one),
            _ => Step::Delete(one),
        })
    }
}

impl Step {
    pub fn ask(&self, world: &World) -> Ask {
        let of = |n: &usize| format!("/v1/notifications/{}", world.notifications[*n].id);
        let (method, path, body) = match self {
            Self::Tell { people, title } => {
                let ids: Vec<_> = people.iter().map(|p| world.person_id(*p)).collect();
                let body = json!({ "userIds": ids, "type": "T", "title": title });
                (Method::POST, "/v1/notifications".to_owned(), Some(body))
            }
            Self::Read(n) => (Method::POST, format!("{}/read", of(n)), None),
            Self::ReadAll => (Method::POST, "/v1/notifications/read-all".to_owned(), None),
            Self::Delete(n) => (Method::DELETE, of(n), None),
        };
        Ask::of(method, &path, body)
    }
}

impl World {
    pub fn judge_step(&self, by: By, step: &Step) -> Verdict {
        let is_own = |n: &usize| by == By::Person(self.notifications[*n].person);
        match step {
            Step::Tell { .. } if by != By::Service => Err((403, "service-only")),
            Step::Tell { people, .. } if people.iter().any(|p| !self.is_known(*p)) => {
                Err((422, "user-unknown"))
            }
            Step::Tell { .. } => Ok(201),
            Step::ReadAll => Ok(204),
            Step::Read(n) if is_own(n) && self.notifications[*n].title.is_some() => Ok(204),
            Step::Delete(n) if is_own(n) || by == By::Service => Ok(204),
            Step::Read(_) | Step::Delete(_) => Err((404, "not-found")),
        }
    }

    pub fn step(&mut self, by: By, step: &Step) {
        match step {
            Step::Tell { people, title } => {
                for person in people {
                    self.notifications.push(Notification {
                        id: String::new(),
                        person: *person,
                        title: Some(title.clone()),
                        is_read: false,
                    });
                    self.tell_of("notification.created", self.notifications.len() - 1);
                }
            }
            Step::Read(n) if self.notifications[*n].is_unread() => {
                self.notifications[*n].is_read = true;
                self.tell_of("notification.read", *n);
            }
            Step::Read(_) => {}
            Step::ReadAll => {
                let unread = self.unread_notifications(by);
                for n in &unread {
                    self.notifications[*n].is_read = true;
                }
                if let Some(newest) = unread.last() {
                    self.tell_of("notification.read", *newest);
                }
            }
            // Said again: done.
            Step::Delete(n) if self.notifications[*n].title.is_none() => {}
            Step::Delete(n) => {
                let title = self.notifications[*n].title.take().unwrap_or_default();
                let is_said = |one: &Notification| one.title.as_deref() == Some(&*title);
                // The same may have been told to another, too.
                if !self.notifications.iter().any(is_said) {
                    self.bury(&title);
                }
                self.tell_of("notification.deleted", *n);
            }
        }
    }

    fn tell_of(&mut self, kind: &'static str, notification: usize) {
        self.log.push(Event {
            kind,
            conversation: None,
            actor: None,
            audience: Some(self.notifications[notification].person),
            detail: notification.to_string(),
        });
    }

    /// The oldest first.
    fn unread_notifications(&self, by: By) -> Vec<usize> {
        let is_unread = |n: &usize| {
            let one = &self.notifications[*n];
            one.is_unread() && by == By::Person(one.person)
        };
        (0..self.notifications.len()).filter(is_unread).collect()
    }

    /// The world learns the ids of what was told.
    pub fn bind_notifications(&mut self, step: &Step, body: &Value) {
        let Step::Tell { people, .. } = step else {
            return;
        };
        let first = self.notifications.len() - people.len();
        for (n, item) in body["items"].as_array().into_iter().flatten().enumerate() {
            let id = item["id"].as_str().unwrap_or_default();
            self.notifications[first + n].id = id.to_owned();
        }
    }

    /// What an event tells of it, as it is now.
    pub fn notification(&self, detail: &str) -> Value {
        let found = detail.parse().ok();
        let found = found.and_then(|n: usize| self.notifications.get(n));
        found.map(Notification::shown).unwrap_or_default()
    }
}

/// How many are unread, as `unread` of a poll tells it.
pub fn unread(world: &World, person: usize, told: &Value, by: &str) -> Result<(), Failure> {
    let expected = world.unread_notifications(By::Person(person)).len();
    Failure::unless(told["notifications"] == expected, Kind::Unread, || {
        format!("p{person} by {by}: {expected} notifications are unread, not {told}")
    })
}

/// The list, page by page, and the count beside it.
pub async fn list(host: &Host, world: &World, person: usize, at: usize) -> Result<(), Failure> {
    let (mut told, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/notifications?limit=7{token}");
        let page = host.get(world, By::Person(person), at, &path).await?.body;
        let count = json!({ "notifications": page["unreadCount"] });
        unread(world, person, &count, &path)?;
        let items = page["items"].as_array().into_iter().flatten();
        told.extend(items.map(of_notification));
        match page["nextPageToken"].as_str() {
            Some(next) => token = format!("&pageToken={next}"),
            None => break,
        }
    }
    let all = world.notifications.iter().rev();
    let mine = all.filter(|one| one.person == person && one.title.is_some());
    let expected: Vec<Value> = mine.map(Notification::shown).collect();
    Failure::unless(told == expected, Kind::Snapshot, || {
        format!("p{person}'s notifications are {told:?}, should be {expected:?}")
    })
}
