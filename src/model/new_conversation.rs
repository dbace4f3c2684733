//! What people ask of a conversation: to make one, to change it, to add people and give them roles.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::rules::{Check, FieldCode, Problems, nfc, nfc_or_null, unambiguous};
use super::{ConversationType, MemberRole, MemberStatus, NewMessage, Time};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMember {
    #[schema(max_length = 128)]
    pub user_id: String,
    #[serde(default)]
    pub role: MemberRole,
}

/// What a new conversation is about. Stored as it stands here, but for `unique`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewContext {
    #[schema(min_length = 1, max_length = 64, example = "AD")]
    pub r#type: String,
    #[schema(min_length = 1, max_length = 128, example = "ad-456")]
    pub id: String,
    /// One line, kept in Unicode's NFC. No bidirectional control (Unicode's Bidi_Control).
    #[serde(default, deserialize_with = "nfc")]
    #[schema(max_length = 200, example = "iPhone 14 Pro")]
    pub title: Option<String>,
    #[serde(default)]
    #[schema(max_length = 2048)]
    pub url: Option<String>,
    #[serde(default)]
    #[schema(max_length = 2048)]
    pub image_url: Option<String>,
    #[serde(default)]
    pub starts_at: Option<Time>,
    /// By the host's backend: one conversation for this context, whoever the people.
    #[serde(default, skip_serializing)]
    pub unique: bool,
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
    #[serde(default, deserialize_with = "super::object::optional_list")]
    pub members: Option<Vec<NewMember>>,
    /// One line, kept in Unicode's NFC. No bidirectional control (Unicode's Bidi_Control).
    #[serde(default, deserialize_with = "nfc")]
    #[schema(max_length = 200)]
    pub subject: Option<String>,
    #[serde(default, deserialize_with = "super::object::optional")]
    pub context: Option<NewContext>,
    #[serde(default)]
    #[schema(max_length = 128)]
    pub organization_id: Option<String>,
    /// Sent in the same write, whether the conversation is new or found.
    #[serde(default, deserialize_with = "super::object::optional")]
    pub first_message: Option<NewMessage>,
    /// `service` only: a SYSTEM message, sent when the conversation is new.
    #[serde(default, deserialize_with = "super::object::optional")]
    pub system_message: Option<NewMessage>,
    #[serde(default, deserialize_with = "unambiguous")]
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
        let one = self.recipient_id.iter();
        let one = one.map(|id| (plain(id), "/recipientId".to_owned()));
        one.chain(named(self.member_ids.as_deref(), self.members.as_deref()))
            .collect()
    }
}

fn plain(user_id: &str) -> NewMember {
    NewMember {
        user_id: user_id.to_owned(),
        role: MemberRole::Member,
    }
}

fn named(ids: Option<&[String]>, members: Option<&[NewMember]>) -> Vec<(NewMember, String)> {
    let ids = ids.into_iter().flatten().enumerate();
    let ids = ids.map(|(i, id)| (plain(id), format!("/memberIds/{i}")));
    let members = members.into_iter().flatten().enumerate();
    let members = members.map(|(i, m)| (m.clone(), format!("/members/{i}/userId")));
    ids.chain(members).collect()
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
        problems.optional("subject", self.subject.as_deref(), |p, s| p.name(s, 200));
        problems.optional("context", self.context.as_ref(), |p, c| c.check(p));
        problems.optional(
            "organizationId",
            self.organization_id.as_deref(),
            |p, id| p.id(id),
        );
        let first = [
            ("firstMessage", &self.first_message),
            ("systemMessage", &self.system_message),
        ];
        for (name, message) in first {
            problems.optional(name, message.as_ref(), |p, message| {
                message.check(p);
                // It is sent with the conversation, or not at all.
                problems_of_later(p, message);
            });
        }
        problems.optional("metadata", self.metadata.as_ref(), |p, map| p.metadata(map));
        problems.optional("key", self.key.as_deref(), |p, key| p.id(key));
        if self.key.is_some() && self.r#type == ConversationType::Private {
            problems.at("key", |p| p.add(FieldCode::InvalidValue));
        }
    }
}

fn problems_of_later(problems: &mut Problems, message: &NewMessage) {
    if message.deliver_at.is_some() {
        problems.at("deliverAt", |p| p.add(FieldCode::InvalidValue));
    }
}

impl Check for NewContext {
    fn check(&self, problems: &mut Problems) {
        problems.at("type", |p| p.key(&self.r#type, 64));
        problems.at("id", |p| p.id(&self.id));
        problems.optional("title", self.title.as_deref(), |p, t| p.name(t, 200));
        problems.optional("url", self.url.as_deref(), |p, url| p.url(url));
        problems.optional("imageUrl", self.image_url.as_deref(), |p, url| p.url(url));
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

/// `PATCH /v1/conversations/{id}`: what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangedConversation {
    /// As when the conversation is made. Null takes it away.
    #[serde(default, deserialize_with = "nfc_or_null")]
    #[schema(value_type = Option<String>, max_length = 200)]
    pub subject: Option<Option<String>>,
    #[serde(default, deserialize_with = "unambiguous")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
    /// Nobody can send to a closed one.
    #[serde(default)]
    pub closed: Option<bool>,
    /// The caller's own side. A new message takes it out of the archive.
    #[serde(default)]
    pub status: Option<MemberStatus>,
}

impl Check for ChangedConversation {
    fn check(&self, problems: &mut Problems) {
        let subject = self.subject.as_ref().and_then(Option::as_deref);
        problems.optional("subject", subject, |p, s| p.name(s, 200));
        problems.optional("metadata", self.metadata.as_ref(), |p, map| p.metadata(map));
    }
}

/// `POST /v1/conversations/{id}/members`: who is added, by `memberIds` or with roles by `members`.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMembers {
    #[serde(default)]
    pub member_ids: Option<Vec<String>>,
    #[serde(default, deserialize_with = "super::object::optional_list")]
    pub members: Option<Vec<NewMember>>,
}

impl NewMembers {
    /// Each with the pointer to it.
    pub fn named(&self) -> Vec<(NewMember, String)> {
        named(self.member_ids.as_deref(), self.members.as_deref())
    }
}

impl Check for NewMembers {
    fn check(&self, problems: &mut Problems) {
        if self.member_ids.is_some() && self.members.is_some() {
            problems.at("members", |p| p.add(FieldCode::InvalidValue));
        }
        if self.named().is_empty() {
            problems.at("memberIds", |p| p.add(FieldCode::Required));
        }
        problems.optional("memberIds", self.member_ids.as_ref(), |p, ids| ids.check(p));
        if let Some(members) = &self.members {
            problems.list("members", members, MAX_MEMBERS);
        }
    }
}

/// `PATCH /v1/conversations/{id}/members/{userId}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangedMember {
    pub role: MemberRole,
}

impl Check for ChangedMember {
    fn check(&self, _: &mut Problems) {}
}
