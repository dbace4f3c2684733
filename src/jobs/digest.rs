//! The job that tells a person by e-mail what they have not read. The rule, all of it here:
//!
//! - Nobody is told who wants no such e-mails, in their quiet hours, or while they are ONLINE.
//! - A conversation is told of when it has an unread message that no e-mail has told of. Archived ones are not.
//! - One such message must be unread for the period; younger ones go along. There is one e-mail in a period.
//! - Where somebody was told of a conversation and has not been on the site since, the next e-mail about it waits an hour,
//!   then 6, then 24 each time. Whoever was on the site, or read or wrote anything, is told as if for the first time.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::to_value;
use uuid::Uuid;

use super::Shop;
use super::work::pause;
use crate::error::{Code, Result};
use crate::mail;
use crate::model::{
    EmailPayload, FilledTemplate, JobKind, Language, NewEmail, NotificationPreferences,
    TemplateName, TemplateValues, Time, UserKey,
};
use crate::store::Db;
use crate::store::digests::{self, Reader, Told, Unread};
use crate::store::emails::MAX_ATTEMPTS;
use crate::store::jobs::{Ending, NewJob, Taken};
use crate::store::preferences::{self, Defaults};

/// By this name people turn these e-mails off.
const TYPE: &str = "UNREAD_DIGEST";

pub(super) async fn perform(shop: &Shop, job: &Taken) -> Ending {
    if shop.mailer.is_none() {
        let why = "smtp_url is not set on the instance that tried";
        return Ending::Again(pause(job.attempts), why.to_owned());
    }
    let (Some(id), Some(period)) = (&job.user, shop.tells_after()) else {
        return Ending::Moot("people are not told of unread messages".to_owned());
    };
    let tenant = shop.config.tenant(&job.tenant);
    let defaults = Defaults {
        time_zone: tenant.time_zone,
        language: tenant.language,
    };
    let user = UserKey::new(&job.tenant, id);
    let ending = tell(&shop.db, &user, defaults, period, Utc::now()).await;
    ending.unwrap_or_else(|error| Ending::Again(pause(job.attempts), error.to_string()))
}

/// Puts the e-mail, where it is time for one. Begun twice at once, it puts one.
pub async fn tell(
    db: &Db,
    user: &UserKey,
    defaults: Defaults,
    period: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Ending> {
    // As an e-mail's job names it.
    let now = now.trunc_subsecs(3);
    let moot = |why: &str| Ok(Ending::Moot(why.to_owned()));
    let wishes = match preferences::get(db, user, defaults).await {
        Err(error) if error.code == Code::NotFound => return moot("there is nobody any more"),
        wishes => wishes?,
    };
    if !wishes.wants_email(TYPE) {
        return moot("the person wants no e-mails of this type");
    }
    let reader = digests::reader(db, user).await?;
    let Some(reader) = reader.filter(|reader| reader.email.is_some()) else {
        return moot("the person has no address");
    };
    // Before what they have not read is counted: that may be much.
    if let Some(end) = put_off(&wishes, &reader, period, now) {
        return Ok(Ending::Later(end));
    }
    let unread = digests::unread(db, user).await?;
    if unread.iter().all(|one| one.untold_since.is_none()) {
        return moot("all is read, or was told");
    }
    let Plan { told, next } = plan(&unread, reader.visited_at, period, now);
    let later = next.map_or(Ending::Done, Ending::Later);
    if told.is_empty() {
        return Ok(later);
    }
    let email = written(user, &told, &wishes, now)?;
    let told = Told {
        user,
        at: now,
        conversations: told,
    };
    match digests::tell(db, told, period, email).await? {
        true => Ok(later),
        // Another has told at this moment: what is left is looked at anew.
        false => Ok(Ending::Later(now + period)),
    }
}

/// Until when the person is not told of anything.
fn put_off(
    wishes: &NotificationPreferences,
    reader: &Reader,
    period: TimeDelta,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let online = reader.online_until.map(|until| until + period);
    let online = online.filter(|at| *at > now);
    let told = reader.told_at.map(|at| at + period).filter(|at| *at > now);
    let ends = [wishes.quiet_until(now), online, told];
    ends.into_iter().flatten().max()
}

struct Plan<'a> {
    /// What an e-mail tells now, each with how many e-mails that makes since a visit.
    told: Vec<(&'a Unread, i32)>,
    /// When there may be something more to tell.
    next: Option<DateTime<Utc>>,
}

fn plan(
    unread: &[Unread],
    visited_at: Option<DateTime<Utc>>,
    period: TimeDelta,
    now: DateTime<Utc>,
) -> Plan<'_> {
    let (mut open, mut is_due, mut next) = (Vec::new(), false, None);
    let mut not_before =
        |at: DateTime<Utc>| next = next.map_or(Some(at), |next| at.min(next).into());
    for one in unread {
        let Some(untold_since) = one.untold_since else {
            continue;
        };
        let times = told_in_vain(one, visited_at);
        let due = untold_since + period;
        match one.told_at.map(|at| at + back_off(times)) {
            Some(open_at) if times > 0 && open_at > now => not_before(open_at.max(due)),
            _ => {
                open.push((one, times.saturating_add(1), due));
                is_due |= due <= now;
            }
        }
    }
    if !is_due {
        for (.., due) in open.drain(..) {
            not_before(due);
        }
    }
    let next = match is_due {
        true => next.map(|at| at.max(now + period)),
        false => next,
    };
    let told = open.into_iter().map(|(one, times, _)| (one, times));
    Plan {
        told: told.collect(),
        next,
    }
}

/// How often the person was told of it since they were last on the site.
fn told_in_vain(one: &Unread, visited_at: Option<DateTime<Utc>>) -> i32 {
    let told_at = one
        .told_at
        .filter(|at| visited_at.is_none_or(|visit| visit <= *at));
    told_at.and(one.times).unwrap_or(0)
}

/// After one, two, and more e-mails about a conversation.
pub const BACK_OFF: [TimeDelta; 3] = [
    TimeDelta::hours(1),
    TimeDelta::hours(6),
    TimeDelta::hours(24),
];

fn back_off(times: i32) -> TimeDelta {
    let nth = usize::try_from(times - 1).map(|nth| nth.min(BACK_OFF.len() - 1));
    nth.map_or(TimeDelta::zero(), |nth| BACK_OFF[nth])
}

fn written(
    user: &UserKey,
    told: &[(&Unread, i32)],
    wishes: &NotificationPreferences,
    now: DateTime<Utc>,
) -> Result<NewJob> {
    let count = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    let oldest = told.iter().map(|(one, _)| one.since).min();
    let language = wishes.language;
    let values = TemplateValues {
        unread_count: Some(count(told.iter().map(|(one, _)| one.unread).sum())),
        conversations: Some(count(told.len() as i64)),
        since: oldest.map(|at| since(at, now, wishes.time_zone, language)),
        // The site's own start, where it is known where that is.
        link: Some("/".to_owned()),
        ..TemplateValues::default()
    };
    let email = NewEmail {
        to: None,
        user_id: Some(user.id.to_string()),
        subject: mail::digest(&values, language),
        html: None,
        text: None,
        template: Some(FilledTemplate {
            name: TemplateName::Digest,
            language: Some(language),
            values: Some(values),
        }),
        deliver_at: None,
    };
    let payload = EmailPayload {
        put: Uuid::now_v7(),
        request_hash: String::new(),
        notification_type: Some(TYPE.to_owned()),
        expires_at: None,
        told_at: Some(Time(now)),
        email,
    };
    Ok(NewJob {
        tenant: user.tenant.to_string(),
        kind: JobKind::Email,
        // There is one for the rows that are written with it.
        key: None,
        user: Some(user.id.to_string()),
        payload: to_value(payload)?,
        run_at: now,
        max_attempts: MAX_ATTEMPTS,
    })
}

/// By the person's own clock; with the day, where it is another one.
fn since(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz, language: Language) -> String {
    let (at, now) = (at.with_timezone(&zone), now.with_timezone(&zone));
    let form = match language {
        _ if at.date_naive() == now.date_naive() => "%H:%M",
        Language::Fr => "le %d/%m à %H:%M",
        Language::En => "%-d %b %H:%M",
    };
    at.format(form).to_string()
}
