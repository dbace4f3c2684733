//! Whose tokens are taken back, and since when.

use sqlx::PgConnection;

use super::{Db, bounded, query, query_as};
use crate::error::Result;
use crate::model::UserKey;

/// What was changed is read this many seconds further back than it was read last: a change takes a while to commit.
const OVERLAP: f64 = 10.0;

/// Refuses the tokens of `user` that were issued up to this second, by clocks that run `ahead` seconds ahead of ours; and
/// each that was seen already, on whichever instance. Gives the last second that is refused.
pub async fn put(db: &Db, user: &UserKey, ahead: i64) -> Result<i64> {
    let text = "insert into revocations (tenant_id, user_id, before)
                values ($1, $2, greatest(floor(extract(epoch from now())) + $3, (select claims_iat from users where tenant_id = $1 and id = $2)))
                on conflict on constraint revocations_pkey do update set before = greatest(revocations.before, excluded.before), revoked_at = now()
                returning before";
    bounded(async {
        let mut connection = db.connection().await?;
        let (before,): (i64,) = query_as("revocations.put", text)
            .bind(user.tenant.to_string())
            .bind(user.id.to_string())
            .bind(ahead)
            .fetch_one(&mut *connection)
            .await?;
        Ok(before)
    })
    .await
}

/// Up to when the tokens of `user` are refused, if any are.
pub async fn get(db: &Db, user: &UserKey) -> Result<Option<i64>> {
    let text = "select before from revocations where tenant_id = $1 and user_id = $2";
    bounded(async {
        let mut connection = db.connection().await?;
        let found: Option<(i64,)> = query_as("revocations.get", text)
            .bind(user.tenant.to_string())
            .bind(user.id.to_string())
            .fetch_optional(&mut *connection)
            .await?;
        Ok(found.map(|(before,)| before))
    })
    .await
}

/// What was taken back in the last seconds, and a little before.
pub async fn recent(connection: &mut PgConnection, seconds: f64) -> Result<Vec<(UserKey, i64)>> {
    let text = "select tenant_id, user_id, before from revocations where revoked_at > now() - make_interval(secs => $1)";
    let rows: Vec<(String, String, i64)> = query_as("revocations.recent", text)
        .bind(seconds + OVERLAP)
        .fetch_all(connection)
        .await?;
    let keyed = rows
        .into_iter()
        .map(|(tenant, id, before)| (UserKey::new(&tenant, &id), before));
    Ok(keyed.collect())
}

/// Forgets what no token can outlive: hosts' tokens last hours or days.
pub async fn prune(connection: &mut PgConnection) -> Result<()> {
    let text = "delete from revocations where revoked_at < now() - interval '400 days'";
    query("revocations.prune", text).execute(connection).await?;
    Ok(())
}
