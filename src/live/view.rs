//! What one feed shows that is not in the log: who of its people types, and who is there. Put together when it is asked
//! for and something has changed; until then the same bytes, and the same hash, are given again.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::clock::now;
use super::feed::Feed;
use super::held::Held;
use super::person::Person;
use super::standing::Standing;
use super::typing::Typist;
use crate::model::{EphemeralState, EventKind, Presence, PresenceStatus, Time, Typing};

/// The present state for one user, serialised.
#[derive(Debug)]
pub struct Shown {
    /// An `EphemeralState`, in one line.
    pub json: Vec<u8>,
    /// Of who types where and who is there: the same on every instance. When somebody was last seen is no part of it.
    pub hash: u64,
}

/// Contacts are read again this many milliseconds after they were, at the earliest.
const READ_EVERY: u64 = 10_000;
/// After a read that was not made for the load.
const TRY_AGAIN: u64 = 1_000;
/// After this many milliseconds the times at which people were seen are told anew.
const STALE_AFTER: u64 = 30_000;
/// Somebody with hundreds of contacts is told of their coming and going together, this many milliseconds apart.
const WAKE_EVERY: u64 = 1_000;
const NEVER: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct View {
    kept: Mutex<Kept>,
    /// The conversations that its contacts are from. Looked at by the tail, so not under the lock of what is shown.
    looked: Mutex<HashSet<Uuid>>,
    is_dirty: AtomicBool,
    /// In the queue of those that are to be woken.
    is_queued: AtomicBool,
    woken_at: AtomicU64,
    /// When contacts are to be read; 0 = they never were.
    due: AtomicU64,
    read_at: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    /// By id.
    contacts: Vec<Arc<Person>>,
    typists: Vec<Arc<Typist>>,
    shown: Option<Arc<Shown>>,
    made_at: u64,
}

impl Default for View {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            looked: Mutex::default(),
            is_dirty: AtomicBool::new(true),
            is_queued: AtomicBool::new(false),
            woken_at: AtomicU64::new(0),
            due: AtomicU64::new(0),
            read_at: AtomicU64::new(0),
        }
    }
}

impl View {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn looked(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After the change it is about: whoever puts it together from here on sees that.
    pub(super) fn mark(&self) {
        self.is_dirty.store(true, Ordering::Release);
    }

    /// Whether it was not queued yet.
    pub(super) fn enqueue(&self) -> bool {
        !self.is_queued.swap(true, Ordering::AcqRel)
    }

    pub(super) fn dequeue(&self) {
        self.woken_at.store(now(), Ordering::Release);
        self.is_queued.store(false, Ordering::Release);
    }

    /// Whether it is some time ago that it left the queue.
    pub(super) fn has_rested(&self) -> bool {
        let woken_at = self.woken_at.load(Ordering::Acquire);
        woken_at == 0 || now() >= woken_at + WAKE_EVERY
    }

    pub(super) fn is_due(&self) -> bool {
        self.due.load(Ordering::Acquire) <= now()
    }

    pub(super) fn was_never_read(&self) -> bool {
        self.read_at.load(Ordering::Acquire) == 0
    }

    /// Takes it upon the caller to read contacts; the others show meanwhile what is known. A caller that goes away in the
    /// middle leaves it to the next, in ten seconds.
    pub(super) fn claim(&self) -> Option<Claim> {
        let (due, now) = (self.due.load(Ordering::Acquire), now());
        let claim = Claim(now + READ_EVERY + 1);
        (due <= now
            && self
                .due
                .compare_exchange(due, claim.0, Ordering::AcqRel, Ordering::Acquire)
                .is_ok())
        .then(|| {
            self.read_at.store(now, Ordering::Release);
            claim
        })
    }

    /// The claim was kept; unless something has changed since it was made, nothing is due any more.
    pub(super) fn keep(&self, claim: &Claim) {
        let _ = self
            .due
            .compare_exchange(claim.0, NEVER, Ordering::AcqRel, Ordering::Acquire);
    }

    /// There was no room for it.
    pub(super) fn put_off(&self) {
        self.due.fetch_min(now() + TRY_AGAIN, Ordering::AcqRel);
    }

    /// An event may bring or take people.
    fn note(&self, held: &Held) {
        match held.row.kind {
            EventKind::MessageCreated => {
                let is_known = |id| self.looked().contains(&id);
                // The first message for long in a conversation that was not among the newest.
                if held.row.conversation_id.is_some_and(|id| !is_known(id)) {
                    self.go_stale();
                }
            }
            EventKind::ConversationCreated
            | EventKind::ConversationDeleted
            | EventKind::MemberJoined
            | EventKind::MemberLeft => self.go_stale(),
            EventKind::ConversationUpdated
            | EventKind::MemberUpdated
            | EventKind::MessageUpdated
            | EventKind::MessageDeleted
            | EventKind::ReceiptRead
            | EventKind::ReceiptDelivered
            | EventKind::NotificationCreated
            | EventKind::NotificationRead
            | EventKind::NotificationDeleted
            | EventKind::UserUpdated => {}
        }
    }

    fn go_stale(&self) {
        let read_at = self.read_at.load(Ordering::Acquire);
        self.due.fetch_min(read_at + READ_EVERY, Ordering::AcqRel);
        self.mark();
    }

    /// Gives the contacts that were there before.
    pub(super) fn set_contacts(
        &self,
        conversations: Vec<Uuid>,
        mut contacts: Vec<Arc<Person>>,
    ) -> Vec<Arc<Person>> {
        contacts.sort_by(|a, b| a.key.id.cmp(&b.key.id));
        *self.looked() = conversations.into_iter().collect();
        let before = std::mem::replace(&mut self.kept().contacts, contacts);
        self.mark();
        before
    }

    /// Shows somebody who types. That they have ended they say themselves.
    pub(super) fn add(&self, typist: &Arc<Typist>) {
        let mut kept = self.kept();
        kept.typists
            .retain(|other| !other.has_ended() && !Arc::ptr_eq(other, typist));
        kept.typists.push(typist.clone());
    }
}

/// See `View::claim`.
pub(super) struct Claim(u64);

impl Feed {
    /// Looks at an event that was pushed here for what it means beside the log.
    pub(super) fn note(&self, held: &Held) {
        self.view.note(held);
        if held.row.kind == EventKind::UserUpdated && held.row.audience_user_id.is_some() {
            self.alive.forget();
        }
    }

    /// Wakes those who want to know who types and who is there.
    pub(super) fn wake_ephemeral(&self) {
        let state = self.state();
        let wanting = state.waiting.iter().filter(|bit| bit.wants_ephemeral());
        wanting.for_each(|bit| bit.set());
    }

    pub(super) fn wants_ephemeral(&self) -> bool {
        self.state().waiting.iter().any(|bit| bit.wants_ephemeral())
    }

    pub(super) fn is_in(&self, conversation: &Uuid) -> bool {
        let state = self.state();
        let standing = state.standings.get(conversation);
        standing.is_some_and(Standing::is_member)
    }

    /// The user's conversations with the newest activity, at most `most`, newest first.
    pub(super) fn newest(&self, most: usize) -> Vec<Uuid> {
        let state = self.state();
        let mine = state.standings.iter().filter(|(_, one)| one.is_member());
        let mut mine: Vec<_> = mine.map(|(id, one)| (one.activity_position, *id)).collect();
        drop(state);
        mine.sort_unstable_by(|a, b| b.cmp(a));
        mine.into_iter().take(most).map(|(_, id)| id).collect()
    }

    /// What is to be shown now.
    pub(super) fn shown(&self) -> Arc<Shown> {
        let mut kept = self.view.kept();
        // Cleared before anything is looked at: what changes from now on marks it again.
        let is_dirty = self.view.is_dirty.swap(false, Ordering::AcqRel);
        let now = now();
        match &kept.shown {
            Some(shown) if !is_dirty && now < kept.made_at + STALE_AFTER => return shown.clone(),
            _ => {}
        }
        kept.typists.retain(|typist| !typist.has_ended());
        // Whoever has left a conversation is not told who types there.
        let mut typing: Vec<_> = kept
            .typists
            .iter()
            .filter(|typist| self.is_in(&typist.conversation))
            .map(|typist| Typing {
                conversation_id: typist.conversation,
                user_id: typist.key.id.to_string(),
                name: typist.name.clone(),
            })
            .collect();
        typing
            .sort_by(|a, b| (a.conversation_id, &a.user_id).cmp(&(b.conversation_id, &b.user_id)));
        let online = |person: &Arc<Person>| {
            Some(Presence {
                last_seen_at: person.online()?.map(Time),
                user_id: person.key.id.to_string(),
                status: PresenceStatus::Online,
            })
        };
        let presence = kept.contacts.iter().filter_map(online).collect();
        let shown = Arc::new(Shown::new(&EphemeralState { typing, presence }));
        kept.shown = Some(shown.clone());
        kept.made_at = now;
        shown
    }
}

impl Shown {
    fn new(state: &EphemeralState) -> Self {
        let mut hasher = DefaultHasher::new();
        state.typing.len().hash(&mut hasher);
        for one in &state.typing {
            (one.conversation_id, &one.user_id, &one.name).hash(&mut hasher);
        }
        for one in &state.presence {
            one.user_id.hash(&mut hasher);
        }
        Self {
            // Texts and times: nothing here can fail to serialise.
            json: serde_json::to_vec(state).unwrap_or_default(),
            hash: hasher.finish(),
        }
    }
}
