//! Editing and deleting messages. The text stands in one place, so every later reader sees the change.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use uuid::Uuid;

use super::log::LogTransaction;
use super::message_rows::gone;
use super::{messages, new_messages, query, query_as};
use crate::error::{Code, Result};
use crate::model::{
    Attachment, EditedMessage, EventKind, MemberRole, Message, MessageType, Position, UserKey,
};

/// A change of one message.
#[derive(Debug, Clone)]
pub struct Edit {
    pub by: UserKey,
    pub by_service: bool,
    pub message: Uuid,
    pub change: Change,
}

#[derive(Debug, Clone)]
pub enum Change {
    Edit(EditedMessage),
    Delete,
}

#[derive(sqlx::FromRow)]
struct Found {
    conversation_id: Option<Uuid>,
    seq: Option<i64>,
    r#type: Option<MessageType>,
    sender_id: Option<String>,
    is_deleted: bool,
    is_notice: bool,
    content: Option<String>,
    attachments: Option<sqlx::types::Json<Vec<Attachment>>>,
    metadata: Option<Value>,
    is_group: Option<bool>,
    closed: Option<bool>,
    role: Option<MemberRole>,
}

const CHECK: &str = concat!(
    "
    select x.conversation_id, x.seq, x.type, x.sender_id, coalesce(",
    gone!(),
    ", false) as is_deleted,
           coalesce(x.notice is not null, false) as is_notice, x.content, x.attachments, x.metadata, c.type = 'GROUP' as is_group, c.closed, m.role
      from unnest($1::text[], $2::uuid[], $3::text[]) with ordinality as g (tenant_id, id, user_id, n)
      left join messages x on x.tenant_id = g.tenant_id and x.id = g.id
      left join users s on s.tenant_id = x.tenant_id and s.id = x.sender_id
      left join conversations c on c.tenant_id = x.tenant_id and c.id = x.conversation_id and c.deleted_position is null
      left join members m on m.tenant_id = x.tenant_id and m.conversation_id = x.conversation_id
                         and m.user_id = g.user_id and m.left_position is null
     order by g.n"
);

/// Changes them, and gives each as it is then. Changes of one message are applied one after the other.
pub async fn edit_all(
    log: &mut LogTransaction<'_>,
    items: &[&Edit],
) -> Result<Vec<Result<Message>>> {
    let mut answers: Vec<Result<Message>> = Vec::new();
    answers.resize_with(items.len(), || Err(Code::Internal.into()));
    let mut waiting: Vec<usize> = (0..items.len()).collect();
    while !waiting.is_empty() {
        let mut seen = HashSet::new();
        let (now, later): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|i| seen.insert(items[*i].message));
        let round: Vec<&Edit> = now.iter().map(|i| items[*i]).collect();
        for (i, answer) in now.into_iter().zip(edit(log, &round).await?) {
            answers[i] = answer;
        }
        waiting = later;
    }
    Ok(answers)
}

/// Changes as many messages.
async fn edit(log: &mut LogTransaction<'_>, items: &[&Edit]) -> Result<Vec<Result<Message>>> {
    let found: Vec<Found> = query_as("messages.edit_check", CHECK)
        .bind(
            items
                .iter()
                .map(|item| item.by.tenant.to_string())
                .collect::<Vec<_>>(),
        )
        .bind(items.iter().map(|item| item.message).collect::<Vec<_>>())
        .bind(
            items
                .iter()
                .map(|item| item.by.id.to_string())
                .collect::<Vec<_>>(),
        )
        .fetch_all(&mut *log.connection)
        .await?;
    let verdicts: Vec<Result<bool>> = items.iter().zip(&found).map(|(i, f)| judge(i, f)).collect();
    let mut changed: Vec<(&Edit, Position)> = Vec::new();
    for ((item, found), verdict) in items.iter().zip(&found).zip(&verdicts) {
        if !matches!(verdict, Ok(true)) {
            continue;
        }
        let kind = match item.change {
            Change::Edit(_) => EventKind::MessageUpdated,
            Change::Delete => EventKind::MessageDeleted,
        };
        let position = log.append(kind, &item.by.tenant, |row| {
            row.conversation_id = found.conversation_id;
            row.message_id = Some(item.message);
            row.actor_id = Some(item.by.id.to_string());
            row.seq = found.seq;
        });
        changed.push((item, position));
    }
    write_edits(log, &changed).await?;
    write_deletions(log, &changed).await?;
    answer(log, items, verdicts, &changed).await
}

/// Whether there is anything to change.
fn judge(item: &Edit, found: &Found) -> Result<bool> {
    let (Some(is_group), Some(r#type)) = (found.is_group, found.r#type) else {
        return Err(Code::NotFound.into());
    };
    if !item.by_service && found.role.is_none() {
        return Err(Code::NotFound.into());
    }
    let is_own = match r#type {
        MessageType::User => {
            found.sender_id.as_deref() == Some(&*item.by.id) && found.role.is_some()
        }
        MessageType::System => item.by_service,
    };
    match &item.change {
        Change::Delete => {
            let moderates = item.by_service || (is_group && found.role == Some(MemberRole::Admin));
            if !is_own && !moderates {
                return Err(Code::Forbidden.into());
            }
            Ok(!found.is_deleted)
        }
        // What the service words, it words anew when somebody is erased.
        Change::Edit(_) if !is_own || found.is_notice => Err(Code::Forbidden.into()),
        Change::Edit(_) if found.is_deleted => Err(Code::MessageDeleted.into()),
        Change::Edit(_) if found.closed == Some(true) => Err(Code::ConversationClosed.into()),
        Change::Edit(edited) => Ok(differs(edited, found)),
    }
}

/// Said again, when the answer was lost on its way, an edit changes nothing.
fn differs(edited: &EditedMessage, found: &Found) -> bool {
    let content = edited.content.as_ref();
    let metadata = edited.metadata.clone().map(Value::from);
    let attachments = edited.attachments.as_ref().map(|new| {
        let old = found.attachments.iter().flat_map(|of| of.0.iter());
        !new.iter()
            .map(|a| (&a.url, &a.r#type, &a.file_name, a.file_size))
            .eq(old.map(|a| (&a.url, &a.r#type, &a.file_name, a.file_size)))
    });
    content.is_some_and(|text| found.content.as_ref() != Some(text))
        || metadata.is_some_and(|map| found.metadata.as_ref() != Some(&map))
        || attachments == Some(true)
}

async fn write_edits(log: &mut LogTransaction<'_>, changed: &[(&Edit, Position)]) -> Result<()> {
    let edits: Vec<(&Edit, &EditedMessage, Position)> = changed
        .iter()
        .filter_map(|(item, position)| match &item.change {
            Change::Edit(edited) => Some((*item, edited, *position)),
            Change::Delete => None,
        })
        .collect();
    if edits.is_empty() {
        return Ok(());
    }
    let attachments = |edited: &EditedMessage| {
        let new = edited.attachments.as_deref().map(new_messages::with_ids);
        new.map(serde_json::to_value).transpose()
    };
    let attachments = edits.iter().map(|(_, edited, _)| attachments(edited));
    query("messages.edit", "
        with g as materialized (
            select * from unnest($1::text[], $2::uuid[], $3::text[], $4::jsonb[], $5::jsonb[], $6::bigint[], $7::text[])
                as g (tenant_id, id, content, attachments, metadata, position, by)
        ), kept as (
            insert into revisions (tenant_id, message_id, position, content, attachments, metadata, replaced_at, replaced_by)
            select x.tenant_id, x.id, g.position, x.content, x.attachments, x.metadata, $8, g.by
              from g join messages x on x.tenant_id = g.tenant_id and x.id = g.id
        )
        update messages x set content = coalesce(g.content, x.content), attachments = coalesce(g.attachments, x.attachments),
                              metadata = coalesce(g.metadata, x.metadata), changed_position = g.position, edited_at = $8
          from g where x.tenant_id = g.tenant_id and x.id = g.id")
        .bind(edits.iter().map(|(item, ..)| item.by.tenant.to_string()).collect::<Vec<_>>())
        .bind(edits.iter().map(|(item, ..)| item.message).collect::<Vec<_>>())
        .bind(edits.iter().map(|(_, edited, _)| edited.content.clone()).collect::<Vec<_>>())
        .bind(attachments.collect::<serde_json::Result<Vec<_>>>()?)
        .bind(edits.iter().map(|(_, edited, _)| edited.metadata.clone().map(Value::from)).collect::<Vec<_>>())
        .bind(edits.iter().map(|(.., position)| *position).collect::<Vec<_>>())
        .bind(edits.iter().map(|(item, ..)| item.by.id.to_string()).collect::<Vec<_>>())
        .bind(log.now.0)
        .execute(&mut *log.connection)
        .await?;
    Ok(())
}

/// What was said is gone, earlier texts as well. The row stays: `seq` has no holes.
async fn write_deletions(
    log: &mut LogTransaction<'_>,
    changed: &[(&Edit, Position)],
) -> Result<()> {
    let gone: Vec<_> = changed
        .iter()
        .filter(|(item, _)| matches!(item.change, Change::Delete))
        .collect();
    if gone.is_empty() {
        return Ok(());
    }
    query("messages.delete", "
        with g as materialized (
            select * from unnest($1::text[], $2::uuid[], $3::bigint[]) as g (tenant_id, id, position)
        ), forgotten as (
            delete from revisions r using g where r.tenant_id = g.tenant_id and r.message_id = g.id
        )
        update messages x set content = null, attachments = '[]', metadata = '{}', notice = null, deleted_at = $4, changed_position = g.position
          from g where x.tenant_id = g.tenant_id and x.id = g.id")
        .bind(gone.iter().map(|(item, _)| item.by.tenant.to_string()).collect::<Vec<_>>())
        .bind(gone.iter().map(|(item, _)| item.message).collect::<Vec<_>>())
        .bind(gone.iter().map(|(_, position)| *position).collect::<Vec<_>>())
        .bind(log.now.0)
        .execute(&mut *log.connection)
        .await?;
    Ok(())
}

/// Each message as it is now, for the answer and for this instance's own tail.
async fn answer(
    log: &mut LogTransaction<'_>,
    items: &[&Edit],
    verdicts: Vec<Result<bool>>,
    changed: &[(&Edit, Position)],
) -> Result<Vec<Result<Message>>> {
    let (tenants, ids): (Vec<_>, Vec<_>) = items
        .iter()
        .map(|item| (item.by.tenant.to_string(), item.message))
        .unzip();
    let now = messages::by_ids(log.connection, &tenants, &ids).await?;
    let is_changed = |id: Uuid| changed.iter().any(|(item, _)| item.message == id);
    let of_log = now.iter().filter(|(_, message)| is_changed(message.id));
    log.messages.extend(of_log.cloned());
    let now: HashMap<(String, Uuid), Message> = now
        .into_iter()
        .map(|(tenant, message)| ((tenant, message.id), message))
        .collect();
    let answers = items.iter().zip(verdicts).map(|(item, verdict)| {
        verdict?;
        let key = (item.by.tenant.to_string(), item.message);
        now.get(&key).cloned().ok_or_else(|| Code::NotFound.into())
    });
    Ok(answers.collect())
}
