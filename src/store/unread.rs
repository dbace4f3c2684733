//! Unread counts from the rows themselves, and what a feed is born with. Derived, never a counter that can drift.

use std::collections::VecDeque;

use sqlx::PgConnection;
use uuid::Uuid;

use super::conversation_rows::unread_lateral;
use super::{Db, bounded, query_as};
use crate::error::Result;
use crate::model::{Position, UserKey};

/// One membership interval of a user, as a feed starts with it.
#[derive(Debug, Clone)]
pub struct Interval {
    pub conversation: Uuid,
    pub joined: Position,
    pub left: Option<Position>,
    pub is_private: bool,
    /// The newest message, where another sent it and no device is known to have it. Of PRIVATE conversations.
    pub undelivered: Option<i64>,
    /// Newest event of the conversation.
    pub last_position: Position,
    /// Position of its creation or newest message; 0 while archived, or deleted for oneself.
    pub activity_position: Position,
    pub read_up_to: i64,
    /// The unread messages, as ranges of `seq`, ends included.
    pub unread: Vec<(i64, i64)>,
}

/// Everything a feed must know of its user, in one snapshot: it is true at `head`.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub head: Position,
    pub intervals: Vec<Interval>,
}

/// Another's message that no device is known to have.
#[derive(Debug, Clone, Copy)]
pub struct Undelivered {
    pub position: Position,
    pub conversation: Uuid,
    pub seq: i64,
}

impl Snapshot {
    /// Of each PRIVATE conversation the newest, oldest first.
    pub fn undelivered(&self) -> VecDeque<Undelivered> {
        let of = |interval: &Interval| {
            Some(Undelivered {
                position: interval.activity_position,
                conversation: interval.conversation,
                seq: interval.undelivered?,
            })
        };
        let mut all: Vec<_> = self.intervals.iter().filter_map(of).collect();
        all.sort_unstable_by_key(|it| it.position);
        all.into()
    }
}

const SNAPSHOT: &str = "
    select h.head, m.conversation_id, m.joined_position, m.left_position, c.last_position, c.type = 'PRIVATE' as is_private,
           case when c.type = 'PRIVATE' and m.left_position is null and c.last_seq > greatest(m.delivered_up_to, m.shown_up_to)
                then c.last_seq end as undelivered,
           case when c.last_seq > greatest(coalesce(m.deleted_up_to, -1), coalesce(m.archived_up_to, -1)) then c.activity_position else 0 end as activity_position,
           greatest(m.read_up_to, coalesce(m.deleted_up_to, 0)) as read_up_to, r.lows, r.highs
      from (select coalesce((select position from events order by position desc limit 1), 0) as head) h
      left join members m on m.tenant_id = $1 and m.user_id = $2 and (m.left_position is null or m.left_position > $3)
      left join conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id
      left join lateral (
            select array_agg(low order by low) as lows, array_agg(high order by low) as highs from (
                select min(seq) as low, max(seq) as high from (
                    select x.seq, x.seq - row_number() over (order by x.seq) as island from messages x
                     where m.left_position is null and c.last_seq > m.read_up_to
                       and x.tenant_id = c.tenant_id and x.conversation_id = c.id
                       and x.seq > greatest(m.read_up_to, coalesce(m.deleted_up_to, 0))
                       and x.sender_id is distinct from m.user_id and x.deleted_at is null and x.notice is null) y
                 group by island) z) r on true";

#[derive(sqlx::FromRow)]
struct SnapshotRow {
    head: Position,
    conversation_id: Option<Uuid>,
    joined_position: Option<Position>,
    left_position: Option<Position>,
    is_private: Option<bool>,
    undelivered: Option<i64>,
    last_position: Option<Position>,
    activity_position: Option<Position>,
    read_up_to: Option<i64>,
    lows: Option<Vec<i64>>,
    highs: Option<Vec<i64>>,
}

/// What a feed is born with. Intervals that ended at or below `floor` are of no use to it and left out.
pub async fn snapshot(db: &Db, me: &UserKey, floor: Position) -> Result<Snapshot> {
    bounded(async {
        let mut connection = db.connection().await?;
        let rows: Vec<SnapshotRow> = query_as("feeds.snapshot", SNAPSHOT)
            .bind(me.tenant.to_string())
            .bind(me.id.to_string())
            .bind(floor)
            .fetch_all(&mut *connection)
            .await?;
        let head = rows.first().map_or(0, |row| row.head);
        let interval = |row: SnapshotRow| {
            Some(Interval {
                conversation: row.conversation_id?,
                joined: row.joined_position?,
                left: row.left_position,
                is_private: row.is_private?,
                undelivered: row.undelivered,
                last_position: row.last_position?,
                activity_position: row.activity_position?,
                read_up_to: row.read_up_to?,
                unread: row
                    .lows
                    .unwrap_or_default()
                    .into_iter()
                    .zip(row.highs.unwrap_or_default())
                    .collect(),
            })
        };
        Ok(Snapshot {
            head,
            intervals: rows.into_iter().filter_map(interval).collect(),
        })
    })
    .await
}

/// The conversations with something unread, newest activity first.
pub async fn list(connection: &mut PgConnection, me: &UserKey) -> Result<Vec<(Uuid, i64)>> {
    let text = concat!(
        "select c.id, n.unread from members m
          join conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id ",
        unread_lateral!(),
        "
         where m.tenant_id = $1 and m.user_id = $2 and m.left_position is null and n.unread > 0
         order by c.activity_position desc"
    );
    Ok(query_as("unread.list", text)
        .bind(me.tenant.to_string())
        .bind(me.id.to_string())
        .fetch_all(connection)
        .await?)
}
