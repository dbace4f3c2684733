//! What typing asks of Postgres: whether one may, and to tell the other instances. Nothing of it is stored.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Db, bounded, query, query_as};
use crate::error::Result;
use crate::model::UserKey;

/// Above this number of members nobody is told who types, or who is there.
pub const MOST_MEMBERS: i64 = 50;

/// The channel of its own on which instances tell each other who types and who is there.
pub const CHANNEL: &str = "causerie_ephemeral";

/// A member of a conversation who would type in it.
#[derive(Debug, sqlx::FromRow)]
pub struct Typist {
    pub name: Option<String>,
    /// Not closed, and not too many to be told.
    pub is_heard: bool,
    /// By the clock of the database, which also dates messages: of a word about typing and a message the newer counts.
    pub at: DateTime<Utc>,
}

/// None for whoever is no member.
pub async fn typist(db: &Db, me: &UserKey, conversation: Uuid) -> Result<Option<Typist>> {
    let text = "
        select u.name, clock_timestamp() as at,
               not c.closed and $4 >= (
                   select count(*) from (select 1 from members o where o.tenant_id = $1 and o.conversation_id = $2
                                            and o.left_position is null limit $4 + 1) o) as is_heard
          from members m
          join conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id
          join users u on u.tenant_id = m.tenant_id and u.id = m.user_id
         where m.tenant_id = $1 and m.conversation_id = $2 and m.user_id = $3 and m.left_position is null";
    bounded(async {
        let mut connection = db.connection().await?;
        Ok(query_as("members.typist", text)
            .bind(me.tenant.to_string())
            .bind(conversation)
            .bind(me.id.to_string())
            .bind(MOST_MEMBERS)
            .fetch_optional(&mut *connection)
            .await?)
    })
    .await
}

/// Says each payload to every listening instance.
pub async fn tell(connection: &mut PgConnection, payloads: Vec<String>) -> Result<()> {
    query(
        "ephemeral.notify",
        "select pg_notify($1, p) from unnest($2::text[]) p",
    )
    .bind(CHANNEL)
    .bind(payloads)
    .execute(connection)
    .await?;
    Ok(())
}
