//! Everything a client starts from, in one snapshot: the snapshot and the events after its cursor make a fresh snapshot.

use sqlx::{Connection, Row};
use uuid::Uuid;

use super::conversations::{self, Filter, Newest};
use super::{Db, bounded, notifications, query, unread};
use crate::error::{Code, Error, Result};
use crate::model::{Conversation, Cursor, UserKey};

/// The first page of the inbox and all unread counts, true at `cursor`.
pub struct Snapshot {
    pub cursor: Cursor,
    pub conversations: Vec<Conversation>,
    pub has_more: bool,
    pub unread: Vec<(Uuid, i64)>,
    /// Not read.
    pub notifications: i64,
}

/// `newest` must have been picked before this call.
pub async fn snapshot(
    db: &Db,
    me: &UserKey,
    newest: Option<Newest>,
    limit: i64,
) -> Result<Snapshot> {
    bounded(async {
        let mut connection = db.connection().await?;
        let mut transaction = connection.begin().await?;
        query("sync.begin", "set transaction isolation level repeatable read, read only").execute(&mut *transaction).await?;
        let text = "select (select epoch from log_state) as epoch, coalesce((select position from events order by position desc limit 1), 0) as head";
        let row = query("sync.head", text).fetch_one(&mut *transaction).await?;
        let epoch: String = row.try_get("epoch")?;
        let epoch = epoch.parse().map_err(|e| Error::from(Code::Internal).because(e))?;
        let (conversations, has_more) = conversations::list(&mut transaction, me, newest, &Filter::default(), limit).await?;
        let unread = unread::list(&mut transaction, me).await?;
        let notifications = notifications::count_unread(&mut transaction, me).await?;
        transaction.rollback().await?;
        Ok(Snapshot { cursor: Cursor { epoch, position: row.try_get("head")? }, conversations, has_more, unread, notifications })
    })
    .await
}
