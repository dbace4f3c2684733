//! From rows of the log to events with their content, serialised once. The same for the tail and for catch-up, so that
//! a feed read from memory and the same feed read from Postgres carry the same bytes.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::PgConnection;
use uuid::Uuid;

use super::committed::Committed;
use super::conversations::{self, At};
use super::members::{self, MemberAt};
use super::{messages, query_as, unread};
use crate::error::Result;
use crate::model::{
    Conversation, ConversationData, ConversationType, Delivery, DeliveryData, Epoch, Event,
    EventKind, EventOf, EventRow, Frame, MemberData, MemberStatus, Message, MessageData, Position,
    Receipt, ReceiptData, Time, User, UserData,
};

/// An event with its bytes, and what `live` must know to hand it out.
#[derive(Debug, Clone)]
pub struct Rendered {
    pub row: Arc<EventRow>,
    pub frame: Frame,
    /// Of a new conversation: everybody in it.
    pub members: Vec<String>,
    /// Of a message: who sent it, none for SYSTEM.
    pub sender: Option<String>,
    /// Of a message: whether it raises the unread count of everybody but its sender.
    pub counts_as_unread: bool,
    /// Of a message: the one it answers.
    pub reply_to: Option<Uuid>,
    /// Of a joining, or of one's own side: when the conversation was last active. 0 elsewhere.
    pub activity: Position,
    /// Of a new conversation: whether it is PRIVATE.
    pub is_private: bool,
    /// Of an erasure: what the person said in the conversation, as ranges of `seq`. It is unread to nobody any more.
    pub taken_back: Vec<(i64, i64)>,
}

/// The content that the rows refer to, read in one query per kind that occurs.
#[derive(Default)]
struct Content {
    messages: HashMap<(String, Uuid), Message>,
    conversations: HashMap<Position, (Conversation, Vec<String>)>,
    members: HashMap<Position, MemberAt>,
    users: HashMap<(String, String), User>,
    taken_back: HashMap<Position, Vec<(i64, i64)>>,
}

/// Events of `rows`, in their order. A row whose content was erased for good (retention) is left out.
pub async fn render(
    connection: &mut PgConnection,
    epoch: Epoch,
    rows: Vec<EventRow>,
) -> Result<Vec<Rendered>> {
    let mut content = Content::read(connection, &rows).await?;
    let mut rendered = Vec::with_capacity(rows.len());
    for row in rows {
        let (position, kind) = (row.position, row.kind);
        match content.render(epoch, row)? {
            Some(event) => rendered.push(event),
            None => {
                tracing::warn!(event.position = position, event.kind = %kind, "an event without content was skipped");
            }
        }
    }
    Ok(rendered)
}

/// The same without SQL, of what this instance has just written; none when something of it must be read.
pub fn render_committed(committed: Committed) -> Option<Vec<Rendered>> {
    // What an erasure takes out of what is unread stands in Postgres.
    if committed.rows.iter().any(EventRow::is_erasure) {
        return None;
    }
    let mut content = Content {
        messages: by_id(committed.messages),
        ..Content::default()
    };
    let epoch = committed.after.epoch;
    let rows = committed.rows.into_iter();
    rows.map(|row| content.render(epoch, row).ok().flatten())
        .collect()
}

fn by_id(messages: Vec<(String, Message)>) -> HashMap<(String, Uuid), Message> {
    messages
        .into_iter()
        .map(|(tenant, message)| ((tenant, message.id), message))
        .collect()
}

impl Content {
    /// None when the row's content is not here.
    fn render(&mut self, epoch: Epoch, row: EventRow) -> Result<Option<Rendered>> {
        let is_new = row.kind == EventKind::ConversationCreated;
        let everybody = self.conversations.get_mut(&row.position).filter(|_| is_new);
        let members = everybody.map_or_else(Vec::new, |(_, members)| std::mem::take(members));
        let Some(event) = self.event(epoch, &row) else {
            return Ok(None);
        };
        let frame = Frame::new(epoch, row.position, row.kind, &event)?;
        let mut rendered = Rendered {
            row: Arc::new(row),
            frame,
            members,
            sender: None,
            counts_as_unread: false,
            reply_to: None,
            activity: 0,
            is_private: false,
            taken_back: Vec::new(),
        };
        match event {
            Event::MessageCreated(of) | Event::MessageUpdated(of) | Event::MessageDeleted(of) => {
                let message = of.data.message;
                rendered.counts_as_unread = message.counts_as_unread();
                rendered.sender = message.sender.map(|user| user.id);
                rendered.reply_to = message.reply_to.map(|quoted| quoted.id);
            }
            Event::ConversationCreated(of) => {
                rendered.is_private = of.data.conversation.r#type == ConversationType::Private;
            }
            Event::ConversationUpdated(of) => {
                rendered.activity = of.data.conversation.activity_position;
            }
            Event::MemberJoined(_) => {
                let of = self.members.get(&rendered.row.position);
                rendered.activity = of.map_or(0, |at| at.activity_position);
            }
            Event::UserUpdated(_) => {
                let of = self.taken_back.remove(&rendered.row.position);
                rendered.taken_back = of.unwrap_or_default();
            }
            _ => {}
        }
        Ok(Some(rendered))
    }

    async fn read(connection: &mut PgConnection, rows: &[EventRow]) -> Result<Self> {
        let mut content = Self::default();
        let (tenants, ids): (Vec<_>, Vec<_>) = rows
            .iter()
            .filter_map(|r| Some((r.tenant_id.clone(), r.message_id?)))
            .unzip();
        if !ids.is_empty() {
            content.messages = by_id(messages::by_ids(connection, &tenants, &ids).await?);
        }
        let at = |r: &EventRow| {
            Some(At {
                tenant: r.tenant_id.clone(),
                id: r.conversation_id?,
                position: r.position,
            })
        };
        let asked: Vec<_> = rows
            .iter()
            .filter(|r| r.kind.shows_conversation())
            .filter_map(at)
            .collect();
        if !asked.is_empty() {
            content.conversations = conversations::at_positions(connection, &asked).await?;
        }
        let shows_member = |r: &&EventRow| r.kind.shows_members() && !r.kind.shows_conversation();
        let asked: Vec<_> = rows.iter().filter(shows_member).collect();
        if !asked.is_empty() {
            content.members = members::at_positions(connection, &asked).await?;
        }
        let (tenants, ids): (Vec<_>, Vec<_>) = rows
            .iter()
            .filter(|r| r.kind == EventKind::UserUpdated)
            .filter_map(|r| Some((r.tenant_id.clone(), r.subject_user_id.clone()?)))
            .unzip();
        if !ids.is_empty() {
            content.users = users(connection, &tenants, &ids).await?;
        }
        let erasures = rows.iter().filter(|row| row.is_erasure());
        let erasures: Vec<_> = erasures
            .filter(|row| row.conversation_id.is_some())
            .collect();
        if !erasures.is_empty() {
            content.taken_back = unread::taken_back(connection, &erasures).await?;
        }
        Ok(content)
    }

    /// The event of a row, with the content as it is now.
    fn event(&self, epoch: Epoch, row: &EventRow) -> Option<Event> {
        let tenant = || row.tenant_id.clone();
        Some(match row.kind {
            EventKind::MessageCreated => Event::MessageCreated(of(epoch, row, self.message(row)?)),
            EventKind::MessageUpdated => Event::MessageUpdated(of(epoch, row, self.message(row)?)),
            EventKind::MessageDeleted => Event::MessageDeleted(of(epoch, row, self.message(row)?)),
            EventKind::MemberJoined => Event::MemberJoined(of(epoch, row, self.member(row)?)),
            EventKind::MemberUpdated => Event::MemberUpdated(of(epoch, row, self.member(row)?)),
            EventKind::MemberLeft => Event::MemberLeft(of(epoch, row, self.member(row)?)),
            EventKind::ConversationCreated => {
                Event::ConversationCreated(of(epoch, row, self.conversation(row)?))
            }
            EventKind::ConversationUpdated => {
                Event::ConversationUpdated(of(epoch, row, self.conversation(row)?))
            }
            EventKind::ConversationDeleted => {
                Event::ConversationDeleted(of(epoch, row, self.conversation(row)?))
            }
            EventKind::ReceiptRead => {
                let receipt = Receipt {
                    conversation_id: row.conversation_id?,
                    user_id: row.actor_id.clone()?,
                    read_up_to: row.seq?,
                    read_at: Some(Time(row.occurred_at)),
                };
                Event::ReceiptRead(of(epoch, row, ReceiptData { receipt }))
            }
            EventKind::ReceiptDelivered => {
                let receipt = Delivery {
                    conversation_id: row.conversation_id?,
                    user_id: row.actor_id.clone()?,
                    delivered_up_to: row.seq?,
                    delivered_at: Time(row.occurred_at),
                };
                Event::ReceiptDelivered(of(epoch, row, DeliveryData { receipt }))
            }
            EventKind::UserUpdated => {
                let id = row.subject_user_id.clone()?;
                let user = match row.is_erasure() {
                    // Whoever has come back under that id since: who reads this still holds what was erased.
                    true => User::erased(id),
                    false => self.users.get(&(tenant(), id))?.clone(),
                };
                Event::UserUpdated(of(epoch, row, UserData { user }))
            }
        })
    }

    fn message(&self, row: &EventRow) -> Option<MessageData> {
        let key = (row.tenant_id.clone(), row.message_id?);
        let message = self.messages.get(&key)?.clone();
        Some(MessageData { message })
    }

    fn member(&self, row: &EventRow) -> Option<MemberData> {
        let member = self.members.get(&row.position)?.member.clone();
        Some(MemberData { member })
    }

    fn conversation(&self, row: &EventRow) -> Option<ConversationData> {
        let (conversation, _) = self.conversations.get(&row.position)?;
        // To oneself alone: put into the archive (with how far), or taken out.
        let is_own = row.kind == EventKind::ConversationUpdated && row.audience_user_id.is_some();
        let status = match row.seq {
            Some(_) => MemberStatus::Archived,
            None => MemberStatus::Active,
        };
        Some(ConversationData {
            conversation: conversation.clone(),
            status: is_own.then_some(status),
        })
    }
}

fn of<T>(epoch: Epoch, row: &EventRow, data: T) -> EventOf<T> {
    EventOf {
        cursor: crate::model::Cursor {
            epoch,
            position: row.position,
        }
        .to_string(),
        conversation_id: row.conversation_id,
        actor_id: row.actor_id.clone(),
        occurred_at: Time(row.occurred_at),
        data,
    }
}

async fn users(
    connection: &mut PgConnection,
    tenants: &[String],
    ids: &[String],
) -> Result<HashMap<(String, String), User>> {
    #[derive(sqlx::FromRow)]
    struct Row {
        tenant_id: String,
        #[sqlx(flatten)]
        user: User,
    }
    let text = "select distinct u.tenant_id, u.id, u.name, u.image_url, u.role, u.is_erased as is_deleted
                  from unnest($1::text[], $2::text[]) as g (tenant_id, id) join users u using (tenant_id, id)";
    let rows: Vec<Row> = query_as("users.by_ids", text)
        .bind(tenants.to_vec())
        .bind(ids.to_vec())
        .fetch_all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| ((row.tenant_id, row.user.id.clone()), row.user))
        .collect())
}
