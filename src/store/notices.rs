//! Notices: the messages by which a group says who joined, who left and what it is called now.

use std::collections::HashMap;

use uuid::Uuid;

use super::blanking::Remnant;
use super::log::LogTransaction;
use super::query_as;
use super::send::{self, Send};
use crate::error::Result;
use crate::model::{Language, MessageType, NewMessage, Notice, Position, UserKey};

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
    let names = names(log, all.iter().map(|say| (&*say.by.tenant, &say.notice))).await?;
    let mut sends = Vec::with_capacity(all.len());
    for say in all {
        let name = |id: &str| {
            let key = (say.by.tenant.to_string(), id.to_owned());
            names
                .get(&key)
                .map_or_else(|| id.to_owned(), |of| of.name.clone())
        };
        let message = NewMessage {
            content: say.notice.words(say.language, name),
            attachments: Vec::new(),
            client_message_id: None,
            reply_to_id: None,
            metadata: None,
            deliver_at: None,
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

/// A notice in other words.
pub(super) struct Worded {
    pub(super) id: Uuid,
    pub(super) content: String,
}

/// Words notices of one tenant anew, with the names of today: who was erased has none. Those that say the same are left out.
pub(super) async fn word_anew(
    log: &mut LogTransaction<'_>,
    tenant: &str,
    all: &[Remnant],
) -> Result<Vec<Worded>> {
    let mut notices: Vec<(&Remnant, Notice)> = Vec::new();
    for remnant in all {
        if let Some(notice) = &remnant.notice {
            notices.push((remnant, serde_json::from_value(notice.clone())?));
        }
    }
    if notices.is_empty() {
        return Ok(Vec::new());
    }
    let names = names(log, notices.iter().map(|(_, notice)| (tenant, notice))).await?;
    let words = |(remnant, notice): &(&Remnant, Notice)| {
        let before = remnant.content.as_deref().unwrap_or_default();
        let language = Language::of_notice(before);
        let name = |id: &str| {
            let key = (tenant.to_owned(), id.to_owned());
            let of = names
                .get(&key)
                .filter(|of| of.since < remnant.created_position);
            of.map_or_else(
                || language.deleted_account().to_owned(),
                |of| of.name.clone(),
            )
        };
        let content = notice.words(language, name);
        let id = remnant.id;
        (content != before).then_some(Worded { id, content })
    };
    Ok(notices.iter().filter_map(words).collect())
}

struct Name {
    name: String,
    /// Who was meant by the id up to this position was erased. 0 = nobody.
    since: Position,
}

/// What people are called. Who was erased is left out.
async fn names(
    log: &mut LogTransaction<'_>,
    all: impl Iterator<Item = (&str, &Notice)>,
) -> Result<HashMap<(String, String), Name>> {
    let people = all.flat_map(|(tenant, notice)| {
        let ids = notice.user_ids.iter().chain(&notice.actor_id);
        ids.map(|id| (tenant.to_owned(), id.clone()))
    });
    let (tenants, ids): (Vec<_>, Vec<_>) = people.unzip();
    let rows: Vec<(String, String, String, Position)> = query_as(
        "users.names",
        "select distinct u.tenant_id, u.id, coalesce(u.name, u.id), coalesce(u.erased_position, 0)
           from unnest($1::text[], $2::text[]) as g (tenant_id, id) join users u using (tenant_id, id)
          where not u.is_erased",
    )
    .bind(tenants)
    .bind(ids)
    .fetch_all(&mut *log.connection)
    .await?;
    let named = rows.into_iter();
    Ok(named
        .map(|(tenant, id, name, since)| ((tenant, id), Name { name, since }))
        .collect())
}
