//! Reading messages: a page of a conversation, one by its id, many by theirs.

use sqlx::PgConnection;
use uuid::Uuid;

use super::conversation_rows::{Reach, reach_lateral};
use super::message_rows::{MessageRow, gone, message_columns, names_the_erased};
use super::users::user_json;
use super::{Db, bounded, query_as};
use crate::error::{Code, Result};
use crate::model::{Epoch, Message, Position, UserKey};

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

/// Messages that may share one `changed_position`, at most: those of one conversation that an erasure blanks at once.
pub(super) const TOGETHER: usize = 50;

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
        let most = match range {
            Range::Since(_) => limit + TOGETHER as i64,
            _ => limit,
        };
        let rows: Vec<MessageRow> = query_as(kind, text)
            .bind(me.tenant.to_string())
            .bind(conversation)
            .bind(bound)
            .bind(most + 1)
            .fetch_all(&mut *connection)
            .await?;
        let length = length(&rows, limit as usize, matches!(range, Range::Since(_)));
        let has_more = rows.len() > length;
        let mut items: Vec<Message> = rows.into_iter().take(length).map(Message::from).collect();
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

/// How many of these rows are the page. In order of change it ends between two positions, at which the next one goes on.
fn length(rows: &[MessageRow], limit: usize, by_change: bool) -> usize {
    let mut length = rows.len().min(limit);
    let at = |i: usize| rows.get(i).map(|row| row.changed_position);
    while by_change && length > 0 && length < rows.len() && at(length) == at(length - 1) {
        length += 1;
    }
    length
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
