//! What all followers together know of the log, indexed once for the checks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::messages::acked;
use super::{Conversation, Done, History, Moment, Outcome, Page, Seen, What};
use super::{members, texts};

/// From its first to its last place in the log, both included; none while it lasts.
type Stretch = (i64, Option<i64>);

pub(super) struct Known<'h> {
    pub history: &'h History,
    /// Every event that anybody was given.
    pub events: BTreeMap<i64, &'h Seen>,
    /// Client key → where its message stands.
    pub positions: HashMap<&'h str, i64>,
    conversations: HashMap<&'h str, &'h Conversation>,
    /// Of each member of each conversation, from its joining to its leaving, both included, as the log says.
    intervals: HashMap<(&'h str, &'h str), Vec<Stretch>>,
    /// Per follower, its pages in their order.
    pub pages: Vec<Vec<&'h Page>>,
}

/// Something that an instance has acknowledged, and where in the log that stands.
pub(super) struct Ack<'h> {
    pub at: Moment,
    /// The try that was answered.
    pub took: Duration,
    pub instance: usize,
    pub conversation: &'h str,
    pub position: i64,
}

impl<'h> Known<'h> {
    pub fn of(history: &'h History) -> Self {
        let mut known = Self {
            history,
            events: BTreeMap::new(),
            positions: HashMap::new(),
            conversations: HashMap::new(),
            intervals: HashMap::new(),
            pages: vec![Vec::new(); history.followers.len()],
        };
        for conversation in &history.conversations {
            known.conversations.insert(&conversation.id, conversation);
        }
        for page in &history.pages {
            known.pages[page.follower].push(page);
            for seen in &page.events {
                known.events.entry(seen.position).or_insert(seen);
                if let What::Message { key, .. } = &seen.what {
                    known.positions.entry(key).or_insert(seen.position);
                }
            }
        }
        known.find_intervals();
        known
    }

    fn find_intervals(&mut self) {
        for conversation in &self.history.conversations {
            for member in &conversation.members {
                // From wherever it was created: nobody sees anything of it before.
                let stretch = vec![(0, None)];
                self.intervals.insert((&conversation.id, member), stretch);
            }
        }
        for (position, seen) in &self.events {
            let (user, joins) = match &seen.what {
                What::Joined { user } => (user, true),
                What::Left { user } => (user, false),
                _ => continue,
            };
            let stretches = self
                .intervals
                .entry((&seen.conversation, user))
                .or_default();
            match stretches.last_mut() {
                Some((_, end @ None)) if !joins => *end = Some(*position),
                // Twice the same is for `members` to judge.
                Some((_, None)) => {}
                _ if joins => stretches.push((*position, None)),
                _ => {}
            }
        }
    }

    /// Whether an event at this place is for this user to see.
    pub fn holds(&self, user: &str, conversation: &str, position: i64) -> bool {
        let stretches = self.intervals.get(&(conversation, user));
        stretches.is_some_and(|stretches| {
            let mut all = stretches.iter();
            all.any(|(from, to)| *from <= position && to.is_none_or(|to| position <= to))
        })
    }

    /// The same of one event, which may have an audience.
    pub fn sees(&self, user: &str, seen: &Seen) -> bool {
        let is_own = matches!(&seen.what, What::Delivered { by } if by == user);
        !is_own && self.holds(user, &seen.conversation, seen.position)
    }

    /// Whether this user was in it when it was made.
    pub fn is_founder(&self, user: &str, conversation: &str) -> bool {
        let members = self.conversations.get(conversation).map(|c| &c.members);
        members.is_some_and(|members| members.iter().any(|member| member == user))
    }

    /// Since where the user has been in it, if it is at the end.
    pub fn is_in_since(&self, user: &str, conversation: &str) -> Option<i64> {
        let stretches = self.intervals.get(&(conversation, user))?;
        stretches
            .last()
            .filter(|(_, to)| to.is_none())
            .map(|(from, _)| *from)
    }

    /// The events that a user may see, oldest first.
    pub fn feed<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'h Seen> + 'a {
        let mine: HashSet<&str> = self
            .intervals
            .keys()
            .filter(|(_, member)| *member == user)
            .map(|(conversation, _)| *conversation)
            .collect();
        let events = self.events.values().copied();
        events
            .filter(move |seen| mine.contains(seen.conversation.as_str()) && self.sees(user, seen))
    }

    /// Every user somebody follows as.
    pub fn users(&self) -> HashSet<&'h str> {
        let followers = self.history.followers.iter();
        followers.map(|follower| follower.user.as_str()).collect()
    }

    /// Everything that was acknowledged and that anybody was told.
    pub fn acks(&self) -> Vec<Ack<'h>> {
        let sends = self.history.sends.iter().filter_map(|send| {
            let Outcome::Acked { at, took, .. } = send.outcome else {
                return None;
            };
            Some(Ack {
                at,
                took,
                instance: send.instance,
                conversation: &send.conversation,
                position: *self.positions.get(&*send.key)?,
            })
        });
        let edits = texts::placed(self)
            .into_iter()
            .filter_map(|(edit, position)| {
                let Done::Acked { at, took } = edit.done else {
                    return None;
                };
                Some(Ack {
                    at,
                    took,
                    instance: edit.instance,
                    conversation: &edit.conversation,
                    position: position?,
                })
            });
        let moves = members::placed(self)
            .into_iter()
            .filter_map(|(step, position)| {
                let Done::Acked { at, took } = step.done else {
                    return None;
                };
                Some(Ack {
                    at,
                    took,
                    instance: step.instance,
                    conversation: &step.conversation,
                    position,
                })
            });
        sends.chain(edits).chain(moves).collect()
    }

    /// The id under which a client key is stored, as its answer or anybody's event says.
    pub fn ids(&self) -> HashMap<&'h str, &'h str> {
        let told = self.events.values().filter_map(|seen| match &seen.what {
            What::Message { key, id, .. } => Some((key.as_str(), id.as_str())),
            _ => None,
        });
        let answered = self.history.sends.iter().filter_map(|send| {
            let (_, stored) = acked(send)?;
            Some((send.key.as_str(), stored.id.as_str()))
        });
        told.chain(answered).collect()
    }
}
