//! New notifications: a batch of requests of the host, each for up to 1,000 people, as a few statements under the log's
//! lock. Those for later wait as rows without a place in the log, each with a job that shows it.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::jobs::{self, NewJob};
use super::log::LogTransaction;
use super::mailed::Mailed;
use super::new_notifications::{NewRow, look_up, write, write_keys};
use super::{preferences, users};
use crate::error::{Code, Error, Result};
use crate::model::{
    Channel, EventKind, FieldCode, FieldProblem, NewNotification, Position, Time, UserKey,
};

/// What the host wants told.
#[derive(Debug, Clone)]
pub struct Notify {
    pub by: UserKey,
    pub notification: NewNotification,
    /// Each with the pointer to where they are named, and an id that is drawn before the batch: written again after a
    /// COMMIT whose answer was lost, it is the same row.
    pub to: Vec<(Uuid, UserKey, String)>,
    pub key: Option<String>,
    /// Whether people nobody knows get a row of their own.
    pub make_unknown: bool,
    /// From then on its e-mails are not sent any more.
    pub expires_at: Option<Time>,
}

impl Notify {
    pub fn new(
        by: UserKey,
        notification: NewNotification,
        key: Option<&str>,
        make_unknown: bool,
    ) -> Self {
        let named = notification.named(&by.tenant).into_iter();
        let to = named.map(|(user, pointer)| (Uuid::now_v7(), user, pointer));
        Self {
            to: to.collect(),
            by,
            notification,
            key: key.map(str::to_owned),
            make_unknown,
            expires_at: None,
        }
    }

    /// When it is shown: now, unless the host has said later.
    fn at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let said = self.notification.deliver_at.map(|at| at.0);
        said.map_or(now, |at| at.max(now))
    }

    /// To whom it is shown on the pages.
    fn in_app<'n>(
        &'n self,
        not_in_app: &HashSet<Uuid>,
    ) -> impl Iterator<Item = &'n (Uuid, UserKey, String)> {
        let goes = self.notification.goes_by(Channel::InApp);
        self.to
            .iter()
            .filter(move |(id, ..)| goes && !not_in_app.contains(id))
    }

    /// What "the same content" means for a repeated key.
    fn hash(&self) -> Vec<u8> {
        let asked = serde_json::to_vec(&self.notification).unwrap_or_default();
        Sha256::digest(asked).to_vec()
    }
}

/// What a request came to.
#[derive(Debug, Clone)]
pub struct Notified {
    pub ids: Vec<Uuid>,
    pub replayed: bool,
}

/// Makes all of them; each has a result of its own.
pub async fn notify_all(
    log: &mut LogTransaction<'_>,
    items: &[&Notify],
) -> Result<Vec<Result<Notified>>> {
    let mut by_key = look_up(log, items).await?;
    let known = known(log, items).await?;
    let (mut rows, mut jobs, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    let mut answers = Vec::with_capacity(items.len());
    let not_in_app = not_in_app(log, items).await?;
    for item in items {
        let hash = item.hash();
        let key = item
            .key
            .as_ref()
            .map(|key| (item.by.tenant.to_string(), key.clone()));
        if let Some((of, ids)) = key.as_ref().and_then(|key| by_key.get(key)) {
            let (is_same, ids) = (*of == hash, ids.clone());
            // Its own rows, where the answer to an earlier COMMIT was lost.
            let replayed = !item.to.iter().any(|(id, ..)| ids.contains(id));
            answers.push(match is_same {
                true => Ok(Notified { ids, replayed }),
                false => Err(Code::IdempotencyMismatch.into()),
            });
            continue;
        }
        if let Err(error) = refuse_strangers(item, &known) {
            answers.push(Err(error));
            continue;
        }
        let placed = place(log, item, &not_in_app);
        let ids: Vec<Uuid> = placed.iter().map(|row| row.id).collect();
        rows.extend(placed);
        jobs.extend(mailed(log, item, &not_in_app)?);
        if let Some(key) = key {
            keys.push((key.clone(), hash.clone(), ids.clone()));
            by_key.insert(key, (hash, ids.clone()));
        }
        answers.push(Ok(Notified {
            ids,
            replayed: false,
        }));
    }
    jobs.extend(rows.iter().filter_map(NewRow::waits));
    write(log, &rows).await?;
    if !jobs.is_empty() {
        jobs::put(log.connection, &jobs).await?;
    }
    write_keys(log, &keys).await?;
    Ok(answers)
}

/// The rows of a request, for whoever wants them: those for now have their place in the log.
fn place<'n>(
    log: &mut LogTransaction<'_>,
    item: &'n Notify,
    not_in_app: &HashSet<Uuid>,
) -> Vec<NewRow<'n>> {
    let mut rows = Vec::with_capacity(item.to.len());
    for (id, user, _) in item.in_app(not_in_app) {
        let position = (item.at(log.now.0) <= log.now.0).then(|| show(log, user, *id));
        rows.push(NewRow {
            of: item,
            id: *id,
            user,
            position,
        });
    }
    rows
}

/// The e-mails of a request. One that goes with what is shown later is put when it is shown.
fn mailed(
    log: &LogTransaction<'_>,
    item: &Notify,
    not_in_app: &HashSet<Uuid>,
) -> Result<Vec<NewJob>> {
    if !item.notification.goes_by(Channel::Email) {
        return Ok(Vec::new());
    }
    let at = item.at(log.now.0);
    let shown_later = |id: &Uuid| {
        at > log.now.0 && item.notification.goes_by(Channel::InApp) && !not_in_app.contains(id)
    };
    let NewNotification {
        r#type,
        title,
        message,
        link,
        ..
    } = &item.notification;
    let people = item.to.iter().filter(|(id, ..)| !shown_later(id));
    let job = |(id, user, _): &(Uuid, UserKey, String)| {
        Mailed {
            id: *id,
            user,
            r#type,
            title,
            message: message.as_deref(),
            link: link.as_deref(),
            at,
            expires_at: item.expires_at,
        }
        .job()
    };
    people.map(job).collect()
}

/// Who does not want to see what they are to be shown now, by the ids of it. Of what is for later it is asked then.
async fn not_in_app(log: &mut LogTransaction<'_>, items: &[&Notify]) -> Result<HashSet<Uuid>> {
    let (mut ids, mut asked) = (Vec::new(), Vec::new());
    let now = log.now.0;
    for item in items.iter().filter(|item| item.at(now) <= now) {
        for (id, user, _) in item.in_app(&HashSet::new()) {
            ids.push(*id);
            asked.push((user, &*item.notification.r#type));
        }
    }
    let found = preferences::not_in_app(log.connection, &asked).await?;
    Ok(found
        .into_iter()
        .filter_map(|n| ids.get(n).copied())
        .collect())
}

/// The event by which it is shown.
pub(super) fn show(log: &mut LogTransaction<'_>, user: &UserKey, id: Uuid) -> Position {
    log.append(EventKind::NotificationCreated, &user.tenant, |row| {
        row.notification_id = Some(id);
        row.audience_user_id = Some(user.id.to_string());
    })
}

/// Who of the people that are named may be told something. Those that may be made are made.
async fn known(log: &mut LogTransaction<'_>, items: &[&Notify]) -> Result<HashSet<UserKey>> {
    let columns = |people: &HashSet<&UserKey>| -> (Vec<String>, Vec<String>) {
        let people = people.iter();
        people
            .map(|user| (user.tenant.to_string(), user.id.to_string()))
            .unzip()
    };
    let named = items.iter().flat_map(|item| &item.to);
    let named: HashSet<&UserKey> = named.map(|(_, user, _)| user).collect();
    let (tenants, ids) = columns(&named);
    let found = users::known(log.connection, &tenants, &ids).await?;
    let key = |(tenant, id): (String, String)| UserKey::new(&tenant, &id);
    let mut known: HashSet<UserKey> = found.into_iter().map(key).collect();
    let makeable = items.iter().filter(|item| item.make_unknown);
    let makeable = makeable.flat_map(|item| &item.to);
    let makeable = makeable.map(|(_, user, _)| user);
    let makeable: HashSet<&UserKey> = makeable.filter(|user| !known.contains(*user)).collect();
    if !makeable.is_empty() {
        let (tenants, ids) = columns(&makeable);
        users::make_stubs(log.connection, &tenants, &ids).await?;
        // Not of whoever was erased: they have a row.
        let made = users::known(log.connection, &tenants, &ids).await?;
        known.extend(made.into_iter().map(key));
    }
    Ok(known)
}

/// 422 naming each person nobody knows.
fn refuse_strangers(item: &Notify, known: &HashSet<UserKey>) -> Result<()> {
    let strangers = item.to.iter().filter(|(_, user, _)| !known.contains(user));
    let problem = |(_, _, pointer): &(Uuid, UserKey, String)| FieldProblem {
        pointer: pointer.clone(),
        code: FieldCode::UserUnknown,
        limit: None,
    };
    let fields: Vec<_> = strangers.map(problem).collect();
    if fields.is_empty() {
        return Ok(());
    }
    Err(Error {
        fields,
        ..Code::UserUnknown.into()
    })
}
