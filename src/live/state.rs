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
    /// Newest event the user may see; 0 when none is known.
    pub(super) last: Position,
    pub(super) last_at: Option<DateTime<Utc>>,
    pub(super) waiting: Vec<Arc<Bit>>,
    pub(super) read_at: Instant,
    /// Taken out of the index: nothing is pushed to it any more, and whoever holds it asks for another.
    pub(super) ended: bool,
}

impl State {
    pub(super) fn sees(&self, me: &UserKey, held: &Held) -> bool {
        sees(&self.standings, me, held)
    }

    pub(super) fn keep(&mut self, held: Arc<Held>) {
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
                EventKind::ReceiptRead | EventKind::UserUpdated => {}
            }
        }
        self.held.push_back(held);
    }

    /// Moves the unread map by an event that the snapshot did not count yet.
    pub(super) fn count(&mut self, me: &UserKey, held: &Held) {
        let row = &held.row;
        let (Some(conversation), true) = (row.conversation_id, row.position > self.counted) else {
            return;
        };
        let Some(standing) = self.standings.get_mut(&conversation) else {
            return;
        };
        let before = standing.unread();
        let is_me = |id: &Option<String>| id.as_deref() == Some(&*me.id);
        match (row.kind, row.seq) {
            (EventKind::MessageCreated, Some(seq)) if is_me(&held.sender) => standing.read(seq),
            (EventKind::MessageCreated, Some(seq)) if held.counts_as_unread => {
                standing.receive(seq)
            }
            (EventKind::ReceiptRead | EventKind::ConversationDeleted, Some(seq))
                if is_me(&row.actor_id) =>
            {
                standing.read(seq)
            }
            _ => {}
        }
        let after = standing.unread();
        self.unread_total += after - before;
        self.unread_conversations += i64::from(after > 0) - i64::from(before > 0);
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
