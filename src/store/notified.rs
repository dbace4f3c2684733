//! What becomes of notifications: shown when their time has come, read, deleted. Each is one person's own click, and goes
//! one by one.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::jobs;
use super::log::LogTransaction;
use super::mailed::{Mailed, email_key};
use super::notifications::seen_by;
use super::notify::show;
use super::{preferences, query, query_as};
use crate::error::{Code, Result};
use crate::model::{EventKind, Position, UserKey};

/// Most that are read in one step, for other people's writes.
pub const STEP: i64 = 500;

/// What is to become of a notification.
#[derive(Debug, Clone)]
pub struct Mark {
    pub by: UserKey,
    /// Then it may be anybody's of the tenant.
    pub by_service: bool,
    pub what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Its time has come.
    Shown(Uuid),
    Read(Uuid),
    /// All that were shown up to here, the oldest first, some hundred at a time.
    AllRead(Position),
    /// Of these, what was shown before a time: nobody will read it any more.
    Expired(DateTime<Utc>),
    Deleted(Uuid),
}

#[derive(sqlx::FromRow)]
struct Found {
    user_id: String,
    position: Option<Position>,
    is_unread: bool,
    email: bool,
    r#type: String,
    title: Option<String>,
    message: Option<String>,
    link: Option<String>,
}

/// Gives of each how many it has changed.
pub async fn mark_all(log: &mut LogTransaction<'_>, marks: &[&Mark]) -> Result<Vec<Result<u64>>> {
    let mut answers = Vec::with_capacity(marks.len());
    for mark in marks {
        answers.push(match mark.what {
            What::AllRead(up_to) => Ok(all_read(log, mark, up_to, None).await?),
            What::Expired(before) => Ok(all_read(log, mark, i64::MAX, Some(before)).await?),
            What::Shown(id) => shown(log, mark, id).await?,
            What::Read(id) => read(log, mark, id).await?,
            What::Deleted(id) => deleted(log, mark, id).await?,
        });
    }
    Ok(answers)
}

/// What stands under the id, to whom it may concern: its person what was shown, and the host all.
async fn find(log: &mut LogTransaction<'_>, mark: &Mark, id: Uuid) -> Result<Option<Found>> {
    let text = "select n.user_id, n.position, n.position is not null and n.read_at is null as is_unread,
                       n.email, n.type, n.title, n.message, n.link
                  from notifications n join users u on u.tenant_id = n.tenant_id and u.id = n.user_id
                 where n.tenant_id = $1 and n.id = $2 and n.deleted_at is null and not u.is_erased
                   and ($4 or n.user_id = $3 and n.position > coalesce(u.erased_position, 0))";
    Ok(query_as("notifications.find", text)
        .bind(mark.by.tenant.to_string())
        .bind(id)
        .bind(mark.by.id.to_string())
        .bind(mark.by_service)
        .fetch_optional(&mut *log.connection)
        .await?)
}

async fn shown(log: &mut LogTransaction<'_>, mark: &Mark, id: Uuid) -> Result<Result<u64>> {
    let found = find(log, mark, id).await?;
    // Shown already, deleted, or its person is gone: there is nothing to do.
    let Some(found) = found.filter(|found| found.position.is_none()) else {
        return Ok(Ok(0));
    };
    let user = UserKey::new(&mark.by.tenant, &found.user_id);
    let unwanted = preferences::not_in_app(log.connection, &[(&user, &found.r#type)]).await?;
    if found.email {
        let mailed = Mailed {
            id,
            user: &user,
            r#type: &found.r#type,
            title: found.title.as_deref().unwrap_or_default(),
            message: found.message.as_deref(),
            link: found.link.as_deref(),
            at: log.now.0,
            expires_at: None,
        };
        jobs::put(log.connection, &[mailed.job()?]).await?;
    }
    if !unwanted.is_empty() {
        bury(log, mark, id).await?;
        return Ok(Ok(0));
    }
    let position = show(log, &user, id);
    query(
        "notifications.show",
        "update notifications set position = $3, created_at = $4 where tenant_id = $1 and id = $2",
    )
    .bind(mark.by.tenant.to_string())
    .bind(id)
    .bind(position)
    .bind(log.now.0)
    .execute(&mut *log.connection)
    .await?;
    Ok(Ok(1))
}

async fn read(log: &mut LogTransaction<'_>, mark: &Mark, id: Uuid) -> Result<Result<u64>> {
    match find(log, mark, id).await? {
        None => return Ok(Err(Code::NotFound.into())),
        Some(found) if !found.is_unread => return Ok(Ok(0)),
        Some(_) => {}
    }
    tell(log, EventKind::NotificationRead, &mark.by, id, None);
    query(
        "notifications.read",
        "update notifications set read_at = $3 where tenant_id = $1 and id = $2",
    )
    .bind(mark.by.tenant.to_string())
    .bind(id)
    .bind(log.now.0)
    .execute(&mut *log.connection)
    .await?;
    Ok(Ok(1))
}

/// The oldest that are unread. The event names the newest of them, and how many they are.
async fn all_read(
    log: &mut LogTransaction<'_>,
    mark: &Mark,
    up_to: Position,
    before: Option<DateTime<Utc>>,
) -> Result<u64> {
    let me = &mark.by;
    let text = concat!(
        "with old as (
            select n.id, n.position from ",
        seen_by!("$1", "$2"),
        " and n.read_at is null and n.created_at < coalesce($5, 'infinity'::timestamptz) and n.position <= $6 order by n.position limit $3
        ), done as (
            update notifications n set read_at = $4 from old where n.tenant_id = $1 and n.id = old.id returning old.id, old.position
        )
        select id, count(*) over () from done order by position desc limit 1"
    );
    let newest: Option<(Uuid, i64)> = query_as("notifications.read_all", text)
        .bind(me.tenant.to_string())
        .bind(me.id.to_string())
        .bind(STEP)
        .bind(log.now.0)
        .bind(before)
        .bind(up_to)
        .fetch_optional(&mut *log.connection)
        .await?;
    let Some((id, count)) = newest else {
        return Ok(0);
    };
    tell(log, EventKind::NotificationRead, me, id, Some(count));
    Ok(count as u64)
}

/// A tombstone: the text goes, the events that name it go on, and the e-mail that would
/// still have told it goes nowhere, nor is one tried again that is being sent.
async fn deleted(log: &mut LogTransaction<'_>, mark: &Mark, id: Uuid) -> Result<Result<u64>> {
    let Some(found) = find(log, mark, id).await? else {
        let is_done = was_deleted(log, mark, id).await?;
        return Ok(if is_done {
            Ok(0)
        } else {
            Err(Code::NotFound.into())
        });
    };
    if found.position.is_some() {
        let user = UserKey::new(&mark.by.tenant, &found.user_id);
        let count = found.is_unread.then_some(1);
        tell(log, EventKind::NotificationDeleted, &user, id, count);
    }
    if found.email {
        let text = "update jobs set state = 'CANCELLED', payload = '{}', finished_at = now(), lease = null, leased_until = null
                     where tenant_id = $1 and kind = 'EMAIL' and key = $2 and state <> 'DONE'";
        query("notifications.unmail", text)
            .bind(mark.by.tenant.to_string())
            .bind(email_key(id))
            .execute(&mut *log.connection)
            .await?;
    }
    bury(log, mark, id).await?;
    Ok(Ok(1))
}

/// Whoever lost the answer asks again.
async fn was_deleted(log: &mut LogTransaction<'_>, mark: &Mark, id: Uuid) -> Result<bool> {
    let text = "select from notifications n join users u on u.tenant_id = n.tenant_id and u.id = n.user_id
                 where n.tenant_id = $1 and n.id = $2 and n.deleted_at is not null and not u.is_erased
                   and ($4 or n.user_id = $3 and n.position > coalesce(u.erased_position, 0))";
    let found = query("notifications.was_deleted", text)
        .bind(mark.by.tenant.to_string())
        .bind(id)
        .bind(mark.by.id.to_string())
        .bind(mark.by_service)
        .fetch_optional(&mut *log.connection)
        .await?;
    Ok(found.is_some())
}

async fn bury(log: &mut LogTransaction<'_>, mark: &Mark, id: Uuid) -> Result<()> {
    query(
        "notifications.delete",
        "update notifications set deleted_at = $3, title = null, message = null, link = null where tenant_id = $1 and id = $2",
    )
    .bind(mark.by.tenant.to_string())
    .bind(id)
    .bind(log.now.0)
    .execute(&mut *log.connection)
    .await?;
    Ok(())
}

/// To the person's own devices. `count` is how many are unread no more by it, where that is not plain.
fn tell(
    log: &mut LogTransaction<'_>,
    kind: EventKind,
    user: &UserKey,
    id: Uuid,
    count: Option<i64>,
) {
    log.append(kind, &user.tenant, |row| {
        row.notification_id = Some(id);
        row.audience_user_id = Some(user.id.to_string());
        row.seq = count;
    });
}
