//! One entry of the log: the row, the event it is shown as, and the bytes that every transport hands out.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Conversation, Cursor, Epoch, Member, MemberStatus, Message, Notification, Position, Time, User,
};

macro_rules! kinds {
    ($($kind:ident $name:literal),* $(,)?) => {
        /// The kinds of event, as they are named in the log, in JSON and in `event:` lines.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventKind { $($kind),* }

        impl EventKind {
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }
        }
    };
}

kinds! {
    ConversationCreated "conversation.created",
    ConversationUpdated "conversation.updated",
    ConversationDeleted "conversation.deleted",
    MemberJoined "member.joined",
    MemberUpdated "member.updated",
    MemberLeft "member.left",
    MessageCreated "message.created",
    MessageUpdated "message.updated",
    MessageDeleted "message.deleted",
    ReceiptRead "receipt.read",
    ReceiptDelivered "receipt.delivered",
    NotificationCreated "notification.created",
    NotificationRead "notification.read",
    NotificationDeleted "notification.deleted",
    UserUpdated "user.updated",
}

impl EventKind {
    /// Whether it carries a whole conversation, or one member of it: both show horizons and roles, which change with
    /// events of other kinds.
    pub fn shows_members(self) -> bool {
        self.shows_conversation()
            || matches!(
                self,
                Self::MemberJoined | Self::MemberUpdated | Self::MemberLeft
            )
    }

    pub fn shows_conversation(self) -> bool {
        matches!(
            self,
            Self::ConversationCreated | Self::ConversationUpdated | Self::ConversationDeleted
        )
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for EventKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == text)
            .ok_or(text)
    }
}

/// A row of `events`, as stored: references, no content.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EventRow {
    pub position: Position,
    pub tenant_id: String,
    #[sqlx(rename = "type", try_from = "String")]
    pub kind: EventKind,
    pub conversation_id: Option<Uuid>,
    pub message_id: Option<Uuid>,
    pub actor_id: Option<String>,
    pub audience_user_id: Option<String>,
    pub subject_user_id: Option<String>,
    pub notification_id: Option<Uuid>,
    pub seq: Option<i64>,
    pub occurred_at: DateTime<Utc>,
}

impl EventRow {
    /// Whether it tells of an erasure: a `user.updated` with a `seq`.
    pub fn is_erasure(&self) -> bool {
        self.kind == EventKind::UserUpdated && self.seq.is_some()
    }
}

/// What every event carries besides its `type`. `data` holds the whole resource as it is when read.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventOf<T> {
    /// Where the client stands once it has handled this event.
    pub cursor: String,
    #[schema(required)]
    pub conversation_id: Option<Uuid>,
    #[schema(required)]
    pub actor_id: Option<String>,
    pub occurred_at: Time,
    pub data: T,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConversationData {
    pub conversation: Conversation,
    /// Only where the caller archived the conversation, or took it back: one's own side, told to one's own devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = MemberStatus, required = false)]
    pub status: Option<MemberStatus>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MemberData {
    pub member: Member,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MessageData {
    pub message: Message,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReceiptData {
    pub receipt: Receipt,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeliveryData {
    pub receipt: Delivery,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserData {
    pub user: User,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationData {
    pub notification: Notification,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationReadData {
    pub notification: Notification,
    /// Whether those that were shown before it are read with it.
    pub and_older: bool,
}

/// "This member has read everything up to `readUpTo`".
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    pub conversation_id: Uuid,
    pub user_id: String,
    /// A message's `seq`.
    pub read_up_to: i64,
    #[schema(required)]
    pub read_at: Option<Time>,
}

/// "Everything up to `deliveredUpTo` has reached a device of this member". Of PRIVATE conversations.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    pub conversation_id: Uuid,
    pub user_id: String,
    /// A message's `seq`.
    pub delivered_up_to: i64,
    pub delivered_at: Time,
}

/// One durable change. Clients ignore types they do not know.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "type")]
pub enum Event {
    /// The caller is a member of a new conversation; it reads on from here.
    #[serde(rename = "conversation.created")]
    ConversationCreated(EventOf<ConversationData>),
    /// Its subject, its metadata, or whether it is closed; or, with `status`, the caller's own side of it.
    #[serde(rename = "conversation.updated")]
    ConversationUpdated(EventOf<ConversationData>),
    /// Deleted for all: the last event of it. Or, of a PRIVATE one, by the caller for itself: the next message brings
    /// it back.
    #[serde(rename = "conversation.deleted")]
    ConversationDeleted(EventOf<ConversationData>),
    /// To whoever joined, the first event of the conversation: read it by its id.
    #[serde(rename = "member.joined")]
    MemberJoined(EventOf<MemberData>),
    #[serde(rename = "member.updated")]
    MemberUpdated(EventOf<MemberData>),
    /// To whoever left, the last event of the conversation.
    #[serde(rename = "member.left")]
    MemberLeft(EventOf<MemberData>),
    #[serde(rename = "message.created")]
    MessageCreated(EventOf<MessageData>),
    #[serde(rename = "message.updated")]
    MessageUpdated(EventOf<MessageData>),
    /// The message is a tombstone from now on, in every event that carries it.
    #[serde(rename = "message.deleted")]
    MessageDeleted(EventOf<MessageData>),
    #[serde(rename = "receipt.read")]
    ReceiptRead(EventOf<ReceiptData>),
    #[serde(rename = "receipt.delivered")]
    ReceiptDelivered(EventOf<DeliveryData>),
    /// The host tells the caller something, outside of any conversation.
    #[serde(rename = "notification.created")]
    NotificationCreated(EventOf<NotificationData>),
    /// On one of the caller's devices.
    #[serde(rename = "notification.read")]
    NotificationRead(EventOf<NotificationReadData>),
    /// A tombstone from now on, in every event that carries it.
    #[serde(rename = "notification.deleted")]
    NotificationDeleted(EventOf<NotificationData>),
    /// A person's profile changed. `conversationId` names the conversation through which the caller knows them.
    #[serde(rename = "user.updated")]
    UserUpdated(EventOf<UserData>),
}

/// An event serialised once, as an SSE frame; the JSON that polls hand out is a part of it.
#[derive(Debug, Clone)]
pub struct Frame {
    position: Position,
    bytes: Arc<[u8]>,
    json_start: usize,
}

impl Frame {
    /// `data` is one line: JSON escapes every line break, so no text can forge a frame.
    pub fn new(
        epoch: Epoch,
        position: Position,
        kind: EventKind,
        event: &Event,
    ) -> serde_json::Result<Self> {
        let mut bytes =
            format!("id: {}\nevent: {kind}\ndata: ", Cursor { epoch, position }).into_bytes();
        let json_start = bytes.len();
        serde_json::to_writer(&mut bytes, event)?;
        bytes.extend_from_slice(b"\n\n");
        Ok(Self {
            position,
            bytes: bytes.into(),
            json_start,
        })
    }

    pub fn position(&self) -> Position {
        self.position
    }

    /// `id:`, `event:` and `data:` lines and the empty line.
    pub fn sse(&self) -> &[u8] {
        &self.bytes
    }

    /// The one-line JSON of the Event.
    pub fn json(&self) -> &[u8] {
        &self.bytes[self.json_start..self.bytes.len() - 2]
    }
}
