//! Messages that are new and allowed: their number, their place in the log, and their rows.

use uuid::Uuid;

use super::log::LogTransaction;
use super::query_as;
use super::send::Send;
use crate::error::Result;
use crate::model::{
    Attachment, EventKind, Message, MessageType, NewAttachment, Position, ReplyTo, Time, User,
};

/// A message that has its number and its place in the log, and is not written yet.
pub(super) struct NewRow<'s> {
    pub(super) send: &'s Send,
    hash: Vec<u8>,
    pub(super) message: Message,
}

pub(super) fn number<'s>(
    log: &mut LogTransaction<'_>,
    send: &'s Send,
    (sender, reply_to): (Option<User>, Option<ReplyTo>),
    seq: i64,
    hash: Vec<u8>,
) -> NewRow<'s> {
    let position = log.append(EventKind::MessageCreated, &send.by.tenant, |row| {
        row.conversation_id = Some(send.conversation);
        row.message_id = Some(send.id);
        row.actor_id = Some(send.by.id.to_string());
        row.seq = Some(seq);
    });
    let message = Message {
        id: send.id,
        conversation_id: send.conversation,
        seq,
        r#type: send.r#type,
        sender: sender.filter(|_| send.r#type == MessageType::User),
        content: Some(send.message.content.clone()),
        attachments: with_ids(&send.message.attachments),
        reply_to,
        notice: send.notice.clone(),
        client_message_id: send.message.client_message_id.clone(),
        metadata: send.message.metadata.clone().unwrap_or_default().into(),
        created_at: Time(log.now.0),
        edited_at: None,
        is_deleted: false,
        status: None,
        changed_position: position,
    };
    NewRow {
        send,
        hash,
        message,
    }
}

/// Attachments as they are stored: each can be named.
pub(super) fn with_ids(attachments: &[NewAttachment]) -> Vec<Attachment> {
    let attachments = attachments.iter().cloned().map(|a| Attachment {
        id: Uuid::now_v7(),
        url: a.url,
        r#type: a.r#type,
        file_name: a.file_name,
        file_size: a.file_size,
    });
    attachments.collect()
}

/// The rows, the conversations they move, and the senders' own horizons: one statement. Who sends has read what stands
/// above: where that is more than was known, it is marked.
const INSERT: &str = "
        with g as materialized (
            select * from unnest($1::text[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[],
                                 $8::jsonb[], $9::text[], $10::text[], $11::bytea[], $12::jsonb[], $13::bigint[], $15::uuid[], $16::jsonb[])
                   as g (tenant_id, id, conversation_id, seq, type, sender_id, content, attachments, client_message_id,
                         key, hash, metadata, position, reply_to_id, notice)
        ), own as materialized (
            select tenant_id, conversation_id, sender_id, max(seq) as seq, count(*) as n from g where sender_id is not null group by 1, 2, 3
        ), marked as (
            insert into receipt_marks (tenant_id, conversation_id, user_id, status, up_to, at)
            select t.tenant_id, t.conversation_id, t.sender_id, 'READ', t.seq, $14
              from own t join members m on m.tenant_id = t.tenant_id and m.conversation_id = t.conversation_id
                                       and m.user_id = t.sender_id and m.left_position is null
             where t.seq - m.shown_up_to > t.n
               and not coalesce((select u.receipts_off from users u where u.tenant_id = t.tenant_id and u.id = t.sender_id), false)
            on conflict do nothing
        ), moved as (
            update conversations c
               set last_seq = t.seq, last_position = t.position, activity_position = t.position, last_message_at = $14, updated_at = $14
              from (select tenant_id, conversation_id, max(seq) as seq, max(position) as position from g group by 1, 2) t
             where c.tenant_id = t.tenant_id and c.id = t.conversation_id
        ), read as (
            update members m set read_up_to = t.seq, read_at = $14, shown_up_to = t.seq, shown_at = $14
              from own t
             where m.tenant_id = t.tenant_id and m.conversation_id = t.conversation_id and m.user_id = t.sender_id
               and m.left_position is null
        ), inserted as (
            insert into messages (tenant_id, id, conversation_id, seq, type, sender_id, content, attachments, client_message_id,
                                  idempotency_key, request_hash, metadata, changed_position, reply_to_id, notice, created_at, created_position)
            select g.*, $14, g.position from g
            returning id, metadata
        )
        select id, metadata from inserted where metadata <> '{}'";

/// Writes them.
pub(super) async fn write(log: &mut LogTransaction<'_>, new: &mut [NewRow<'_>]) -> Result<()> {
    // Postgres orders the keys of an object its own way: the answer shows what every later read will.
    let stored = insert(log, new).await?;
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

/// Gives the metadata that is stored, where there is any.
async fn insert(
    log: &mut LogTransaction<'_>,
    new: &[NewRow<'_>],
) -> Result<Vec<(Uuid, serde_json::Value)>> {
    let attachments = new
        .iter()
        .map(|n| serde_json::to_value(&n.message.attachments))
        .collect::<serde_json::Result<Vec<_>>>()?;
    let text = |pick: fn(&NewRow<'_>) -> Option<String>| new.iter().map(pick).collect::<Vec<_>>();
    let kind = |n: &NewRow<'_>| match n.message.r#type {
        MessageType::User => Some("USER".to_owned()),
        MessageType::System => Some("SYSTEM".to_owned()),
    };
    let of = |pick: fn(&NewRow<'_>) -> Position| new.iter().map(pick).collect::<Vec<_>>();
    let json = |pick: fn(&Message) -> Option<serde_json::Value>| {
        new.iter().map(|n| pick(&n.message)).collect::<Vec<_>>()
    };
    Ok(query_as("messages.insert", INSERT)
        .bind(text(|n| Some(n.send.by.tenant.to_string())))
        .bind(ids(new, |n| Some(n.message.id)))
        .bind(ids(new, |n| Some(n.message.conversation_id)))
        .bind(of(|n| n.message.seq))
        .bind(text(kind))
        .bind(text(|n| n.message.sender.as_ref().map(|s| s.id.clone())))
        .bind(text(|n| n.message.content.clone()))
        .bind(attachments)
        .bind(text(|n| n.message.client_message_id.clone()))
        .bind(text(|n| n.send.key.clone()))
        .bind(new.iter().map(|n| n.hash.clone()).collect::<Vec<_>>())
        .bind(json(|m| Some(m.metadata.clone())))
        .bind(of(|n| n.message.changed_position))
        .bind(log.now.0)
        .bind(ids(new, |n| n.send.message.reply_to_id))
        .bind(json(|m| m.notice.clone()))
        .fetch_all(&mut *log.connection)
        .await?)
}

fn ids(new: &[NewRow<'_>], pick: fn(&NewRow<'_>) -> Option<Uuid>) -> Vec<Option<Uuid>> {
    new.iter().map(pick).collect()
}
