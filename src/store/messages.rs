//! Reading messages: a page of a conversation, one by its id, many by theirs.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::conversation_rows::{Reach, reach_lateral};
use super::{Db, bounded, query_as};
use crate::error::{Code, Result};
use crate::model::{
    Attachment, Epoch, Message, MessageType, Position, ReplyTo, Time, User, UserKey,
};

/// A message and its sender, as one row or, inside another row, as one JSON value: the names are the same.
/// A macro because SQL must be a literal.
macro_rules! message_columns {
    () => {
        "x.id, x.conversation_id, x.seq, x.type, x.attachments, x.notice, x.client_message_id, x.metadata, x.changed_position,
         x.created_at, x.edited_at, x.deleted_at, case when x.deleted_at is null then x.content end as content,
         case when x.reply_to_id is not null then (
              select jsonb_build_object('id', q.id, 'seq', q.seq, 'isDeleted', q.deleted_at is not null,
                         'excerpt', case when q.deleted_at is null then left(q.content, 140) end,
                         'sender', case when qs.id is not null
                                        then jsonb_build_object('id', qs.id, 'name', qs.name, 'imageUrl', qs.image_url, 'role', qs.role) end)
                from messages q left join users qs on qs.tenant_id = q.tenant_id and qs.id = q.sender_id
               where q.tenant_id = x.tenant_id and q.id = x.reply_to_id) end as reply_to,
         case when s.id is not null
              then jsonb_build_object('id', s.id, 'name', s.name, 'imageUrl', s.image_url, 'role', s.role) end as sender"
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
    changed_position: Position,
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

/// Many by id, in no order; what is not there is left out. For the writer's replays and for rendering events.
pub async fn by_ids(
    connection: &mut PgConnection,
    tenants: &[String],
    ids: &[Uuid],
) -> Result<Vec<(String, Message)>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        tenant_id: String,
        #[sqlx(flatten)]
        message: MessageRow,
    }
    let text = concat!(
        "select x.tenant_id, ",
        message_columns!(),
        "
          from unnest($1::text[], $2::uuid[]) as g (tenant_id, id)
          join messages x on x.tenant_id = g.tenant_id and x.id = g.id
          left join users s on s.tenant_id = x.tenant_id and s.id = x.sender_id"
    );
    let rows: Vec<Row> = query_as("messages.by_ids", text)
        .bind(tenants.to_vec())
        .bind(ids.to_vec())
        .fetch_all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.tenant_id, row.message.into()))
        .collect())
}

/// One message, to a member of its conversation.
pub async fn get(db: &Db, me: &UserKey, id: Uuid) -> Result<Message> {
    #[derive(sqlx::FromRow)]
    struct Row {
        #[sqlx(flatten)]
        message: MessageRow,
        #[sqlx(flatten)]
        reach: Reach,
    }
    let text = concat!("select ", message_columns!(), ", r.others, r.reads, r.deliveries
          from messages x
          join conversations c on c.tenant_id = x.tenant_id and c.id = x.conversation_id
          join members m on m.tenant_id = x.tenant_id and m.conversation_id = x.conversation_id and m.user_id = $2 and m.left_position is null
          left join users s on s.tenant_id = x.tenant_id and s.id = x.sender_id ", reach_lateral!(), "
         where x.tenant_id = $1 and x.id = $3");
    bounded(async {
        let mut connection = db.connection().await?;
        let row: Option<Row> = query_as("messages.get", text)
            .bind(me.tenant.to_string())
            .bind(me.id.to_string())
            .bind(id)
            .fetch_optional(&mut *connection)
            .await?;
        let row = row.ok_or(Code::NotFound)?;
        let mut message = Message::from(row.message);
        row.reach.mark(&mut message, &me.id);
        Ok(message)
    })
    .await
}

/// Which messages of a conversation a page asks for.
#[derive(Debug, Clone, Copy)]
pub enum Range {
    /// The newest.
    Newest,
    /// The newest below this `seq`.
    Before(i64),
    /// The oldest above this `seq`.
    After(i64),
    /// New and changed after this position, in order of last change.
    Since(Position),
    /// Counted from the newest, from 0, for clients that count pages.
    Offset(i64),
}

/// A page, oldest first (`Since`: in order of change), whether there is more, and what it was true at.
pub struct MessagePage {
    pub items: Vec<Message>,
    pub has_more: bool,
    /// How many messages there are in all.
    pub total: i64,
    pub epoch: Epoch,
    /// The newest position of the log when this was read.
    pub head: Position,
}

/// What a page is true at, and the caller's right to see it. One row, or none for whoever is no member.
#[derive(sqlx::FromRow)]
struct Standing {
    head: Position,
    epoch: String,
    last_seq: i64,
    #[sqlx(flatten)]
    reach: Reach,
}

const STANDING: &str = concat!(
    "select coalesce((select position from events order by position desc limit 1), 0) as head, (select epoch from log_state) as epoch, c.last_seq,
           r.others, r.reads, r.deliveries
      from conversations c
      join members m on m.tenant_id = c.tenant_id and m.conversation_id = c.id and m.user_id = $2 and m.left_position is null ",
    reach_lateral!(),
    " where c.tenant_id = $1 and c.id = $3"
);

/// A page of one conversation, to a current member; `not-found` to anybody else.
pub async fn list(
    db: &Db,
    me: &UserKey,
    conversation: Uuid,
    range: Range,
    limit: i64,
) -> Result<MessagePage> {
    bounded(async {
        let mut connection = db.connection().await?;
        // The head is read first: what is written in between is in the page too, and comes again by the cursor at worst.
        let standing: Option<Standing> = query_as("messages.standing", STANDING)
            .bind(me.tenant.to_string())
            .bind(me.id.to_string())
            .bind(conversation)
            .fetch_optional(&mut *connection)
            .await?;
        let Standing {
            head,
            epoch,
            last_seq,
            reach,
        } = standing.ok_or(Code::NotFound)?;
        let (kind, text, bound, newest_first) = statement(range, last_seq);
        let rows: Vec<MessageRow> = query_as(kind, text)
            .bind(me.tenant.to_string())
            .bind(conversation)
            .bind(bound)
            .bind(limit + 1)
            .fetch_all(&mut *connection)
            .await?;
        let has_more = rows.len() as i64 > limit;
        let mut items: Vec<Message> = rows
            .into_iter()
            .take(limit as usize)
            .map(Message::from)
            .collect();
        if newest_first {
            items.reverse();
        }
        items.iter_mut().for_each(|it| reach.mark(it, &me.id));
        let epoch = epoch
            .parse()
            .map_err(|e| crate::error::Error::from(Code::Internal).because(e))?;
        Ok(MessagePage {
            items,
            has_more,
            total: last_seq,
            epoch,
            head,
        })
    })
    .await
}

/// The statement of a range, its bound, and whether it reads backwards.
fn statement(range: Range, last_seq: i64) -> (&'static str, &'static str, i64, bool) {
    macro_rules! page {
        ($rest:literal) => {
            concat!("select ", message_columns!(), " from messages x left join users s on s.tenant_id = x.tenant_id and s.id = x.sender_id
                     where x.tenant_id = $1 and x.conversation_id = $2 and ", $rest, " limit $4")
        };
    }
    let before = page!("x.seq < $3 order by x.seq desc");
    match range {
        Range::Newest => ("messages.list", before, i64::MAX, true),
        Range::Before(seq) => ("messages.list", before, seq, true),
        // `seq` has no holes, so a page counted from the newest is a range of it.
        Range::Offset(offset) => ("messages.list", before, last_seq + 1 - offset, true),
        Range::After(seq) => (
            "messages.list_after",
            page!("x.seq > $3 order by x.seq"),
            seq,
            false,
        ),
        Range::Since(position) => (
            "messages.list_since",
            page!("x.changed_position > $3 order by x.changed_position, x.seq"),
            position,
            false,
        ),
    }
}
