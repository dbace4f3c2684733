//! Stream tickets: bought on any instance, shown to any other. Only their hash is stored.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Db, bounded, query, query_as};
use crate::error::Result;
use crate::model::{Time, UserKey};

/// How long a ticket waits for its first stream, and for the next one after its stream has ended.
pub const GRACE_SECS: f64 = 60.0;

pub fn hash(ticket: &str) -> Vec<u8> {
    Sha256::digest(ticket).to_vec()
}

/// Stores a new ticket, and gives when it expires if no stream is opened with it.
pub async fn create(db: &Db, me: &UserKey, ticket: &str, token_exp: DateTime<Utc>) -> Result<Time> {
    let text = "insert into stream_tickets (hash, tenant_id, user_id, token_exp, expires_at)
                values ($1, $2, $3, $4, now() + make_interval(secs => $5)) returning expires_at";
    bounded(async {
        let mut connection = db.connection().await?;
        let (expires_at,): (Time,) = query_as("tickets.create", text)
            .bind(hash(ticket))
            .bind(me.tenant.to_string())
            .bind(me.id.to_string())
            .bind(token_exp)
            .bind(GRACE_SECS)
            .fetch_one(&mut *connection)
            .await?;
        Ok(expires_at)
    })
    .await
}

/// Who may stream with a ticket.
#[derive(sqlx::FromRow)]
pub struct Holder {
    pub tenant_id: String,
    pub user_id: String,
    pub token_exp: DateTime<Utc>,
}

/// Opens `stream` with a ticket: from now on an older stream with it is a stranger to the row, and ends.
pub async fn open(db: &Db, ticket: &str, stream: Uuid) -> Result<Option<Holder>> {
    let text = "update stream_tickets set stream_id = $2, expires_at = now() + make_interval(secs => $3)
                 where hash = $1 and expires_at > now() and token_exp > now() returning tenant_id, user_id, token_exp";
    bounded(async {
        let mut connection = db.connection().await?;
        let text = query_as("tickets.open", text)
            .bind(hash(ticket))
            .bind(stream)
            .bind(GRACE_SECS);
        Ok(text.fetch_optional(&mut *connection).await?)
    })
    .await
}

/// Keeps the tickets of these living streams valid. Gives the streams that no longer hold theirs: a newer one does.
pub async fn extend(
    connection: &mut PgConnection,
    streams: &[Uuid],
    hashes: &[Vec<u8>],
) -> Result<Vec<Uuid>> {
    let text = "
        with g as (select * from unnest($1::uuid[], $2::bytea[]) as g (stream_id, hash)),
             kept as (update stream_tickets t set expires_at = now() + make_interval(secs => $3)
                        from g where t.hash = g.hash and t.stream_id = g.stream_id returning t.stream_id)
        select stream_id from g where stream_id not in (select stream_id from kept)";
    let rows: Vec<(Uuid,)> = query_as("tickets.extend", text)
        .bind(streams.to_vec())
        .bind(hashes.to_vec())
        .bind(GRACE_SECS)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Forgets what expired.
pub async fn prune(connection: &mut PgConnection) -> Result<()> {
    query(
        "tickets.prune",
        "delete from stream_tickets where expires_at < now() or token_exp < now()",
    )
    .execute(connection)
    .await?;
    Ok(())
}
