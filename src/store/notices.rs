//! Notices: the messages by which a group says who joined, who left and what it is called now.

use std::collections::HashMap;

use uuid::Uuid;

use super::log::LogTransaction;
use super::query_as;
use super::send::{self, Send};
use crate::error::Result;
use crate::model::{Language, MessageType, NewMessage, Notice, UserKey};

/// What is to be said, in which conversation. `by` stands in the log as who did it.
pub(super) struct Say {
    pub(super) by: UserKey,
    pub(super) conversation: Uuid,
    pub(super) language: Language,
    pub(super) notice: Notice,
}

/// Says all of them, in their order: each is a message like any other, with a number of its own.
pub(super) async fn say_all(log: &mut LogTransaction<'_>, all: &[Say]) -> Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    let names = names(log, all).await?;
    let mut sends = Vec::with_capacity(all.len());
    for say in all {
        let name = |id: &str| {
            let key = (say.by.tenant.to_string(), id.to_owned());
            names.get(&key).cloned().unwrap_or_else(|| id.to_owned())
        };
        let message = NewMessage {
            content: say.notice.words(say.language, name),
            attachments: Vec::new(),
            client_message_id: None,
            reply_to_id: None,
            metadata: None,
        };
        sends.push(Send {
            r#type: MessageType::System,
            notice: Some(serde_json::to_value(&say.notice)?),
            ..Send::new(say.by.clone(), say.conversation, message, None)
        });
    }
    // A conversation that cannot be written to any more says nothing.
    send::send_all(log, &sends.iter().collect::<Vec<_>>()).await?;
    Ok(())
}

async fn names(
    log: &mut LogTransaction<'_>,
    all: &[Say],
) -> Result<HashMap<(String, String), String>> {
    let people = all.iter().flat_map(|say| {
        let ids = say.notice.user_ids.iter().chain(&say.notice.actor_id);
        ids.map(|id| (say.by.tenant.to_string(), id.clone()))
    });
    let (tenants, ids): (Vec<_>, Vec<_>) = people.unzip();
    let rows: Vec<(String, String, String)> = query_as(
        "users.names",
        "select distinct u.tenant_id, u.id, coalesce(u.name, u.id)
           from unnest($1::text[], $2::text[]) as g (tenant_id, id) join users u using (tenant_id, id)",
    )
    .bind(tenants)
    .bind(ids)
    .fetch_all(&mut *log.connection)
    .await?;
    let named = rows.into_iter();
    Ok(named
        .map(|(tenant, id, name)| ((tenant, id), name))
        .collect())
}
