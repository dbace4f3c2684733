//! E-mails that the host wants sent, and what became of them.

use chrono::{Duration, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::rules::{Check, FieldCode, Problems};
use super::{JobState, Language, Time};

/// Bytes of a text and its HTML together.
const MAX_BODY: usize = 100 * 1024;
/// How far ahead one may be ordered.
const MAX_DAYS: i64 = 366;

/// `POST /v1/emails`: to one address or one person; a text, HTML or both, or a template.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEmail {
    /// One address, without a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 254, example = "alice@example.org")]
    pub to: Option<String>,
    /// Whose address is known from a token or a profile, instead of `to`. With a link to turn e-mails off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub user_id: Option<String>,
    #[schema(min_length = 1, max_length = 200)]
    pub subject: String,
    /// Sent as it is: with `text`, at most 100 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Instead of `html` and `text`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::object::optional"
    )]
    pub template: Option<FilledTemplate>,
    /// Not before; now, where it is left out or past. At most a year ahead.
    #[serde(
        default,
        deserialize_with = "super::time::rfc3339",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deliver_at: Option<Time>,
}

/// Text and HTML of ours, in French or English.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FilledTemplate {
    pub name: TemplateName,
    /// The tenant's, unless said.
    #[serde(default)]
    pub language: Option<Language>,
    #[serde(default, deserialize_with = "super::object::optional")]
    #[schema(required)]
    pub values: Option<TemplateValues>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TemplateName {
    /// Something has happened: `title`, `message`, `link`.
    Notification,
    /// What waits to be read: `unreadCount`, `conversations`, `since`, `link`.
    Digest,
}

/// Of each template its own, all of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateValues {
    #[serde(default)]
    #[schema(max_length = 200)]
    pub title: Option<String>,
    #[serde(default)]
    #[schema(max_length = 10000)]
    pub message: Option<String>,
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000000)]
    pub unread_count: Option<u32>,
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000000)]
    pub conversations: Option<u32>,
    /// As it is to be read, by the person's own clock.
    #[serde(default)]
    #[schema(max_length = 40, example = "14:02")]
    pub since: Option<String>,
    /// By https, to a host that links may lead to.
    #[serde(default)]
    #[schema(max_length = 2048)]
    pub link: Option<String>,
}

impl Check for NewEmail {
    fn check(&self, problems: &mut Problems) {
        problems.optional("to", self.to.as_deref(), |p, to| p.email(to));
        problems.optional("userId", self.user_id.as_deref(), |p, id| p.id(id));
        match (&self.to, &self.user_id) {
            (None, None) => problems.at("to", |p| p.add(FieldCode::Required)),
            (Some(_), Some(_)) => problems.at("userId", |p| p.add(FieldCode::InvalidValue)),
            _ => {}
        }
        problems.at("subject", |p| p.name(&self.subject, 200));
        problems.optional("html", self.html.as_deref(), |p, html| {
            p.text(html, usize::MAX)
        });
        problems.optional("text", self.text.as_deref(), |p, text| {
            p.text(text, usize::MAX)
        });
        let length = |part: &Option<String>| part.as_ref().map_or(0, String::len);
        if length(&self.html) + length(&self.text) > MAX_BODY {
            let longest = match length(&self.html) >= length(&self.text) {
                true => "html",
                false => "text",
            };
            problems.at(longest, |p| p.over(FieldCode::TooLong, MAX_BODY));
        }
        let is_written = self.html.is_some() || self.text.is_some();
        match &self.template {
            Some(_) if is_written => problems.at("template", |p| p.add(FieldCode::InvalidValue)),
            Some(template) => problems.at("template", |p| template.check(p)),
            None if !is_written => problems.at("text", |p| p.add(FieldCode::Required)),
            None => {}
        }
        let latest = Utc::now() + Duration::days(MAX_DAYS);
        if self.deliver_at.is_some_and(|Time(at)| at > latest) {
            problems.at("deliverAt", |p| p.add(FieldCode::OutOfRange));
        }
    }
}

impl Check for FilledTemplate {
    fn check(&self, problems: &mut Problems) {
        let Some(values) = &self.values else {
            return problems.at("values", |p| p.add(FieldCode::Required));
        };
        problems.at("values", |p| {
            let is_digest = self.name == TemplateName::Digest;
            of(p, !is_digest, "title", values.title.as_ref(), |p, title| {
                p.name(title, 200)
            });
            of(
                p,
                !is_digest,
                "message",
                values.message.as_ref(),
                |p, it| p.text(it, 10_000),
            );
            let many = |p: &mut Problems, count: &u32| {
                if !(1..=1_000_000).contains(count) {
                    p.add(FieldCode::OutOfRange);
                }
            };
            let (unread, conversations) = (&values.unread_count, &values.conversations);
            of(p, is_digest, "unreadCount", unread.as_ref(), many);
            of(p, is_digest, "conversations", conversations.as_ref(), many);
            of(p, is_digest, "since", values.since.as_ref(), |p, since| {
                p.name(since, 40)
            });
            of(p, true, "link", values.link.as_ref(), |p, link| p.url(link));
        });
    }
}

/// A value that the template needs, or does not know.
fn of<T>(
    problems: &mut Problems,
    is_needed: bool,
    name: &str,
    value: Option<&T>,
    check: impl FnOnce(&mut Problems, &T),
) {
    problems.at(name, |p| match (is_needed, value) {
        (true, Some(value)) => check(p, value),
        (true, None) => p.add(FieldCode::Required),
        (false, Some(_)) => p.add(FieldCode::UnknownField),
        (false, None) => {}
    });
}

/// An e-mail as a job keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmailPayload {
    /// Drawn by the request that put it: whoever finds another one under its key has put nothing.
    pub put: Uuid,
    /// Of what was asked, in hexadecimal.
    pub request_hash: String,
    /// Of one that goes with a notification: only where the person wants it, and not in their quiet hours.
    #[serde(default)]
    pub notification_type: Option<String>,
    /// Of one about unread messages: when `digests` says that they were told.
    #[serde(default)]
    pub told_at: Option<Time>,
    /// Of one that goes with a reminder: from then on it is not sent any more.
    #[serde(default)]
    pub expires_at: Option<Time>,
    pub email: NewEmail,
}

/// An e-mail that was accepted, and how far it has come.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Email {
    pub id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    pub subject: String,
    #[schema(required)]
    pub deliver_at: Option<Time>,
    /// `DONE`: the SMTP server has taken it. `DEAD`: refused for good, or tried too often. `CANCELLED`: the person wants none,
    /// or has no address any more.
    pub state: JobState,
    /// Begun so many times.
    pub attempts: i32,
    /// Why the newest attempt failed, or why it was cancelled.
    #[schema(required)]
    pub error: Option<String>,
}
