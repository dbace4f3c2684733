//! Where people talk: two of them, or a group, perhaps about something of the host site.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Message, Position, Time, User};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
pub enum ConversationType {
    Private,
    Group,
}

#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema,
)]
#[serde(rename_all = "UPPERCASE")]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
pub enum MemberRole {
    #[default]
    Member,
    Admin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum MemberStatus {
    Active,
    Archived,
}

/// A user in a conversation, as the others see it. `readUpTo` is a `seq`: everything up to it was read, and what the
/// member sent itself moves it too. It stays where it is for whoever turned receipts off, and in groups above 20, where
/// receipts go to the reader's own devices only.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub user: User,
    pub role: MemberRole,
    pub joined_at: Time,
    pub read_up_to: i64,
    #[schema(required)]
    pub read_at: Option<Time>,
    /// What has reached a device; never below `readUpTo`. Moves on its own in PRIVATE conversations only.
    pub delivered_up_to: i64,
}

/// The caller's own side of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    pub role: MemberRole,
    pub status: MemberStatus,
    pub unread_count: i64,
    pub read_up_to: i64,
}

/// What a conversation is about, in the host site's own words.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    #[schema(example = "AD")]
    pub r#type: String,
    #[schema(example = "ad-456")]
    pub id: String,
    #[schema(required, example = "iPhone 14 Pro")]
    pub title: Option<String>,
    #[schema(required)]
    pub url: Option<String>,
    #[schema(required)]
    pub image_url: Option<String>,
    #[schema(required)]
    pub starts_at: Option<Time>,
}

/// A conversation. In answers it also carries `lastMessage`, `lastMessageAt` and the caller's own `me`;
/// in events, which all members share, it does not.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    pub id: Uuid,
    pub r#type: ConversationType,
    #[schema(required)]
    pub subject: Option<String>,
    #[schema(required)]
    pub context: Option<Context>,
    #[schema(required)]
    pub organization_id: Option<String>,
    pub closed: bool,
    /// At most 100; `memberCount` says how many there are.
    pub members: Vec<Member>,
    pub member_count: i64,
    /// In answers only; null before the first message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Message>)]
    pub last_message: Option<Option<Message>>,
    /// In answers only; null before the first message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Time>)]
    pub last_message_at: Option<Option<Time>>,
    /// In answers to a member only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Me, required = false)]
    pub me: Option<Me>,
    #[schema(value_type = Object)]
    pub metadata: Value,
    pub created_at: Time,
    pub updated_at: Time,
    /// Order of the inbox, and how its pages go on. Never shown.
    #[serde(skip)]
    pub activity_position: Position,
}
