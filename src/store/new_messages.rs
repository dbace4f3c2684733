//! Messages that are new and allowed: their number, their place in the log, and their rows.

use uuid::Uuid;

use super::log::LogTransaction;
use super::query_as;
use super::send::Send;
use crate::error::{Error, Result};
use crate::model::{Attachment, EventKind, Message, MessageType, Position, Time, User};

/// A message that has its number and its place in the log, and is not written yet.
pub(super) struct NewRow<'s> {
    pub(super) send: &'s Send,
    hash: Vec<u8>,
    pub(super) message: Message,
}

pub(super) fn number<'s>(
    log: &mut LogTransaction<'_>,
    send: &'s Send,
    sender: Option<User>,
    seq: i64,
    hash: Vec<u8>,
) -> NewRow<'s> {
    let position = log.append(EventKind::MessageCreated, &send.by.tenant, |row| {
        row.conversation_id = Some(send.conversation);
        row.message_id = Some(send.id);
        row.actor_id = Some(send.by.id.to_string());
        row.seq = Some(seq);
    });
    let attachments = send
        .message
        .attachments
        .iter()
        .cloned()
        .map(|a| Attachment {
            id: Uuid::now_v7(),
            url: a.url,
            r#type: a.r#type,
            file_name: a.file_name,
            file_size: a.file_size,
        });
    let message = Message {
        id: send.id,
        conversation_id: send.conversation,
        seq,
        r#type: send.r#type,
        sender: sender.filter(|_| send.r#type == MessageType::User),
        content: Some(send.message.content.clone()),
        attachments: attachments.collect(),
        reply_to: None,
        notice: None,
        client_message_id: send.message.client_message_id.clone(),
        metadata: send.message.metadata.clone().unwrap_or_default().into(),
        created_at: Time(log.now.0),
        edited_at: None,
        is_deleted: false,
        changed_position: position,
    };
    NewRow {
        send,
        hash,
        message,
    }
}

/// The rows, the conversations they move, and the senders' own horizons: one statement.
pub(super) async fn write(log: &mut LogTransaction<'_>, new: &mut [NewRow<'_>]) -> Result<()> {
    let json = |value: serde_json::Result<serde_json::Value>| value.map_err(Error::from);
    let attachments = new
        .iter()
        .map(|n| json(serde_json::to_value(&n.message.attachments)))
        .collect::<Result<Vec<_>>>()?;
    // Postgres orders the keys of an object its own way: the answer shows what every later read will.
    let stored: Vec<(Uuid, serde_json::Value)> = query_as("messages.insert", "
        with g as materialized (
            select * from unnest($1::text[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[],
                                 $8::jsonb[], $9::text[], $10::text[], $11::bytea[], $12::jsonb[], $13::bigint[])
                   as g (tenant_id, id, conversation_id, seq, type, sender_id, content, attachments, client_message_id,
                         key, hash, metadata, position)
        ), moved as (
            update conversations c
               set last_seq = t.seq, last_position = t.position, activity_position = t.position, last_message_at = $14, updated_at = $14
              from (select tenant_id, conversation_id, max(seq) as seq, max(position) as position from g group by 1, 2) t
             where c.tenant_id = t.tenant_id and c.id = t.conversation_id
        ), read as (
            update members m set read_up_to = t.seq, read_at = $14
              from (select tenant_id, conversation_id, sender_id, max(seq) as seq from g where sender_id is not null group by 1, 2, 3) t
             where m.tenant_id = t.tenant_id and m.conversation_id = t.conversation_id and m.user_id = t.sender_id
               and m.left_position is null
        ), inserted as (
            insert into messages (tenant_id, id, conversation_id, seq, type, sender_id, content, attachments, client_message_id,
                                  idempotency_key, request_hash, metadata, changed_position, created_at)
            select g.*, $14 from g
            returning id, metadata
        )
        select id, metadata from inserted where metadata <> '{}'")
        .bind(new.iter().map(|n| n.send.by.tenant.to_string()).collect::<Vec<_>>())
        .bind(new.iter().map(|n| n.message.id).collect::<Vec<_>>())
        .bind(new.iter().map(|n| n.message.conversation_id).collect::<Vec<_>>())
        .bind(new.iter().map(|n| n.message.seq).collect::<Vec<_>>())
        .bind(new.iter().map(|n| match n.message.r#type { MessageType::User => "USER", MessageType::System => "SYSTEM" }).collect::<Vec<_>>())
        .bind(new.iter().map(|n| n.message.sender.as_ref().map(|s| s.id.clone())).collect::<Vec<_>>())
        .bind(new.iter().map(|n| n.message.content.clone()).collect::<Vec<_>>())
        .bind(attachments)
        .bind(new.iter().map(|n| n.message.client_message_id.clone()).collect::<Vec<_>>())
        .bind(new.iter().map(|n| n.send.key.clone()).collect::<Vec<_>>())
        .bind(new.iter().map(|n| n.hash.clone()).collect::<Vec<_>>())
        .bind(new.iter().map(|n| n.message.metadata.clone()).collect::<Vec<_>>())
        .bind(new.iter().map(|n| n.message.changed_position).collect::<Vec<Position>>())
        .bind(log.now.0)
        .fetch_all(&mut *log.connection)
        .await?;
    metrics::counter!("causerie_messages_stored_total").increment(new.len() as u64);
    for (id, metadata) in stored {
        if let Some(row) = new.iter_mut().find(|n| n.message.id == id) {
            row.message.metadata = metadata;
        }
    }
    let written = new
        .iter()
        .map(|n| (n.send.by.tenant.to_string(), n.message.clone()));
    log.messages.extend(written);
    Ok(())
}
