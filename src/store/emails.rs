//! E-mails: jobs of their own kind; whose address is known, who wants none; and the secret of the links by which one says so.

use chrono::Utc;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::jobs::{self, NewJob};
use super::{Db, bounded, query, query_as};
use crate::error::{Code, Error, Result};
use crate::model::{Email, EmailPayload, JobKind, JobState, NewEmail, Position, Time, UserKey};

/// With the pauses between attempts, about a day.
pub const MAX_ATTEMPTS: i32 = 30;

/// An e-mail as it stands, and whether it had been accepted before.
pub struct Posted {
    pub email: Email,
    pub replayed: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    payload: Value,
    #[sqlx(try_from = "String")]
    state: JobState,
    attempts: i32,
    error: Option<String>,
}

impl Row {
    fn shown(self) -> Result<(Email, EmailPayload)> {
        let payload: EmailPayload = serde_json::from_value(self.payload)?;
        let NewEmail {
            to,
            user_id,
            subject,
            deliver_at,
            ..
        } = payload.email.clone();
        let email = Email {
            id: self.id,
            to,
            user_id,
            subject,
            deliver_at,
            state: self.state,
            attempts: self.attempts,
            error: self.error,
        };
        Ok((email, payload))
    }
}

/// Accepts an e-mail: once, by its key.
pub async fn post(db: &Db, tenant: &str, email: NewEmail, key: Option<&str>) -> Result<Posted> {
    let put = Uuid::now_v7();
    let request_hash = hash(&email)?;
    let key = key.map_or_else(|| format!("i:{put}"), |key| format!("k:{key}"));
    let now = Utc::now();
    let job = NewJob {
        tenant: tenant.to_owned(),
        kind: JobKind::Email,
        key: Some(key.clone()),
        user: email.user_id.clone(),
        run_at: email.deliver_at.map_or(now, |Time(at)| at.max(now)),
        max_attempts: MAX_ATTEMPTS,
        payload: serde_json::to_value(EmailPayload {
            put,
            request_hash: request_hash.clone(),
            notification_type: None,
            told_at: None,
            expires_at: None,
            email,
        })?,
    };
    let text = "select id, payload, state, attempts, error from jobs where tenant_id = $1 and kind = 'EMAIL' and key = $2";
    let row: Option<Row> = bounded(async {
        let mut connection = db.connection().await?;
        jobs::put(&mut connection, std::slice::from_ref(&job)).await?;
        Ok(query_as("emails.by_key", text)
            .bind(job.tenant.clone())
            .bind(key)
            .fetch_optional(&mut *connection)
            .await?)
    })
    .await?;
    // Forgotten just now, as the jobs of an erased person are.
    let row = row.ok_or_else(|| Error::from(Code::Unavailable).because("its job is gone"))?;
    let (email, payload) = row.shown()?;
    if payload.request_hash != request_hash {
        return Err(Code::IdempotencyMismatch.into());
    }
    Ok(Posted {
        email,
        replayed: payload.put != put,
    })
}

/// What "the same content" means for a repeated key.
fn hash(email: &NewEmail) -> Result<String> {
    let digest = Sha256::digest(serde_json::to_vec(email)?);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

pub async fn get(db: &Db, tenant: &str, id: Uuid) -> Result<Option<Email>> {
    let text = "select id, payload, state, attempts, error from jobs where tenant_id = $1 and id = $2 and kind = 'EMAIL' and payload <> '{}'";
    bounded(async {
        let mut connection = db.connection().await?;
        let row: Option<Row> = query_as("emails.get", text)
            .bind(tenant.to_owned())
            .bind(id)
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| row.shown().map(|(email, _)| email))
            .transpose()
    })
    .await
}

/// Where e-mails for a person go.
#[derive(sqlx::FromRow)]
pub struct Inbox {
    pub email: Option<String>,
    /// The person wants none.
    #[sqlx(rename = "email_off")]
    pub is_off: bool,
    /// Where in the log whoever had the id before was erased; 0 = nobody had it.
    pub since: Position,
}

/// None where nobody is known by this id, or they were erased.
pub async fn inbox(db: &Db, user: &UserKey) -> Result<Option<Inbox>> {
    let text = "select email, email_off, coalesce(erased_position, 0) as since from users where tenant_id = $1 and id = $2 and not is_erased";
    bounded(async {
        let mut connection = db.connection().await?;
        Ok(query_as("emails.inbox", text)
            .bind(user.tenant.to_string())
            .bind(user.id.to_string())
            .fetch_optional(&mut *connection)
            .await?)
    })
    .await
}

/// No more e-mails for this person. False where there is nobody, or somebody else by now.
pub async fn turn_off(db: &Db, user: &UserKey, since: Position) -> Result<bool> {
    let text = "
        update users set email_off = true
         where tenant_id = $1 and id = $2 and not is_erased and coalesce(erased_position, 0) = $3::bigint";
    bounded(async {
        let mut connection = db.connection().await?;
        let done = query("emails.turn_off", text)
            .bind(user.tenant.to_string())
            .bind(user.id.to_string())
            .bind(since)
            .execute(&mut *connection)
            .await?;
        Ok(done.rows_affected() > 0)
    })
    .await
}

/// What links are signed with, where any was signed yet.
pub async fn secret(db: &Db) -> Result<Option<Vec<u8>>> {
    bounded(async {
        let mut connection = db.connection().await?;
        let found: Option<(Vec<u8>,)> = query_as("emails.secret", "select value from secrets")
            .fetch_optional(&mut *connection)
            .await?;
        Ok(found.map(|(value,)| value))
    })
    .await
}

/// The same, drawn by whoever asks first.
pub async fn secret_or_new(db: &Db) -> Result<Vec<u8>> {
    if let Some(secret) = secret(db).await? {
        return Ok(secret);
    }
    let drawn: [u8; 32] = rand::random();
    bounded(async {
        let mut connection = db.connection().await?;
        let text = "insert into secrets (value) values ($1) on conflict do nothing";
        query("emails.draw_secret", text)
            .bind(drawn.to_vec())
            .execute(&mut *connection)
            .await?;
        Ok(())
    })
    .await?;
    let secret = secret(db).await?;
    secret.ok_or_else(|| Error::from(Code::Internal).because("the secret is gone again"))
}
