//! Adding people to a group: new intervals of membership, from the position of their joining on.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::log::LogTransaction;
use super::notices::{Say, say_all};
use super::{query, query_as, users};
use crate::error::{Code, Error, Result};
use crate::model::{
    EventKind, FieldCode, FieldProblem, Language, MAX_MEMBERS, MemberRole, NewMember, Notice,
    NoticeType, Position, UserKey,
};

/// People that somebody adds to a group.
#[derive(Debug, Clone)]
pub struct Add {
    pub by: UserKey,
    pub by_service: bool,
    pub conversation: Uuid,
    /// Each with the pointer of the body to them.
    pub members: Vec<(NewMember, String)>,
    /// Make rows for people nobody has seen yet, instead of refusing them.
    pub make_unknown: bool,
    /// The language in which the group is told; none = it is not.
    pub notice: Option<Language>,
}

/// One person of one item.
#[derive(sqlx::FromRow)]
struct Found {
    is_group: Option<bool>,
    last_seq: Option<i64>,
    member_count: i64,
    actor_role: Option<MemberRole>,
    is_member: bool,
    is_known: bool,
    /// Nobody until a token, or the host's own word, brings a new person of that id.
    is_erased: bool,
}

/// A group is counted once, however many are added to it.
const CHECK: &str = "
    with g as materialized (
        select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[]) with ordinality as g (tenant_id, conversation_id, actor_id, user_id, n)
    ), k as materialized (
        select t.*, (select count(*) from members o where o.tenant_id = t.tenant_id and o.conversation_id = t.conversation_id
                                                      and o.left_position is null) as member_count
          from (select distinct tenant_id, conversation_id from g) t
    )
    select c.type = 'GROUP' as is_group, c.last_seq, a.role as actor_role, s.user_id is not null as is_member, u.id is not null and not u.is_erased as is_known,
           coalesce(u.is_erased, false) as is_erased,
           k.member_count
      from g join k on k.tenant_id = g.tenant_id and k.conversation_id = g.conversation_id
      left join conversations c on c.tenant_id = g.tenant_id and c.id = g.conversation_id and c.deleted_position is null
      left join members a on a.tenant_id = g.tenant_id and a.conversation_id = g.conversation_id
                         and a.user_id = g.actor_id and a.left_position is null
      left join members s on s.tenant_id = g.tenant_id and s.conversation_id = g.conversation_id
                         and s.user_id = g.user_id and s.left_position is null
      left join users u on u.tenant_id = g.tenant_id and u.id = g.user_id
     order by g.n";

/// A person who joins.
struct Join<'a> {
    add: &'a Add,
    member: &'a NewMember,
    last_seq: i64,
    position: Position,
}

/// Adds them; whoever is in the group already stays as they are. One item's people all join, or none of them.
pub async fn add_all(log: &mut LogTransaction<'_>, adds: &[&Add]) -> Result<Vec<Result<()>>> {
    let found = look_up(log, adds).await?;
    let mut found = found.iter();
    let mut joined: HashSet<(&str, Uuid, &str)> = HashSet::new();
    let mut grown: HashMap<(&str, Uuid), i64> = HashMap::new();
    let (mut joins, mut says, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    for add in adds {
        let rows: Vec<&Found> = found.by_ref().take(add.members.len()).collect();
        let group = (&*add.by.tenant, add.conversation);
        let is_new = |(member, row): &(&NewMember, &Found)| {
            let key = (group.0, group.1, &*member.user_id);
            !row.is_member && !joined.contains(&key)
        };
        let people = add.members.iter().map(|(member, _)| member);
        let new: Vec<_> = people.zip(rows.iter().copied()).filter(is_new).collect();
        let already = grown.get(&group).copied().unwrap_or(0);
        if let Err(error) = judge(add, &rows, already + new.len() as i64) {
            answers.push(Err(error));
            continue;
        }
        *grown.entry(group).or_default() += new.len() as i64;
        for (member, row) in &new {
            joined.insert((group.0, group.1, &member.user_id));
            joins.push(join(log, add, member, row.last_seq.unwrap_or(0)));
        }
        says.extend(notice(add, &new));
        answers.push(Ok(()));
    }
    if !joins.is_empty() {
        make_stubs(log, &joins).await?;
        insert(log, &joins).await?;
        say_all(log, &says).await?;
    }
    Ok(answers)
}

fn join<'a>(
    log: &mut LogTransaction<'_>,
    add: &'a Add,
    member: &'a NewMember,
    last_seq: i64,
) -> Join<'a> {
    let position = log.append(EventKind::MemberJoined, &add.by.tenant, |row| {
        row.conversation_id = Some(add.conversation);
        row.actor_id = Some(add.by.id.to_string());
        row.subject_user_id = Some(member.user_id.clone());
        // What was said before is not unread to whoever joins.
        row.seq = Some(last_seq);
    });
    Join {
        add,
        member,
        last_seq,
        position,
    }
}

fn notice(add: &Add, new: &[(&NewMember, &Found)]) -> Option<Say> {
    let language = add.notice.filter(|_| !new.is_empty())?;
    Some(Say {
        by: add.by.clone(),
        conversation: add.conversation,
        language,
        notice: Notice {
            r#type: NoticeType::Joined,
            actor_id: (!add.by_service).then(|| add.by.id.to_string()),
            user_ids: new
                .iter()
                .map(|(member, _)| member.user_id.clone())
                .collect(),
            subject: None,
        },
    })
}

async fn look_up(log: &mut LogTransaction<'_>, adds: &[&Add]) -> Result<Vec<Found>> {
    let all: Vec<(&Add, &NewMember)> = adds
        .iter()
        .flat_map(|add| add.members.iter().map(move |(member, _)| (*add, member)))
        .collect();
    let rows = query_as("members.check_joins", CHECK)
        .bind(
            all.iter()
                .map(|(add, _)| add.by.tenant.to_string())
                .collect::<Vec<_>>(),
        )
        .bind(
            all.iter()
                .map(|(add, _)| add.conversation)
                .collect::<Vec<_>>(),
        )
        .bind(
            all.iter()
                .map(|(add, _)| add.by.id.to_string())
                .collect::<Vec<_>>(),
        )
        .bind(
            all.iter()
                .map(|(_, member)| member.user_id.clone())
                .collect::<Vec<_>>(),
        )
        .fetch_all(&mut *log.connection)
        .await?;
    Ok(rows)
}

/// The reasons to refuse an item; `new` people would join, those of the same batch before it included.
fn judge(add: &Add, rows: &[&Found], new: i64) -> Result<()> {
    // An item names somebody: its body was checked.
    let first = rows.first().ok_or(Code::Internal)?;
    let may_see = first.is_group.is_some() && (add.by_service || first.actor_role.is_some());
    if !may_see {
        return Err(Code::NotFound.into());
    }
    if first.is_group == Some(false) {
        return Err(Code::NotAGroup.into());
    }
    if !add.by_service && first.actor_role != Some(MemberRole::Admin) {
        return Err(Code::Forbidden.into());
    }
    let strangers = add.members.iter().zip(rows);
    let strangers =
        strangers.filter(|(_, row)| !row.is_known && (!add.make_unknown || row.is_erased));
    let fields: Vec<_> = strangers
        .map(|((_, pointer), _)| FieldProblem {
            pointer: pointer.clone(),
            code: FieldCode::UserUnknown,
            limit: None,
        })
        .collect();
    if !fields.is_empty() {
        return Err(Error {
            fields,
            ..Code::UserUnknown.into()
        });
    }
    if first.member_count + new > MAX_MEMBERS as i64 {
        let pointer = add.members.first().and_then(|(_, p)| p.split('/').nth(1));
        let pointer = format!("/{}", pointer.unwrap_or("members"));
        return Err(Error::field(pointer, FieldCode::TooMany));
    }
    Ok(())
}

async fn make_stubs(log: &mut LogTransaction<'_>, joins: &[Join<'_>]) -> Result<()> {
    let unseen = joins.iter().filter(|join| join.add.make_unknown);
    let (tenants, ids): (Vec<_>, Vec<_>) = unseen
        .map(|join| (join.add.by.tenant.to_string(), join.member.user_id.clone()))
        .unzip();
    if ids.is_empty() {
        return Ok(());
    }
    users::make_stubs(log.connection, &tenants, &ids).await
}

async fn insert(log: &mut LogTransaction<'_>, joins: &[Join<'_>]) -> Result<()> {
    let role = |join: &Join<'_>| match join.member.role {
        MemberRole::Admin => "ADMIN",
        MemberRole::Member => "MEMBER",
    };
    query("members.join", "
        insert into members (tenant_id, conversation_id, user_id, role, joined_position, read_up_to, shown_up_to, delivered_up_to, joined_at)
        select tenant_id, conversation_id, user_id, role, position, last_seq, last_seq, last_seq, $7
          from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
            as g (tenant_id, conversation_id, user_id, role, position, last_seq)")
        .bind(joins.iter().map(|join| join.add.by.tenant.to_string()).collect::<Vec<_>>())
        .bind(joins.iter().map(|join| join.add.conversation).collect::<Vec<_>>())
        .bind(joins.iter().map(|join| join.member.user_id.clone()).collect::<Vec<_>>())
        .bind(joins.iter().map(role).collect::<Vec<_>>())
        .bind(joins.iter().map(|join| join.position).collect::<Vec<_>>())
        .bind(joins.iter().map(|join| join.last_seq).collect::<Vec<_>>())
        .bind(log.now.0)
        .execute(&mut *log.connection)
        .await?;
    Ok(())
}
