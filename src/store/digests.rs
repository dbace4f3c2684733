//! What a person has not read, and what of it an e-mail has told already. What time it is the caller says.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::conversation_rows::is_unread;
use super::jobs::{self, NewJob};
use super::message_rows::gone;
use super::{Db, bounded, query, query_as};
use crate::error::Result;
use crate::model::UserKey;

/// A person as an e-mail about unread messages sees them.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Reader {
    pub email: Option<String>,
    /// ONLINE up to here. Of whoever hides it there is none.
    pub online_until: Option<DateTime<Utc>>,
    /// When they were last on the site, or read or wrote something. Of whoever hides their presence only what they read and
    /// wrote is known.
    pub visited_at: Option<DateTime<Utc>>,
    /// When an e-mail last told them of anything.
    pub told_at: Option<DateTime<Utc>>,
}

/// A conversation with unread messages.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Unread {
    #[sqlx(rename = "id")]
    pub conversation: Uuid,
    pub unread: i64,
    /// When the oldest of them came.
    pub since: DateTime<Utc>,
    /// `seq` of the newest.
    pub up_to: i64,
    /// When the oldest came that no e-mail has told of; none where all were told.
    pub untold_since: Option<DateTime<Utc>>,
    /// When an e-mail last told of it, and how often since a visit.
    pub told_at: Option<DateTime<Utc>>,
    pub times: Option<i32>,
}

/// None where there is nobody, or nobody any more.
pub async fn reader(db: &Db, user: &UserKey) -> Result<Option<Reader>> {
    let text = "
        select u.email, case when not p.hidden then p.online_until end as online_until,
               greatest(p.last_seen_at, (select max(m.read_at) from members m where m.tenant_id = $1 and m.user_id = $2)) as visited_at,
               (select max(d.told_at) from digests d where d.tenant_id = $1 and d.user_id = $2) as told_at
          from users u left join presence p on p.tenant_id = u.tenant_id and p.user_id = u.id
         where u.tenant_id = $1 and u.id = $2 and not u.is_erased";
    bounded(async {
        let mut connection = db.connection().await?;
        Ok(query_as("digests.reader", text)
            .bind(user.tenant.to_string())
            .bind(user.id.to_string())
            .fetch_optional(&mut *connection)
            .await?)
    })
    .await
}

/// Where a person has something unread, but for what they have archived.
pub async fn unread(db: &Db, user: &UserKey) -> Result<Vec<Unread>> {
    let text = concat!(
        "
        select c.id, n.unread, n.since, n.up_to, n.untold_since, d.told_at, d.times
          from members m join conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id
          left join digests d on d.tenant_id = m.tenant_id and d.user_id = m.user_id and d.conversation_id = m.conversation_id
         cross join lateral (
               select count(*) as unread, min(x.created_at) as since, max(x.seq) as up_to,
                      min(x.created_at) filter (where x.seq > coalesce(d.told_up_to, 0)) as untold_since
                 from messages x left join users s on s.tenant_id = x.tenant_id and s.id = x.sender_id
                where x.tenant_id = c.tenant_id and x.conversation_id = c.id and ",
        is_unread!(),
        ") n
         where m.tenant_id = $1 and m.user_id = $2 and m.left_position is null
           and c.last_seq > greatest(m.read_up_to, coalesce(m.archived_up_to, -1)) and n.unread > 0
         order by c.id"
    );
    bounded(async {
        let mut connection = db.connection().await?;
        Ok(query_as("digests.unread", text)
            .bind(user.tenant.to_string())
            .bind(user.id.to_string())
            .fetch_all(&mut *connection)
            .await?)
    })
    .await
}

/// That an e-mail tells of these conversations, each with how many e-mails that makes since a visit.
pub struct Told<'a> {
    pub user: &'a UserKey,
    pub at: DateTime<Utc>,
    pub conversations: Vec<(&'a Unread, i32)>,
}

/// Notes it and puts the e-mail, both or neither. False where one of them was told in the last `period`, by whoever does the
/// same at the same time: nothing is done then.
pub async fn tell(db: &Db, told: Told<'_>, period: TimeDelta, email: NewJob) -> Result<bool> {
    bounded(async {
        let mut connection = db.connection().await?;
        let mut transaction = connection.begin().await?;
        let is_first = note(&mut transaction, &told, told.at - period).await?;
        if is_first {
            jobs::put(&mut transaction, &[email]).await?;
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        Ok(is_first)
    })
    .await
}

/// In the order of the conversations: two at once wait for each other at the first that both tell of.
async fn note(
    connection: &mut PgConnection,
    told: &Told<'_>,
    not_since: DateTime<Utc>,
) -> Result<bool> {
    let text = "
        insert into digests as d (tenant_id, user_id, conversation_id, told_at, told_up_to, times)
        select $1, $2, g.conversation_id, $3, g.told_up_to, g.times
          from unnest($5::uuid[], $6::bigint[], $7::int[]) as g (conversation_id, told_up_to, times)
        on conflict on constraint digests_pkey do update
           set told_at = excluded.told_at, told_up_to = excluded.told_up_to, times = excluded.times
         where d.told_at <= $4";
    let of = told.conversations.iter();
    let done = query("digests.note", text)
        .bind(told.user.tenant.to_string())
        .bind(told.user.id.to_string())
        .bind(told.at)
        .bind(not_since)
        .bind(
            of.clone()
                .map(|(one, _)| one.conversation)
                .collect::<Vec<_>>(),
        )
        .bind(of.clone().map(|(one, _)| one.up_to).collect::<Vec<_>>())
        .bind(of.clone().map(|(_, times)| *times).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == told.conversations.len() as u64)
}

/// Whether anything is unread still that was told of then, and of which no later e-mail has told.
pub async fn is_unread_still(db: &Db, user: &UserKey, told_at: DateTime<Utc>) -> Result<bool> {
    let text = concat!(
        "
        select exists (
            select from digests d
              join members m on m.tenant_id = d.tenant_id and m.conversation_id = d.conversation_id and m.user_id = d.user_id
                   and m.left_position is null
              join messages x on x.tenant_id = d.tenant_id and x.conversation_id = d.conversation_id and x.seq <= d.told_up_to
              left join users s on s.tenant_id = x.tenant_id and s.id = x.sender_id
             where d.tenant_id = $1 and d.user_id = $2 and d.told_at = $3 and ",
        is_unread!(),
        ")"
    );
    bounded(async {
        let mut connection = db.connection().await?;
        let (is_unread,): (bool,) = query_as("digests.is_unread_still", text)
            .bind(user.tenant.to_string())
            .bind(user.id.to_string())
            .bind(told_at)
            .fetch_one(&mut *connection)
            .await?;
        Ok(is_unread)
    })
    .await
}

/// Forgets what was told before then, at most 5,000 of it. Gives how much that was.
pub async fn prune(connection: &mut PgConnection, before: DateTime<Utc>) -> Result<u64> {
    let text = "
        delete from digests where ctid in (select ctid from digests where told_at < $1 order by told_at limit 5000)";
    let done = query("digests.prune", text)
        .bind(before)
        .execute(connection);
    Ok(done.await?.rows_affected())
}
