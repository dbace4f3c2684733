//! The newest events of the log, of all users: what feeds are born from, and what they share.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use uuid::Uuid;

use super::RingSize;
use super::held::Held;
use crate::model::{EventKind, Position, UserKey};
use crate::store::render::Rendered;

/// Bounded by number and by bytes; the oldest go first.
pub(super) struct Ring {
    size: RingSize,
    events: VecDeque<(Arc<Held>, usize)>,
    /// Everything above this and up to the newest is here.
    floor: Position,
    bytes: usize,
    by_conversation: HashMap<Uuid, VecDeque<Arc<Held>>>,
    by_audience: HashMap<UserKey, VecDeque<Arc<Held>>>,
    /// Events that show a whole conversation or a member of it, which change with more than the event itself.
    showing: HashMap<Uuid, Vec<Arc<Held>>>,
}

impl Ring {
    pub(super) fn new(size: RingSize) -> Self {
        Self {
            size,
            events: VecDeque::new(),
            floor: 0,
            bytes: 0,
            by_conversation: HashMap::new(),
            by_audience: HashMap::new(),
            showing: HashMap::new(),
        }
    }

    /// Empties it: it is complete from `floor` on.
    pub(super) fn clear(&mut self, floor: Position) {
        *self = Self {
            floor,
            ..Self::new(self.size)
        };
    }

    pub(super) fn floor(&self) -> Position {
        self.floor
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_full(&self) -> bool {
        self.events.len() >= self.size.events || self.bytes * 2 > self.size.bytes
    }

    /// Adds the next event, and forgets the content of events whose resource it changed.
    pub(super) fn push(&mut self, event: Rendered) -> Arc<Held> {
        let held = Arc::new(Held::new(event));
        self.forget_changed(&held);
        match Index::of(&held) {
            Index::Audience(key) => self
                .by_audience
                .entry(key)
                .or_default()
                .push_back(held.clone()),
            Index::Conversation(id) => self
                .by_conversation
                .entry(id)
                .or_default()
                .push_back(held.clone()),
            Index::None => {}
        }
        if let (true, Some(id)) = (held.row.kind.shows_members(), held.row.conversation_id) {
            self.showing.entry(id).or_default().push(held.clone());
        }
        let bytes = held.bytes();
        self.bytes += bytes;
        self.events.push_back((held.clone(), bytes));
        while self.events.len() > self.size.events || self.bytes > self.size.bytes {
            self.evict();
        }
        held
    }

    fn evict(&mut self) {
        let Some((oldest, bytes)) = self.events.pop_front() else {
            return;
        };
        self.floor = oldest.row.position;
        self.bytes -= bytes;
        // Each index holds its events in the same order, so the oldest is at its front.
        match Index::of(&oldest) {
            Index::Audience(key) => drop_front(&mut self.by_audience, &key),
            Index::Conversation(id) => drop_front(&mut self.by_conversation, &id),
            Index::None => {}
        }
        if oldest.row.kind.shows_members()
            && let Some(id) = oldest.row.conversation_id
            && let Some(showing) = self.showing.get_mut(&id)
        {
            showing.retain(|held| !Arc::ptr_eq(held, &oldest));
            if showing.is_empty() {
                self.showing.remove(&id);
            }
        }
    }

    fn forget_changed(&self, event: &Held) {
        let id = event.row.conversation_id;
        let showing = || {
            id.and_then(|id| self.showing.get(&id))
                .into_iter()
                .flatten()
        };
        match event.row.kind {
            // A horizon or a role moved, by a receipt or by a message of one's own: whole conversations show it, and what
            // is said of that member.
            EventKind::MessageCreated | EventKind::ReceiptRead | EventKind::ReceiptDelivered => {
                let who = match event.row.kind {
                    EventKind::MessageCreated => event.sender.as_deref(),
                    _ => event.row.actor_id.as_deref(),
                };
                showing()
                    .filter(|held| shows(held, who))
                    .for_each(|held| held.forget());
            }
            EventKind::MemberUpdated => showing()
                .filter(|held| shows(held, event.row.subject_user_id.as_deref()))
                .for_each(|held| held.forget()),
            EventKind::ConversationUpdated | EventKind::ConversationDeleted => showing()
                .filter(|held| held.row.kind.shows_conversation())
                .for_each(|held| held.forget()),
            // Its text stands in its own events, and in those of its answers.
            EventKind::MessageUpdated | EventKind::MessageDeleted => {
                let message = event.row.message_id;
                let of = id.and_then(|id| self.by_conversation.get(&id));
                let of = of.into_iter().flatten();
                #[cfg(feature = "planted-faults")]
                let of = of.filter(|held| !crate::faults::keeps(held.row.message_id == message));
                of.filter(|held| held.row.message_id == message || held.reply_to == message)
                    .for_each(|held| held.forget());
            }
            EventKind::UserUpdated if event.row.is_erasure() => self.forget_erased(event),
            // Rare, and the name stands in messages and conversations of any age.
            // One look for each person: the event for their own devices comes first, those for others after it.
            EventKind::UserUpdated if event.row.audience_user_id.is_none() => {}
            EventKind::UserUpdated => self.events.iter().for_each(|(held, _)| {
                let is_message = held.row.message_id.is_some();
                let shows =
                    held.row.kind.shows_members() || (is_message && held.reply_to.is_some());
                // Whoever deletes another's message stands in the event, and the sender in its content.
                let is_of = |id: &Option<String>| id.is_some() && *id == event.row.subject_user_id;
                if shows || is_of(&held.row.actor_id) || is_of(&held.sender) {
                    held.forget();
                }
            }),
            EventKind::NotificationRead | EventKind::NotificationDeleted => {
                self.forget_notified(event);
            }
            EventKind::ConversationCreated
            | EventKind::MemberJoined
            | EventKind::MemberLeft
            | EventKind::NotificationCreated => {}
        }
    }

    /// What was said of this notification; where those before it are read as well, of all of this person's.
    fn forget_notified(&self, event: &Held) {
        let Some(user) = &event.row.audience_user_id else {
            return;
        };
        let all = event.row.kind == EventKind::NotificationRead && event.row.seq.is_some();
        let id = event.row.notification_id;
        self.of_user(&UserKey::new(&event.row.tenant_id, user))
            .filter(|held| held.row.notification_id.is_some())
            .filter(|held| all || held.row.notification_id == id)
            .for_each(|held| held.forget());
    }

    /// Rare, and of texts, excerpts and names of any age: everything of the tenant at once, and then of each conversation
    /// as it is blanked, where notices are worded anew.
    fn forget_erased(&self, event: &Held) {
        let Some(id) = event.row.conversation_id else {
            let all = self.events.iter().map(|(held, _)| held);
            return all
                .filter(|held| held.row.tenant_id == event.row.tenant_id)
                .for_each(|held| held.forget());
        };
        self.of_conversation(&id)
            .filter(|held| held.row.message_id.is_some())
            .for_each(|held| held.forget());
    }

    /// Events of a conversation that everybody in it sees, oldest first.
    pub(super) fn of_conversation(&self, id: &Uuid) -> impl DoubleEndedIterator<Item = &Arc<Held>> {
        self.by_conversation.get(id).into_iter().flatten()
    }

    /// Events for one user alone, oldest first.
    pub(super) fn of_user(&self, key: &UserKey) -> impl Iterator<Item = &Arc<Held>> {
        self.by_audience.get(key).into_iter().flatten()
    }

    /// Everything above a position, oldest first.
    pub(super) fn after(&self, position: Position) -> impl Iterator<Item = &Arc<Held>> {
        let start = self
            .events
            .partition_point(|(held, _)| held.row.position <= position);
        self.events.iter().skip(start).map(|(held, _)| held)
    }
}

/// Whether it shows a whole conversation, or this member of it.
fn shows(held: &Held, who: Option<&str>) -> bool {
    held.row.kind.shows_conversation()
        || (who.is_some() && held.row.subject_user_id.as_deref() == who)
}

/// Under which key an event is found.
enum Index {
    Audience(UserKey),
    Conversation(Uuid),
    None,
}

impl Index {
    fn of(held: &Held) -> Self {
        match (&held.row.audience_user_id, held.row.conversation_id) {
            (Some(user), _) => Self::Audience(UserKey::new(&held.row.tenant_id, user)),
            (None, Some(id)) => Self::Conversation(id),
            (None, None) => Self::None,
        }
    }
}

fn drop_front<K: Eq + std::hash::Hash>(index: &mut HashMap<K, VecDeque<Arc<Held>>>, key: &K) {
    if let Some(events) = index.get_mut(key) {
        events.pop_front();
        if events.is_empty() {
            index.remove(key);
        }
    }
}
