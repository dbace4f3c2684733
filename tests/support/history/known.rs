//! What all followers together know of the log, indexed once for the checks.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Conversation, History, Page, Seen, What};

pub(super) struct Known<'h> {
    pub history: &'h History,
    /// Every event that anybody was given.
    pub events: BTreeMap<i64, &'h Seen>,
    /// Client key → where its message stands.
    pub positions: HashMap<&'h str, i64>,
    conversations: HashMap<&'h str, &'h Conversation>,
    /// Per follower, its pages in their order.
    pub pages: Vec<Vec<&'h Page>>,
}

impl<'h> Known<'h> {
    pub fn of(history: &'h History) -> Self {
        let mut known = Self {
            history,
            events: BTreeMap::new(),
            positions: HashMap::new(),
            conversations: HashMap::new(),
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
        known
    }

    pub fn is_member(&self, user: &str, conversation: &str) -> bool {
        let members = self.conversations.get(conversation).map(|c| &c.members);
        members.is_some_and(|members| members.iter().any(|member| member == user))
    }

    /// The events that a user may see, oldest first.
    pub fn feed<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'h Seen> + 'a {
        let mine: HashSet<&str> = self
            .history
            .conversations
            .iter()
            .filter(|conversation| conversation.members.iter().any(|member| member == user))
            .map(|conversation| conversation.id.as_str())
            .collect();
        let events = self.events.values().copied();
        let is_own = move |seen: &Seen| matches!(&seen.what, What::Delivered { by } if by == user);
        events.filter(move |seen| mine.contains(seen.conversation.as_str()) && !is_own(seen))
    }

    /// Every user somebody follows as.
    pub fn users(&self) -> HashSet<&'h str> {
        let followers = self.history.followers.iter();
        followers.map(|follower| follower.user.as_str()).collect()
    }
}
