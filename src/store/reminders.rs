//! Reminders as the host sees them, and those it wants no more. `new_reminders` makes them, `reminded` fires them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Db, bounded, cut, query, query_as};
use crate::error::{Code, Result};
use crate::model::{Channel, Reminder, ReminderNotification, ReminderState, Time};

/// Whom a reminder is for, of a row `p`: people of this life, not somebody who was erased and came back. A macro because SQL
/// must be a literal.
macro_rules! meant {
    () => {
        "reminder_people p join users u on u.tenant_id = p.tenant_id and u.id = p.user_id and not u.is_erased
            and r.created_at > coalesce(u.erased_at, '-infinity')
          where p.tenant_id = r.tenant_id and p.reminder_id = r.id"
    };
}
pub(super) use meant;

/// The columns of a `Row`, of a row `r`.
macro_rules! columns {
    () => {
        concat!(
            "r.id, r.at, r.expires_at, r.type, r.title, r.message, r.link, r.channels, r.state, r.created_at, r.finished_at,
             array(select p.user_id from ",
            meant!(),
            " order by p.ordinal) as user_ids"
        )
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    at: Time,
    expires_at: Option<Time>,
    r#type: String,
    title: Option<String>,
    message: Option<String>,
    link: Option<String>,
    channels: Vec<String>,
    #[sqlx(try_from = "String")]
    state: ReminderState,
    created_at: Time,
    finished_at: Option<Time>,
    user_ids: Vec<String>,
}

impl Row {
    fn shown(self) -> Reminder {
        let Self {
            r#type,
            message,
            link,
            ..
        } = self;
        let notification = self.title.map(|title| ReminderNotification {
            r#type,
            title,
            message,
            link,
        });
        Reminder {
            id: self.id,
            user_ids: self.user_ids,
            at: self.at,
            expires_at: self.expires_at,
            notification,
            channels: channels(&self.channels),
            state: self.state,
            created_at: self.created_at,
            finished_at: self.finished_at,
        }
    }
}

/// As they were asked for.
pub(super) fn channels(names: &[String]) -> Vec<Channel> {
    let named = |name: &String| Channel::ALL.iter().find(|one| one.as_str() == name);
    names.iter().filter_map(named).copied().collect()
}

pub async fn get(db: &Db, tenant: &str, id: Uuid) -> Result<Reminder> {
    bounded(async {
        let mut connection = db.connection().await?;
        find(&mut connection, tenant, id).await
    })
    .await
}

/// In the caller's transaction, where there is one.
pub(super) async fn find(
    connection: &mut PgConnection,
    tenant: &str,
    id: Uuid,
) -> Result<Reminder> {
    let text = concat!(
        "select ",
        columns!(),
        " from reminders r where r.tenant_id = $1 and r.id = $2"
    );
    let row: Option<Row> = query_as("reminders.get", text)
        .bind(tenant.to_owned())
        .bind(id)
        .fetch_optional(connection)
        .await?;
    Ok(row.ok_or(Code::NotFound)?.shown())
}

/// Where a page goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    pub at: DateTime<Utc>,
    pub id: Uuid,
}

/// A tenant's, the soonest first; in one state, where that is said.
pub async fn list(
    db: &Db,
    tenant: &str,
    state: Option<ReminderState>,
    after: Option<After>,
    limit: i64,
) -> Result<(Vec<Reminder>, Option<After>)> {
    // Of each state by its index: few wait among very many that have fired.
    let text = concat!(
        "select ",
        columns!(),
        " from (select r.* from unnest($2::text[]) s (state) cross join lateral (
                    select * from reminders
                     where tenant_id = $1 and state = s.state and (at, id) > (coalesce($3, '-infinity'::timestamptz), $4)
                     order by at, id limit $5) r
                order by r.at, r.id limit $5) r
         order by r.at, r.id"
    );
    let all = ReminderState::ALL.iter().copied();
    let states = all.filter(|one| state.is_none_or(|state| state == *one));
    let states: Vec<String> = states.map(|one| one.as_str().to_owned()).collect();
    bounded(async {
        let mut connection = db.connection().await?;
        let mut rows: Vec<Row> = query_as("reminders.list", text)
            .bind(tenant.to_owned())
            .bind(states)
            .bind(after.map(|after| after.at))
            .bind(after.map_or(Uuid::nil(), |after| after.id))
            .bind(limit + 1)
            .fetch_all(&mut *connection)
            .await?;
        let next = cut(&mut rows, limit, |row| After {
            at: row.at.0,
            id: row.id,
        });
        Ok((rows.into_iter().map(Row::shown).collect(), next))
    })
    .await
}

/// Nobody will be reminded. Said again, it is so already. Whoever fires it at this moment has its row first, or finds it
/// cancelled; one statement, so that the row is never held while somebody who stands still is waited for.
pub async fn cancel(db: &Db, tenant: &str, id: Uuid) -> Result<()> {
    // The job first, as whoever cancels that does: the two never wait for one another. One that was to be begun again after it
    // has fired goes too: there was nothing left to do.
    let cancel = "
        with job as (
            update jobs set state = 'CANCELLED', payload = '{}', finished_at = now()
             where tenant_id = $1 and kind = 'REMINDER' and key = $3 and state in ('WAITING', 'DEAD')
            returning 1
        )
        update reminders set state = 'CANCELLED', finished_at = now()
         where (select count(*) from job) >= 0 and tenant_id = $1 and id = $2 and state = 'WAITING'";
    let look = "select state from reminders where tenant_id = $1 and id = $2";
    bounded(async {
        let mut connection = db.connection().await?;
        let cancelled = query("reminders.cancel", cancel)
            .bind(tenant.to_owned())
            .bind(id)
            .bind(id.to_string())
            .execute(&mut *connection)
            .await?;
        if cancelled.rows_affected() > 0 {
            return Ok(());
        }
        let found: Option<(String,)> = query_as("reminders.look", look)
            .bind(tenant.to_owned())
            .bind(id)
            .fetch_optional(&mut *connection)
            .await?;
        match found {
            None => Err(Code::NotFound.into()),
            Some((state,)) if state == ReminderState::Cancelled.as_str() => Ok(()),
            Some(_) => Err(Code::JobStarted.into()),
        }
    })
    .await
}

/// Forgets what was finished before a time, at most 5,000 people and 5,000 reminders at a time. Gives how many rows went.
pub async fn prune(connection: &mut PgConnection, before: DateTime<Utc>) -> Result<u64> {
    let people = "
        delete from reminder_people where ctid in (
            select p.ctid from (select tenant_id, id from reminders where finished_at < $1 order by finished_at limit 5000) r
              join reminder_people p on p.tenant_id = r.tenant_id and p.reminder_id = r.id limit 5000)";
    let reminders = "
        delete from reminders where ctid in (
            select r.ctid from reminders r
             where r.finished_at < $1
               and not exists (select from reminder_people p where p.tenant_id = r.tenant_id and p.reminder_id = r.id)
             order by r.finished_at limit 5000)";
    let mut gone = 0;
    for (kind, text) in [
        ("reminders.prune_people", people),
        ("reminders.prune", reminders),
    ] {
        let done = query(kind, text).bind(before).execute(&mut *connection);
        gone += done.await?.rows_affected();
    }
    Ok(gone)
}
