//! The log itself: the one place that appends to `events`, and the tail's read of it.

use std::collections::HashMap;
use std::time::Instant;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use super::committed::Committed;
use super::{count, query};
use crate::error::{Error, Result};
use crate::model::{Cursor, Epoch, EventKind, EventRow, Message, Position, Time};

/// The advisory lock under which positions are given out. One database, one log, one lock.
const BEGIN_AND_LOCK: &str = "begin; select pg_advisory_xact_lock(4714171)";
const LOOK: &str = "
    select coalesce((select position from events order by position desc limit 1), 0) as head, clock_timestamp() as now,
           (select epoch from log_state) as epoch,
           exists (select from erasures where finished_at is null) or exists (
                select from erasures where requested_at > clock_timestamp() - interval '1 minute') as is_erasing";

/// A write transaction that holds the log's lock. Whatever its later statements see is everything that was written before.
pub struct LogTransaction<'c> {
    pub connection: &'c mut PgConnection,
    /// When everything of this transaction happened, as far as people are told.
    pub now: Time,
    pub epoch: Epoch,
    /// The newest position before this transaction.
    pub head: Position,
    /// Somebody was erased lately: their last requests may still be on their way.
    pub is_erasing: bool,
    began: Instant,
    appended: Vec<EventRow>,
    /// The messages that were written, with their tenants.
    pub(super) messages: Vec<(String, Message)>,
}

impl<'c> LogTransaction<'c> {
    /// Takes the lock in a statement of its own: a statement that locked and checked would check with a snapshot
    /// older than the lock. The look is a round trip of its own because it is prepared: in the lock's simple query it was
    /// planned for each batch, 0.4 ms.
    pub async fn begin(connection: &'c mut PgConnection) -> Result<Self> {
        count("log.lock");
        let began = Instant::now();
        let (lock, look) = (BEGIN_AND_LOCK, LOOK);
        #[cfg(feature = "planted-faults")]
        let (lock, look) =
            if crate::faults::is_planted(crate::faults::Fault::PositionsFromASequence) {
                use crate::faults::{BEGIN_WITHOUT_LOCK, LOOK_AT_THE_SEQUENCE};
                (BEGIN_WITHOUT_LOCK, LOOK_AT_THE_SEQUENCE)
            } else {
                (lock, look)
            };
        sqlx::raw_sql(lock).execute(&mut *connection).await?;
        let row = query("log.look", look).fetch_one(&mut *connection).await?;
        let (head, now): (i64, DateTime<Utc>) = (row.try_get("head")?, row.try_get("now")?);
        let epoch = row
            .try_get::<String, _>("epoch")?
            .parse()
            .map_err(|e| Error::from(crate::error::Code::Internal).because(e))?;
        Ok(Self {
            connection,
            now: Time(now),
            epoch,
            head,
            is_erasing: row.try_get("is_erasing")?,
            began,
            appended: Vec::new(),
            messages: Vec::new(),
        })
    }

    /// Gives the next position to an event, which `commit` writes.
    pub fn append(
        &mut self,
        kind: EventKind,
        tenant: &str,
        fill: impl FnOnce(&mut EventRow),
    ) -> Position {
        let position = self.head + 1 + self.appended.len() as i64;
        let mut row = EventRow {
            position,
            tenant_id: tenant.to_owned(),
            kind,
            conversation_id: None,
            message_id: None,
            actor_id: None,
            audience_user_id: None,
            subject_user_id: None,
            notification_id: None,
            seq: None,
            occurred_at: self.now.0,
        };
        fill(&mut row);
        self.appended.push(row);
        position
    }

    /// Writes the events. Gives what was appended, for the time when it is committed, or none when nothing changed.
    pub async fn write(&mut self) -> Result<Option<Committed>> {
        if self.appended.is_empty() {
            return Ok(None);
        }
        insert(self.connection, &self.appended).await?;
        touch(self.connection, &self.appended).await?;
        let after = Cursor {
            epoch: self.epoch,
            position: self.head,
        };
        Ok(Some(Committed {
            after,
            began: self.began,
            rows: std::mem::take(&mut self.appended),
            messages: std::mem::take(&mut self.messages),
        }))
    }

    pub async fn commit(self) -> Result<()> {
        #[cfg(feature = "planted-faults")]
        crate::faults::commit_late().await;
        count("log.commit");
        sqlx::raw_sql("commit").execute(self.connection).await?;
        Ok(())
    }

    pub async fn rollback(connection: &mut PgConnection) -> Result<()> {
        count("log.rollback");
        sqlx::raw_sql("rollback").execute(connection).await?;
        Ok(())
    }
}

async fn insert(connection: &mut PgConnection, rows: &[EventRow]) -> Result<()> {
    let column = |pick: fn(&EventRow) -> Option<String>| rows.iter().map(pick).collect::<Vec<_>>();
    query("log.append", "
        insert into events (position, tenant_id, type, conversation_id, message_id, actor_id, audience_user_id,
                            subject_user_id, notification_id, seq, occurred_at)
        select * from unnest($1::bigint[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::text[],
                             $8::text[], $9::uuid[], $10::bigint[], $11::timestamptz[])")
        .bind(rows.iter().map(|r| r.position).collect::<Vec<_>>())
        .bind(column(|r| Some(r.tenant_id.clone())))
        .bind(column(|r| Some(r.kind.as_str().to_owned())))
        .bind(rows.iter().map(|r| r.conversation_id).collect::<Vec<Option<Uuid>>>())
        .bind(rows.iter().map(|r| r.message_id).collect::<Vec<Option<Uuid>>>())
        .bind(column(|r| r.actor_id.clone()))
        .bind(column(|r| r.audience_user_id.clone()))
        .bind(column(|r| r.subject_user_id.clone()))
        .bind(rows.iter().map(|r| r.notification_id).collect::<Vec<Option<Uuid>>>())
        .bind(rows.iter().map(|r| r.seq).collect::<Vec<Option<i64>>>())
        .bind(rows.iter().map(|r| r.occurred_at).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// Moves `last_position`, by which catch-up finds the conversations that have something new. The statements of new
/// conversations, messages and horizons do so themselves.
async fn touch(connection: &mut PgConnection, rows: &[EventRow]) -> Result<()> {
    let mut newest: HashMap<(&str, Uuid), Position> = HashMap::new();
    for row in rows {
        use EventKind::{ConversationCreated, MessageCreated, ReceiptRead};
        let is_done = matches!(row.kind, ConversationCreated | MessageCreated | ReceiptRead);
        if let (Some(id), None, false) = (row.conversation_id, &row.audience_user_id, is_done) {
            newest.insert((&row.tenant_id, id), row.position);
        }
    }
    if newest.is_empty() {
        return Ok(());
    }
    query(
        "conversations.touch",
        "
        update conversations c set last_position = t.position
          from unnest($1::text[], $2::uuid[], $3::bigint[]) as t (tenant_id, id, position)
         where c.tenant_id = t.tenant_id and c.id = t.id and c.last_position < t.position",
    )
    .bind(
        newest
            .keys()
            .map(|(tenant, _)| (*tenant).to_owned())
            .collect::<Vec<_>>(),
    )
    .bind(newest.keys().map(|(_, id)| *id).collect::<Vec<_>>())
    .bind(newest.values().copied().collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// What stands in the log after a position, with which log it is. One statement, one snapshot.
#[derive(Debug)]
pub struct LogPage {
    pub epoch: Epoch,
    /// Everything at or below was pruned.
    pub floor: Position,
    /// The newest position at the moment of this read.
    pub head: Position,
    pub rows: Vec<EventRow>,
}

/// The next `limit` events of all tenants after `position`.
pub async fn after(
    connection: &mut PgConnection,
    position: Position,
    limit: i64,
) -> Result<LogPage> {
    let rows = query("log.after", "
        select s.epoch, s.floor, coalesce((select position from events order by position desc limit 1), 0) as head, e.*
          from log_state s
          left join lateral (select * from events where position > $1 order by position limit $2) e on true
         order by e.position")
        .bind(position)
        .bind(limit)
        .fetch_all(connection)
        .await?;
    page(&rows)
}

/// Reads `epoch, floor, head` and the event beside them, if any, of each row.
pub(super) fn page(rows: &[sqlx::postgres::PgRow]) -> Result<LogPage> {
    let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let epoch = first
        .try_get::<String, _>("epoch")?
        .parse()
        .map_err(|e| Error::from(crate::error::Code::Internal).because(e))?;
    let (floor, head) = (first.try_get("floor")?, first.try_get("head")?);
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        if row.try_get::<Option<i64>, _>("position")?.is_some() {
            events.push(EventRow::from_row(row)?);
        }
    }
    Ok(LogPage {
        epoch,
        floor,
        head,
        rows: events,
    })
}

/// Where the log ends, asked of Postgres: a cursor above it belongs to another log.
pub async fn head(db: &super::Db) -> Result<Position> {
    super::bounded(async {
        let mut connection = db.connection().await?;
        let row = query(
            "log.head",
            "select coalesce((select position from events order by position desc limit 1), 0) as head",
        )
        .fetch_one(&mut *connection)
        .await?;
        Ok(row.try_get("head")?)
    })
    .await
}

/// Forgets events older than `days`, at most 5,000 per call, and never the newest: the next position is counted from it.
/// Takes no lock of the log. Gives how many went.
pub async fn prune(connection: &mut PgConnection, days: i32) -> Result<u64> {
    let done = query("log.prune", "
        with old as (
            select position from events
             where position < (select max(position) from events) and position <= (select min(position) + 4999 from events)
               and occurred_at < now() - make_interval(days => $1)
        ), gone as (
            delete from events e using (select max(position) as up_to from old) o where e.position <= o.up_to returning e.position
        )
        update log_state set floor = (select max(position) from gone) where exists (select from gone)
        returning (select count(*) from gone) as pruned")
        .bind(days)
        .fetch_optional(connection)
        .await?;
    Ok(done
        .map(|row| row.try_get::<i64, _>("pruned"))
        .transpose()?
        .unwrap_or(0) as u64)
}

/// The channel on which instances tell each other to look.
pub const CHANNEL: &str = "causerie";

/// Says `payload` to every listening instance, after the commit it is about. Losing it costs a second, never an event.
pub async fn notify(connection: &mut PgConnection, payload: &str) -> Result<()> {
    query("log.notify", "select pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(payload.to_owned())
        .execute(connection)
        .await?;
    Ok(())
}
