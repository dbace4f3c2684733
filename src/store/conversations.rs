//! Reading conversations: the inbox and one of its rows, each in a single query, and how events show them.

use std::cmp::Reverse;
use std::collections::HashMap;

use sqlx::{PgConnection, Postgres, postgres::PgArguments};
use uuid::Uuid;

use super::conversation_rows::{
    ConversationRow, ViewedRow, conversation_columns, is_unread, member_columns, reach_lateral,
    unread_lateral, view_columns,
};
use super::message_rows::{gone, message_columns, names_the_erased};
use super::users::user_json;
use super::{Db, bounded, query_as};
use crate::error::{Code, Result};
use crate::model::{Conversation, Cursor, Position, UserKey};

/// Which conversations a list holds.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub context_type: Option<String>,
    pub context_id: Option<String>,
    pub organization_id: Option<String>,
    pub unread: bool,
    /// Those in the archive, instead of those that are not.
    pub archived: bool,
    /// Only those with older activity than this position: where the page before ended.
    pub before: Option<Position>,
    /// Skipped from the top, for clients that count pages.
    pub offset: i64,
}

impl Filter {
    /// Whether it is the plain inbox, of which memory knows where to look.
    pub fn is_plain(&self) -> bool {
        let is_about = self.context_type.is_some() || self.context_id.is_some();
        !is_about
            && self.organization_id.is_none()
            && !self.unread
            && !self.archived
            && self.offset == 0
    }
}

/// Where to look for a page of a plain inbox, as an instance knows that follows the log: a page of ten thousand
/// conversations then costs about what a page of a hundred costs.
#[derive(Debug)]
pub struct Newest {
    pub ids: Vec<Uuid>,
    /// All others below the page's start had their last activity here or before.
    pub left_out: Position,
    /// How much of the log was known then.
    pub applied: Cursor,
}

impl Newest {
    /// Of all of a user's conversations, by their activity, as they were known at `applied`.
    pub fn pick(
        mut known: Vec<(Position, Uuid)>,
        before: Option<Position>,
        limit: i64,
        applied: Cursor,
    ) -> Self {
        known.retain(|(activity, _)| before.is_none_or(|before| *activity < before));
        // Twice the page, for those that will have moved above it, or that the user has left.
        let most = 2 * limit as usize;
        let mut left_out = 0;
        if known.len() > most {
            let (_, newest, _) =
                known.select_nth_unstable_by_key(most, |(activity, _)| Reverse(*activity));
            left_out = newest.0;
            known.truncate(most);
        }
        Self {
            ids: known.into_iter().map(|(_, id)| id).collect(),
            left_out,
            applied,
        }
    }

    /// Whether these rows are the page. None at all may mean that the log is another one, or far ahead; too few, that
    /// some have moved above the page; too old ones, that something moved which is no activity, and that what was left
    /// out may stand above it.
    fn fills(&self, rows: &[ViewedRow], limit: i64) -> bool {
        let is_full = rows.len() as i64 > limit || (self.left_out == 0 && !rows.is_empty());
        let oldest = rows.last().map(|row| row.conversation.activity_position);
        is_full && oldest.is_some_and(|oldest| oldest > self.left_out)
    }
}

/// What passes the filter: `$1`–`$7` of `list` and `total` alike.
macro_rules! filtered_members {
    () => {
        filtered_members!("members")
    };
    ($members:literal) => {
        concat!("from ", $members, " m join conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id
             where m.tenant_id = $1 and m.user_id = $2 and m.left_position is null and c.last_seq > coalesce(m.deleted_up_to, -1)
               and (c.last_seq <= coalesce(m.archived_up_to, -1)) = $7
               and ($3::text is null or c.context_type = $3) and ($4::text is null or c.context_id = $4)
               and ($5::text is null or c.organization_id = $5)
               and (not $6 or c.last_seq > m.read_up_to and exists (
                       select from messages x left join users s on s.tenant_id = x.tenant_id and s.id = x.sender_id
                        where x.tenant_id = c.tenant_id and x.conversation_id = c.id
                          and x.seq > greatest(m.read_up_to, coalesce(m.deleted_up_to, 0))
                          and x.sender_id is distinct from m.user_id and not ", gone!(), " and x.notice is null))")
    };
}

macro_rules! list {
    ($members:literal) => {
        concat!(
            "select ",
            conversation_columns!("(p.left_position is null or c.type = 'PRIVATE')"),
            ", ",
            view_columns!(),
            "
      from (select m.*, c.activity_position ",
            filtered_members!($members),
            " and ($8::bigint is null or c.activity_position < $8)
             order by c.activity_position desc limit $9 offset $10) m
      join conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id ",
            unread_lateral!(),
            " ",
            reach_lateral!(),
            "
     order by m.activity_position desc"
        )
    };
}

const LIST: &str = list!("members");

/// Those of `$11`, and what the log says has moved since they were picked: in the same snapshot, up to 1,000 positions on
/// (which are dense, so the inner limit cuts nothing), and nothing beyond that or of another log. The `limit 1` keeps the
/// look-up by id: without it the planner reads all of the user's memberships.
const LIST_AMONG: &str = list!(
    "(select distinct id from unnest($11::uuid[] || array(
                       select e.conversation_id from events e
                        where e.position > $12 and e.tenant_id = $1 order by e.position limit 1000)) g (id)
               where (select position from events order by position desc limit 1) between $12 and $12 + 1000
                 and (select epoch from log_state) = $13) g
             cross join lateral (
                select * from members m
                 where m.tenant_id = $1 and m.conversation_id = g.id and m.user_id = $2 and m.left_position is null limit 1)"
);

/// The newest `limit` of a user's conversations that pass the filter, and whether there are more. `newest` is for a plain
/// inbox, and picked before the connection's snapshot is taken: the snapshot must be the younger.
pub async fn list(
    connection: &mut PgConnection,
    me: &UserKey,
    newest: Option<Newest>,
    filter: &Filter,
    limit: i64,
) -> Result<(Vec<Conversation>, bool)> {
    if let Some(newest) = newest {
        let query = query_as("conversations.list_newest", LIST_AMONG);
        let rows = page_of(query, me, filter, limit)
            .bind(newest.ids.clone())
            .bind(newest.applied.position)
            .bind(newest.applied.epoch.to_string())
            .fetch_all(&mut *connection)
            .await?;
        if newest.fills(&rows, limit) {
            return Ok(cut(rows, limit));
        }
    }
    let query = page_of(query_as("conversations.list", LIST), me, filter, limit);
    let rows = query.fetch_all(connection).await?;
    Ok(cut(rows, limit))
}

type ListQuery = sqlx::query::QueryAs<'static, Postgres, ViewedRow, PgArguments>;

fn page_of(query: ListQuery, me: &UserKey, filter: &Filter, limit: i64) -> ListQuery {
    query
        .bind(me.tenant.to_string())
        .bind(me.id.to_string())
        .bind(filter.context_type.clone())
        .bind(filter.context_id.clone())
        .bind(filter.organization_id.clone())
        .bind(filter.unread)
        .bind(filter.archived)
        .bind(filter.before)
        .bind(limit + 1)
        .bind(filter.offset)
}

fn cut(rows: Vec<ViewedRow>, limit: i64) -> (Vec<Conversation>, bool) {
    let has_more = rows.len() as i64 > limit;
    let page = rows.into_iter().take(limit as usize);
    (page.map(Conversation::from).collect(), has_more)
}

/// How many conversations the list has in all, for clients that count pages.
pub async fn total(connection: &mut PgConnection, me: &UserKey, filter: &Filter) -> Result<i64> {
    let (total,): (i64,) = query_as(
        "conversations.total",
        concat!("select count(*) ", filtered_members!()),
    )
    .bind(me.tenant.to_string())
    .bind(me.id.to_string())
    .bind(filter.context_type.clone())
    .bind(filter.context_id.clone())
    .bind(filter.organization_id.clone())
    .bind(filter.unread)
    .bind(filter.archived)
    .fetch_one(connection)
    .await?;
    Ok(total)
}

/// One conversation, to a current member; `not-found` to anybody else.
pub async fn get(db: &Db, me: &UserKey, id: Uuid) -> Result<Conversation> {
    let text = concat!("select ", conversation_columns!("(p.left_position is null or c.type = 'PRIVATE')"), ", ", view_columns!(), "
          from conversations c
          join members m on m.tenant_id = c.tenant_id and m.conversation_id = c.id and m.user_id = $2 and m.left_position is null ",
        unread_lateral!(), " ", reach_lateral!(), " where c.tenant_id = $1 and c.id = $3");
    bounded(async {
        let mut connection = db.connection().await?;
        let row: Option<ViewedRow> = query_as("conversations.get", text)
            .bind(me.tenant.to_string())
            .bind(me.id.to_string())
            .bind(id)
            .fetch_optional(&mut *connection)
            .await?;
        row.map(Conversation::from)
            .ok_or_else(|| Code::NotFound.into())
    })
    .await
}

/// One conversation without a viewer, to the host's backend.
pub async fn get_for_service(db: &Db, tenant: &str, id: Uuid) -> Result<Conversation> {
    let text = concat!(
        "select ",
        conversation_columns!("(p.left_position is null or c.type = 'PRIVATE')"),
        " from conversations c where c.tenant_id = $1 and c.id = $2 and c.deleted_position is null"
    );
    bounded(async {
        let mut connection = db.connection().await?;
        let row: Option<ConversationRow> = query_as("conversations.get_for_service", text)
            .bind(tenant.to_owned())
            .bind(id)
            .fetch_optional(&mut *connection)
            .await?;
        row.map(Conversation::from)
            .ok_or_else(|| Code::NotFound.into())
    })
    .await
}

/// A conversation at a place in the log.
pub(super) struct At {
    pub tenant: String,
    pub id: Uuid,
    pub position: Position,
}

/// Conversations as events show them: with the members of that position, whoever joined or left since, so that the
/// later member events apply to it, and nobody who has left is shown who came after.
pub(super) async fn at_positions(
    connection: &mut PgConnection,
    asked: &[At],
) -> Result<HashMap<Position, (Conversation, Vec<String>)>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        position: Position,
        everybody: Vec<String>,
        #[sqlx(flatten)]
        conversation: ConversationRow,
    }
    let text = concat!("select g.position, (select coalesce(array_agg(p.user_id), '{}') from members p
                 where p.tenant_id = c.tenant_id and p.conversation_id = c.id
                   and p.joined_position <= g.position and (p.left_position is null or p.left_position >= g.position)) as everybody, ",
        conversation_columns!("p.joined_position <= g.position and (p.left_position is null or p.left_position >= g.position or c.type = 'PRIVATE')"), "
          from unnest($1::text[], $2::uuid[], $3::bigint[]) as g (tenant_id, id, position)
          join conversations c on c.tenant_id = g.tenant_id and c.id = g.id");
    let rows: Vec<Row> = query_as("conversations.at_positions", text)
        .bind(asked.iter().map(|at| at.tenant.clone()).collect::<Vec<_>>())
        .bind(asked.iter().map(|at| at.id).collect::<Vec<_>>())
        .bind(asked.iter().map(|at| at.position).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.position, (row.conversation.into(), row.everybody)))
        .collect())
}

/// How many are `active` and how many `archived` (closed), in all tenants: for `/metrics`.
pub async fn count_by_state(connection: &mut PgConnection) -> Result<Vec<(&'static str, i64)>> {
    let text = "select count(*) filter (where not closed), count(*) filter (where closed) from conversations where deleted_position is null";
    let (active, archived): (i64, i64) = query_as("conversations.count", text)
        .fetch_one(connection)
        .await?;
    Ok(vec![("active", active), ("archived", archived)])
}
