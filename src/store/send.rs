//! Sending: a batch of messages of any conversations, as two statements under the log's lock.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::log::LogTransaction;
use super::messages;
use super::new_messages::{NewRow, number, write};
use super::query_as;
use crate::error::{Code, Result};
use crate::model::{Message, MessageType, NewMessage, User, UserKey};

/// One message that somebody wants sent.
#[derive(Debug, Clone)]
pub struct Send {
    pub by: UserKey,
    /// Drawn before the batch: after a COMMIT whose answer was lost the message is found again by it.
    pub id: Uuid,
    pub conversation: Uuid,
    pub message: NewMessage,
    pub r#type: MessageType,
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
            key,
        }
    }

    /// What "the same content" means for a repeated key.
    fn hash(&self) -> Vec<u8> {
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
        Sha256::digest(serde_json::to_vec(&asked).unwrap_or_default()).to_vec()
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
    Refused(Code),
    /// Stored already, under this id.
    Stored(Uuid, bool),
    /// To be written: the index into the new messages.
    New(usize),
}

/// Sends all of them, in their order; each has a result of its own. Replays are taken out before numbering, so that
/// `seq` stays dense.
pub async fn send_all(log: &mut LogTransaction<'_>, sends: &[&Send]) -> Result<Vec<Result<Sent>>> {
    let found = look_up(log, sends).await?;
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
            (None, Some((_, first))) if *first != hash => Fate::Refused(Code::IdempotencyMismatch),
            (None, Some((index, _))) => Fate::Stored(new_id(&new, *index), true),
            (None, None) => {
                let seq = last_seqs
                    .entry((&send.by.tenant, send.conversation))
                    .or_insert(found.last_seq.unwrap_or(0));
                *seq += 1;
                if let Some(key) = send.key.as_deref() {
                    by_key.insert((&send.by, key), (new.len(), hash.clone()));
                }
                new.push(number(log, send, found.sender, *seq, hash));
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
    let may_see =
        found.last_seq.is_some() && (found.is_member || send.r#type == MessageType::System);
    if !may_see {
        return Some(Fate::Refused(Code::NotFound));
    }
    if let Some(id) = found.own_id {
        return Some(Fate::Stored(id, false));
    }
    if let Some(id) = found.replay_id {
        let same = found.replay_hash.as_deref() == Some(hash);
        return Some(if same {
            Fate::Stored(id, true)
        } else {
            Fate::Refused(Code::IdempotencyMismatch)
        });
    }
    (found.closed == Some(true)).then_some(Fate::Refused(Code::ConversationClosed))
}

async fn look_up(log: &mut LogTransaction<'_>, sends: &[&Send]) -> Result<Vec<Found>> {
    let rows = query_as("messages.check", "
        select c.last_seq, c.closed, m.user_id is not null as is_member, o.id as own_id,
               r.id as replay_id, r.request_hash as replay_hash,
               case when u.id is not null
                    then jsonb_build_object('id', u.id, 'name', u.name, 'imageUrl', u.image_url, 'role', u.role) end as sender
          from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::uuid[])
               with ordinality as g (tenant_id, conversation_id, user_id, key, id, n)
          left join conversations c on c.tenant_id = g.tenant_id and c.id = g.conversation_id
          left join members m on m.tenant_id = g.tenant_id and m.conversation_id = g.conversation_id
                             and m.user_id = g.user_id and m.left_position is null
          left join messages o on o.tenant_id = g.tenant_id and o.id = g.id
          left join messages r on r.tenant_id = g.tenant_id and r.sender_id = g.user_id and r.idempotency_key = g.key
          left join users u on u.tenant_id = g.tenant_id and u.id = g.user_id
         order by g.n")
        .bind(sends.iter().map(|s| s.by.tenant.to_string()).collect::<Vec<_>>())
        .bind(sends.iter().map(|s| s.conversation).collect::<Vec<_>>())
        .bind(sends.iter().map(|s| s.by.id.to_string()).collect::<Vec<_>>())
        .bind(sends.iter().map(|s| s.key.clone()).collect::<Vec<_>>())
        .bind(sends.iter().map(|s| s.id).collect::<Vec<_>>())
        .fetch_all(&mut *log.connection)
        .await?;
    Ok(rows)
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
        Fate::Refused(code) => Err(code.into()),
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
