//! A message as SQL gives it: the columns every query shares, when it is shown as a tombstone, and from a row to the model.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::model::{Attachment, Message, MessageType, Position, ReplyTo, Time, User};

/// Whether a message is shown as a tombstone: of `x`, and `s`, its sender. What a person wrote before they were erased is
/// hidden by that one fact, long before it is blanked.
macro_rules! gone {
    () => {
        gone!("x", "s")
    };
    ($x:literal, $s:literal) => {
        concat!(
            "(",
            $x,
            ".deleted_at is not null or coalesce(",
            $x,
            ".created_position <= ",
            $s,
            ".erased_position, false))"
        )
    };
}
pub(super) use gone;

/// Whether a message is a notice that names somebody who is being erased: it says nothing until it is worded anew.
macro_rules! names_the_erased {
    ($x:literal) => {
        concat!(
            "(",
            $x,
            ".notice is not null and exists (
                   select from erasures e where e.tenant_id = ",
            $x,
            ".tenant_id and e.finished_at is null
                      and (",
            $x,
            ".notice->>'actorId' = e.user_id or ",
            $x,
            ".notice->'userIds' ? e.user_id)))"
        )
    };
}
pub(super) use names_the_erased;

/// A message and its sender, as one row or, inside another row, as one JSON value: the names are the same.
/// A macro because SQL must be a literal.
macro_rules! message_columns {
    () => {
        concat!("x.id, x.conversation_id, x.seq, x.type, x.attachments, x.notice, x.metadata, x.changed_position, x.created_at, x.edited_at,
         case when x.created_position <= s.erased_position then null else x.client_message_id end as client_message_id,
         case when ", gone!(), " then coalesce(x.deleted_at, s.erased_at) end as deleted_at,
         case when ", gone!(), " then null
              when ", names_the_erased!("x"), " then null
              else x.content end as content,
         case when x.reply_to_id is not null then (
              select jsonb_build_object('id', q.id, 'seq', q.seq, 'isDeleted', ", gone!("q", "qs"), ",
                         'excerpt', case when not ", gone!("q", "qs"), " and not ", names_the_erased!("q"), " then left(q.content, 140) end,
                         'sender', case when qs.id is not null then ", user_json!("qs", "q.created_position"), " end)
                from messages q left join users qs on qs.tenant_id = q.tenant_id and qs.id = q.sender_id
               where q.tenant_id = x.tenant_id and q.id = x.reply_to_id) end as reply_to,
         case when s.id is not null then ", user_json!("s", "x.created_position"), " end as sender")
    };
}
pub(super) use message_columns;

/// The row of `message_columns`.
#[derive(Debug, Deserialize, sqlx::FromRow)]
pub(super) struct MessageRow {
    id: Uuid,
    conversation_id: Uuid,
    seq: i64,
    r#type: MessageType,
    #[sqlx(json(nullable))]
    sender: Option<User>,
    content: Option<String>,
    #[sqlx(json(nullable))]
    reply_to: Option<ReplyTo>,
    #[sqlx(json)]
    attachments: Vec<Attachment>,
    notice: Option<Value>,
    client_message_id: Option<String>,
    metadata: Value,
    pub(super) changed_position: Position,
    created_at: DateTime<Utc>,
    edited_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        let is_deleted = row.deleted_at.is_some();
        Self {
            id: row.id,
            conversation_id: row.conversation_id,
            seq: row.seq,
            r#type: row.r#type,
            sender: row.sender,
            content: row.content,
            attachments: if is_deleted {
                Vec::new()
            } else {
                row.attachments
            },
            reply_to: row.reply_to.filter(|_| !is_deleted),
            notice: row.notice,
            client_message_id: row.client_message_id,
            metadata: if is_deleted {
                Value::Object(Default::default())
            } else {
                row.metadata
            },
            created_at: Time(row.created_at),
            edited_at: row.edited_at.map(Time),
            is_deleted,
            status: None,
            changed_position: row.changed_position,
        }
    }
}
