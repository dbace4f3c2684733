//! What the host tells one person outside of any conversation.

use chrono::{TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::rules::{Check, FieldCode, Problems, nfc_text};
use super::{Time, UserKey};

/// What is for later is for a year from now at most.
const MOST_AHEAD: TimeDelta = TimeDelta::days(366);

/// For one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    pub id: Uuid,
    #[schema(max_length = 128)]
    pub user_id: String,
    /// The host's own: pages choose an icon by it, people what they want to hear of.
    #[schema(max_length = 64, example = "APPOINTMENT_MOVED")]
    pub r#type: String,
    /// Null once it is deleted.
    #[schema(required, max_length = 200)]
    pub title: Option<String>,
    #[schema(required, max_length = 2000)]
    pub message: Option<String>,
    /// By https to an allowed host, or a path of the page's own site.
    #[schema(required, max_length = 2048)]
    pub link: Option<String>,
    /// When it was shown; until then, when it was made.
    pub created_at: Time,
    /// Where the host chose the time.
    #[schema(required)]
    pub deliver_at: Option<Time>,
    #[schema(required)]
    pub read_at: Option<Time>,
    pub is_deleted: bool,
}

impl Notification {
    /// What is told of one that is kept no more.
    pub fn gone(id: Uuid, user: String, at: Time) -> Self {
        Self {
            id,
            user_id: user,
            r#type: String::new(),
            title: None,
            message: None,
            link: None,
            created_at: at,
            deliver_at: None,
            read_at: None,
            is_deleted: true,
        }
    }
}

/// `POST /v1/notifications`: for one person (`userId`), or the same for several (`userIds`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewNotification {
    #[serde(default)]
    #[schema(max_length = 128, example = "alice")]
    pub user_id: Option<String>,
    #[serde(default)]
    #[schema(min_items = 1, max_items = 1000)]
    pub user_ids: Option<Vec<String>>,
    #[schema(min_length = 1, max_length = 64, example = "APPOINTMENT_MOVED")]
    pub r#type: String,
    /// One line, kept in Unicode's NFC. No bidirectional control (Unicode's Bidi_Control).
    #[serde(deserialize_with = "nfc_text")]
    #[schema(
        min_length = 1,
        max_length = 200,
        example = "Votre rendez-vous est déplacé"
    )]
    pub title: String,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 2000)]
    pub message: Option<String>,
    /// By https to an allowed host, or a path of the page's own site (`/appointments/12`).
    #[serde(default)]
    #[schema(max_length = 2048)]
    pub link: Option<String>,
    /// By which ways, where the person wants them. An e-mail keeps to their quiet hours.
    #[serde(default = "in_app")]
    #[schema(min_items = 1, max_items = 2)]
    pub channels: Vec<Channel>,
    /// Shown at that time instead of at once: 366 days from now at most.
    #[serde(default, deserialize_with = "super::time::rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deliver_at: Option<Time>,
}

/// A way by which people are told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Channel {
    /// On the site's pages, by the feed.
    InApp,
    /// To the address that is known of the person, if one is.
    Email,
}

pub(super) fn in_app() -> Vec<Channel> {
    vec![Channel::InApp]
}

impl Channel {
    pub const ALL: &'static [Self] = &[Self::InApp, Self::Email];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::InApp => "inApp",
            Self::Email => "email",
        }
    }
}

impl NewNotification {
    pub fn goes_by(&self, channel: Channel) -> bool {
        self.channels.contains(&channel)
    }

    /// Who is named, each once, with the pointer to it.
    pub fn named(&self, tenant: &str) -> Vec<(UserKey, String)> {
        let one = self.user_id.iter().map(|id| (id, "/userId".to_owned()));
        let several = self.user_ids.iter().flatten().enumerate();
        let several = several.map(|(i, id)| (id, format!("/userIds/{i}")));
        let mut seen = std::collections::HashSet::new();
        one.chain(several)
            .filter(|(id, _)| seen.insert(*id))
            .map(|(id, pointer)| (UserKey::new(tenant, id), pointer))
            .collect()
    }
}

impl Check for NewNotification {
    fn check(&self, problems: &mut Problems) {
        match (&self.user_id, &self.user_ids) {
            (None, None) => problems.at("userId", |p| p.add(FieldCode::Required)),
            (Some(_), Some(_)) => problems.at("userIds", |p| p.add(FieldCode::InvalidValue)),
            (Some(id), None) => problems.at("userId", |p| p.id(id)),
            (None, Some(ids)) if ids.is_empty() => {
                problems.at("userIds", |p| p.add(FieldCode::TooFew));
            }
            (None, Some(ids)) => problems.at("userIds", |p| ids.check(p)),
        }
        check_channels(problems, &self.channels);
        check_words(problems, &self.r#type, &self.title, self.message.as_deref());
        problems.optional("deliverAt", self.deliver_at.as_ref(), |p, at| {
            if is_too_far(*at) {
                p.add(FieldCode::OutOfRange);
            }
        });
        problems.optional("link", self.link.as_deref(), |p, link| p.link(link));
    }
}

pub(super) fn is_too_far(at: Time) -> bool {
    at.0 > Utc::now() + MOST_AHEAD
}

pub(super) fn check_channels(problems: &mut Problems, channels: &[Channel]) {
    problems.at("channels", |p| match channels {
        [] => p.add(FieldCode::TooFew),
        [_] => {}
        [one, other] if one != other => {}
        _ => p.add(FieldCode::InvalidValue),
    });
}

pub(super) fn check_words(problems: &mut Problems, kind: &str, title: &str, message: Option<&str>) {
    problems.at("type", |p| p.key(kind, 64));
    problems.at("title", |p| p.name(title, 200));
    problems.optional("message", message, |p, text| p.text(text, 2_000));
}
