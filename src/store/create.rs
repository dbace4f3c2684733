//! A conversation that somebody wants: who is in it, and what create-or-get finds it by. `create_all` makes it.

use std::collections::HashSet;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::send::Send;
use super::{Db, bounded, query_as};
use crate::error::{Code, Error, Result};
use crate::model::{
    ConversationType, FieldCode, MAX_MEMBERS, MemberRole, MessageType, NewConversation, NewMember,
    UserKey,
};

/// A conversation that somebody wants, checked: who is in it is settled, whether they exist is not.
#[derive(Debug, Clone)]
pub struct Create {
    pub by: UserKey,
    pub by_service: bool,
    pub id: Uuid,
    pub conversation: NewConversation,
    /// Everybody, the creator included, each once; with the pointer of the body to them.
    pub members: Vec<(NewMember, String)>,
    /// Make rows for people nobody has seen yet, instead of refusing them.
    pub make_unknown: bool,
    first_message: Option<Send>,
    system_message: Option<Send>,
}

/// The conversation, and whether this call made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Created {
    pub id: Uuid,
    pub is_new: bool,
}

impl Create {
    /// Settles who is in it. A `service` caller is not; anybody else is (ADMIN of a GROUP), named or not.
    pub fn new(
        by: UserKey,
        by_service: bool,
        conversation: NewConversation,
        make_unknown: bool,
    ) -> Result<Self> {
        for (field, message) in [
            ("firstMessage", &conversation.first_message),
            ("systemMessage", &conversation.system_message),
        ] {
            // There is nothing yet that it could answer.
            if message.as_ref().is_some_and(|m| m.reply_to_id.is_some()) {
                let pointer = format!("/{field}/replyToId");
                return Err(Error::field(pointer, FieldCode::InvalidValue));
            }
        }
        let members = settle_members(&by, by_service, &conversation)?;
        if by_service {
            if conversation.first_message.is_some() {
                return Err(Error::field("/firstMessage", FieldCode::InvalidValue));
            }
        } else if conversation.system_message.is_some()
            || conversation.context.as_ref().is_some_and(|c| c.unique)
        {
            return Err(Code::ServiceOnly.into());
        }
        let id = Uuid::now_v7();
        let message = |m: &Option<crate::model::NewMessage>, kind| {
            m.clone().map(|m| Send {
                r#type: kind,
                ..Send::new(by.clone(), id, m, None)
            })
        };
        let first_message = message(&conversation.first_message, MessageType::User);
        let system_message = message(&conversation.system_message, MessageType::System);
        Ok(Self {
            by,
            by_service,
            id,
            conversation,
            members,
            make_unknown,
            first_message,
            system_message,
        })
    }

    /// What create-or-get finds the conversation by: a unique context, the pair and its context, or the group's key.
    /// Hashed, so that ids of any length and content make one short key without ambiguity.
    pub(super) fn dedupe_key(&self) -> Option<String> {
        let context = self.conversation.context.as_ref();
        let about = context.map(|c| (&c.r#type, &c.id));
        let named = match (context, self.conversation.r#type) {
            (Some(c), _) if c.unique => serde_json::json!(["context", about]),
            (_, ConversationType::Private) => {
                let mut pair: Vec<_> = self.members.iter().map(|(m, _)| &m.user_id).collect();
                pair.sort();
                serde_json::json!(["pair", pair, about])
            }
            (_, ConversationType::Group) => {
                serde_json::json!(["key", self.conversation.key.as_ref()?])
            }
        };
        Some(
            Sha256::digest(named.to_string())
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }

    /// Whether it says something, in the conversation that is made or found.
    pub fn sends(&self) -> bool {
        self.first_message.is_some()
    }

    /// The messages to send with it, in order: addressed to the conversation that was made or found.
    pub fn messages(&self, created: Created) -> impl Iterator<Item = Send> {
        let system = self.system_message.clone().filter(|_| created.is_new);
        system
            .into_iter()
            .chain(self.first_message.clone())
            .map(move |send| Send {
                conversation: created.id,
                ..send
            })
    }
}

/// Whether create-or-get will most likely find it; what is true is seen under the log's lock.
pub async fn is_there(db: &Db, create: &Create) -> Result<bool> {
    let Some(key) = create.dedupe_key() else {
        return Ok(false);
    };
    let text = "select exists (select from conversations where tenant_id = $1 and dedupe_key = $2)";
    bounded(async {
        let (is_there,): (bool,) = query_as("conversations.is_there", text)
            .bind(create.by.tenant.to_string())
            .bind(key)
            .fetch_one(&mut *db.connection().await?)
            .await?;
        Ok(is_there)
    })
    .await
}

/// Everybody who will be in it, each once, the creator first.
fn settle_members(
    by: &UserKey,
    by_service: bool,
    conversation: &NewConversation,
) -> Result<Vec<(NewMember, String)>> {
    let is_group = conversation.r#type == ConversationType::Group;
    let mut members: Vec<(NewMember, String)> = Vec::new();
    if !by_service {
        let role = if is_group {
            MemberRole::Admin
        } else {
            MemberRole::Member
        };
        let user_id = by.id.to_string();
        members.push((NewMember { user_id, role }, String::new()));
    }
    let mut seen: HashSet<String> = members.iter().map(|(m, _)| m.user_id.clone()).collect();
    for (mut member, pointer) in conversation.named() {
        if !is_group {
            member.role = MemberRole::Member;
        }
        if seen.insert(member.user_id.clone()) {
            members.push((member, pointer));
        }
    }
    let code = match members.len() {
        0 => FieldCode::TooFew,
        1 if !is_group => FieldCode::TooFew,
        3.. if !is_group => FieldCode::TooMany,
        count if count > MAX_MEMBERS => FieldCode::TooMany,
        _ => return Ok(members),
    };
    // Of the whole list: `/memberIds`, not `/memberIds/0`.
    let named = conversation.named();
    let field = named
        .first()
        .and_then(|(_, pointer)| pointer.split('/').nth(1));
    Err(Error::field(
        format!("/{}", field.unwrap_or("memberIds")),
        code,
    ))
}
