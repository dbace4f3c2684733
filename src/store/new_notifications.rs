//! Notifications that are new and allowed: their rows, the jobs that show those for later, and the keys they were asked for
//! with.

use std::collections::HashMap;

use uuid::Uuid;

use super::jobs::NewJob;
use super::log::LogTransaction;
use super::notify::Notify;
use super::{query, query_as};
use crate::error::Result;
use crate::model::{Channel, JobKind, Position, UserKey};

/// A job of this kind writes one row: it fails with the database alone.
const ATTEMPTS: i32 = 50;
/// What an `Idempotency-Key` of this noun stands under.
const NOUN: &str = "notification";

/// A row to be written.
pub(super) struct NewRow<'n> {
    pub(super) of: &'n Notify,
    pub(super) id: Uuid,
    pub(super) user: &'n UserKey,
    pub(super) position: Option<Position>,
}

/// The tenant, and the key as it was given.
type OwnKey = (String, String);
/// Of what was asked the hash, and what it came to.
pub(super) type Keyed = HashMap<OwnKey, (Vec<u8>, Vec<Uuid>)>;

/// What stands under the keys of these requests.
pub(super) async fn look_up(log: &mut LogTransaction<'_>, items: &[&Notify]) -> Result<Keyed> {
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

pub(super) async fn write(log: &mut LogTransaction<'_>, rows: &[NewRow<'_>]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let text = |pick: fn(&NewRow<'_>) -> Option<String>| rows.iter().map(pick).collect::<Vec<_>>();
    query("notifications.insert", "
        insert into notifications (tenant_id, id, user_id, type, title, message, link, deliver_at, position, email, created_at)
        select *, $11 from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                                  $8::timestamptz[], $9::bigint[], $10::boolean[])
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
        .bind(rows.iter().map(|row| row.of.notification.goes_by(Channel::Email)).collect::<Vec<_>>())
        .bind(log.now.0)
        .execute(&mut *log.connection)
        .await?;
    Ok(())
}

impl NewRow<'_> {
    /// The job that shows it when its time has come; none for one that is shown already.
    pub(super) fn waits(&self) -> Option<NewJob> {
        let at = self.of.notification.deliver_at?.0;
        self.position.is_none().then(|| NewJob {
            tenant: self.user.tenant.to_string(),
            kind: JobKind::Notification,
            key: Some(self.id.to_string()),
            user: Some(self.user.id.to_string()),
            payload: serde_json::json!({ "notificationId": self.id }),
            run_at: at,
            max_attempts: ATTEMPTS,
        })
    }
}

pub(super) async fn write_keys(
    log: &mut LogTransaction<'_>,
    keys: &[(OwnKey, Vec<u8>, Vec<Uuid>)],
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
