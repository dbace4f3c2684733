//! Making a reminder: its row, its people and its job are one transaction, and so is what its `Idempotency-Key` stands for.

use chrono::Utc;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::jobs::{self, NewJob};
use super::{Db, bounded, query, query_as, reminders, users};
use crate::error::{Code, Error, Result};
use crate::model::{FieldCode, FieldProblem, JobKind, NewReminder, Reminder};

/// The job writes rows: it fails with the database alone.
const ATTEMPTS: i32 = 50;
/// What an `Idempotency-Key` of this noun stands under.
const NOUN: &str = "reminder";

/// What the host asks for.
pub struct Create<'r> {
    pub tenant: &'r str,
    pub reminder: &'r NewReminder,
    pub key: Option<&'r str>,
    /// Whether people nobody knows get a row of their own.
    pub make_unknown: bool,
}

/// Gives it, and whether it was there before, by its key.
pub async fn create(db: &Db, ask: &Create<'_>) -> Result<(Reminder, bool)> {
    let id = Uuid::now_v7();
    bounded(async {
        let mut transaction = db.pool().begin().await?;
        if let Some(first) = keep_key(&mut transaction, ask, id).await? {
            let reminder = reminders::find(&mut transaction, ask.tenant, first).await?;
            return Ok((reminder, true));
        }
        refuse_strangers(&mut transaction, ask).await?;
        insert(&mut transaction, ask, id).await?;
        jobs::put(&mut transaction, &[job(ask, id)]).await?;
        let reminder = reminders::find(&mut transaction, ask.tenant, id).await?;
        transaction.commit().await?;
        Ok((reminder, false))
    })
    .await
}

fn job(ask: &Create<'_>, id: Uuid) -> NewJob {
    NewJob {
        tenant: ask.tenant.to_owned(),
        kind: JobKind::Reminder,
        key: Some(id.to_string()),
        user: None,
        payload: json!({ "reminderId": id }),
        run_at: ask.reminder.at.0.max(Utc::now()),
        max_attempts: ATTEMPTS,
    }
}

/// Lets the key stand for this reminder. Gives the one it stands for already: of two at one time the second waits here until
/// the first is committed.
async fn keep_key(
    connection: &mut PgConnection,
    ask: &Create<'_>,
    id: Uuid,
) -> Result<Option<Uuid>> {
    let Some(key) = ask.key else { return Ok(None) };
    let hash = Sha256::digest(serde_json::to_vec(ask.reminder)?).to_vec();
    let keep = "insert into idempotency_keys (tenant_id, noun, key, hash, ids, created_at) values ($1, $2, $3, $4, $5, now())
                on conflict on constraint idempotency_keys_pkey do nothing";
    let kept = query("reminders.keep_key", keep)
        .bind(ask.tenant.to_owned())
        .bind(NOUN)
        .bind(key.to_owned())
        .bind(hash.clone())
        .bind(vec![id])
        .execute(&mut *connection)
        .await?;
    if kept.rows_affected() > 0 {
        return Ok(None);
    }
    let look =
        "select hash, ids from idempotency_keys where tenant_id = $1 and noun = $2 and key = $3";
    let found: Option<(Vec<u8>, Vec<Uuid>)> = query_as("reminders.key", look)
        .bind(ask.tenant.to_owned())
        .bind(NOUN)
        .bind(key.to_owned())
        .fetch_optional(connection)
        .await?;
    // Forgotten just now, after its 30 days.
    let gone = || Error::from(Code::Unavailable).because("its key is gone");
    let (of, ids) = found.ok_or_else(gone)?;
    if of != hash {
        return Err(Code::IdempotencyMismatch.into());
    }
    ids.first().copied().map(Some).ok_or_else(gone)
}

/// 422 naming each person nobody knows. Those that may be made are made.
async fn refuse_strangers(connection: &mut PgConnection, ask: &Create<'_>) -> Result<()> {
    let named = ask.reminder.named();
    let mut ids: Vec<String> = named.iter().map(|(id, _)| (*id).to_owned()).collect();
    // In one order, whoever makes the same people at the same time.
    ids.sort_unstable();
    let tenants = vec![ask.tenant.to_owned(); ids.len()];
    if ask.make_unknown {
        users::make_stubs(&mut *connection, &tenants, &ids).await?;
    }
    let known = users::known(connection, &tenants, &ids).await?;
    let known: std::collections::HashSet<String> = known.into_iter().map(|(_, id)| id).collect();
    let strangers = named.iter().filter(|(id, _)| !known.contains(*id));
    let problem = |(_, place): &(&str, usize)| FieldProblem {
        pointer: format!("/userIds/{place}"),
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

async fn insert(connection: &mut PgConnection, ask: &Create<'_>, id: Uuid) -> Result<()> {
    let reminder = ask.reminder;
    let channels = reminder.channels.iter();
    let channels: Vec<String> = channels.map(|one| one.as_str().to_owned()).collect();
    query(
        "reminders.insert",
        "
        insert into reminders (tenant_id, id, at, expires_at, type, title, message, link, channels)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(ask.tenant.to_owned())
    .bind(id)
    .bind(reminder.at)
    .bind(reminder.expires_at)
    .bind(reminder.notification.r#type.clone())
    .bind(reminder.notification.title.clone())
    .bind(reminder.notification.message.clone())
    .bind(reminder.notification.link.clone())
    .bind(channels)
    .execute(&mut *connection)
    .await?;
    let people = reminder.named().into_iter();
    let people: Vec<String> = people.map(|(id, _)| id.to_owned()).collect();
    query(
        "reminders.insert_people",
        "
        insert into reminder_people (tenant_id, reminder_id, user_id, ordinal)
        select $1, $2, g.id, g.n from unnest($3::text[]) with ordinality as g (id, n)",
    )
    .bind(ask.tenant.to_owned())
    .bind(id)
    .bind(people)
    .execute(connection)
    .await?;
    Ok(())
}
