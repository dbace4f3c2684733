//! The content of events: what their rows refer to, read in one query per kind that occurs.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::PgConnection;
use uuid::Uuid;

use super::conversations::{self, At};
use super::members::{self, MemberAt};
use super::render::Rendered;
use super::{messages, notifications, query_as, unread};
use crate::error::Result;
use crate::model::{
    Conversation, ConversationData, ConversationType, Delivery, DeliveryData, Epoch, Event,
    EventKind, EventOf, EventRow, Frame, MemberData, MemberStatus, Message, MessageData,
    Notification, NotificationData, NotificationReadData, Position, Receipt, ReceiptData, Time,
    User, UserData,
};

#[derive(Default)]
pub(super) struct Content {
    messages: HashMap<(String, Uuid), Message>,
    conversations: HashMap<Position, (Conversation, Vec<String>)>,
    members: HashMap<Position, MemberAt>,
    users: HashMap<(String, String), User>,
    notifications: HashMap<(String, Uuid), Notification>,
    taken_back: HashMap<Position, Vec<(i64, i64)>>,
}

fn by_id(messages: Vec<(String, Message)>) -> HashMap<(String, Uuid), Message> {
    messages
        .into_iter()
        .map(|(tenant, message)| ((tenant, message.id), message))
        .collect()
}

impl Content {
    /// Of messages alone.
    pub(super) fn of(messages: Vec<(String, Message)>) -> Self {
        Self {
            messages: by_id(messages),
            ..Self::default()
        }
    }

    /// None when the row's content is not here.
    pub(super) fn render(&mut self, epoch: Epoch, row: EventRow) -> Result<Option<Rendered>> {
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

    pub(super) async fn read(connection: &mut PgConnection, rows: &[EventRow]) -> Result<Self> {
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
        let (tenants, ids): (Vec<_>, Vec<_>) = rows
            .iter()
            .filter_map(|r| Some((r.tenant_id.clone(), r.notification_id?)))
            .unzip();
        if !ids.is_empty() {
            content.notifications = notifications::by_ids(connection, &tenants, &ids).await?;
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
            EventKind::NotificationCreated => {
                Event::NotificationCreated(of(epoch, row, self.notification(row)?))
            }
            EventKind::NotificationRead => {
                let data = NotificationReadData {
                    notification: self.notification(row)?.notification,
                    and_older: row.seq.is_some(),
                };
                Event::NotificationRead(of(epoch, row, data))
            }
            EventKind::NotificationDeleted => {
                Event::NotificationDeleted(of(epoch, row, self.notification(row)?))
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

    /// One that is kept no more is a tombstone, and so is what was shown to somebody who was erased.
    fn notification(&self, row: &EventRow) -> Option<NotificationData> {
        let (id, user) = (row.notification_id?, row.audience_user_id.clone()?);
        let found = self.notifications.get(&(row.tenant_id.clone(), id));
        let gone = || Notification::gone(id, user, Time(row.occurred_at));
        let notification = found.cloned().unwrap_or_else(gone);
        Some(NotificationData { notification })
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
