//! From rows of the log to events with their content, serialised once. The same for the tail and for catch-up, so that
//! a feed read from memory and the same feed read from Postgres carry the same bytes.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::PgConnection;
use uuid::Uuid;

use super::conversations::{self, At};
use super::log::Committed;
use super::{messages, query_as};
use crate::error::Result;
use crate::model::{
    Conversation, ConversationData, Epoch, Event, EventKind, EventOf, EventRow, Frame, Message,
    MessageData, Position, Receipt, ReceiptData, Time, User, UserData,
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
}

/// The content that the rows refer to, read in one query per kind that occurs.
struct Content {
    messages: HashMap<(String, Uuid), Message>,
    conversations: HashMap<Position, (Conversation, Vec<String>)>,
    users: HashMap<(String, String), User>,
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
    let mut content = Content {
        messages: by_id(committed.messages),
        conversations: HashMap::new(),
        users: HashMap::new(),
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
        let members = self
            .conversations
            .get_mut(&row.position)
            .map(|(_, members)| std::mem::take(members))
            .unwrap_or_default();
        let Some(event) = self.event(epoch, &row) else {
            return Ok(None);
        };
        let frame = Frame::new(epoch, row.position, row.kind, &event)?;
        let (sender, counts_as_unread) = match event {
            Event::MessageCreated(EventOf {
                data: MessageData { message },
                ..
            }) => {
                let counts = message.counts_as_unread();
                (message.sender.map(|user| user.id), counts)
            }
            _ => (None, false),
        };
        Ok(Some(Rendered {
            row: Arc::new(row),
            frame,
            members,
            sender,
            counts_as_unread,
        }))
    }

    async fn read(connection: &mut PgConnection, rows: &[EventRow]) -> Result<Self> {
        let mut content = Self {
            messages: HashMap::new(),
            conversations: HashMap::new(),
            users: HashMap::new(),
        };
        let (tenants, ids): (Vec<_>, Vec<_>) = rows
            .iter()
            .filter_map(|r| Some((r.tenant_id.clone(), r.message_id?)))
            .unzip();
        if !ids.is_empty() {
            content.messages = by_id(messages::by_ids(connection, &tenants, &ids).await?);
        }
        let shows_conversation = |r: &&EventRow| {
            matches!(
                r.kind,
                EventKind::ConversationCreated | EventKind::ConversationDeleted
            )
        };
        let at = |r: &EventRow| {
            Some(At {
                tenant: r.tenant_id.clone(),
                id: r.conversation_id?,
                position: r.position,
            })
        };
        let asked: Vec<_> = rows
            .iter()
            .filter(shows_conversation)
            .filter_map(at)
            .collect();
        if !asked.is_empty() {
            content.conversations = conversations::at_positions(connection, &asked).await?;
        }
        let (tenants, ids): (Vec<_>, Vec<_>) = rows
            .iter()
            .filter_map(|r| Some((r.tenant_id.clone(), r.subject_user_id.clone()?)))
            .unzip();
        if !ids.is_empty() {
            content.users = users(connection, &tenants, &ids).await?;
        }
        Ok(content)
    }

    /// The event of a row, with the content as it is now.
    fn event(&self, epoch: Epoch, row: &EventRow) -> Option<Event> {
        let tenant = || row.tenant_id.clone();
        Some(match row.kind {
            EventKind::MessageCreated => {
                let message = self.messages.get(&(tenant(), row.message_id?))?.clone();
                Event::MessageCreated(of(epoch, row, MessageData { message }))
            }
            EventKind::ConversationCreated => {
                Event::ConversationCreated(of(epoch, row, self.conversation(row)?))
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
            EventKind::UserUpdated => {
                let user = self
                    .users
                    .get(&(tenant(), row.subject_user_id.clone()?))?
                    .clone();
                Event::UserUpdated(of(epoch, row, UserData { user }))
            }
        })
    }

    fn conversation(&self, row: &EventRow) -> Option<ConversationData> {
        self.conversations
            .get(&row.position)
            .map(|(conversation, _)| ConversationData {
                conversation: conversation.clone(),
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
    let text = "select distinct u.tenant_id, u.id, u.name, u.image_url, u.role
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

/// The events at these positions, again: after their content changed.
pub async fn at(
    connection: &mut PgConnection,
    epoch: Epoch,
    positions: Vec<Position>,
) -> Result<Vec<Rendered>> {
    let text = "select * from events where position = any($1) order by position";
    let rows: Vec<EventRow> = query_as("log.at", text)
        .bind(positions)
        .fetch_all(&mut *connection)
        .await?;
    render(connection, epoch, rows).await
}
