//! Unread counts from the rows themselves, and what a feed is born with. Derived, never a counter that can drift.

use std::collections::{HashMap, VecDeque};

use sqlx::PgConnection;
use uuid::Uuid;

use super::conversation_rows::{is_unread, unread_lateral};
use super::erasure::CHUNK;
use super::message_rows::gone;
use super::notifications::{seen_by, unread_count};
use super::{Db, bounded, query_as};
use crate::error::Result;
use crate::model::{EventRow, Position, UserKey};

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
    /// How many notifications are unread.
    pub notifications: i64,
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

const SNAPSHOT: &str = concat!(
    "
    select h.head, h.notifications, m.conversation_id, m.joined_position, m.left_position, c.last_position, c.type = 'PRIVATE' as is_private,
           case when c.type = 'PRIVATE' and m.left_position is null and c.last_seq > greatest(m.delivered_up_to, m.shown_up_to)
                then c.last_seq end as undelivered,
           case when c.last_seq > greatest(coalesce(m.deleted_up_to, -1), coalesce(m.archived_up_to, -1)) then c.activity_position else 0 end as activity_position,
           greatest(m.read_up_to, coalesce(m.deleted_up_to, 0)) as read_up_to, r.lows, r.highs
      from (select coalesce((select position from events order by position desc limit 1), 0) as head, ",
    unread_count!(),
    " as notifications) h
      left join members m on m.tenant_id = $1 and m.user_id = $2 and (m.left_position is null or m.left_position > $3)
      left join conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id
      left join lateral (
            select array_agg(low order by low) as lows, array_agg(high order by low) as highs from (
                select min(seq) as low, max(seq) as high from (
                    select x.seq, x.seq - row_number() over (order by x.seq) as island
                      from messages x left join users s on s.tenant_id = x.tenant_id and s.id = x.sender_id
                     where m.left_position is null and c.last_seq > m.read_up_to
                       and x.tenant_id = c.tenant_id and x.conversation_id = c.id
                       and ",
    is_unread!(),
    ") y
                 group by island) z) r on true"
);

#[derive(sqlx::FromRow)]
struct SnapshotRow {
    head: Position,
    notifications: i64,
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
        let first = rows.first();
        let head = first.map_or(0, |row| row.head);
        let notifications = first.map_or(0, |row| row.notifications);
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
            notifications,
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

/// What erasures took out of what may be unread in a conversation, as ranges of `seq`: all that the person had said there
/// which somebody has not read; of the event of a chunk, what that chunk blanked.
pub(super) async fn taken_back(
    connection: &mut PgConnection,
    erasures: &[&EventRow],
) -> Result<HashMap<Position, Vec<(i64, i64)>>> {
    let text = "
        select g.position, min(x.seq), max(x.seq)
          from unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::boolean[]) as g (tenant_id, conversation_id, user_id, position, is_chunk)
         cross join lateral (select min(m.read_up_to) as read_by_all from members m
                              where m.tenant_id = g.tenant_id and m.conversation_id = g.conversation_id and m.left_position is null
                                and m.user_id <> g.user_id) h
         cross join lateral (
               select seq, seq - row_number() over (order by seq) as island from (
                    select x.seq from messages x
                     where not g.is_chunk and x.tenant_id = g.tenant_id and x.conversation_id = g.conversation_id and x.seq > h.read_by_all
                       and x.sender_id = g.user_id and x.created_position <= g.position
                    union all
                    select x.seq from messages x
                     where g.is_chunk and x.tenant_id = g.tenant_id and x.conversation_id = g.conversation_id
                       and x.changed_position = g.position and x.sender_id = g.user_id) y) x
         group by g.position, x.island";
    let rows: Vec<(Position, i64, i64)> = query_as("unread.taken_back", text)
        .bind(
            erasures
                .iter()
                .map(|e| e.tenant_id.clone())
                .collect::<Vec<_>>(),
        )
        .bind(
            erasures
                .iter()
                .map(|e| e.conversation_id)
                .collect::<Vec<_>>(),
        )
        .bind(
            erasures
                .iter()
                .map(|e| e.subject_user_id.clone())
                .collect::<Vec<_>>(),
        )
        .bind(erasures.iter().map(|e| e.position).collect::<Vec<_>>())
        .bind(
            erasures
                .iter()
                .map(|e| e.seq == Some(CHUNK))
                .collect::<Vec<_>>(),
        )
        .fetch_all(connection)
        .await?;
    let mut ranges: HashMap<Position, Vec<(i64, i64)>> = HashMap::new();
    for (position, low, high) in rows {
        ranges.entry(position).or_default().push((low, high));
    }
    Ok(ranges)
}
