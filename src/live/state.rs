//! What a feed knows, behind its lock: the events it holds, and where its user stands in each conversation.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::held::Held;
use super::standing::Standing;
use super::watch::Bit;
use crate::model::{EventKind, Position, UserKey};
use crate::store::unread::Undelivered;

/// Conversations that Postgres sorts faster than it is told which to look at.
const FEW: usize = 40;

#[derive(Debug)]
pub(super) struct State {
    /// Everything the user may see above `floor`, oldest first.
    pub(super) held: VecDeque<Arc<Held>>,
    pub(super) floor: Position,
    /// What the snapshot it was born with already counts: events up to here change no unread count.
    pub(super) counted: Position,
    pub(super) standings: HashMap<Uuid, Standing>,
    pub(super) unread_total: i64,
    pub(super) unread_conversations: i64,
    pub(super) unread_notifications: i64,
    /// Newest event the user may see; 0 when none is known.
    pub(super) last: Position,
    pub(super) last_at: Option<DateTime<Utc>>,
    pub(super) waiting: Vec<Arc<Bit>>,
    pub(super) read_at: Instant,
    /// Taken out of the index: nothing is pushed to it any more, and whoever holds it asks for another.
    pub(super) ended: bool,
    /// Others' messages of PRIVATE conversations that no device is known to have: oldest first.
    pub(super) undelivered: VecDeque<Undelivered>,
    pub(super) undelivered_most: usize,
}

/// So many are kept at least for a user whose devices say nothing.
pub(super) const UNDELIVERED: usize = 1_000;

impl State {
    pub(super) fn sees(&self, me: &UserKey, held: &Held) -> bool {
        sees(&self.standings, me, held)
    }

    pub(super) fn keep(&mut self, me: &UserKey, held: Arc<Held>) {
        self.last = held.row.position;
        self.last_at = Some(held.row.occurred_at);
        if let Some(standing) = held
            .row
            .conversation_id
            .and_then(|id| self.standings.get_mut(&id))
        {
            let position = held.row.position;
            standing.last_position = standing.last_position.max(position);
            match held.row.kind {
                EventKind::ConversationCreated | EventKind::MessageCreated => {
                    standing.activity_position = standing.activity_position.max(position);
                }
                // For oneself: out of sight until the next message.
                EventKind::ConversationDeleted => standing.activity_position = 0,
                EventKind::ConversationUpdated if held.row.audience_user_id.is_some() => {
                    let is_archived = held.row.seq.is_some();
                    standing.activity_position = if is_archived { 0 } else { held.activity };
                }
                // Out of the archive it was in when it was left. Of a feed that was born since, `join` has said nothing.
                EventKind::MemberJoined if held.row.subject_user_id.as_deref() == Some(&*me.id) => {
                    standing.activity_position = standing.activity_position.max(held.activity);
                }
                EventKind::ConversationUpdated
                | EventKind::MemberJoined
                | EventKind::MemberUpdated
                | EventKind::MemberLeft
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
        self.held.push_back(held);
    }

    /// Moves the unread map by an event that the snapshot did not count yet.
    pub(super) fn count(&mut self, me: &UserKey, held: &Held) {
        let row = &held.row;
        if row.position <= self.counted {
            return;
        }
        let Some(conversation) = row.conversation_id else {
            return self.count_notifications(held);
        };
        let Some(standing) = self.standings.get_mut(&conversation) else {
            return;
        };
        let before = standing.unread();
        let is_me = |id: &Option<String>| id.as_deref() == Some(&*me.id);
        match (row.kind, row.seq) {
            (EventKind::MessageCreated, Some(seq)) if is_me(&held.sender) => standing.read(seq),
            (EventKind::MessageCreated, Some(seq)) => {
                if held.counts_as_unread {
                    standing.receive(seq);
                }
                if standing.is_private {
                    let position = row.position;
                    self.undelivered.push_back(Undelivered {
                        position,
                        conversation,
                        seq,
                    });
                }
            }
            #[cfg(feature = "planted-faults")]
            (EventKind::MessageDeleted, _)
                if crate::faults::is_planted(crate::faults::Fault::UnreadKeepsTheDeleted) => {}
            (EventKind::MessageDeleted, Some(seq)) => standing.take_back(seq),
            (EventKind::UserUpdated, Some(_)) => standing.take_back_all(&held.taken_back),
            (EventKind::ReceiptRead | EventKind::ConversationDeleted, Some(seq))
                if is_me(&row.actor_id) =>
            {
                standing.read(seq)
            }
            _ => {}
        }
        let after = standing.unread();
        if self.undelivered.len() > self.undelivered_most {
            self.forget_all_but_the_newest();
        }
        self.recount(before, after);
    }

    fn count_notifications(&mut self, held: &Held) {
        let before = self.unread_notifications;
        self.unread_notifications = match (held.row.kind, held.row.seq) {
            (EventKind::NotificationCreated, _) => before + 1,
            #[cfg(feature = "planted-faults")]
            (EventKind::NotificationDeleted, _)
                if crate::faults::is_planted(crate::faults::Fault::NotificationsStayUnread) =>
            {
                before
            }
            (EventKind::NotificationRead, count) => before - count.unwrap_or(1),
            (EventKind::NotificationDeleted, count) => before - count.unwrap_or(0),
            // The person was erased: whoever comes back under the id has none.
            (EventKind::UserUpdated, Some(_)) => 0,
            _ => before,
        };
    }

    /// Of each conversation the newest tells of those before it.
    fn forget_all_but_the_newest(&mut self) {
        let mut newest = HashMap::new();
        for one in &self.undelivered {
            newest.insert(one.conversation, one.seq);
        }
        self.undelivered
            .retain(|one| newest.get(&one.conversation) == Some(&one.seq));
        self.undelivered_most = UNDELIVERED.max(2 * self.undelivered.len());
    }

    /// Takes out what has arrived: the newest of each conversation.
    pub(super) fn deliver(&mut self, position: Position) -> Vec<(Uuid, i64)> {
        let mut arrived: HashMap<Uuid, i64> = HashMap::new();
        while let Some(next) = self.undelivered.front() {
            if next.position > position {
                break;
            }
            arrived.insert(next.conversation, next.seq);
            self.undelivered.pop_front();
        }
        arrived.into_iter().collect()
    }

    fn recount(&mut self, before: i64, after: i64) {
        self.unread_total += after - before;
        self.unread_conversations += i64::from(after > 0) - i64::from(before > 0);
    }

    /// The user becomes a member by this event, if it does. Before the event is judged: it is the first one seen.
    pub(super) fn join(&mut self, me: &UserKey, held: &Held) -> Option<Uuid> {
        let row = &held.row;
        let (read_up_to, activity) = match row.kind {
            EventKind::ConversationCreated if row.audience_user_id.is_none() => (0, row.position),
            EventKind::MemberJoined if row.subject_user_id.as_deref() == Some(&*me.id) => {
                (row.seq.unwrap_or(0), held.activity)
            }
            _ => return None,
        };
        let standing = self.standings.entry(row.conversation_id?).or_default();
        if standing.holds(row.position) {
            return None;
        }
        standing.join(row.position, read_up_to, activity);
        standing.is_private = held.is_private;
        row.conversation_id
    }

    /// The user is a member no more by this event, if so. After the event is kept: it is the last one seen, unless the
    /// feed was born knowing of a later stretch.
    pub(super) fn leave(&mut self, me: &UserKey, held: &Held) -> Option<Uuid> {
        let row = &held.row;
        #[cfg(feature = "planted-faults")]
        if row.kind == EventKind::MemberLeft
            && crate::faults::is_planted(crate::faults::Fault::LeavingIsNotHeard)
        {
            return None;
        }
        let is_end = match row.kind {
            EventKind::MemberLeft => row.subject_user_id.as_deref() == Some(&*me.id),
            EventKind::ConversationDeleted => row.audience_user_id.is_none(),
            _ => false,
        };
        let id = row.conversation_id.filter(|_| is_end)?;
        let standing = self.standings.get_mut(&id)?;
        let before = standing.unread();
        standing.leave(row.position);
        let (after, goes_on) = (standing.unread(), standing.goes_on(row.position));
        self.recount(before, after);
        (!goes_on).then_some(id)
    }

    /// Every conversation with its last activity, if they are more than a few. Some may have been left by the user:
    /// whoever reads them sees that.
    pub(super) fn by_activity(&self) -> Option<Vec<(Position, Uuid)>> {
        let all = self.standings.iter();
        let all = all.map(|(id, standing)| (standing.activity_position, *id));
        (self.standings.len() > FEW).then(|| all.collect())
    }

    pub(super) fn drop_below(&mut self, floor: Position) {
        if self.floor < floor {
            self.floor = floor;
            while self
                .held
                .front()
                .is_some_and(|held| held.row.position <= floor)
            {
                self.held.pop_front();
            }
        }
    }
}

/// Decided by the log alone, the same here and in SQL: the audience where there is one, else the interval.
pub(super) fn sees(standings: &HashMap<Uuid, Standing>, me: &UserKey, held: &Held) -> bool {
    let row = &held.row;
    if *row.tenant_id != *me.tenant {
        return false;
    }
    match &row.audience_user_id {
        Some(audience) => **audience == *me.id,
        None => row
            .conversation_id
            .and_then(|id| standings.get(&id))
            .is_some_and(|standing| standing.holds(row.position)),
    }
}
