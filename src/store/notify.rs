//! New notifications: a batch of requests of the host, each for up to 1,000 people, as a few statements under the log's
//! lock. Those for later wait as rows without a place in the log, each with a job that shows it.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::jobs::{self, NewJob};
use super::log::LogTransaction;
use super::{query, query_as, users};
use crate::error::{Code, Error, Result};
use crate::model::{
    EventKind, FieldCode, FieldProblem, JobKind, NewNotification, Position, UserKey,
};

/// A job of this kind writes one row: it fails with the database alone.
const ATTEMPTS: i32 = 50;
/// What an `Idempotency-Key` of this noun stands under.
const NOUN: &str = "notification";

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
        }
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

/// A row to be written.
struct NewRow<'n> {
    of: &'n Notify,
    id: Uuid,
    user: &'n UserKey,
    position: Option<Position>,
}

/// Makes all of them; each has a result of its own.
pub async fn notify_all(
    log: &mut LogTransaction<'_>,
    items: &[&Notify],
) -> Result<Vec<Result<Notified>>> {
    let mut by_key = look_up(log, items).await?;
    let known = known(log, items).await?;
    let (mut rows, mut keys, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    for item in items {
        let hash = item.hash();
        let key = item.key.as_ref();
        let key = key.map(|key| (item.by.tenant.to_string(), key.clone()));
        if let Some((of, ids)) = key.as_ref().and_then(|key| by_key.get(key)) {
            let (is_same, ids) = (*of == hash, ids.clone());
            let replayed = ids.first() != item.to.first().map(|(id, ..)| id);
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
        let ids: Vec<Uuid> = item.to.iter().map(|(id, ..)| *id).collect();
        rows.extend(place(log, item));
        if let Some(key) = key {
            keys.push((key.clone(), hash.clone(), ids.clone()));
            by_key.insert(key, (hash, ids.clone()));
        }
        answers.push(Ok(Notified {
            ids,
            replayed: false,
        }));
    }
    write(log, &rows).await?;
    write_keys(log, &keys).await?;
    Ok(answers)
}

/// The rows of a request: those for now have their place in the log.
fn place<'n>(log: &mut LogTransaction<'_>, item: &'n Notify) -> Vec<NewRow<'n>> {
    let deliver_at = item.notification.deliver_at;
    let is_for_later = deliver_at.is_some_and(|at| at.0 > log.now.0);
    let mut rows = Vec::with_capacity(item.to.len());
    for (id, user, _) in &item.to {
        let position = (!is_for_later).then(|| show(log, user, *id));
        rows.push(NewRow {
            of: item,
            id: *id,
            user,
            position,
        });
    }
    rows
}

/// The event by which it is shown.
pub(super) fn show(log: &mut LogTransaction<'_>, user: &UserKey, id: Uuid) -> Position {
    log.append(EventKind::NotificationCreated, &user.tenant, |row| {
        row.notification_id = Some(id);
        row.audience_user_id = Some(user.id.to_string());
    })
}

type Keyed = HashMap<(String, String), (Vec<u8>, Vec<Uuid>)>;

/// What stands under the keys of these requests.
async fn look_up(log: &mut LogTransaction<'_>, items: &[&Notify]) -> Result<Keyed> {
    let keyed: Vec<_> = items.iter().filter(|item| item.key.is_some()).collect();
    if keyed.is_empty() {
        return Ok(Keyed::new());
    }
    let text = "select k.tenant_id, k.key, k.hash, k.ids from unnest($1::text[], $2::text[]) as g (tenant_id, key)
                  join idempotency_keys k on k.tenant_id = g.tenant_id and k.noun = $3 and k.key = g.key";
    let tenant = |item: &&&Notify| item.by.tenant.to_string();
    let rows: Vec<(String, String, Vec<u8>, Vec<Uuid>)> = query_as("notifications.keys", text)
        .bind(keyed.iter().map(tenant).collect::<Vec<_>>())
        .bind(
            keyed
                .iter()
                .map(|item| item.key.clone())
                .collect::<Vec<_>>(),
        )
        .bind(NOUN)
        .fetch_all(&mut *log.connection)
        .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|(tenant, key, hash, ids)| ((tenant, key), (hash, ids)))
        .collect())
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

async fn write(log: &mut LogTransaction<'_>, rows: &[NewRow<'_>]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let text = |pick: fn(&NewRow<'_>) -> Option<String>| rows.iter().map(pick).collect::<Vec<_>>();
    query("notifications.insert", "
        insert into notifications (tenant_id, id, user_id, type, title, message, link, deliver_at, position, created_at)
        select *, $10 from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                                  $8::timestamptz[], $9::bigint[])
        on conflict on constraint notifications_pkey do nothing")
        .bind(text(|row| Some(row.user.tenant.to_string())))
        .bind(rows.iter().map(|row| row.id).collect::<Vec<_>>())
        .bind(text(|row| Some(row.user.id.to_string())))
        .bind(text(|row| Some(row.of.notification.r#type.clone())))
        .bind(text(|row| Some(row.of.notification.title.clone())))
        .bind(text(|row| row.of.notification.message.clone()))
        .bind(text(|row| row.of.notification.link.clone()))
        .bind(rows.iter().map(|row| row.of.notification.deliver_at.map(|at| at.0)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.position).collect::<Vec<_>>())
        .bind(log.now.0)
        .execute(&mut *log.connection)
        .await?;
    let for_later = rows.iter().filter(|row| row.position.is_none());
    let waiting: Vec<NewJob> = for_later.filter_map(|row| job(row)).collect();
    if !waiting.is_empty() {
        jobs::put(log.connection, &waiting).await?;
    }
    Ok(())
}

/// That shows it when its time has come.
fn job(row: &NewRow<'_>) -> Option<NewJob> {
    Some(NewJob {
        tenant: row.user.tenant.to_string(),
        kind: JobKind::Notification,
        key: Some(row.id.to_string()),
        user: Some(row.user.id.to_string()),
        payload: serde_json::json!({ "notificationId": row.id }),
        run_at: row.of.notification.deliver_at?.0,
        max_attempts: ATTEMPTS,
    })
}

async fn write_keys(
    log: &mut LogTransaction<'_>,
    keys: &[((String, String), Vec<u8>, Vec<Uuid>)],
) -> Result<()> {
    for ((tenant, key), hash, ids) in keys {
        let text = "insert into idempotency_keys (tenant_id, noun, key, hash, ids, created_at) values ($1, $2, $3, $4, $5, $6)";
        query("notifications.keep_key", text)
            .bind(tenant.clone())
            .bind(NOUN)
            .bind(key.clone())
            .bind(hash.clone())
            .bind(ids.clone())
            .bind(log.now.0)
            .execute(&mut *log.connection)
            .await?;
    }
    Ok(())
}
