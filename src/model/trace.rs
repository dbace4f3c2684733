//! What became of one message on its way to each of its recipients.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Time, User};

/// How a feed was handed out; or that a later cursor proved its arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Transport {
    Poll,
    LongPoll,
    Stream,
    #[schema(ignore)]
    #[serde(skip)]
    Acknowledged,
}

impl Transport {
    pub const ALL: [Self; 4] = [Self::Poll, Self::LongPoll, Self::Stream, Self::Acknowledged];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "POLL",
            Self::LongPoll => "LONG_POLL",
            Self::Stream => "STREAM",
            Self::Acknowledged => "ACKNOWLEDGED",
        }
    }
}

/// A message, and each of its recipients in order of joining.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    pub message_id: Uuid,
    pub conversation_id: Uuid,
    pub seq: i64,
    /// When it was committed to the log.
    pub stored_at: Time,
    #[schema(required)]
    pub deleted_at: Option<Time>,
    pub recipients: Vec<TracedRecipient>,
    pub has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Times are those of the database or of the instance, to about a second.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TracedRecipient {
    pub user: User,
    /// First time by each transport.
    pub handed_out: Vec<HandedOut>,
    /// When a cursor at or above the message came back.
    #[schema(required)]
    pub acknowledged_at: Option<Time>,
    /// When the sender was told so, in PRIVATE conversations.
    #[schema(required)]
    pub delivered_at: Option<Time>,
    #[schema(required)]
    pub read_at: Option<Time>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HandedOut {
    pub transport: Transport,
    pub at: Time,
}
