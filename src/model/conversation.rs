//! Where people talk: two of them, or a group, perhaps about something of the host site.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::rules::{Check, FieldCode, Problems};
use super::{Message, NewMessage, Position, Time, User};

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
}

/// A user in a conversation. `readUpTo` is a `seq`: everything up to it was read, and what the member sent itself
/// moves it too.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub user: User,
    pub role: MemberRole,
    pub joined_at: Time,
    pub read_up_to: i64,
    #[schema(required)]
    pub read_at: Option<Time>,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Context {
    #[schema(max_length = 64, example = "AD")]
    pub r#type: String,
    #[schema(max_length = 128, example = "ad-456")]
    pub id: String,
    #[serde(default)]
    #[schema(required, max_length = 200, example = "iPhone 14 Pro")]
    pub title: Option<String>,
    #[serde(default)]
    #[schema(required, max_length = 2048)]
    pub url: Option<String>,
    #[serde(default)]
    #[schema(required, max_length = 2048)]
    pub image_url: Option<String>,
    #[serde(default)]
    #[schema(required)]
    pub starts_at: Option<Time>,
    /// On creation, by the host's backend: one conversation for this context, whoever the people.
    #[serde(default, skip_serializing)]
    pub unique: bool,
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMember {
    #[schema(max_length = 128)]
    pub user_id: String,
    #[serde(default)]
    pub role: MemberRole,
}

/// `POST /v1/conversations`: who it is with (`recipientId`, `memberIds` or `members`) and what about.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewConversation {
    pub r#type: ConversationType,
    #[serde(default)]
    pub recipient_id: Option<String>,
    #[serde(default)]
    pub member_ids: Option<Vec<String>>,
    #[serde(default)]
    pub members: Option<Vec<NewMember>>,
    #[serde(default)]
    #[schema(max_length = 200)]
    pub subject: Option<String>,
    #[serde(default)]
    pub context: Option<Context>,
    #[serde(default)]
    #[schema(max_length = 128)]
    pub organization_id: Option<String>,
    /// Sent in the same write, whether the conversation is new or found.
    #[serde(default)]
    pub first_message: Option<NewMessage>,
    /// `service` only: a SYSTEM message, sent when the conversation is new.
    #[serde(default)]
    pub system_message: Option<NewMessage>,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
    /// Of a GROUP: repeating it gives the same conversation.
    #[serde(default)]
    #[schema(max_length = 128)]
    pub key: Option<String>,
}

/// A group's most members.
pub const MAX_MEMBERS: usize = 1000;

impl NewConversation {
    /// Who is named, whichever of the three ways was used, each with the pointer to it.
    pub fn named(&self) -> Vec<(NewMember, String)> {
        let plain = |user_id: &String| NewMember {
            user_id: user_id.clone(),
            role: MemberRole::Member,
        };
        let one = self
            .recipient_id
            .iter()
            .map(|id| (plain(id), "/recipientId".to_owned()));
        let ids = self
            .member_ids
            .iter()
            .flatten()
            .enumerate()
            .map(|(i, id)| (plain(id), format!("/memberIds/{i}")));
        let members = self
            .members
            .iter()
            .flatten()
            .enumerate()
            .map(|(i, m)| (m.clone(), format!("/members/{i}/userId")));
        one.chain(ids).chain(members).collect()
    }
}

impl Check for NewConversation {
    fn check(&self, problems: &mut Problems) {
        let ways = [
            self.recipient_id.is_some(),
            self.member_ids.is_some(),
            self.members.is_some(),
        ];
        match ways.iter().filter(|given| **given).count() {
            0 => problems.at("memberIds", |p| p.add(FieldCode::Required)),
            1 => {}
            _ => problems.at("members", |p| p.add(FieldCode::InvalidValue)),
        }
        problems.optional("recipientId", self.recipient_id.as_deref(), |p, id| {
            p.id(id)
        });
        problems.optional("memberIds", self.member_ids.as_ref(), |p, ids| ids.check(p));
        if let Some(members) = &self.members {
            problems.list("members", members, MAX_MEMBERS);
        }
        problems.optional("subject", self.subject.as_deref(), |p, s| p.line(s, 200));
        problems.optional("context", self.context.as_ref(), |p, c| c.check(p));
        problems.optional(
            "organizationId",
            self.organization_id.as_deref(),
            |p, id| p.id(id),
        );
        problems.optional("firstMessage", self.first_message.as_ref(), |p, m| {
            m.check(p)
        });
        problems.optional("systemMessage", self.system_message.as_ref(), |p, m| {
            m.check(p)
        });
        problems.optional("metadata", self.metadata.as_ref(), |p, map| p.metadata(map));
        problems.optional("key", self.key.as_deref(), |p, key| p.id(key));
        if self.key.is_some() && self.r#type == ConversationType::Private {
            problems.at("key", |p| p.add(FieldCode::InvalidValue));
        }
    }
}

impl Check for Vec<String> {
    fn check(&self, problems: &mut Problems) {
        if self.len() > MAX_MEMBERS {
            return problems.add(FieldCode::TooMany);
        }
        for (i, id) in self.iter().enumerate() {
            problems.at(i, |p| p.id(id));
        }
    }
}

impl Check for NewMember {
    fn check(&self, problems: &mut Problems) {
        problems.at("userId", |p| p.id(&self.user_id));
    }
}

impl Check for Context {
    fn check(&self, problems: &mut Problems) {
        problems.at("type", |p| p.line(&self.r#type, 64));
        problems.at("id", |p| p.id(&self.id));
        problems.optional("title", self.title.as_deref(), |p, t| p.line(t, 200));
        problems.optional("url", self.url.as_deref(), |p, url| p.url(url));
        problems.optional("imageUrl", self.image_url.as_deref(), |p, url| p.url(url));
    }
}
