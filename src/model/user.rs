//! People, as the host site describes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rules::{Check, Problems, nfc};

/// A person of the host site. `id` is the host's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    #[schema(max_length = 128, example = "alice")]
    pub id: String,
    #[schema(required, example = "Alice")]
    pub name: Option<String>,
    #[schema(required)]
    pub image_url: Option<String>,
    #[schema(required, example = "client")]
    pub role: Option<String>,
    /// Only where true: the account was erased. Nothing else is known of this person any more.
    #[serde(default, skip_serializing_if = "is_false")]
    #[schema(required = false)]
    pub is_deleted: bool,
}

impl User {
    /// What is told of somebody who was erased.
    pub fn erased(id: String) -> Self {
        Self {
            id,
            name: None,
            image_url: None,
            role: None,
            is_deleted: true,
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

/// What the host puts of one person. In `PUT /v1/users` each carries its `id`; in `PUT /v1/users/{id}` the path does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    #[serde(default)]
    #[schema(max_length = 128)]
    pub id: Option<String>,
    /// One line, kept in Unicode's NFC. No bidirectional control (Unicode's Bidi_Control).
    #[serde(default, deserialize_with = "nfc")]
    #[schema(max_length = 200)]
    pub name: Option<String>,
    #[serde(default)]
    #[schema(max_length = 2048)]
    pub image_url: Option<String>,
    #[serde(default)]
    #[schema(max_length = 64)]
    pub role: Option<String>,
    /// Where e-mails for the person go: one address. Shown to nobody else.
    #[serde(default)]
    #[schema(max_length = 254)]
    pub email: Option<String>,
}

/// Oneself: what others see, and what one chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    #[sqlx(flatten)]
    #[serde(flatten)]
    pub user: User,
    /// Nobody sees whether one is there.
    pub presence_hidden: bool,
    /// Nobody sees what one has received and read.
    pub receipts_off: bool,
    /// Where one's e-mails go, as the token or the host says. Nobody else sees it.
    #[schema(required)]
    pub email: Option<String>,
    /// None are sent.
    pub email_off: bool,
}

/// `PATCH /v1/me`: what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Preferences {
    #[serde(default)]
    pub presence_hidden: Option<bool>,
    #[serde(default)]
    pub receipts_off: Option<bool>,
    /// False again, after one had turned e-mails off by the link in one.
    #[serde(default)]
    pub email_off: Option<bool>,
}

impl Check for Preferences {
    fn check(&self, _: &mut Problems) {}
}

impl Check for Profile {
    fn check(&self, problems: &mut Problems) {
        problems.optional("id", self.id.as_deref(), |p, id| p.id(id));
        problems.optional("name", self.name.as_deref(), |p, name| p.name(name, 200));
        problems.optional("imageUrl", self.image_url.as_deref(), |p, url| p.url(url));
        problems.optional("role", self.role.as_deref(), |p, role| p.key(role, 64));
        problems.optional("email", self.email.as_deref(), |p, email| p.email(email));
    }
}
