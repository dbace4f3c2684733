//! Of one message, who has received and read it, and when: exactly, from the marks that are kept.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::members::After;
use super::users::user_json;
use super::{Db, bounded, cut, query_as};
use crate::error::{Code, Result};
use crate::model::{MessageReceipt, MessageStatus, Position, Time, User, UserKey};

/// A page of receipts, in order of joining.
pub struct ReceiptPage {
    pub items: Vec<MessageReceipt>,
    pub next: Option<After>,
}

#[derive(sqlx::FromRow)]
struct Row {
    joined_position: Position,
    #[sqlx(json)]
    user: User,
    read_at: Option<DateTime<Utc>>,
    delivered_at: Option<DateTime<Utc>>,
}

/// Its recipients who are members still: those who were members when it was sent, the sender excepted. The first mark at
/// or above the message is the step that took it in.
const LIST: &str = concat!(
    "
    select m.joined_position, ", user_json!("u", "m.joined_position"), " as user,
           case when not u.receipts_off then (
                select r.at from receipt_marks r
                 where r.tenant_id = m.tenant_id and r.conversation_id = m.conversation_id and r.user_id = m.user_id
                   and r.status = 'READ' and r.up_to >= x.seq order by r.up_to limit 1) end as read_at,
           case when not u.receipts_off then (
                select r.at from receipt_marks r
                 where r.tenant_id = m.tenant_id and r.conversation_id = m.conversation_id and r.user_id = m.user_id
                   and r.status = 'DELIVERED' and r.up_to >= x.seq order by r.up_to limit 1) end as delivered_at
      from messages x
      join members m on m.tenant_id = x.tenant_id and m.conversation_id = x.conversation_id and m.left_position is null
      join users u on u.tenant_id = m.tenant_id and u.id = m.user_id
     where x.tenant_id = $1 and x.id = $2 and m.user_id is distinct from x.sender_id
       and exists (select from members w where w.tenant_id = m.tenant_id and w.conversation_id = m.conversation_id and w.user_id = m.user_id
                      and w.joined_position <= x.created_position and coalesce(w.left_position, x.created_position) >= x.created_position)
       and (m.joined_position, m.user_id) > ($3, $4)
     order by m.joined_position, m.user_id limit $5"
);

/// To a member; `not-found` to anybody else. `are_told`: whether the tenant has receipts.
pub async fn list(
    db: &Db,
    me: &UserKey,
    message: Uuid,
    are_told: bool,
    after: After,
    limit: i64,
) -> Result<ReceiptPage> {
    bounded(async {
        let mut connection = db.connection().await?;
        may_see(&mut connection, me, message).await?;
        let mut rows: Vec<Row> = query_as("receipts.list", LIST)
            .bind(me.tenant.to_string())
            .bind(message)
            .bind(after.joined)
            .bind(after.user_id)
            .bind(limit + 1)
            .fetch_all(&mut *connection)
            .await?;
        let next = cut(&mut rows, limit, |row| After {
            joined: row.joined_position,
            user_id: row.user.id.clone(),
        });
        let items = rows.into_iter().map(|row| receipt(row, are_told));
        Ok(ReceiptPage {
            items: items.collect(),
            next,
        })
    })
    .await
}

async fn may_see(connection: &mut PgConnection, me: &UserKey, message: Uuid) -> Result<()> {
    let text = "
        select 1 from messages x
          join members m on m.tenant_id = x.tenant_id and m.conversation_id = x.conversation_id and m.user_id = $3 and m.left_position is null
         where x.tenant_id = $1 and x.id = $2";
    let found: Option<(i32,)> = query_as("receipts.may_see", text)
        .bind(me.tenant.to_string())
        .bind(message)
        .bind(me.id.to_string())
        .fetch_optional(connection)
        .await?;
    found.map(|_| ()).ok_or_else(|| Code::NotFound.into())
}

fn receipt(row: Row, are_told: bool) -> MessageReceipt {
    let (read_at, delivered_at) = if are_told {
        // Whoever read it has received it.
        let first = row.delivered_at.into_iter().chain(row.read_at).min();
        (row.read_at, first)
    } else {
        (None, None)
    };
    let status = match (read_at, delivered_at) {
        (Some(_), _) => MessageStatus::Read,
        (None, Some(_)) => MessageStatus::Delivered,
        (None, None) => MessageStatus::Sent,
    };
    MessageReceipt {
        user: row.user,
        status,
        delivered_at: delivered_at.map(Time),
        read_at: read_at.map(Time),
    }
}
