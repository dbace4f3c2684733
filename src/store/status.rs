//! A member's own side of a conversation: in the archive, or deleted for oneself. Told to one's own devices alone.

use uuid::Uuid;

use super::log::LogTransaction;
use super::{query, query_as};
use crate::error::{Code, Result};
use crate::model::{EventKind, UserKey};

/// What a member does with a conversation for itself.
#[derive(Debug, Clone)]
pub struct Put {
    pub by: UserKey,
    pub conversation: Uuid,
    pub aside: Aside,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// Out of the archive.
    Not,
    /// In the archive until a newer message comes.
    Archived,
    /// Hidden, as if it were not there, until a newer message comes. Of a PRIVATE one.
    Deleted,
}

#[derive(sqlx::FromRow)]
struct Standing {
    /// Null for whoever is no member.
    last_seq: Option<i64>,
    is_group: Option<bool>,
    is_archived: Option<bool>,
    is_deleted: Option<bool>,
}

/// Puts conversations aside, or back. What is there already writes nothing.
pub async fn put_all(log: &mut LogTransaction<'_>, puts: &[&Put]) -> Result<Vec<Result<()>>> {
    let mut answers = Vec::with_capacity(puts.len());
    for put in puts {
        answers.push(self::put(log, put).await?);
    }
    Ok(answers)
}

/// One by one: each is a person's own click.
pub(super) async fn put(log: &mut LogTransaction<'_>, put: &Put) -> Result<Result<()>> {
    let standing: Option<Standing> = query_as("members.status", "
        select c.last_seq, c.type = 'GROUP' as is_group, c.last_seq <= coalesce(m.archived_up_to, -1) as is_archived,
               c.last_seq <= coalesce(m.deleted_up_to, -1) as is_deleted
          from members m join conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id
         where m.tenant_id = $1 and m.conversation_id = $2 and m.user_id = $3 and m.left_position is null")
        .bind(put.by.tenant.to_string())
        .bind(put.conversation)
        .bind(put.by.id.to_string())
        .fetch_optional(&mut *log.connection)
        .await?;
    let Some(standing) = standing else {
        return Ok(Err(Code::NotFound.into()));
    };
    let is_archived = standing.is_archived == Some(true);
    match put.aside {
        Aside::Deleted if standing.is_group == Some(true) => {
            return Ok(Err(Code::Forbidden.into()));
        }
        Aside::Deleted if standing.is_deleted == Some(true) => return Ok(Ok(())),
        Aside::Not if !is_archived => return Ok(Ok(())),
        Aside::Archived if is_archived => return Ok(Ok(())),
        Aside::Deleted if standing.is_deleted == Some(true) => return Ok(Ok(())),
        _ => {}
    }
    let kind = match put.aside {
        Aside::Deleted => EventKind::ConversationDeleted,
        Aside::Archived | Aside::Not => EventKind::ConversationUpdated,
    };
    let up_to = standing.last_seq.filter(|_| put.aside != Aside::Not);
    log.append(kind, &put.by.tenant, |row| {
        row.conversation_id = Some(put.conversation);
        row.actor_id = Some(put.by.id.to_string());
        row.audience_user_id = Some(put.by.id.to_string());
        row.seq = up_to;
    });
    query(
        "members.aside",
        "
        update members set deleted_up_to = case when $5 then $4 else deleted_up_to end,
                           archived_up_to = case when $5 then archived_up_to else $4 end
         where tenant_id = $1 and conversation_id = $2 and user_id = $3 and left_position is null",
    )
    .bind(put.by.tenant.to_string())
    .bind(put.conversation)
    .bind(put.by.id.to_string())
    .bind(up_to)
    .bind(put.aside == Aside::Deleted)
    .execute(&mut *log.connection)
    .await?;
    Ok(Ok(()))
}
