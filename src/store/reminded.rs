//! Reminders whose time has come: under the log's lock each is fired, or found too late, in the commit that makes its
//! notifications, so that it fires once however often that is begun. And what goes of them with an erased person.

use std::collections::HashMap;

use sqlx::PgPool;
use uuid::Uuid;

use super::log::LogTransaction;
use super::notify::{Notify, notify_all};
use super::reminders::{channels, meant};
use super::{bounded, query, query_as};
use crate::error::Result;
use crate::model::{NewNotification, ReminderState, Time, UserKey};

/// The time of a reminder has come.
#[derive(Debug, Clone)]
pub struct Remind {
    pub tenant: String,
    pub id: Uuid,
}

#[derive(sqlx::FromRow)]
struct Due {
    tenant_id: String,
    id: Uuid,
    #[sqlx(try_from = "String")]
    state: ReminderState,
    expires_at: Option<Time>,
    r#type: String,
    title: Option<String>,
    message: Option<String>,
    link: Option<String>,
    channels: Vec<String>,
}

/// The tenant, and the reminder's id.
type Key = (String, Uuid);

fn columns(keys: &[Key]) -> (Vec<String>, Vec<Uuid>) {
    keys.iter().cloned().unzip()
}

/// Gives what each has come to, now or before; none for one that is not there any more.
pub async fn fire_all(
    log: &mut LogTransaction<'_>,
    items: &[&Remind],
) -> Result<Vec<Result<Option<ReminderState>>>> {
    let keys = items.iter().map(|item| (item.tenant.clone(), item.id));
    let keys: Vec<Key> = keys.collect();
    let fired: Vec<Due> = due(log, &keys)
        .await?
        .into_iter()
        .filter(|due| due.state == ReminderState::Fired)
        .collect();
    if !fired.is_empty() {
        let mut people = people(log, &fired).await?;
        let notifications: Vec<Notify> = fired
            .into_iter()
            .filter_map(|due| {
                let people = people.remove(&(due.tenant_id.clone(), due.id))?;
                Some(notification(due, people))
            })
            .collect();
        let notifications: Vec<&Notify> = notifications.iter().collect();
        for made in notify_all(log, &notifications).await? {
            made?;
        }
    }
    let mut states = states(log, &keys).await?;
    Ok(keys.iter().map(|key| Ok(states.remove(key))).collect())
}

/// Ends the waiting of those whose time has come: once, whoever else cancels or fires them.
async fn due(log: &mut LogTransaction<'_>, keys: &[Key]) -> Result<Vec<Due>> {
    let (tenants, ids) = columns(keys);
    Ok(query_as("reminders.fire", "
        update reminders r set state = case when r.expires_at <= $3 then 'EXPIRED' else 'FIRED' end, finished_at = $3
          from unnest($1::text[], $2::uuid[]) as g (tenant_id, id)
         where r.tenant_id = g.tenant_id and r.id = g.id and r.state = 'WAITING'
        returning r.tenant_id, r.id, r.state, r.expires_at, r.type, r.title, r.message, r.link, r.channels")
        .bind(tenants)
        .bind(ids)
        .bind(log.now.0)
        .fetch_all(&mut *log.connection)
        .await?)
}

async fn people(log: &mut LogTransaction<'_>, of: &[Due]) -> Result<HashMap<Key, Vec<String>>> {
    let keys = of.iter().map(|due| (due.tenant_id.clone(), due.id));
    let (tenants, ids) = columns(&keys.collect::<Vec<_>>());
    let text = concat!(
        "select r.tenant_id, r.id, m.user_id from unnest($1::text[], $2::uuid[]) as g (tenant_id, id)
           join reminders r on r.tenant_id = g.tenant_id and r.id = g.id
          cross join lateral (select p.user_id, p.ordinal from ",
        meant!(),
        ") m order by r.id, m.ordinal"
    );
    let rows: Vec<(String, Uuid, String)> = query_as("reminders.people", text)
        .bind(tenants)
        .bind(ids)
        .fetch_all(&mut *log.connection)
        .await?;
    let mut people: HashMap<Key, Vec<String>> = HashMap::new();
    for (tenant, id, user) in rows {
        people.entry((tenant, id)).or_default().push(user);
    }
    Ok(people)
}

/// What a request of the host for these people would be.
fn notification(due: Due, people: Vec<String>) -> Notify {
    let user = |id: String| (Uuid::now_v7(), UserKey::new(&due.tenant_id, &id), id);
    Notify {
        to: people.into_iter().map(user).collect(),
        // Nobody's request: it is the tenant's.
        by: UserKey::new(&due.tenant_id, ""),
        notification: NewNotification {
            user_id: None,
            user_ids: None,
            r#type: due.r#type,
            title: due.title.unwrap_or_default(),
            message: due.message,
            link: due.link,
            channels: channels(&due.channels),
            deliver_at: None,
        },
        key: None,
        make_unknown: false,
        expires_at: due.expires_at,
    }
}

async fn states(log: &mut LogTransaction<'_>, keys: &[Key]) -> Result<HashMap<Key, ReminderState>> {
    let (tenants, ids) = columns(keys);
    #[derive(sqlx::FromRow)]
    struct Row {
        tenant_id: String,
        id: Uuid,
        #[sqlx(try_from = "String")]
        state: ReminderState,
    }
    let rows: Vec<Row> = query_as(
        "reminders.states",
        "
        select r.tenant_id, r.id, r.state from unnest($1::text[], $2::uuid[]) as g (tenant_id, id)
          join reminders r on r.tenant_id = g.tenant_id and r.id = g.id",
    )
    .bind(tenants)
    .bind(ids)
    .fetch_all(&mut *log.connection)
    .await?;
    let row = |row: Row| ((row.tenant_id, row.id), row.state);
    Ok(rows.into_iter().map(row).collect())
}

/// Forgets that this person, who is erased, was to be reminded, at most 500 times. What was for them alone says nothing any
/// more, and comes no more. Gives how many it was.
pub async fn forget(pool: &PgPool, user: &UserKey) -> Result<u64> {
    // Not of whoever has come back meanwhile.
    let forget = "
        with gone as (
            delete from reminder_people where ctid in (
                select p.ctid from users u join reminder_people p on p.tenant_id = u.tenant_id and p.user_id = u.id
                  join reminders r on r.tenant_id = p.tenant_id and r.id = p.reminder_id and r.created_at <= u.erased_at
                 where u.tenant_id = $1 and u.id = $2 limit 500)
            returning reminder_id
        ), alone as (
            update reminders r set state = case r.state when 'WAITING' then 'CANCELLED' else r.state end,
                                   finished_at = coalesce(r.finished_at, now()), title = null, message = null, link = null
              from gone where r.tenant_id = $1 and r.id = gone.reminder_id and not exists (
                   select from reminder_people p where p.tenant_id = $1 and p.reminder_id = r.id and p.user_id <> $2)
            returning r.id
        )
        select (select count(*) from gone), array(select id::text from alone)";
    // One whose job is begun meanwhile is found cancelled.
    let stop = "
        update jobs set state = 'CANCELLED', payload = '{}', finished_at = now()
         where tenant_id = $1 and kind = 'REMINDER' and key = any($2) and state in ('WAITING', 'DEAD')";
    bounded(async {
        let mut connection = pool.acquire().await?;
        let (gone, alone): (i64, Vec<String>) = query_as("reminders.forget", forget)
            .bind(user.tenant.to_string())
            .bind(user.id.to_string())
            .fetch_one(&mut *connection)
            .await?;
        if !alone.is_empty() {
            query("reminders.stop", stop)
                .bind(user.tenant.to_string())
                .bind(alone)
                .execute(&mut *connection)
                .await?;
        }
        Ok(gone as u64)
    })
    .await
}
