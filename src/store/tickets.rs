//! Stream tickets: bought on any instance, shown to any other. Only their hash is stored.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Db, bounded, query, query_as};
use crate::error::Result;
use crate::model::Time;

/// How long a ticket waits for its first stream, and for the next one after its stream has ended.
pub const GRACE_SECS: f64 = 60.0;

pub fn hash(ticket: &str) -> Vec<u8> {
    Sha256::digest(ticket).to_vec()
}

/// Stores a new ticket, and gives when it expires if no stream is opened with it.
pub async fn create(db: &Db, ticket: &str, of: &Holder, origin: Option<&str>) -> Result<Time> {
    let text = "
        insert into stream_tickets (hash, tenant_id, user_id, token_exp, token_iat, token_key, origin, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8)) returning expires_at";
    bounded(async {
        let mut connection = db.connection().await?;
        let (expires_at,): (Time,) = query_as("tickets.create", text)
            .bind(hash(ticket))
            .bind(of.tenant_id.clone())
            .bind(of.user_id.clone())
            .bind(of.token_exp)
            .bind(of.token_iat)
            .bind(of.token_key.clone())
            .bind(origin.map(str::to_owned))
            .bind(GRACE_SECS)
            .fetch_one(&mut *connection)
            .await?;
        Ok(expires_at)
    })
    .await
}

/// Who may stream with a ticket, as the token says that it was bought with.
#[derive(sqlx::FromRow)]
pub struct Holder {
    pub tenant_id: String,
    pub user_id: String,
    pub token_exp: DateTime<Utc>,
    pub token_iat: i64,
    pub token_key: Option<Vec<u8>>,
}

/// Whose a ticket is, if it is good, and shown by the site that bought it. A page of this very origin sends no `Origin`
/// with a GET.
pub async fn find(db: &Db, hash: &[u8], origin: Option<&str>) -> Result<Option<Holder>> {
    let text = "
        select t.tenant_id, t.user_id, t.token_exp, t.token_iat, t.token_key from stream_tickets t
         where t.hash = $1 and t.expires_at > now() and t.token_exp > now()
           and (t.origin is null or $2::text is null or t.origin = $2)
           and not exists (select from revocations r
                            where r.tenant_id = t.tenant_id and r.user_id = t.user_id and r.before >= t.token_iat)";
    bounded(async {
        let mut connection = db.connection().await?;
        let text = query_as("tickets.find", text)
            .bind(hash.to_vec())
            .bind(origin.map(str::to_owned));
        Ok(text.fetch_optional(&mut *connection).await?)
    })
    .await
}

/// Opens `stream` with a ticket: from now on an older stream with it is a stranger to the row, and ends. False if the
/// ticket has expired.
pub async fn open(db: &Db, hash: &[u8], stream: Uuid) -> Result<bool> {
    let text =
        "update stream_tickets set stream_id = $2, expires_at = now() + make_interval(secs => $3)
                 where hash = $1 and expires_at > now() and token_exp > now()";
    bounded(async {
        let mut connection = db.connection().await?;
        let text = query("tickets.open", text)
            .bind(hash.to_vec())
            .bind(stream)
            .bind(GRACE_SECS);
        Ok(text.execute(&mut *connection).await?.rows_affected() > 0)
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
