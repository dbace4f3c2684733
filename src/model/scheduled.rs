//! Messages that are sent later, as they were written.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MessageType, NewAttachment, NewMessage, Time};

/// A message that waits to be sent. `id` is the message's, once it is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledMessage {
    pub id: Uuid,
    pub conversation_id: Uuid,
    pub content: String,
    pub attachments: Vec<NewAttachment>,
    #[schema(required)]
    pub reply_to_id: Option<Uuid>,
    #[schema(value_type = Object)]
    pub metadata: Value,
    #[schema(required)]
    pub client_message_id: Option<String>,
    pub deliver_at: Time,
    pub created_at: Time,
}

/// What its job keeps of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Planned {
    pub conversation_id: Uuid,
    pub r#type: MessageType,
    pub message: NewMessage,
    /// As when it is sent: `c:` + clientMessageId, or `k:` + Idempotency-Key.
    pub key: Option<String>,
    /// What "the same content" means for a repeated key.
    pub hash: String,
}

impl Planned {
    /// As its author sees it.
    pub fn shown(self, id: Uuid, deliver_at: Time, created_at: Time) -> ScheduledMessage {
        let message = self.message;
        let metadata: Map<String, Value> = message.metadata.unwrap_or_default();
        ScheduledMessage {
            id,
            conversation_id: self.conversation_id,
            content: message.content,
            attachments: message.attachments,
            reply_to_id: message.reply_to_id,
            metadata: metadata.into(),
            client_message_id: message.client_message_id,
            deliver_at: message.deliver_at.unwrap_or(deliver_at),
            created_at,
        }
    }
}
