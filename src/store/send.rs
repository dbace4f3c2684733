//! Sending: a batch of messages of any conversations, as two statements under the log's lock.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::log::LogTransaction;
use super::messages;
use super::new_messages::{NewRow, number, write};
use super::query_as;
use super::users::user_json;
use crate::error::{Code, Error, Result};
use crate::model::{FieldCode, Message, MessageType, NewMessage, ReplyTo, User, UserKey};

/// One message that somebody wants sent.
#[derive(Debug, Clone)]
pub struct Send {
    pub by: UserKey,
    /// Drawn before the batch: after a COMMIT whose answer was lost the message is found again by it.
    pub id: Uuid,
    pub conversation: Uuid,
    pub message: NewMessage,
    pub r#type: MessageType,
    /// Of a notice ("X joined"): what it says, for programs.
    pub notice: Option<serde_json::Value>,
    /// `c:` + clientMessageId, or `k:` + Idempotency-Key.
    pub key: Option<String>,
}

impl Send {
    pub fn new(
        by: UserKey,
        conversation: Uuid,
        message: NewMessage,
        idempotency_key: Option<&str>,
    ) -> Self {
        let of_client = message
            .client_message_id
            .as_ref()
            .map(|id| format!("c:{id}"));
        let key = of_client.or_else(|| idempotency_key.map(|key| format!("k:{key}")));
        Self {
            by,
            id: Uuid::now_v7(),
            conversation,
            message,
            r#type: MessageType::User,
            notice: None,
            key,
        }
    }

    /// What "the same content" means for a repeated key.
    pub(super) fn hash(&self) -> Vec<u8> {
        // The order of an object's keys means nothing, and no metadata is empty metadata.
        let mut metadata =
            serde_json::Value::from(self.message.metadata.clone().unwrap_or_default());
        metadata.sort_all_objects();
        let asked = (
            self.conversation,
            &self.message.content,
            &self.message.attachments,
            metadata,
        );
        let asked = match self.message.reply_to_id {
            None => serde_json::to_vec(&asked),
            Some(reply_to) => serde_json::to_vec(&(asked, reply_to)),
        };
        Sha256::digest(asked.unwrap_or_default()).to_vec()
    }
}

/// The message as it stands, and whether it had been stored before.
#[derive(Debug, Clone)]
pub struct Sent {
    pub message: Message,
    pub replayed: bool,
}

/// What is known about one item before anything is written.
#[derive(sqlx::FromRow)]
struct Found {
    last_seq: Option<i64>,
    closed: Option<bool>,
    is_member: bool,
    own_id: Option<Uuid>,
    replay_id: Option<Uuid>,
    replay_hash: Option<Vec<u8>>,
    #[sqlx(json(nullable))]
    sender: Option<User>,
}

/// What becomes of one item.
enum Fate {
    Refused(Error),
    /// Stored already, under this id.
    Stored(Uuid, bool),
    /// To be written: the index into the new messages.
    New(usize),
}

/// Sends all of them, in their order; each has a result of its own. Replays are taken out before numbering, so that
/// `seq` stays dense.
pub async fn send_all(log: &mut LogTransaction<'_>, sends: &[&Send]) -> Result<Vec<Result<Sent>>> {
    let found = look_up(log, sends).await?;
    let quoted = quoted(log, sends).await?;
    let mut new = Vec::new();
    let mut fates = Vec::with_capacity(sends.len());
    let mut last_seqs = HashMap::new();
    let mut by_key: HashMap<(&UserKey, &str), (usize, Vec<u8>)> = HashMap::new();
    for (send, found) in sends.iter().zip(found) {
        let hash = send.hash();
        // The same key twice in one batch: the second is a replay of the first.
        let earlier = send
            .key
            .as_deref()
            .and_then(|key| by_key.get(&(&send.by, key)));
        let fate = match (judge(send, &found, &hash), earlier) {
            (Some(fate), _) => fate,
            (None, Some((_, first))) if *first != hash => {
                Fate::Refused(Code::IdempotencyMismatch.into())
            }
            (None, Some((index, _))) => Fate::Stored(new_id(&new, *index), true),
            (None, None) if is_lost(send, &quoted) => {
                Fate::Refused(Error::field("/replyToId", FieldCode::MessageUnknown))
            }
            (None, None) => {
                let seq = last_seqs
                    .entry((&send.by.tenant, send.conversation))
                    .or_insert(found.last_seq.unwrap_or(0));
                *seq += 1;
                if let Some(key) = send.key.as_deref() {
                    by_key.insert((&send.by, key), (new.len(), hash.clone()));
                }
                let quoted = send.message.reply_to_id.and_then(|id| quoted.get(&id));
                let who = (found.sender, quoted.map(|(_, quoted)| quoted.clone()));
                new.push(number(log, send, who, *seq, hash));
                Fate::New(new.len() - 1)
            }
        };
        fates.push(fate);
    }
    if !new.is_empty() {
        write(log, &mut new).await?;
    }
    answer(log, sends, fates, &new).await
}

fn new_id(new: &[NewRow<'_>], index: usize) -> Uuid {
    new[index].message.id
}

/// The reasons not to write an item; none when it is new and allowed.
fn judge(send: &Send, found: &Found, hash: &[u8]) -> Option<Fate> {
    // First: stored by an attempt whose COMMIT was not answered, it stands, even if its sender has been removed since.
    if let Some(id) = found.own_id {
        return Some(Fate::Stored(id, false));
    }
    let may_see =
        found.last_seq.is_some() && (found.is_member || send.r#type == MessageType::System);
    if !may_see {
        return Some(Fate::Refused(Code::NotFound.into()));
    }
    if let Some(id) = found.replay_id {
        let same = found.replay_hash.as_deref() == Some(hash);
        return Some(if same {
            Fate::Stored(id, true)
        } else {
            Fate::Refused(Code::IdempotencyMismatch.into())
        });
    }
    // Of a closed conversation it is still said who leaves it.
    let is_shut = found.closed == Some(true) && send.notice.is_none();
    is_shut.then(|| Fate::Refused(Code::ConversationClosed.into()))
}

async fn look_up(log: &mut LogTransaction<'_>, sends: &[&Send]) -> Result<Vec<Found>> {
    let rows = query_as("messages.check", concat!("
        select c.last_seq, c.closed, m.user_id is not null as is_member, o.id as own_id,
               coalesce(r.id, s.id) as replay_id, coalesce(r.request_hash, s.request_hash) as replay_hash,
               case when u.id is not null
                    then ", user_json!("u"), " end as sender
          from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[])
               with ordinality as g (tenant_id, conversation_id, user_id, key, id, system_key, n)
          left join conversations c on c.tenant_id = g.tenant_id and c.id = g.conversation_id and c.deleted_position is null
          left join members m on m.tenant_id = g.tenant_id and m.conversation_id = g.conversation_id
                             and m.user_id = g.user_id and m.left_position is null
          left join messages o on o.tenant_id = g.tenant_id and o.id = g.id
          left join messages r on r.tenant_id = g.tenant_id and r.sender_id = g.user_id and r.idempotency_key = g.key
          left join lateral (select * from messages s
                              where s.tenant_id = g.tenant_id and s.sender_id is null and s.idempotency_key = g.system_key limit 1) s on true
          left join users u on u.tenant_id = g.tenant_id and u.id = g.user_id
         order by g.n"))
        .bind(sends.iter().map(|s| s.by.tenant.to_string()).collect::<Vec<_>>())
        .bind(sends.iter().map(|s| s.conversation).collect::<Vec<_>>())
        .bind(sends.iter().map(|s| s.by.id.to_string()).collect::<Vec<_>>())
        .bind(sends.iter().map(|s| key_of(s, MessageType::User)).collect::<Vec<_>>())
        .bind(sends.iter().map(|s| s.id).collect::<Vec<_>>())
        .bind(sends.iter().map(|s| key_of(s, MessageType::System)).collect::<Vec<_>>())
        .fetch_all(&mut *log.connection)
        .await?;
    Ok(rows)
}

fn key_of(send: &Send, kind: MessageType) -> Option<String> {
    send.key.clone().filter(|_| send.r#type == kind)
}

/// The messages that are answered, by id, with their tenants and conversations.
type Quoted = HashMap<Uuid, ((String, Uuid), ReplyTo)>;

/// Reads what is quoted, if anything is.
async fn quoted(log: &mut LogTransaction<'_>, sends: &[&Send]) -> Result<Quoted> {
    let asked = sends.iter().filter_map(|send| {
        let id = send.message.reply_to_id?;
        Some((send.by.tenant.to_string(), id))
    });
    let (tenants, ids): (Vec<_>, Vec<_>) = asked.unzip();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = messages::by_ids(log.connection, &tenants, &ids).await?;
    let quoted = found.into_iter().map(|(tenant, message)| {
        let place = (tenant, message.conversation_id);
        (message.id, (place, message.quoted()))
    });
    Ok(quoted.collect())
}

/// Whether it answers a message that is not of its conversation.
fn is_lost(send: &Send, quoted: &Quoted) -> bool {
    let place = (send.by.tenant.to_string(), send.conversation);
    let id = send.message.reply_to_id;
    id.is_some_and(|id| quoted.get(&id).is_none_or(|(of, _)| *of != place))
}

/// Each item's result, with the messages that were stored before read back as they are now.
async fn answer(
    log: &mut LogTransaction<'_>,
    sends: &[&Send],
    fates: Vec<Fate>,
    new: &[NewRow<'_>],
) -> Result<Vec<Result<Sent>>> {
    let stored = sends
        .iter()
        .zip(&fates)
        .filter_map(|(send, fate)| match fate {
            Fate::Stored(id, _) => Some((send.by.tenant.to_string(), *id)),
            _ => None,
        });
    let (tenants, ids): (Vec<_>, Vec<_>) = stored.unzip();
    let old = if ids.is_empty() {
        Vec::new()
    } else {
        messages::by_ids(log.connection, &tenants, &ids).await?
    };
    let old: HashMap<_, _> = old
        .into_iter()
        .map(|(tenant, message)| ((tenant, message.id), message))
        .collect();
    let answers = sends.iter().zip(fates).map(|(send, fate)| match fate {
        Fate::Refused(error) => Err(error),
        Fate::New(index) => Ok(Sent {
            message: new[index].message.clone(),
            replayed: false,
        }),
        Fate::Stored(id, replayed) => {
            let message = old
                .get(&(send.by.tenant.to_string(), id))
                .cloned()
                .ok_or(Code::Internal)?;
            Ok(Sent { message, replayed })
        }
    });
    Ok(answers.collect())
}
