//! Roles and leaving: what an ADMIN does with the members of a group, and everybody with oneself.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::log::LogTransaction;
use super::notices::{Say, say_all};
use super::{query, query_as};
use crate::error::{Code, Result};
use crate::model::{EventKind, Language, MemberRole, Notice, NoticeType, Position, UserKey};

/// A change of one member of a group.
#[derive(Debug, Clone)]
pub struct Manage {
    pub by: UserKey,
    pub by_service: bool,
    pub conversation: Uuid,
    /// Who is meant; oneself to leave.
    pub member: String,
    pub change: Change,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Role(MemberRole),
    /// Leaving or removal; with the language in which the group is told, none = it is not.
    Out(Option<Language>),
}

#[derive(sqlx::FromRow)]
struct Found {
    is_group: Option<bool>,
    actor_role: Option<MemberRole>,
    role: Option<MemberRole>,
    /// Was a member once, by now or before.
    was_member: bool,
    admins: i64,
    member_count: i64,
}

const CHECK: &str = "
    select c.type = 'GROUP' as is_group, a.role as actor_role, s.role,
           exists (select from members w where w.tenant_id = g.tenant_id and w.conversation_id = g.conversation_id
                                           and w.user_id = g.user_id) as was_member,
           (select count(*) from members o where o.tenant_id = g.tenant_id and o.conversation_id = g.conversation_id
                                             and o.left_position is null and o.role = 'ADMIN') as admins,
           (select count(*) from members o where o.tenant_id = g.tenant_id and o.conversation_id = g.conversation_id
                                             and o.left_position is null) as member_count
      from unnest($1::text[], $2::uuid[], $3::text[], $4::text[]) with ordinality as g (tenant_id, conversation_id, actor_id, user_id, n)
      left join conversations c on c.tenant_id = g.tenant_id and c.id = g.conversation_id and c.deleted_position is null
      left join members a on a.tenant_id = g.tenant_id and a.conversation_id = g.conversation_id
                         and a.user_id = g.actor_id and a.left_position is null
      left join members s on s.tenant_id = g.tenant_id and s.conversation_id = g.conversation_id
                         and s.user_id = g.user_id and s.left_position is null
     order by g.n";

/// Changes them. Items about one group are applied one after the other: each sees what those before it left.
pub async fn manage_all(
    log: &mut LogTransaction<'_>,
    items: &[&Manage],
) -> Result<Vec<Result<()>>> {
    let mut answers: Vec<Result<()>> = items.iter().map(|_| Ok(())).collect();
    let mut waiting: Vec<usize> = (0..items.len()).collect();
    while !waiting.is_empty() {
        let mut groups = HashSet::new();
        let (now, later): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|i| groups.insert((&items[*i].by.tenant, items[*i].conversation)));
        let round: Vec<&Manage> = now.iter().map(|i| items[*i]).collect();
        for (i, answer) in now.into_iter().zip(manage(log, &round).await?) {
            answers[i] = answer;
        }
        waiting = later;
    }
    Ok(answers)
}

/// Items about as many groups.
async fn manage(log: &mut LogTransaction<'_>, items: &[&Manage]) -> Result<Vec<Result<()>>> {
    let found: Vec<Found> = query_as("members.manage", CHECK)
        .bind(
            items
                .iter()
                .map(|item| item.by.tenant.to_string())
                .collect::<Vec<_>>(),
        )
        .bind(
            items
                .iter()
                .map(|item| item.conversation)
                .collect::<Vec<_>>(),
        )
        .bind(
            items
                .iter()
                .map(|item| item.by.id.to_string())
                .collect::<Vec<_>>(),
        )
        .bind(
            items
                .iter()
                .map(|item| item.member.clone())
                .collect::<Vec<_>>(),
        )
        .fetch_all(&mut *log.connection)
        .await?;
    let (mut changed, mut says) = (HashMap::new(), Vec::new());
    let mut answers = Vec::with_capacity(items.len());
    for (i, (item, found)) in items.iter().zip(&found).enumerate() {
        let verdict = judge(item, found);
        if let Ok(true) = verdict {
            let kind = match item.change {
                Change::Role(_) => EventKind::MemberUpdated,
                Change::Out(_) => EventKind::MemberLeft,
            };
            let position = log.append(kind, &item.by.tenant, |row| {
                row.conversation_id = Some(item.conversation);
                row.actor_id = Some(item.by.id.to_string());
                row.subject_user_id = Some(item.member.clone());
            });
            changed.insert(i, position);
            says.extend(notice(item));
        }
        answers.push(verdict.map(|_| ()));
    }
    if !changed.is_empty() {
        write(log, items, &changed).await?;
        say_all(log, &says).await?;
    }
    Ok(answers)
}

/// Whether there is anything to change.
fn judge(item: &Manage, found: &Found) -> Result<bool> {
    let is_self = *item.by.id == *item.member;
    let is_out = matches!(item.change, Change::Out(_));
    if found.is_group.is_none() || !(item.by_service || found.actor_role.is_some()) {
        // Said again, when the answer was lost on its way: done.
        return if is_self && is_out && found.was_member && found.is_group.is_some() {
            Ok(false)
        } else {
            Err(Code::NotFound.into())
        };
    }
    if found.is_group == Some(false) {
        return Err(Code::NotAGroup.into());
    }
    let is_admin = item.by_service || found.actor_role == Some(MemberRole::Admin);
    let may = is_admin || (is_self && is_out);
    if !may {
        return Err(Code::Forbidden.into());
    }
    let Some(role) = found.role else {
        return if is_out && found.was_member {
            Ok(false)
        } else {
            Err(Code::NotFound.into())
        };
    };
    let stays_admin = item.change == Change::Role(MemberRole::Admin);
    let is_last = role == MemberRole::Admin && found.admins == 1 && !stays_admin;
    let leaves_others = found.member_count > 1 || !is_out;
    // The host's backend may do what it must, for example when an account is closed.
    if is_last && leaves_others && !item.by_service {
        return Err(Code::LastAdmin.into());
    }
    Ok(item.change != Change::Role(role))
}

fn notice(item: &Manage) -> Option<Say> {
    let Change::Out(Some(language)) = item.change else {
        return None;
    };
    Some(Say {
        by: item.by.clone(),
        conversation: item.conversation,
        language,
        notice: Notice {
            r#type: NoticeType::Left,
            actor_id: (!item.by_service).then(|| item.by.id.to_string()),
            user_ids: vec![item.member.clone()],
            subject: None,
        },
    })
}

async fn write(
    log: &mut LogTransaction<'_>,
    items: &[&Manage],
    changed: &HashMap<usize, Position>,
) -> Result<()> {
    let rows: Vec<(&Manage, Position)> = changed
        .iter()
        .map(|(i, position)| (items[*i], *position))
        .collect();
    let role = |item: &Manage| match item.change {
        Change::Role(MemberRole::Admin) => Some("ADMIN"),
        Change::Role(MemberRole::Member) => Some("MEMBER"),
        Change::Out(_) => None,
    };
    query("members.change", "
        update members m set role = coalesce(g.role, m.role), left_position = case when g.role is null then g.position end
          from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::bigint[]) as g (tenant_id, conversation_id, user_id, role, position)
         where m.tenant_id = g.tenant_id and m.conversation_id = g.conversation_id and m.user_id = g.user_id and m.left_position is null")
        .bind(rows.iter().map(|(item, _)| item.by.tenant.to_string()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(item, _)| item.conversation).collect::<Vec<_>>())
        .bind(rows.iter().map(|(item, _)| item.member.clone()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(item, _)| role(item)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, position)| *position).collect::<Vec<_>>())
        .execute(&mut *log.connection)
        .await?;
    Ok(())
}
