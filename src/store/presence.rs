//! Who is there, as the table `presence` has it. Every time that leaves Postgres is told as a span from now, so that the
//! clocks of instances need not agree; and whoever hides looks like somebody who was never seen.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::ephemeral::MOST_MEMBERS;
use super::{Db, bounded, query, query_as};
use crate::error::Result;
use crate::model::{Presence, PresenceStatus, Time, UserKey};

/// What may be told of one person.
#[derive(Debug, Clone)]
pub struct Seen {
    pub key: UserKey,
    /// Milliseconds for which the person stays ONLINE if nothing more is heard; 0 = OFFLINE.
    pub left_ms: i64,
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Of two of one person the newer counts. None: there is no row.
    pub changed_at: Option<DateTime<Utc>>,
}

/// That somebody is there, told by the instance that serves them.
#[derive(Debug)]
pub struct Here {
    pub key: UserKey,
    /// ONLINE for this long, in milliseconds.
    pub left_ms: i64,
    /// How long ago they were last seen, in milliseconds.
    pub ago_ms: i64,
}

/// Of a row `p`, or of none.
macro_rules! seen_columns {
    () => {
        "case when p.hidden then 0 else coalesce(greatest(0, extract(epoch from p.online_until - clock_timestamp()) * 1000), 0) end::bigint as left_ms,
         case when not p.hidden then p.last_seen_at end as last_seen_at, p.changed_at"
    };
}

#[derive(sqlx::FromRow)]
struct SeenRow {
    tenant_id: String,
    user_id: String,
    left_ms: i64,
    last_seen_at: Option<DateTime<Utc>>,
    changed_at: Option<DateTime<Utc>>,
}

impl From<SeenRow> for Seen {
    fn from(row: SeenRow) -> Self {
        Self {
            key: UserKey::new(&row.tenant_id, &row.user_id),
            left_ms: row.left_ms,
            last_seen_at: row.last_seen_at,
            changed_at: row.changed_at,
        }
    }
}

/// Notes who is there, at most 1,000 people a call, each once. Gives those who may be shown.
pub async fn note(db: &Db, here: &[Here]) -> Result<Vec<Seen>> {
    // In one order, so that instances that note the same people do not wait for each other in a circle.
    let text = concat!(
        "
        insert into presence as p (tenant_id, user_id, last_seen_at, online_until, changed_at)
        select g.tenant_id, g.user_id, clock_timestamp() - make_interval(secs => g.ago_ms / 1000.0),
               clock_timestamp() + make_interval(secs => g.left_ms / 1000.0), clock_timestamp()
          from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) as g (tenant_id, user_id, left_ms, ago_ms)
          join users u on u.tenant_id = g.tenant_id and u.id = g.user_id and not u.presence_hidden and not u.is_erased
         order by g.tenant_id, g.user_id
        on conflict on constraint presence_pkey do update
           set last_seen_at = greatest(p.last_seen_at, excluded.last_seen_at),
               online_until = greatest(p.online_until, excluded.online_until), changed_at = clock_timestamp()
         where not p.hidden
        returning p.tenant_id, p.user_id, ",
        seen_columns!()
    );
    bounded(async {
        let mut connection = db.connection().await?;
        let rows: Vec<SeenRow> = query_as("presence.note", text)
            .bind(column(here, |one| one.key.tenant.to_string()))
            .bind(column(here, |one| one.key.id.to_string()))
            .bind(column(here, |one| one.left_ms))
            .bind(column(here, |one| one.ago_ms))
            .fetch_all(&mut *connection)
            .await?;
        Ok(rows.into_iter().map(Seen::from).collect())
    })
    .await
}

fn column<T>(here: &[Here], pick: fn(&Here) -> T) -> Vec<T> {
    here.iter().map(pick).collect()
}

/// Hides somebody, or shows them again: then they are ONLINE once an instance says so.
pub(super) async fn hide(connection: &mut PgConnection, key: &UserKey, hidden: bool) -> Result<()> {
    query("presence.hide", "
        insert into presence as p (tenant_id, user_id, online_until, hidden, changed_at)
        select u.tenant_id, u.id, clock_timestamp(), $3, clock_timestamp() from users u where u.tenant_id = $1 and u.id = $2
        on conflict on constraint presence_pkey do update
           set online_until = clock_timestamp(), hidden = $3, changed_at = clock_timestamp()
         where p.hidden is distinct from $3")
        .bind(key.tenant.to_string())
        .bind(key.id.to_string())
        .bind(hidden)
        .execute(connection)
        .await?;
    Ok(())
}

/// What may be told of one person now.
pub async fn find(db: &Db, key: &UserKey) -> Result<Option<Seen>> {
    let text = concat!(
        "select p.tenant_id, p.user_id, ",
        seen_columns!(),
        " from presence p where p.tenant_id = $1 and p.user_id = $2"
    );
    bounded(async {
        let mut connection = db.connection().await?;
        let row: Option<SeenRow> = query_as("presence.find", text)
            .bind(key.tenant.to_string())
            .bind(key.id.to_string())
            .fetch_optional(&mut *connection)
            .await?;
        Ok(row.map(Seen::from))
    })
    .await
}

/// Everybody of whom something changed in the last `seconds`.
pub async fn recent(db: &Db, seconds: f64) -> Result<Vec<Seen>> {
    let text = concat!(
        "select p.tenant_id, p.user_id, ",
        seen_columns!(),
        " from presence p where p.changed_at > now() - make_interval(secs => $1)"
    );
    bounded(async {
        let mut connection = db.connection().await?;
        let rows: Vec<SeenRow> = query_as("presence.recent", text)
            .bind(seconds)
            .fetch_all(&mut *connection)
            .await?;
        Ok(rows.into_iter().map(Seen::from).collect())
    })
    .await
}

/// Most people whose presence one person is told.
const MOST_CONTACTS: i64 = 500;

/// The other members of these conversations, newest first, of those with few members, and what may be told of each. Only
/// conversations the caller is in count.
pub async fn contacts(db: &Db, me: &UserKey, conversations: Vec<Uuid>) -> Result<Vec<Seen>> {
    let text = concat!(
        "
        select c.tenant_id, c.user_id, ",
        seen_columns!(),
        "
          from (select o.tenant_id, o.user_id, min(g.n) as n
                  from unnest($3::uuid[]) with ordinality as g (conversation_id, n)
                  join members m on m.tenant_id = $1 and m.conversation_id = g.conversation_id and m.user_id = $2 and m.left_position is null
                 cross join lateral (select count(*) as members from (
                           select 1 from members x where x.tenant_id = $1 and x.conversation_id = g.conversation_id
                              and x.left_position is null limit $4 + 1) x) x
                  join members o on o.tenant_id = $1 and o.conversation_id = g.conversation_id and o.left_position is null
                 where x.members <= $4 and o.user_id <> $2
                 group by o.tenant_id, o.user_id order by min(g.n), o.user_id limit $5) c
          left join presence p on p.tenant_id = c.tenant_id and p.user_id = c.user_id"
    );
    bounded(async {
        let mut connection = db.connection().await?;
        let rows: Vec<SeenRow> = query_as("presence.contacts", text)
            .bind(me.tenant.to_string())
            .bind(me.id.to_string())
            .bind(conversations)
            .bind(MOST_MEMBERS)
            .bind(MOST_CONTACTS)
            .fetch_all(&mut *connection)
            .await?;
        Ok(rows.into_iter().map(Seen::from).collect())
    })
    .await
}

/// Of these people those whom `me` shares a conversation with, or, for the host's backend, all of its tenant; in the order
/// asked.
pub async fn list(
    db: &Db,
    me: &UserKey,
    is_service: bool,
    ids: Vec<String>,
) -> Result<Vec<Presence>> {
    // From the person asked about: whoever asks may be in thousands of conversations, and most people are in few.
    let text = concat!(
        "
        select u.tenant_id, u.id as user_id, ",
        seen_columns!(),
        "
          from unnest($3::text[]) with ordinality as g (id, n)
          join users u on u.tenant_id = $1 and u.id = g.id
          left join presence p on p.tenant_id = $1 and p.user_id = g.id
         where $4 or (g.id <> $2 and exists (
                   select 1 from members b
                     join members a on a.tenant_id = $1 and a.conversation_id = b.conversation_id and a.user_id = $2 and a.left_position is null
                    where b.tenant_id = $1 and b.user_id = g.id and b.left_position is null))
         order by g.n"
    );
    bounded(async {
        let mut connection = db.connection().await?;
        let rows: Vec<SeenRow> = query_as("presence.list", text)
            .bind(me.tenant.to_string())
            .bind(me.id.to_string())
            .bind(ids)
            .bind(is_service)
            .fetch_all(&mut *connection)
            .await?;
        let presence = |row: SeenRow| Presence {
            user_id: row.user_id,
            status: if row.left_ms > 0 {
                PresenceStatus::Online
            } else {
                PresenceStatus::Offline
            },
            last_seen_at: row.last_seen_at.map(Time),
        };
        Ok(rows.into_iter().map(presence).collect())
    })
    .await
}
