//! The e-mail that goes with a notification: a job, put in the transaction that shows it, so that there is one of it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::emails::MAX_ATTEMPTS;
use super::jobs::NewJob;
use crate::error::Result;
use crate::model::{
    EmailPayload, FilledTemplate, JobKind, NewEmail, TemplateName, TemplateValues, Time, UserKey,
};

/// What it says, and to whom. Whether the person wants it, and when, is asked when it is sent.
pub(super) struct Mailed<'a> {
    pub(super) id: Uuid,
    pub(super) user: &'a UserKey,
    pub(super) r#type: &'a str,
    pub(super) title: &'a str,
    pub(super) message: Option<&'a str>,
    pub(super) link: Option<&'a str>,
    pub(super) at: DateTime<Utc>,
    /// From then on it is not sent any more.
    pub(super) expires_at: Option<Time>,
}

/// Of the job.
pub(super) fn email_key(notification: Uuid) -> String {
    format!("n:{notification}")
}

impl Mailed<'_> {
    /// By the notification's id: put again, it is the same.
    pub(super) fn job(&self) -> Result<NewJob> {
        let values = TemplateValues {
            title: Some(self.title.to_owned()),
            message: self.message.map(str::to_owned),
            link: self.link.map(str::to_owned),
            ..TemplateValues::default()
        };
        let email = NewEmail {
            to: None,
            user_id: Some(self.user.id.to_string()),
            subject: self.title.to_owned(),
            html: None,
            text: None,
            template: Some(FilledTemplate {
                name: TemplateName::Notification,
                language: None,
                values: Some(values),
            }),
            deliver_at: None,
        };
        let payload = EmailPayload {
            put: self.id,
            request_hash: String::new(),
            notification_type: Some(self.r#type.to_owned()),
            told_at: None,
            expires_at: self.expires_at,
            email,
        };
        Ok(NewJob {
            tenant: self.user.tenant.to_string(),
            kind: JobKind::Email,
            key: Some(email_key(self.id)),
            user: Some(self.user.id.to_string()),
            payload: serde_json::to_value(payload)?,
            run_at: self.at,
            max_attempts: MAX_ATTEMPTS,
        })
    }
}
