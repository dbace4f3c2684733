//! A user's feed read from Postgres: for a cursor below what memory holds. Two written queries, never one join left to
//! the planner, whose cached generic plan was a hundred times slower.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::log::{LogPage, page};
use super::render::{Rendered, render};
use super::{Db, bounded, query, query_as};
use crate::error::Result;
use crate::model::{Epoch, EventRow, Position, UserKey};

/// Positions looked at in one go when many events are pending.
const WINDOW: i64 = 5000;
/// Most text of the messages of one page.
const MAX_BYTES: i32 = 512 * 1024;
/// With at most this many conversations that have something new, each is probed by its own index range.
const FEW: i64 = 64;

/// A page of one user's feed.
pub struct FeedPage {
    pub epoch: Epoch,
    pub floor: Position,
    pub head: Position,
    pub events: Vec<Rendered>,
    /// Everything up to here was looked at: the last event when the page is full.
    pub up_to: Position,
}

/// A conversation's stretches in which the user was a member bound what is seen of it; an event with an audience is
/// seen by that user alone. `$1` tenant, `$2` user, `$3` after, `$4` up to, `$5` limit.
macro_rules! with_log_state {
    ($events:literal) => {
        concat!(
            "select s.epoch, s.floor, coalesce((select position from events order by position desc limit 1), 0) as head, e.*,
                    (select octet_length(m.content) from messages m
                      where m.tenant_id = e.tenant_id and m.id = e.message_id) as bytes
               from log_state s
              left join lateral (",
            $events,
            ") e on true order by e.position"
        )
    };
}

const PROBES: &str = with_log_state!("
    select * from (
        select e.* from (
            select m.conversation_id, greatest(m.joined_position - 1, $3) as above, least(coalesce(m.left_position, $4), $4) as up_to
              from members m join conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id
             where m.tenant_id = $1 and m.user_id = $2 and c.last_position > $3 and (m.left_position is null or m.left_position > $3)
        ) i cross join lateral (
            select * from events e
             where e.tenant_id = $1 and e.conversation_id = i.conversation_id and e.position > i.above and e.position <= i.up_to
               and e.audience_user_id is null
             order by e.position limit $5
        ) e
        union all
        (select * from events e where e.tenant_id = $1 and e.audience_user_id = $2 and e.position > $3 and e.position <= $4
          order by e.position limit $5)
    ) e order by position limit $5");

const SCAN: &str = with_log_state!("
    select e.* from events e
     where e.position > $3 and e.position <= $4 and e.tenant_id = $1
       and case when e.audience_user_id is not null then e.audience_user_id = $2
                else exists (select from members m
                              where m.tenant_id = $1 and m.conversation_id = e.conversation_id and m.user_id = $2
                                and m.joined_position <= e.position and (m.left_position is null or m.left_position >= e.position)) end
     order by e.position limit $5");

/// How many of the user's conversations have something after `$3`, counted no further than needed.
const CANDIDATES: &str = "
    select count(*) from (
        select 1 from members m join conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id
         where m.tenant_id = $1 and m.user_id = $2 and c.last_position > $3 and (m.left_position is null or m.left_position > $3)
         limit $4) x";

/// The user's events after `since`, at or below `up_to`: at most `limit`. A page may be empty and still move on.
pub async fn feed(
    db: &Db,
    me: &UserKey,
    since: Position,
    up_to: Position,
    limit: usize,
) -> Result<FeedPage> {
    let run = async {
        let mut connection = db.connection().await?;
        let (text, end) = choose(&mut connection, me, since, up_to).await?;
        let rows = query("log.feed", text)
            .bind(me.tenant.to_string())
            .bind(me.id.to_string())
            .bind(since)
            .bind(end)
            .bind(limit as i64)
            .fetch_all(&mut *connection)
            .await?;
        let fitting = fitting(&rows)?;
        let LogPage {
            epoch,
            floor,
            head,
            mut rows,
        } = page(&rows)?;
        rows.truncate(fitting);
        let up_to = if rows.len() == limit.min(fitting) {
            rows.last().map_or(end, |row| row.position)
        } else {
            end
        };
        let events = render(&mut connection, epoch, rows).await?;
        Ok(FeedPage {
            epoch,
            floor,
            head,
            events,
            up_to,
        })
    };
    bounded(run).await
}

/// How many of these events fit into one answer, at least one: the rest need not be rendered.
fn fitting(rows: &[PgRow]) -> Result<usize> {
    let mut bytes = 0;
    for (n, row) in rows.iter().enumerate() {
        bytes += row.try_get::<Option<i32>, _>("bytes")?.unwrap_or(0);
        if bytes > MAX_BYTES && n > 0 {
            return Ok(n);
        }
    }
    Ok(usize::MAX)
}

/// The statement for this stretch, and where it may end.
async fn choose(
    connection: &mut PgConnection,
    me: &UserKey,
    since: Position,
    up_to: Position,
) -> Result<(&'static str, Position)> {
    if up_to - since <= WINDOW {
        return Ok((SCAN, up_to));
    }
    let (candidates,): (i64,) = query_as("log.candidates", CANDIDATES)
        .bind(me.tenant.to_string())
        .bind(me.id.to_string())
        .bind(since)
        .bind(FEW + 1)
        .fetch_one(connection)
        .await?;
    Ok(if candidates <= FEW {
        (PROBES, up_to)
    } else {
        (SCAN, since + WINDOW)
    })
}

/// The events at these positions, again: after their content changed.
pub async fn at(
    connection: &mut PgConnection,
    epoch: Epoch,
    positions: Vec<Position>,
) -> Result<Vec<Rendered>> {
    let text = "select * from events where position = any($1) order by position";
    let rows: Vec<EventRow> = query_as("log.at", text)
        .bind(positions)
        .fetch_all(&mut *connection)
        .await?;
    render(connection, epoch, rows).await
}
