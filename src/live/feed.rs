//! One active user's feed: every event it may see since its floor, its unread map, and who waits for more.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use uuid::Uuid;

use super::batch::{Batch, Miss, Unread};
use super::held::Held;
use super::presence::Alive;
use super::seat::Seats;
use super::standing::Standing;
use super::state::{State, UNDELIVERED, sees};
use super::view::View;
use super::watch::{Bit, Watch};
#[cfg(feature = "planted-faults")]
use crate::model::EventKind;
use crate::model::{Position, UserKey};
use crate::store::unread::Snapshot;

#[derive(Debug)]
pub struct Feed {
    pub key: UserKey,
    state: Mutex<State>,
    /// Up to where a device has proven that it has everything.
    pub(super) acknowledged: AtomicI64,
    pub(super) seats: Seats,
    pub(super) view: View,
    pub(super) alive: Alive,
}

/// What an event makes of its reader.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Membership {
    Begun(Uuid),
    Ended(Uuid),
}

impl Feed {
    pub(super) fn new(key: UserKey, floor: Position, snapshot: &Snapshot) -> Self {
        let mut standings: HashMap<Uuid, Standing> = HashMap::new();
        for interval in &snapshot.intervals {
            standings
                .entry(interval.conversation)
                .or_default()
                .add(interval);
        }
        let unread: Vec<_> = standings
            .values()
            .map(Standing::unread)
            .filter(|unread| *unread > 0)
            .collect();
        let state = State {
            held: VecDeque::new(),
            floor,
            counted: snapshot.head,
            unread_total: unread.iter().sum(),
            unread_conversations: unread.len() as i64,
            unread_notifications: snapshot.notifications,
            standings,
            last: 0,
            last_at: None,
            waiting: Vec::new(),
            read_at: Instant::now(),
            ended: false,
            undelivered: snapshot.undelivered(),
            undelivered_most: UNDELIVERED,
        };
        Self {
            key,
            state: Mutex::new(state),
            acknowledged: AtomicI64::new(0),
            seats: Seats::default(),
            view: View::default(),
            alive: Alive::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to where its unread map was true when it was born.
    pub(super) fn counted(&self) -> Position {
        self.state().counted
    }

    /// Registers a reader. Always before the read: what is pushed from now on wakes it.
    pub fn watch(self: &Arc<Self>) -> Watch {
        let bit = Arc::new(Bit::default());
        self.state().waiting.push(bit.clone());
        Watch::new(self.clone(), bit)
    }

    pub(super) fn unwatch(&self, bit: &Arc<Bit>) {
        self.state()
            .waiting
            .retain(|other| !Arc::ptr_eq(other, bit));
    }

    pub(super) fn wake(&self) {
        self.state().waiting.iter().for_each(|bit| bit.set());
    }

    /// What comes after `since`, at most `limit` events. `applied` must have been read before this call. `earlier` are
    /// the conversations of the events that the same page has from Postgres.
    pub fn read(
        &self,
        since: Position,
        limit: usize,
        applied: Position,
        ring_floor: Position,
        earlier: &[Uuid],
    ) -> Result<Batch, Miss> {
        let mut state = self.state();
        if state.ended {
            return Err(Miss::Ended);
        }
        state.read_at = Instant::now();
        state.drop_below(ring_floor);
        if since < state.floor {
            return Err(Miss::Below(state.floor));
        }
        let start = state
            .held
            .partition_point(|held| held.row.position <= since);
        let events: Vec<_> = state.held.range(start..).take(limit).cloned().collect();
        let has_more = state.held.len() - start > events.len();
        let newest = events.last().map(|held| held.row.position);
        let up_to = match newest {
            Some(newest) if has_more => newest,
            newest => newest.unwrap_or(since).max(applied),
        };
        // Born while the tail lagged, it counts what it cannot tell yet. Counts are told at the end only: there is more.
        let has_more = has_more || up_to < state.counted;
        let mut changed: Vec<(Uuid, i64)> = Vec::new();
        let here = events.iter().filter_map(|held| held.row.conversation_id);
        for conversation in earlier.iter().copied().chain(here) {
            if !changed.iter().any(|(id, _)| *id == conversation) {
                changed.push((
                    conversation,
                    state
                        .standings
                        .get(&conversation)
                        .map_or(0, Standing::unread),
                ));
            }
        }
        Ok(Batch {
            events,
            up_to,
            has_more,
            last: if has_more { up_to } else { state.last },
            unread: Unread {
                total: state.unread_total,
                conversations: state.unread_conversations,
                notifications: state.unread_notifications,
            },
            changed,
            quiet_for: state
                .last_at
                .map(|at| (Utc::now() - at).to_std().unwrap_or_default()),
        })
    }

    /// Whether the conversation has changed for this member after `since`, with how much is unread; none for others.
    pub fn conversation(&self, id: &Uuid) -> Option<(Position, i64)> {
        let mut state = self.state();
        state.read_at = Instant::now();
        let standing = state
            .standings
            .get(id)
            .filter(|standing| standing.is_member())?;
        Some((standing.last_position, standing.unread()))
    }

    /// Every conversation with something unread, and how many notifications are.
    pub fn unread(&self) -> (Vec<(Uuid, i64)>, i64) {
        let mut state = self.state();
        state.read_at = Instant::now();
        let counts = state
            .standings
            .iter()
            .map(|(id, standing)| (*id, standing.unread()))
            .filter(|(_, unread)| *unread > 0);
        (counts.collect(), state.unread_notifications)
    }

    /// Every conversation with its last activity, for a user with more than a few.
    pub(super) fn by_activity(&self) -> Option<Vec<(Position, Uuid)>> {
        let mut state = self.state();
        state.read_at = Instant::now();
        (!state.ended).then(|| state.by_activity()).flatten()
    }

    /// Takes an event in if this user may see it. Gives what it makes of the user, if that is something else.
    pub(super) fn push(&self, held: &Arc<Held>, ring_floor: Position) -> Option<Membership> {
        if *held.row.tenant_id != *self.key.tenant {
            return None;
        }
        #[cfg(feature = "planted-faults")]
        if held.row.kind == EventKind::ConversationCreated
            && crate::faults::is_planted(crate::faults::Fault::FeedMissesNewConversations)
        {
            return None;
        }
        let mut state = self.state();
        // Not only when it is read: a stream that stands still must not pin what the ring has let go.
        state.drop_below(ring_floor);
        let joined = state.join(&self.key, held);
        if state.sees(&self.key, held) {
            state.count(&self.key, held);
            state.keep(&self.key, held.clone());
        }
        let left = state.leave(&self.key, held);
        left.map(Membership::Ended)
            .or(joined.map(Membership::Begun))
    }

    /// Every conversation it knows of, those the user has left included.
    pub(super) fn conversations_known(&self) -> Vec<Uuid> {
        self.state().standings.keys().copied().collect()
    }

    /// Those whose events after `applied` it is pushed: a feed born while the tail lags knows of leavings still to come.
    pub(super) fn conversations(&self, applied: Position) -> Vec<Uuid> {
        self.state()
            .standings
            .iter()
            .filter(|(_, standing)| standing.goes_on(applied))
            .map(|(id, _)| *id)
            .collect()
    }

    /// Fills a new feed from the ring: events in order, all above its floor.
    pub(super) fn fill<'r>(&self, events: impl Iterator<Item = &'r Arc<Held>>) {
        let mut state = self.state();
        for held in events
            .filter(|held| sees(&state.standings, &self.key, held))
            .cloned()
            .collect::<Vec<_>>()
        {
            state.keep(&self.key, held);
        }
    }

    pub(super) fn is_idle(&self, after: Duration) -> bool {
        let state = self.state();
        state.waiting.is_empty() && state.read_at.elapsed() > after
    }

    /// Ends it unless somebody waits: nobody can be left waiting on a feed that is pushed to no more.
    pub(super) fn end_if_unwatched(&self) -> bool {
        let mut state = self.state();
        state.ended = state.waiting.is_empty();
        state.ended
    }

    /// Its readers are woken later, when they can be told why.
    pub(super) fn end(&self) {
        self.state().ended = true;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state().ended
    }
}
