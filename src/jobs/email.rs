//! The job that sends an e-mail. Between the server's word that it has the message and the row that says so there is a
//! moment: an instance that is killed in it leaves the job to be done again, with the same Message-ID.

use chrono::{DateTime, Utc};

use super::Shop;
use super::work::pause;
use crate::error::{Code, Error, Result};
use crate::mail::{Email, Failure, Mailer, Seal, write};
use crate::model::{EmailPayload, Language, NewEmail, NotificationPreferences, Time, UserKey};
use crate::store::digests;
use crate::store::emails::{self, Inbox};
use crate::store::jobs::{Ending, Taken};
use crate::store::preferences::{self, Defaults};

/// So often a message is handed over whole without an answer, over some hours. Whoever runs the service looks
/// whether it arrived, and has it sent again or not.
const UNANSWERED: i32 = 12;

pub(super) async fn send(shop: &Shop, job: &Taken, now: DateTime<Utc>) -> Ending {
    let Some(mailer) = &shop.mailer else {
        return again(job, "smtp_url is not set on the instance that tried");
    };
    let Ok(payload) = serde_json::from_value::<EmailPayload>(job.payload.clone()) else {
        return again(job, "it was written by another version");
    };
    if payload.expires_at.is_some_and(|end| end.0 <= now) {
        return Ending::Moot("it has expired".to_owned());
    }
    let wishes = match wishes(shop, job, &payload).await {
        Ok(wishes) => wishes,
        Err(error) => return again(job, &error.to_string()),
    };
    if let (Some(kind), Some(wishes)) = (&payload.notification_type, &wishes) {
        if !wishes.wants_email(kind) {
            return Ending::Moot("the person wants no e-mails of this type".to_owned());
        }
        if let Some(end) = wishes.quiet_until(now) {
            return Ending::Later(end);
        }
    }
    match is_read(shop, job, &payload).await {
        Ok(false) => {}
        Ok(true) => return Ending::Moot("all that it tells of was read meanwhile".to_owned()),
        Err(error) => return again(job, &error.to_string()),
    }
    let language = wishes.map(|wishes| wishes.language);
    let email = match addressed(shop, mailer, job, payload.email, language).await {
        Ok(Some(email)) => email,
        Ok(None) => {
            return Ending::Moot("the person wants no e-mails, or has no address".to_owned());
        }
        Err(error) => return again(job, &error.to_string()),
    };
    let sent = mailer.send(&email).await;
    let result = match &sent {
        Ok(()) => "sent",
        Err(Failure::Temporary(_)) => "temporary",
        Err(Failure::Permanent(_)) => "permanent",
        Err(Failure::Unknown(_)) => "unknown",
    };
    metrics::counter!("causerie_emails_total", "result" => result).increment(1);
    match sent {
        Ok(()) => Ending::Done,
        Err(Failure::Temporary(why)) => again(job, &why),
        Err(Failure::Permanent(why)) => Ending::Dead(why),
        Err(Failure::Unknown(why)) if job.attempts >= UNANSWERED => Ending::Dead(why),
        // Each time it may be one more: longer pauses, so that there are few.
        Err(Failure::Unknown(why)) => Ending::Again(pause(job.attempts + 3), why),
    }
}

fn again(job: &Taken, why: &str) -> Ending {
    Ending::Again(pause(job.attempts), why.to_owned())
}

/// Of an e-mail about unread messages: whether none of them is unread any more, or a newer e-mail tells of them.
async fn is_read(shop: &Shop, job: &Taken, payload: &EmailPayload) -> Result<bool> {
    let (Some(Time(told_at)), Some(id)) = (payload.told_at, &payload.email.user_id) else {
        return Ok(false);
    };
    let user = UserKey::new(&job.tenant, id);
    Ok(!digests::is_unread_still(&shop.db, &user, told_at).await?)
}

/// What the person wants to be sent, and when; none where it is for an address, or for nobody any more.
async fn wishes(
    shop: &Shop,
    job: &Taken,
    payload: &EmailPayload,
) -> Result<Option<NotificationPreferences>> {
    let Some(id) = &payload.email.user_id else {
        return Ok(None);
    };
    let tenant = shop.config.tenant(&job.tenant);
    let defaults = Defaults {
        time_zone: tenant.time_zone,
        language: tenant.language,
    };
    match preferences::get(&shop.db, &UserKey::new(&job.tenant, id), defaults).await {
        Err(error) if error.code == Code::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// With what only the database knows: the person's address of now. None where there is nobody to send it to.
async fn addressed(
    shop: &Shop,
    mailer: &Mailer,
    job: &Taken,
    email: NewEmail,
    language: Option<Language>,
) -> Result<Option<Email>> {
    let (to, unsubscribe) = match email.user_id {
        None => (email.to, None),
        Some(id) => {
            let user = UserKey::new(&job.tenant, &id);
            let Some(Inbox {
                email: Some(address),
                is_off: false,
                since,
            }) = emails::inbox(&shop.db, &user).await?
            else {
                return Ok(None);
            };
            let secret = emails::secret_or_new(&shop.db).await?;
            let token = Seal::of(&secret).and_then(|seal| seal.token(&user, since));
            let token = token.map_err(|error| Error::from(Code::Internal).because(error))?;
            (Some(address), Some(mailer.unsubscribe_url(&token)))
        }
    };
    let Some(to) = to else { return Ok(None) };
    let (mut text, mut html) = (email.text, email.html);
    if let Some(mut template) = email.template {
        let values = template.values.as_mut();
        if let Some(values) = values {
            values.link = mailer.absolute(values.link.take());
        }
        let of_tenant = shop.config.tenant(&job.tenant).language;
        let language = language.unwrap_or(of_tenant);
        let written = write(&template, language, unsubscribe.as_deref());
        let written = written.map_err(|error| Error::from(Code::Internal).because(error))?;
        (text, html) = (Some(written.text), Some(written.html));
    }
    Ok(Some(Email {
        id: job.id,
        to,
        subject: email.subject,
        text,
        html,
        unsubscribe,
    }))
}
