//! What a message said before it was edited.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::message_rows::gone;
use super::{Db, bounded, cut, query, query_as};
use crate::error::{Code, Result};
use crate::model::{Attachment, Position, Revision, Time, UserKey};

/// Days for which an earlier text is kept.
pub const KEPT_DAYS: i32 = 30;

/// A page of earlier texts, oldest first.
pub struct RevisionPage {
    pub items: Vec<Revision>,
    /// After which edit the next page goes on, if there is one.
    pub next: Option<Position>,
}

#[derive(sqlx::FromRow)]
struct Row {
    position: Position,
    content: Option<String>,
    #[sqlx(json)]
    attachments: Vec<Attachment>,
    metadata: serde_json::Value,
    replaced_at: DateTime<Utc>,
    replaced_by: String,
}

/// The earlier texts, those replaced by an edit above `after`, to an ADMIN of the group or (`me` none) the host's backend.
/// `forbidden` to other members, `not-found` to anybody else.
pub async fn list(
    db: &Db,
    tenant: &str,
    me: Option<&UserKey>,
    message: Uuid,
    after: Position,
    limit: i64,
) -> Result<RevisionPage> {
    let may_see = "
        select m.user_id is not null, c.type = 'GROUP' and coalesce(m.role = 'ADMIN', false)
          from messages x
          join conversations c on c.tenant_id = x.tenant_id and c.id = x.conversation_id and c.deleted_position is null
          left join members m on m.tenant_id = x.tenant_id and m.conversation_id = x.conversation_id
                             and m.user_id = $3 and m.left_position is null
         where x.tenant_id = $1 and x.id = $2";
    bounded(async {
        let mut connection = db.connection().await?;
        let found: Option<(bool, bool)> = query_as("revisions.may_see", may_see)
            .bind(tenant.to_owned())
            .bind(message)
            .bind(me.map(|me| me.id.to_string()))
            .fetch_optional(&mut *connection)
            .await?;
        match (me, found) {
            (None, Some(_)) | (_, Some((_, true))) => {
                read(&mut connection, tenant, message, after, limit).await
            }
            (_, Some((true, _))) => Err(Code::Forbidden.into()),
            _ => Err(Code::NotFound.into()),
        }
    })
    .await
}

async fn read(
    connection: &mut PgConnection,
    tenant: &str,
    message: Uuid,
    after: Position,
    limit: i64,
) -> Result<RevisionPage> {
    // The tail of what is kept goes a little later than it may be seen.
    let text = concat!(
        "select r.position, r.content, r.attachments, r.metadata, r.replaced_at, r.replaced_by
           from revisions r join messages x on x.tenant_id = r.tenant_id and x.id = r.message_id
           left join users s on s.tenant_id = x.tenant_id and s.id = x.sender_id
          where r.tenant_id = $1 and r.message_id = $2 and r.position > $4 and r.replaced_at > now() - make_interval(days => $3) and not ",
        gone!(),
        " order by r.position limit $5"
    );
    let mut rows: Vec<Row> = query_as("revisions.list", text)
        .bind(tenant.to_owned())
        .bind(message)
        .bind(KEPT_DAYS)
        .bind(after)
        .bind(limit + 1)
        .fetch_all(connection)
        .await?;
    let next = cut(&mut rows, limit, |row| row.position);
    let revision = |row: Row| Revision {
        content: row.content,
        attachments: row.attachments,
        metadata: row.metadata,
        replaced_at: Time(row.replaced_at),
        replaced_by: row.replaced_by,
    };
    Ok(RevisionPage {
        items: rows.into_iter().map(revision).collect(),
        next,
    })
}

/// Forgets what is too old, at most 5,000 at a time.
pub async fn prune(connection: &mut PgConnection) -> Result<u64> {
    let done = query("revisions.prune", "
        delete from revisions where ctid in (
            select ctid from revisions where replaced_at < now() - make_interval(days => $1) order by replaced_at limit 5000)")
        .bind(KEPT_DAYS)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
