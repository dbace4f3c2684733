//! Creating or finding a batch of conversations: look-up and insert happen under the log's lock, so that there is one
//! row per pair and context whatever the concurrency.

use std::collections::{HashMap, HashSet};

use super::create::{Create, Created};
use super::log::LogTransaction;
use super::{query, query_as, users};
use crate::error::{Code, Error, Result};
use crate::model::{
    ConversationType, EventKind, FieldCode, FieldProblem, MemberRole, NewMember, Position,
};
use uuid::Uuid;

/// What stands under a dedupe key, and whether the asker is in it.
#[derive(sqlx::FromRow)]
struct Found {
    id: Option<Uuid>,
    is_member: bool,
}

/// Creates or finds all of them; each has a result of its own.
pub async fn create_all(
    log: &mut LogTransaction<'_>,
    creates: &[&Create],
) -> Result<Vec<Result<Created>>> {
    let keys: Vec<Option<String>> = creates.iter().map(|create| create.dedupe_key()).collect();
    let found = look_up(log, creates, &keys).await?;
    let strangers = strangers(log, creates).await?;
    let mut in_batch: HashMap<(&str, &str), usize> = HashMap::new();
    let mut new: Vec<(&Create, Option<String>, Position)> = Vec::new();
    let mut answers = Vec::with_capacity(creates.len());
    for ((create, key), found) in creates.iter().zip(keys.iter()).zip(found) {
        let twin = key
            .as_deref()
            .and_then(|key| in_batch.get(&(&*create.by.tenant, key)));
        let answer = match (found.id, twin) {
            // Its own id is there already when the answer to an earlier COMMIT was lost.
            (Some(id), _) if found.is_member || create.by_service => Ok(Created {
                id,
                is_new: id == create.id,
            }),
            (Some(_), _) => Err(Code::KeyTaken.into()),
            (None, Some(index))
                if new[*index]
                    .0
                    .members
                    .iter()
                    .any(|(m, _)| *m.user_id == *create.by.id)
                    || create.by_service =>
            {
                Ok(Created {
                    id: new[*index].0.id,
                    is_new: false,
                })
            }
            (None, Some(_)) => Err(Code::KeyTaken.into()),
            (None, None) => refuse_strangers(create, &strangers).map(|()| {
                let position =
                    log.append(EventKind::ConversationCreated, &create.by.tenant, |row| {
                        row.conversation_id = Some(create.id);
                        row.actor_id = Some(create.by.id.to_string());
                    });
                if let Some(key) = key {
                    in_batch.insert((&create.by.tenant, key), new.len());
                }
                new.push((create, key.clone(), position));
                Created {
                    id: create.id,
                    is_new: true,
                }
            }),
        };
        answers.push(answer);
    }
    if !new.is_empty() {
        write(log, &new).await?;
    }
    Ok(answers)
}

/// By two indexes in turn: for `id = … or dedupe_key = …` the planner reads the table from end to end.
async fn look_up(
    log: &mut LogTransaction<'_>,
    creates: &[&Create],
    keys: &[Option<String>],
) -> Result<Vec<Found>> {
    let rows = query_as("conversations.check", "
        select c.id, m.user_id is not null as is_member
          from unnest($1::text[], $2::text[], $3::text[], $4::uuid[]) with ordinality as g (tenant_id, key, user_id, id, n)
          left join lateral (
                select tenant_id, id from conversations where tenant_id = g.tenant_id and id = g.id
                union all
                select tenant_id, id from conversations where tenant_id = g.tenant_id and dedupe_key = g.key
                limit 1) c on true
          left join members m on m.tenant_id = c.tenant_id and m.conversation_id = c.id and m.user_id = g.user_id and m.left_position is null
         order by g.n")
        .bind(creates.iter().map(|c| c.by.tenant.to_string()).collect::<Vec<_>>())
        .bind(keys.to_vec())
        .bind(creates.iter().map(|c| c.by.id.to_string()).collect::<Vec<_>>())
        .bind(creates.iter().map(|c| c.id).collect::<Vec<_>>())
        .fetch_all(&mut *log.connection)
        .await?;
    Ok(rows)
}

/// The people who are named and have no row, as (tenant, id). Those that may be made are made.
async fn strangers(
    log: &mut LogTransaction<'_>,
    creates: &[&Create],
) -> Result<HashSet<(String, String)>> {
    let people = |create: &&Create| {
        create
            .members
            .iter()
            .map(|(m, _)| (create.by.tenant.to_string(), m.user_id.clone()))
            .collect::<Vec<_>>()
    };
    let named: HashSet<(String, String)> = creates.iter().flat_map(people).collect();
    let (tenants, ids): (Vec<_>, Vec<_>) = named.iter().cloned().unzip();
    let mut known: HashSet<_> = users::known(log.connection, &tenants, &ids)
        .await?
        .into_iter()
        .collect();
    let makeable: HashSet<_> = creates
        .iter()
        .filter(|c| c.make_unknown)
        .flat_map(people)
        .filter(|p| !known.contains(p))
        .collect();
    if !makeable.is_empty() {
        let (tenants, ids): (Vec<_>, Vec<_>) = makeable.iter().cloned().unzip();
        users::make_stubs(log.connection, &tenants, &ids).await?;
        // Not of whoever was erased: they have a row. Somebody else may have made the others' meanwhile.
        known.extend(users::known(log.connection, &tenants, &ids).await?);
    }
    Ok(named.difference(&known).cloned().collect())
}

/// 422 naming each person nobody knows.
fn refuse_strangers(create: &Create, strangers: &HashSet<(String, String)>) -> Result<()> {
    let is_stranger =
        |m: &NewMember| strangers.contains(&(create.by.tenant.to_string(), m.user_id.clone()));
    let fields: Vec<_> = create
        .members
        .iter()
        .filter(|(m, _)| is_stranger(m))
        .map(|(_, pointer)| FieldProblem {
            pointer: pointer.clone(),
            code: FieldCode::UserUnknown,
            limit: None,
        })
        .collect();
    if fields.is_empty() {
        Ok(())
    } else {
        Err(Error {
            fields,
            ..Code::UserUnknown.into()
        })
    }
}

async fn write(
    log: &mut LogTransaction<'_>,
    new: &[(&Create, Option<String>, Position)],
) -> Result<()> {
    let rows =
        |pick: fn(&Create) -> Option<String>| new.iter().map(|(c, ..)| pick(c)).collect::<Vec<_>>();
    let context = new
        .iter()
        .map(|(c, ..)| {
            c.conversation
                .context
                .as_ref()
                .map(serde_json::to_value)
                .transpose()
        })
        .collect::<serde_json::Result<Vec<_>>>()?;
    query("conversations.insert", "
        insert into conversations (tenant_id, id, type, subject, context_type, context_id, context, organization_id, metadata,
                                   dedupe_key, last_position, activity_position, created_at, updated_at)
        select tenant_id, id, type, subject, context_type, context_id, context, organization_id, metadata, key, position, position, $12, $12
          from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::text[], $9::jsonb[],
                      $10::text[], $11::bigint[])
            as g (tenant_id, id, type, subject, context_type, context_id, context, organization_id, metadata, key, position)")
        .bind(rows(|c| Some(c.by.tenant.to_string())))
        .bind(new.iter().map(|(c, ..)| c.id).collect::<Vec<_>>())
        .bind(rows(|c| Some(if c.conversation.r#type == ConversationType::Private { "PRIVATE" } else { "GROUP" }.to_owned())))
        .bind(rows(|c| c.conversation.subject.clone()))
        .bind(rows(|c| c.conversation.context.as_ref().map(|x| x.r#type.clone())))
        .bind(rows(|c| c.conversation.context.as_ref().map(|x| x.id.clone())))
        .bind(context)
        .bind(rows(|c| c.conversation.organization_id.clone()))
        .bind(new.iter().map(|(c, ..)| serde_json::Value::from(c.conversation.metadata.clone().unwrap_or_default())).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, key, _)| key.clone()).collect::<Vec<_>>())
        .bind(new.iter().map(|(.., position)| *position).collect::<Vec<_>>())
        .bind(log.now.0)
        .execute(&mut *log.connection)
        .await?;
    write_members(log, new).await
}

async fn write_members(
    log: &mut LogTransaction<'_>,
    new: &[(&Create, Option<String>, Position)],
) -> Result<()> {
    let members: Vec<_> = new
        .iter()
        .flat_map(|(c, _, position)| c.members.iter().map(move |(m, _)| (c, m, *position)))
        .collect();
    query(
        "members.insert",
        "
        insert into members (tenant_id, conversation_id, user_id, role, joined_position, joined_at)
        select *, $6 from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::bigint[])",
    )
    .bind(
        members
            .iter()
            .map(|(c, ..)| c.by.tenant.to_string())
            .collect::<Vec<_>>(),
    )
    .bind(members.iter().map(|(c, ..)| c.id).collect::<Vec<_>>())
    .bind(
        members
            .iter()
            .map(|(_, m, _)| m.user_id.clone())
            .collect::<Vec<_>>(),
    )
    .bind(
        members
            .iter()
            .map(|(_, m, _)| {
                if m.role == MemberRole::Admin {
                    "ADMIN"
                } else {
                    "MEMBER"
                }
            })
            .collect::<Vec<_>>(),
    )
    .bind(
        members
            .iter()
            .map(|(.., position)| *position)
            .collect::<Vec<_>>(),
    )
    .bind(log.now.0)
    .execute(&mut *log.connection)
    .await?;
    Ok(())
}
