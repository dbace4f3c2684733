//! What the host wants people reminded of at a time.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::job::names;
use super::notification::{check_channels, check_words, in_app, is_too_far};
use super::rules::{Check, FieldCode, Problems, nfc_text};
use super::{Channel, Time};

names! {
    /// How far a reminder has come.
    ReminderState {
        /// Its time has not come.
        Waiting "WAITING",
        /// Its people were reminded.
        Fired "FIRED",
        /// It was too late to remind anybody.
        Expired "EXPIRED",
        Cancelled "CANCELLED",
    }
}

/// `POST /v1/reminders`: the same for everybody who is named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewReminder {
    #[schema(min_items = 1, max_items = 1000)]
    pub user_ids: Vec<String>,
    /// 366 days from now at most. One that is past is now.
    #[serde(deserialize_with = "super::time::moment")]
    pub at: Time,
    /// From then on nobody is reminded any more: later than `at`.
    #[serde(default, deserialize_with = "super::time::rfc3339")]
    pub expires_at: Option<Time>,
    #[serde(deserialize_with = "super::object::one")]
    pub notification: ReminderNotification,
    /// By which ways, where the person wants them when its time comes. An e-mail keeps to their quiet hours.
    #[serde(default = "in_app")]
    #[schema(min_items = 1, max_items = 2)]
    pub channels: Vec<Channel>,
}

/// What they are told: as in a notification that is made at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReminderNotification {
    #[schema(min_length = 1, max_length = 64, example = "APPOINTMENT_SOON")]
    pub r#type: String,
    /// One line, kept in Unicode's NFC. No bidirectional control (Unicode's Bidi_Control).
    #[serde(deserialize_with = "nfc_text")]
    #[schema(
        min_length = 1,
        max_length = 200,
        example = "Votre rendez-vous est demain"
    )]
    pub title: String,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 2000)]
    pub message: Option<String>,
    /// By https to an allowed host, or a path of the page's own site (`/appointments/12`).
    #[serde(default)]
    #[schema(max_length = 2048)]
    pub link: Option<String>,
}

/// One that waits, or what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reminder {
    pub id: Uuid,
    /// In the order they were named; without those who were erased since.
    pub user_ids: Vec<String>,
    pub at: Time,
    #[schema(required)]
    pub expires_at: Option<Time>,
    /// Null once everybody it was for is erased.
    #[schema(required)]
    pub notification: Option<ReminderNotification>,
    pub channels: Vec<Channel>,
    pub state: ReminderState,
    pub created_at: Time,
    /// When it fired, expired or was cancelled.
    #[schema(required)]
    pub finished_at: Option<Time>,
}

impl NewReminder {
    /// Who is named, each once, with the place where they are.
    pub fn named(&self) -> Vec<(&str, usize)> {
        let mut seen = std::collections::HashSet::new();
        let named = self.user_ids.iter().enumerate();
        named
            .filter(|(_, id)| seen.insert(*id))
            .map(|(i, id)| (id.as_str(), i))
            .collect()
    }
}

impl Check for NewReminder {
    fn check(&self, problems: &mut Problems) {
        problems.at("userIds", |p| match &*self.user_ids {
            [] => p.add(FieldCode::TooFew),
            _ => self.user_ids.check(p),
        });
        if is_too_far(self.at) {
            problems.at("at", |p| p.add(FieldCode::OutOfRange));
        }
        problems.optional("expiresAt", self.expires_at.as_ref(), |p, end| {
            if *end <= self.at {
                p.add(FieldCode::OutOfRange);
            }
        });
        problems.at("notification", |p| {
            let it = &self.notification;
            check_words(p, &it.r#type, &it.title, it.message.as_deref());
            p.optional("link", it.link.as_deref(), |p, link| p.link(link));
        });
        check_channels(problems, &self.channels);
    }
}
