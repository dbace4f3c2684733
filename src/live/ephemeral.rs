//! What is true now and kept nowhere, for the whole instance: who types, who is there, and whom that is of interest to.
//! Nothing here is in the log, and all of it is dropped first when there is too much to do.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Live;
use super::feed::Feed;
use super::held::Held;
use super::person::Person;
use super::speaker::{self, Payload, Word, drop_words};
use super::typing::{LASTS_MS, TypingWord, Typist, Typists};
use crate::model::{EventKind, UserKey};
use crate::store::ephemeral;
use crate::store::presence::Seen;

#[derive(Debug)]
pub(super) struct Ephemeral {
    /// The contacts of all feeds here.
    pub(super) people: DashMap<UserKey, Arc<Person>>,
    pub(super) typists: Typists,
    /// Feeds whose readers are to be woken, each once.
    queue: Mutex<VecDeque<Arc<Feed>>>,
    /// Stands in what this instance says, so that it does not listen to itself.
    name: String,
    words: OnceLock<mpsc::Sender<Word>>,
    /// How long somebody counts as being there after they were seen, in milliseconds; longer who is told to come later.
    pub(super) presence_ms: u64,
}

impl Ephemeral {
    pub(super) fn new(presence: Duration) -> Self {
        Self {
            people: DashMap::new(),
            typists: Typists::default(),
            queue: Mutex::default(),
            name: format!("{:016x}", rand::random::<u64>()),
            words: OnceLock::new(),
            presence_ms: presence.as_millis() as u64,
        }
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Arc<Feed>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, word: Word) {
        let told = self.words.get().is_some_and(|to| to.try_send(word).is_ok());
        drop_words(u64::from(!told));
    }

    /// Marks feeds at once, and has those who wait for it woken a few at a time.
    pub(super) fn change(&self, feeds: impl IntoIterator<Item = Arc<Feed>>) {
        for feed in feeds {
            feed.view.mark();
            if feed.wants_ephemeral() && feed.view.enqueue() {
                self.queue().push_back(feed);
            }
        }
    }

    /// Wakes the next few of the queue, but for those that were woken a moment ago. Gives how many are left.
    pub(super) fn wake(&self, most: usize) -> usize {
        let mut queue = self.queue();
        let most = most.min(queue.len());
        let some: Vec<_> = queue.drain(..most).collect();
        let (rested, tired): (Vec<_>, Vec<_>) =
            some.into_iter().partition(|feed| feed.view.has_rested());
        queue.extend(tired);
        let left = queue.len();
        drop(queue);
        for feed in rested {
            // First: a change from here on queues it again.
            feed.view.dequeue();
            feed.wake_ephemeral();
        }
        left
    }

    /// Takes in what was heard of people, as far as anybody here shows them.
    pub(super) fn learn(&self, all: &[Seen]) {
        for seen in all {
            let person = self.people.get(&seen.key).map(|person| person.clone());
            if let Some(person) = person.filter(|person| person.learn(seen)) {
                self.change(person.watchers());
            }
        }
    }

    /// Those whose time is over are OFFLINE.
    pub(super) fn expire(&self) {
        let over: Vec<_> = self
            .people
            .iter()
            .filter(|person| person.expire())
            .map(|person| person.clone())
            .collect();
        for person in over {
            self.change(person.watchers());
        }
    }
}

impl Live {
    pub(super) fn start_ephemeral(self: &Arc<Self>, url: String) {
        let (words, spoken) = mpsc::channel(speaker::WAITING);
        // Started once.
        let _ = self.ephemeral.words.set(words);
        tokio::spawn(speaker::run(url, self.ephemeral.name.clone(), spoken));
        tokio::spawn(self.clone().beat());
    }

    /// A member says that they type, or that they have ended.
    pub fn type_in(&self, by: &UserKey, at: Uuid, is_typing: bool, typist: ephemeral::Typist) {
        if is_typing && !typist.is_heard {
            return;
        }
        let word = TypingWord {
            tenant: by.tenant.to_string(),
            user: by.id.to_string(),
            conversation: at,
            name: typist.name,
            at: typist.at,
            left_ms: if is_typing { LASTS_MS } else { 0 },
        };
        if self.ephemeral.typists.admit(&word) {
            self.take_typing(&word);
            self.ephemeral.tell(Word::Typing(word));
        }
    }

    fn take_typing(&self, word: &TypingWord) {
        // Told by another way than messages, a start may come after the message that it announced.
        if word.left_ms > 0 && self.has_sent_since(word) {
            return;
        }
        for typist in self.ephemeral.typists.take(word) {
            self.show(&typist);
        }
    }

    fn has_sent_since(&self, word: &TypingWord) -> bool {
        let is_newer = |held: &&Arc<Held>| held.row.occurred_at > word.at;
        let is_theirs = |held: &Arc<Held>| {
            held.row.kind == EventKind::MessageCreated
                && held.row.tenant_id == word.tenant
                && held.sender.as_deref() == Some(&word.user)
        };
        let core = self.core();
        let events = core.ring.of_conversation(&word.conversation).rev();
        events.take_while(is_newer).any(is_theirs)
    }

    /// Whose typing has begun or ended is told to the conversation, and not to their own devices.
    pub(super) fn show(&self, typist: &Arc<Typist>) {
        let core = self.core();
        let feeds = core.by_conversation.get(&typist.conversation);
        let feeds = feeds.cloned().unwrap_or_default();
        drop(core);
        let is_sure = self.is_sure();
        for feed in feeds {
            add(&feed, typist);
            feed.view.mark();
            if is_sure {
                feed.wake_ephemeral();
            } else {
                self.ephemeral.change([feed]);
            }
        }
    }

    /// After messages were applied, and before those are woken who wait for them.
    pub(super) fn end_typing(&self, sent: &[Arc<Held>]) {
        for typist in sent
            .iter()
            .filter_map(|held| self.ephemeral.typists.sent(held))
        {
            self.show(&typist);
        }
    }

    /// What is to be shown of one person has changed by their own choice: at once, here and elsewhere.
    pub fn choose_presence(&self, seen: Seen) {
        self.ephemeral.tell(Word::Presence((&seen).into()));
        self.ephemeral.learn(&[seen]);
    }

    /// What another instance says.
    pub(super) fn hear(&self, payload: &str) {
        let payload: Payload = match serde_json::from_str(payload) {
            Ok(payload) => payload,
            // Of a newer version, in the minutes of a deploy.
            Err(error) => return tracing::debug!(%error, "not understood"),
        };
        if payload.from == self.ephemeral.name {
            return;
        }
        for word in payload.words {
            match word {
                Word::Typing(word) => self.take_typing(&word),
                Word::Presence(word) => self.ephemeral.learn(&[word.into()]),
            }
        }
    }
}

/// Has a feed show somebody who types, unless it is themselves.
pub(super) fn add(feed: &Arc<Feed>, typist: &Arc<Typist>) {
    if feed.key.tenant == typist.key.tenant && feed.key != typist.key {
        feed.view.add(typist);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::beat::WOKEN;
    use crate::store::unread::Snapshot;

    fn feed(n: usize) -> Arc<Feed> {
        let snapshot = Snapshot {
            head: 0,
            intervals: Vec::new(),
            notifications: 0,
        };
        let key = UserKey::new("t", &n.to_string());
        Arc::new(Feed::new(key, 0, &snapshot))
    }

    #[test]
    fn one_persons_change_wakes_ten_thousand_feeds_a_few_at_a_time_and_each_once() {
        let here = Ephemeral::new(Duration::from_secs(75));
        let feeds: Vec<_> = (0..10_000).map(feed).collect();
        let watches: Vec<_> = feeds.iter().map(Feed::watch).collect();
        here.change(feeds.clone());
        assert_eq!(here.wake(WOKEN), 0, "nobody waits for this");
        watches.iter().for_each(|watch| watch.want_ephemeral());
        let plain = feed(10_000);
        here.change(feeds.iter().chain([&plain]).cloned());
        here.change(feeds.clone());
        let left: Vec<_> = (0..5).map(|_| here.wake(WOKEN)).collect();
        assert_eq!(left, [8_000, 6_000, 4_000, 2_000, 0]);
        here.change(feeds.iter().take(1).cloned());
        assert_eq!(here.wake(WOKEN), 1, "again at the next change, not at once");
        std::thread::sleep(Duration::from_millis(1_100));
        assert_eq!(here.wake(WOKEN), 0);
    }
}
