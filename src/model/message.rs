//! What people write to each other.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::rules::{Check, FieldCode, Problems};
use super::{Position, Time, User};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
pub enum MessageType {
    User,
    System,
}

/// One message. `seq` counts 1, 2, 3 … inside its conversation, without a hole.
/// A deleted one is a tombstone: `isDeleted`, and `content` null.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub id: Uuid,
    pub conversation_id: Uuid,
    pub seq: i64,
    pub r#type: MessageType,
    /// Null for a SYSTEM message.
    #[schema(required)]
    pub sender: Option<User>,
    #[schema(required)]
    pub content: Option<String>,
    pub attachments: Vec<Attachment>,
    #[schema(required, value_type = Option<Object>)]
    pub reply_to: Option<Value>,
    #[schema(required, value_type = Option<Object>)]
    pub notice: Option<Value>,
    #[schema(required)]
    pub client_message_id: Option<String>,
    #[schema(value_type = Object)]
    pub metadata: Value,
    pub created_at: Time,
    #[schema(required)]
    pub edited_at: Option<Time>,
    pub is_deleted: bool,
    /// Position of the event that last changed it: how a page over changes goes on. Never shown.
    #[serde(skip)]
    pub changed_position: Position,
}

impl Message {
    /// Whether it raises the unread count of everybody but its sender.
    pub fn counts_as_unread(&self) -> bool {
        !self.is_deleted && self.notice.is_none()
    }
}

/// A file that the host site keeps. The service stores the address and never fetches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    pub id: Uuid,
    pub url: String,
    #[schema(example = "image/jpeg")]
    pub r#type: String,
    #[schema(required)]
    pub file_name: Option<String>,
    #[schema(required)]
    pub file_size: Option<i64>,
}

/// What is sent: `POST /v1/conversations/{id}/messages`, or `firstMessage` of a new conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMessage {
    #[schema(
        min_length = 1,
        max_length = 10000,
        example = "Bonjour, est-ce toujours disponible ?"
    )]
    pub content: String,
    #[serde(default)]
    #[schema(max_items = 10)]
    pub attachments: Vec<NewAttachment>,
    /// Drawn by the client. Sending again with the same one gives the same message.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128)]
    pub client_message_id: Option<String>,
    /// The client's own, at most 4 KiB.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAttachment {
    #[schema(max_length = 2048)]
    pub url: String,
    #[schema(max_length = 128)]
    pub r#type: String,
    #[serde(default)]
    #[schema(max_length = 255)]
    pub file_name: Option<String>,
    #[serde(default)]
    #[schema(minimum = 0)]
    pub file_size: Option<i64>,
}

impl Check for NewMessage {
    fn check(&self, problems: &mut Problems) {
        problems.at("content", |p| p.text(&self.content, 10_000));
        problems.list("attachments", &self.attachments, 10);
        problems.optional(
            "clientMessageId",
            self.client_message_id.as_deref(),
            |p, id| p.id(id),
        );
        problems.optional("metadata", self.metadata.as_ref(), |p, map| p.metadata(map));
    }
}

impl Check for NewAttachment {
    fn check(&self, problems: &mut Problems) {
        problems.at("url", |p| p.url(&self.url));
        problems.at("type", |p| p.line(&self.r#type, 128));
        problems.optional("fileName", self.file_name.as_deref(), |p, name| {
            p.line(name, 255)
        });
        problems.optional("fileSize", self.file_size.as_ref(), |p, size| {
            if *size < 0 {
                p.add(FieldCode::OutOfRange);
            }
        });
    }
}
