//! Changing a conversation for all: its subject, its metadata, closing and deleting it.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::log::LogTransaction;
use super::notices::{Say, say_all};
use super::status::{self, Aside, Put};
use super::{query, query_as};
use crate::error::{Code, Result};
use crate::model::{
    ConversationType, EventKind, Language, MemberRole, Notice, NoticeType, UserKey,
};

/// What somebody wants changed.
#[derive(Debug, Clone)]
pub struct Alter {
    pub by: UserKey,
    pub by_service: bool,
    pub conversation: Uuid,
    pub change: Change,
    /// What the same request does with the member's own side: both, or neither.
    pub aside: Option<Aside>,
}

#[derive(Debug, Clone)]
pub enum Change {
    Update(Update),
    /// Everybody's last event of it.
    Delete,
}

/// What is none stays.
#[derive(Debug, Clone, Default)]
pub struct Update {
    pub subject: Option<Option<String>>,
    pub metadata: Option<Map<String, Value>>,
    pub closed: Option<bool>,
    /// The language in which a group is told its new name; none = it is not.
    pub notice: Option<Language>,
}

#[derive(sqlx::FromRow)]
struct Found {
    r#type: ConversationType,
    subject: Option<String>,
    metadata: Value,
    closed: bool,
    is_deleted: bool,
    role: Option<MemberRole>,
    /// By the deletion itself.
    was_admin: bool,
}

/// One after the other: each is a person's own click, and sees what those before it left.
pub async fn alter_all(log: &mut LogTransaction<'_>, items: &[&Alter]) -> Result<Vec<Result<()>>> {
    let mut answers = Vec::with_capacity(items.len());
    for item in items {
        let found = find(log, item).await?;
        answers.push(match found {
            Some(found) => apply(log, item, &found).await?,
            None => Err(Code::NotFound.into()),
        });
    }
    Ok(answers)
}

async fn apply(log: &mut LogTransaction<'_>, item: &Alter, found: &Found) -> Result<Result<()>> {
    match judge(item, found) {
        Err(refused) => return Ok(Err(refused)),
        Ok(true) => alter(log, item, found).await?,
        Ok(false) => {}
    }
    let Some(aside) = item.aside else {
        return Ok(Ok(()));
    };
    let put = Put {
        by: item.by.clone(),
        conversation: item.conversation,
        aside,
    };
    status::put(log, &put).await
}

async fn find(log: &mut LogTransaction<'_>, item: &Alter) -> Result<Option<Found>> {
    Ok(query_as("conversations.alter_check", "
        select c.type, c.subject, c.metadata, c.closed, c.deleted_position is not null as is_deleted, m.role,
               exists (select from members w where w.tenant_id = $1 and w.conversation_id = $2 and w.user_id = $3
                                               and w.left_position = c.deleted_position and w.role = 'ADMIN') as was_admin
          from conversations c
          left join members m on m.tenant_id = c.tenant_id and m.conversation_id = c.id and m.user_id = $3 and m.left_position is null
         where c.tenant_id = $1 and c.id = $2")
        .bind(item.by.tenant.to_string())
        .bind(item.conversation)
        .bind(item.by.id.to_string())
        .fetch_optional(&mut *log.connection)
        .await?)
}

/// Whether there is anything to change.
fn judge(item: &Alter, found: &Found) -> Result<bool> {
    if found.is_deleted {
        // Said again, when the answer was lost on its way: done.
        let is_again =
            matches!(item.change, Change::Delete) && (item.by_service || found.was_admin);
        return if is_again {
            Ok(false)
        } else {
            Err(Code::NotFound.into())
        };
    }
    if !item.by_service {
        let role = found.role.ok_or(Code::NotFound)?;
        let is_free =
            found.r#type == ConversationType::Private && matches!(item.change, Change::Update(_));
        #[cfg(feature = "planted-faults")]
        let is_free = is_free || crate::faults::is_planted(crate::faults::Fault::AnyMemberAlters);
        if role != MemberRole::Admin && !is_free {
            return Err(Code::Forbidden.into());
        }
    }
    Ok(match &item.change {
        Change::Delete => true,
        Change::Update(update) => {
            let is_renamed = update.subject.as_ref().is_some_and(|s| *s != found.subject);
            let metadata = update.metadata.clone().map(Value::from);
            let is_described = metadata.is_some_and(|m| m != found.metadata);
            is_renamed || is_described || update.closed.is_some_and(|c| c != found.closed)
        }
    })
}

async fn alter(log: &mut LogTransaction<'_>, item: &Alter, found: &Found) -> Result<()> {
    let kind = match item.change {
        Change::Update(_) => EventKind::ConversationUpdated,
        Change::Delete => EventKind::ConversationDeleted,
    };
    let position = log.append(kind, &item.by.tenant, |row| {
        row.conversation_id = Some(item.conversation);
        row.actor_id = Some(item.by.id.to_string());
    });
    match &item.change {
        Change::Delete => delete(log, item, position).await,
        Change::Update(change) => {
            update(log, item, change).await?;
            say_all(log, &renaming(item, change, found)).await
        }
    }
}

async fn update(log: &mut LogTransaction<'_>, item: &Alter, change: &Update) -> Result<()> {
    query("conversations.alter", "
        update conversations set subject = case when $3 then $4 else subject end, metadata = coalesce($5, metadata),
                                 closed = coalesce($6, closed), updated_at = $7
         where tenant_id = $1 and id = $2")
        .bind(item.by.tenant.to_string())
        .bind(item.conversation)
        .bind(change.subject.is_some())
        .bind(change.subject.clone().flatten())
        .bind(change.metadata.clone().map(Value::from))
        .bind(change.closed)
        .bind(log.now.0)
        .execute(&mut *log.connection)
        .await?;
    Ok(())
}

fn renaming(item: &Alter, change: &Update, found: &Found) -> Vec<Say> {
    let renamed = change.subject.clone().filter(|s| *s != found.subject);
    let is_group = found.r#type == ConversationType::Group;
    let (Some(subject), Some(language), true) = (renamed, change.notice, is_group) else {
        return Vec::new();
    };
    vec![Say {
        by: item.by.clone(),
        conversation: item.conversation,
        language,
        notice: Notice {
            r#type: NoticeType::Renamed,
            actor_id: (!item.by_service).then(|| item.by.id.to_string()),
            user_ids: Vec::new(),
            subject,
        },
    }]
}

/// The rows stay until retention. Whoever asks for the same pair, context or key from now on gets a new one.
async fn delete(log: &mut LogTransaction<'_>, item: &Alter, position: i64) -> Result<()> {
    query("conversations.delete", "
        with left_by_all as (
            update members set left_position = $3 where tenant_id = $1 and conversation_id = $2 and left_position is null
        )
        update conversations set deleted_position = $3, dedupe_key = null, updated_at = $4 where tenant_id = $1 and id = $2")
        .bind(item.by.tenant.to_string())
        .bind(item.conversation)
        .bind(position)
        .bind(log.now.0)
        .execute(&mut *log.connection)
        .await?;
    Ok(())
}
