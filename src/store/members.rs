//! Who is in a conversation: a page of it, and members as events show them.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::conversation_rows::{MemberRow, member_columns};
use super::users::user_json;
use super::{Db, bounded, cut, query_as};
use crate::error::{Code, Result};
use crate::model::{EventRow, Member, Position, UserKey};

/// A member at a place in the log, and when its conversation was last active.
pub(super) struct MemberAt {
    pub(super) member: Member,
    pub(super) activity_position: Position,
}

/// Members as events show them: of the interval that holds the event, as it is now.
pub(super) async fn at_positions(
    connection: &mut PgConnection,
    events: &[&EventRow],
) -> Result<HashMap<Position, MemberAt>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        position: Position,
        activity_position: Position,
        #[sqlx(flatten)]
        member: MemberRow,
    }
    let text = concat!("select g.position, c.activity_position, ", member_columns!(), "
          from unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[]) as g (tenant_id, conversation_id, user_id, position)
          join conversations c on c.tenant_id = g.tenant_id and c.id = g.conversation_id
          join members p on p.tenant_id = g.tenant_id and p.conversation_id = g.conversation_id and p.user_id = g.user_id
                        and p.joined_position <= g.position and (p.left_position is null or p.left_position >= g.position)
          join users u on u.tenant_id = g.tenant_id and u.id = g.user_id");
    let rows: Vec<Row> = query_as("members.at_positions", text)
        .bind(
            events
                .iter()
                .map(|e| e.tenant_id.clone())
                .collect::<Vec<_>>(),
        )
        .bind(
            events
                .iter()
                .map(|e| e.conversation_id)
                .collect::<Vec<Option<Uuid>>>(),
        )
        .bind(
            events
                .iter()
                .map(|e| e.subject_user_id.clone())
                .collect::<Vec<_>>(),
        )
        .bind(events.iter().map(|e| e.position).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    let at = |row: Row| {
        let member = MemberAt {
            member: row.member.into(),
            activity_position: row.activity_position,
        };
        (row.position, member)
    };
    Ok(rows.into_iter().map(at).collect())
}

/// Where a page of members ended: its last row's joining and person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    pub joined: Position,
    pub user_id: String,
}

/// A page of members, in order of joining.
pub struct MemberPage {
    pub items: Vec<Member>,
    /// Where the next page goes on, if there is one.
    pub next: Option<After>,
}

#[derive(sqlx::FromRow)]
struct ListRow {
    joined_position: Position,
    #[sqlx(flatten)]
    member: MemberRow,
}

const LIST: &str = concat!(
    "select p.joined_position, ",
    member_columns!(),
    " from members p join users u on u.tenant_id = p.tenant_id and u.id = p.user_id
     join conversations c on c.tenant_id = p.tenant_id and c.id = p.conversation_id
     where p.tenant_id = $1 and p.conversation_id = $2 and (p.left_position is null or c.type = 'PRIVATE')
       and (p.joined_position, p.user_id) > ($3, $4)
     order by p.joined_position, p.user_id limit $5"
);

/// Members of a conversation, to one of them or (`me` none) to the host's backend; `not-found` to anybody else.
pub async fn list(
    db: &Db,
    tenant: &str,
    me: Option<&UserKey>,
    conversation: Uuid,
    after: After,
    limit: i64,
) -> Result<MemberPage> {
    bounded(async {
        let mut connection = db.connection().await?;
        may_see(&mut connection, tenant, me, conversation).await?;
        let mut rows: Vec<ListRow> = query_as("members.list", LIST)
            .bind(tenant.to_owned())
            .bind(conversation)
            .bind(after.joined)
            .bind(after.user_id)
            .bind(limit + 1)
            .fetch_all(&mut *connection)
            .await?;
        let next = cut(&mut rows, limit, |row| After {
            joined: row.joined_position,
            user_id: row.member.user.id.clone(),
        });
        let items = rows.into_iter().map(|row| row.member.into()).collect();
        Ok(MemberPage { items, next })
    })
    .await
}

async fn may_see(
    connection: &mut PgConnection,
    tenant: &str,
    me: Option<&UserKey>,
    conversation: Uuid,
) -> Result<()> {
    let text = "
        select m.user_id is not null from conversations c
          left join members m on m.tenant_id = c.tenant_id and m.conversation_id = c.id and m.user_id = $3 and m.left_position is null
         where c.tenant_id = $1 and c.id = $2 and c.deleted_position is null";
    let found: Option<(bool,)> = query_as("members.may_see", text)
        .bind(tenant.to_owned())
        .bind(conversation)
        .bind(me.map(|me| me.id.to_string()))
        .fetch_optional(connection)
        .await?;
    match found {
        Some((is_member,)) if is_member || me.is_none() => Ok(()),
        _ => Err(Code::NotFound.into()),
    }
}

/// These members of a conversation, those that are in it now.
pub async fn some(
    db: &Db,
    tenant: &str,
    conversation: Uuid,
    ids: &[String],
) -> Result<Vec<Member>> {
    let text = concat!(
        "select ",
        member_columns!(),
        " from unnest($3::text[]) with ordinality as g (user_id, n)
          join members p on p.tenant_id = $1 and p.conversation_id = $2 and p.user_id = g.user_id and p.left_position is null
          join users u on u.tenant_id = p.tenant_id and u.id = p.user_id
         order by g.n"
    );
    bounded(async {
        let mut connection = db.connection().await?;
        let rows: Vec<MemberRow> = query_as("members.some", text)
            .bind(tenant.to_owned())
            .bind(conversation)
            .bind(ids.to_vec())
            .fetch_all(&mut *connection)
            .await?;
        Ok(rows.into_iter().map(Member::from).collect())
    })
    .await
}
