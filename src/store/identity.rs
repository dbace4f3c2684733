//! Which log this is. A database that was restored or failed over with a loss gets a new epoch, so that no cursor of
//! the old log is ever read as a place in the new one.

use sqlx::{PgConnection, Row};

use super::log::LogTransaction;
use super::query;
use crate::error::{Code, Error, Result};
use crate::model::{Cursor, Epoch};

/// Looks at the cluster's identity, at each connect. Gives the epoch that holds from now on: a new one when the cluster
/// is not the one of before, or when its log ends below `seen`, the newest place in it that this instance knows of.
pub async fn check(connection: &mut PgConnection, seen: Option<Cursor>) -> Result<Epoch> {
    let row = query("identity.check", "
        select (select epoch from log_state) as epoch, coalesce((select position from events order by position desc limit 1), 0) as head,
               s.system_identifier = c.system_identifier::text and s.timeline = c.timeline as same
          from (select (pg_control_system()).system_identifier,
                       ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int as timeline) c
          left join log_state s on true")
        .fetch_one(&mut *connection)
        .await?;
    let (text, head): (Option<String>, i64) = (row.try_get("epoch")?, row.try_get("head")?);
    let same = row.try_get::<Option<bool>, _>("same")? == Some(true);
    let epoch = text.as_deref().and_then(|text| text.parse::<Epoch>().ok());
    match epoch {
        Some(epoch)
            if same && seen.is_none_or(|seen| seen.epoch != epoch || head >= seen.position) =>
        {
            Ok(epoch)
        }
        _ => begin_epoch(connection, text).await,
    }
}

/// Writes a new epoch in place of `old`, under the log's lock. Of several instances that find the same, the first does
/// it and the others take its epoch. `None` as `old`: the log has none yet.
pub async fn begin_epoch(connection: &mut PgConnection, old: Option<String>) -> Result<Epoch> {
    // The lock's transaction reads the epoch, which must not be missing: make the row first.
    let fresh = Epoch::random();
    query(
        "identity.first",
        "
        insert into log_state (epoch, system_identifier, timeline)
        select $1, system_identifier::text, 0 from pg_control_system() on conflict do nothing",
    )
    .bind(fresh.to_string())
    .execute(&mut *connection)
    .await?;
    let transaction = LogTransaction::begin(&mut *connection).await?;
    let row = query(
        "identity.write",
        "
        update log_state
           set epoch = case when epoch = $2 then $1 else epoch end,
               system_identifier = (pg_control_system()).system_identifier::text,
               timeline = ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int
        returning epoch",
    )
    .bind(fresh.to_string())
    .bind(old.clone())
    .fetch_one(&mut *transaction.connection)
    .await?;
    let epoch: String = row.try_get("epoch")?;
    transaction.commit().await?;
    match old {
        None => tracing::info!(epoch, "a new log"),
        Some(old) => tracing::warn!(
            epoch,
            old,
            "the log has a new epoch: cursors of the old one get 410"
        ),
    }
    epoch
        .parse()
        .map_err(|e| Error::from(Code::Internal).because(e))
}

/// `causerie new-epoch`: for a restore that cannot be seen from the cluster's identity.
pub async fn new_epoch(connection: &mut PgConnection) -> Result<Epoch> {
    let old: Option<String> = sqlx::query_scalar("select epoch from log_state")
        .fetch_optional(&mut *connection)
        .await?;
    begin_epoch(connection, old).await
}
