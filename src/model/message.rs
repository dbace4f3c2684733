//! What people write to each other.

use chrono::{TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::rules::{Check, FieldCode, Problems, nfc, unambiguous};
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
    /// What it answers, as that message is now.
    #[schema(required)]
    pub reply_to: Option<ReplyTo>,
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
    /// In answers, of the caller's own messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = MessageStatus, required = false)]
    pub status: Option<MessageStatus>,
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

/// How much of a message an answer to it shows.
const EXCERPT: usize = 140;

impl Message {
    /// As an answer to it shows it.
    pub fn quoted(self) -> ReplyTo {
        ReplyTo {
            id: self.id,
            seq: self.seq,
            sender: self.sender,
            excerpt: self
                .content
                .map(|text| text.chars().take(EXCERPT).collect()),
            is_deleted: self.is_deleted,
        }
    }
}

/// How far one's own message has come: READ by everybody else, DELIVERED to the other of a PRIVATE conversation, or
/// SENT. In groups above 20 it stays SENT: `GET /v1/messages/{id}/receipts` says who.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
pub enum MessageStatus {
    Sent,
    Delivered,
    Read,
}

/// Whether one member has received and read a message, and when.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageReceipt {
    pub user: User,
    pub status: MessageStatus,
    #[schema(required)]
    pub delivered_at: Option<Time>,
    #[schema(required)]
    pub read_at: Option<Time>,
}

/// What a message said until it was edited.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    #[schema(required)]
    pub content: Option<String>,
    pub attachments: Vec<Attachment>,
    #[schema(value_type = Object)]
    pub metadata: Value,
    pub replaced_at: Time,
    /// Who edited it.
    pub replaced_by: String,
}

/// The message that another one answers, cut short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplyTo {
    pub id: Uuid,
    pub seq: i64,
    #[schema(required)]
    pub sender: Option<User>,
    /// Its first 140 characters; null once it is deleted.
    #[schema(required, max_length = 140)]
    pub excerpt: Option<String>,
    pub is_deleted: bool,
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
    #[serde(default, deserialize_with = "super::object::list")]
    #[schema(max_items = 10)]
    pub attachments: Vec<NewAttachment>,
    /// Drawn by the client. Sending again with the same one gives the same message.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128)]
    pub client_message_id: Option<String>,
    /// A message of the same conversation that this one answers.
    #[serde(default)]
    pub reply_to_id: Option<Uuid>,
    /// The client's own, at most 4 KiB.
    #[serde(default, deserialize_with = "unambiguous")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
    /// When it is to be sent, at most 366 days ahead; what is past is sent at once. Not of a conversation's first message.
    #[serde(
        default,
        deserialize_with = "super::time::rfc3339",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deliver_at: Option<Time>,
}

/// How far ahead a message may be scheduled.
const AHEAD: TimeDelta = TimeDelta::days(366);

impl NewMessage {
    /// About how much of a transaction it takes.
    pub fn bytes(&self) -> usize {
        let attachments = self.attachments.iter().map(|a| a.url.len() + 512);
        let metadata = self.metadata.as_ref().map_or(0, |_| 4096);
        self.content.len() + attachments.sum::<usize>() + metadata + 1024
    }
}

/// `PATCH /v1/messages/{id}`: what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EditedMessage {
    #[serde(default)]
    #[schema(min_length = 1, max_length = 10000)]
    pub content: Option<String>,
    /// All of them, each with a new id.
    #[serde(default, deserialize_with = "super::object::optional_list")]
    #[schema(max_items = 10)]
    pub attachments: Option<Vec<NewAttachment>>,
    #[serde(default, deserialize_with = "unambiguous")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAttachment {
    /// By https, to a host that is allowed, and written as `new URL(…).href` writes it.
    #[schema(max_length = 2048)]
    pub url: String,
    #[schema(max_length = 128)]
    pub r#type: String,
    /// One line, kept in Unicode's NFC. No bidirectional control (Unicode's Bidi_Control).
    #[serde(default, deserialize_with = "nfc")]
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
        problems.optional("deliverAt", self.deliver_at.as_ref(), |p, at| {
            if at.0 > Utc::now() + AHEAD {
                p.add(FieldCode::OutOfRange);
            }
        });
    }
}

impl Check for EditedMessage {
    fn check(&self, problems: &mut Problems) {
        if *self == Self::default() {
            problems.at("content", |p| p.add(FieldCode::Required));
        }
        problems.optional("content", self.content.as_deref(), |p, text| {
            p.text(text, 10_000)
        });
        if let Some(attachments) = &self.attachments {
            problems.list("attachments", attachments, 10);
        }
        problems.optional("metadata", self.metadata.as_ref(), |p, map| p.metadata(map));
    }
}

impl Check for NewAttachment {
    fn check(&self, problems: &mut Problems) {
        problems.at("url", |p| p.url(&self.url));
        problems.at("type", |p| p.key(&self.r#type, 128));
        problems.optional("fileName", self.file_name.as_deref(), |p, name| {
            p.name(name, 255)
        });
        problems.optional("fileSize", self.file_size.as_ref(), |p, size| {
            if *size < 0 {
                p.add(FieldCode::OutOfRange);
            }
        });
    }
}
