//! Notifications as their person, and the host, see them. `notify` makes them, `notified` changes them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Db, bounded, cut, query, query_as};
use crate::error::Result;
use crate::model::{Notification, Position, UserKey};

/// The columns of a `Notification`, of a row `n`. A macro because SQL must be a literal.
macro_rules! columns {
    () => {
        "n.id, n.user_id, n.type, n.title, n.message, n.link, n.created_at, n.deliver_at, n.read_at,
         n.deleted_at is not null as is_deleted"
    };
}

/// What a person sees of their own: what was shown, is not deleted, and is of this life of theirs.
macro_rules! seen_by {
    ($tenant:literal, $user:literal) => {
        concat!(
            "notifications n where n.tenant_id = ",
            $tenant,
            " and n.user_id = ",
            $user,
            " and n.deleted_at is null and n.position > coalesce((select u.erased_position from users u where u.tenant_id = ",
            $tenant,
            " and u.id = ",
            $user,
            "), 0)"
        )
    };
}
pub(super) use seen_by;

/// How many a person has not read. `$1` tenant, `$2` user.
macro_rules! unread_count {
    () => {
        concat!(
            "(select count(*) from ",
            seen_by!("$1", "$2"),
            " and n.read_at is null)"
        )
    };
}
pub(super) use unread_count;

/// A page, newest first, and how many were unread just before it was read.
pub struct NotificationPage {
    pub items: Vec<Notification>,
    pub next: Option<Position>,
    pub unread: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    position: Position,
    #[sqlx(flatten)]
    notification: Notification,
}

pub async fn list(
    db: &Db,
    me: &UserKey,
    only_unread: bool,
    before: Option<Position>,
    limit: i64,
) -> Result<NotificationPage> {
    // By the index of all, or by that of the unread: "or all are wanted" would be neither.
    let text = match only_unread {
        false => concat!(
            "select n.position, ",
            columns!(),
            " from ",
            seen_by!("$1", "$2"),
            " and n.position < $3 order by n.position desc limit $4"
        ),
        true => concat!(
            "select n.position, ",
            columns!(),
            " from ",
            seen_by!("$1", "$2"),
            " and n.read_at is null and n.position < $3 order by n.position desc limit $4"
        ),
    };
    bounded(async {
        let mut connection = db.connection().await?;
        let unread = count_unread(&mut connection, me).await?;
        let mut rows: Vec<Row> = query_as("notifications.list", text)
            .bind(me.tenant.to_string())
            .bind(me.id.to_string())
            .bind(before.unwrap_or(i64::MAX))
            .bind(limit + 1)
            .fetch_all(&mut *connection)
            .await?;
        let next = cut(&mut rows, limit, |row| row.position);
        let items = rows.into_iter().map(|row| row.notification).collect();
        Ok(NotificationPage {
            items,
            next,
            unread,
        })
    })
    .await
}

/// Where in the log the newest was shown; none where there is none.
pub async fn newest(db: &Db, me: &UserKey) -> Result<Option<Position>> {
    let text = concat!(
        "select n.position from ",
        seen_by!("$1", "$2"),
        " order by n.position desc limit 1"
    );
    bounded(async {
        let mut connection = db.connection().await?;
        let found: Option<(Position,)> = query_as("notifications.newest", text)
            .bind(me.tenant.to_string())
            .bind(me.id.to_string())
            .fetch_optional(&mut *connection)
            .await?;
        Ok(found.map(|(position,)| position))
    })
    .await
}

pub(super) async fn count_unread(connection: &mut PgConnection, me: &UserKey) -> Result<i64> {
    let text = concat!("select ", unread_count!());
    let (unread,): (i64,) = query_as("notifications.unread", text)
        .bind(me.tenant.to_string())
        .bind(me.id.to_string())
        .fetch_one(connection)
        .await?;
    Ok(unread)
}

/// Those of a tenant by their ids, in this order, shown or not: for the host.
pub async fn some(db: &Db, tenant: &str, ids: &[Uuid]) -> Result<Vec<Notification>> {
    let text = concat!(
        "select ",
        columns!(),
        " from unnest($2::uuid[]) with ordinality as g (id, place)
            join notifications n on n.tenant_id = $1 and n.id = g.id order by g.place"
    );
    bounded(async {
        let mut connection = db.connection().await?;
        Ok(query_as("notifications.some", text)
            .bind(tenant.to_owned())
            .bind(ids.to_vec())
            .fetch_all(&mut *connection)
            .await?)
    })
    .await
}

/// Those that events refer to, of all tenants. Not what was shown to somebody before they were erased.
pub(super) async fn by_ids(
    connection: &mut PgConnection,
    tenants: &[String],
    ids: &[Uuid],
) -> Result<HashMap<(String, Uuid), Notification>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        tenant_id: String,
        #[sqlx(flatten)]
        notification: Notification,
    }
    let text = concat!(
        "select distinct n.tenant_id, ",
        columns!(),
        " from unnest($1::text[], $2::uuid[]) as g (tenant_id, id) join notifications n using (tenant_id, id)
            join users u on u.tenant_id = n.tenant_id and u.id = n.user_id
           where n.position > coalesce(u.erased_position, 0)"
    );
    let rows: Vec<Row> = query_as("notifications.by_ids", text)
        .bind(tenants.to_vec())
        .bind(ids.to_vec())
        .fetch_all(connection)
        .await?;
    let keyed = |row: Row| ((row.tenant_id, row.notification.id), row.notification);
    Ok(rows.into_iter().map(keyed).collect())
}

/// Some of the people who have not read what was shown before a time.
pub async fn not_read_since(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
) -> Result<Vec<UserKey>> {
    let text = "select distinct tenant_id, user_id from (
                    select tenant_id, user_id from notifications
                     where created_at < $1 and position is not null and read_at is null and deleted_at is null
                     order by created_at limit 5000) n";
    let rows: Vec<(String, String)> = query_as("notifications.not_read", text)
        .bind(before)
        .fetch_all(connection)
        .await?;
    let key = |(tenant, id): (String, String)| UserKey::new(&tenant, &id);
    Ok(rows.into_iter().map(key).collect())
}

/// Forgets what was shown before a time, and read or deleted so long ago that no event of it is kept; and what should have
/// been shown so long ago and was not, for its job was cancelled. At most 5,000 at a time.
pub async fn prune(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
    log_days: i32,
) -> Result<u64> {
    let done = query("notifications.prune", "
        delete from notifications where ctid in (
            select ctid from notifications
             where coalesce(deleted_at, read_at, case when position is null then coalesce(deliver_at, created_at) end)
                   < now() - make_interval(days => $2) and created_at < $1 limit 5000)")
        .bind(before)
        .bind(log_days)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

/// Forgets what requests of the host came to, at most 5,000 at a time.
pub async fn prune_keys(connection: &mut PgConnection, before: DateTime<Utc>) -> Result<u64> {
    let done = query("notifications.prune_keys", "
        delete from idempotency_keys where ctid in (
            select ctid from idempotency_keys where created_at < $1 order by created_at limit 5000)")
        .bind(before)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
