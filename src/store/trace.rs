//! What became of one message: for the host's support desk.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::members::After;
use super::users::user_json;
use super::{Db, bounded, cut, query_as};
use crate::error::{Code, Result};
use crate::model::{HandedOut, Position, Time, Trace, TracedRecipient, Transport, User};

#[derive(sqlx::FromRow)]
struct Message {
    conversation_id: Uuid,
    seq: i64,
    created_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct Row {
    joined_position: Position,
    #[sqlx(json)]
    user: User,
    /// One for each of `Transport::ALL`.
    times: Vec<Option<DateTime<Utc>>>,
    delivered_at: Option<DateTime<Utc>>,
    read_at: Option<DateTime<Utc>>,
}

/// Everybody whose membership held the message, the sender excepted, whoever left since. Of what was handed to one of them
/// the next 1,000 stretches are looked at: of a reader that far ahead the message is in none.
const RECIPIENTS: &str = concat!(
    "
    select m.joined_position, ", user_json!("u", "m.joined_position"), " as user,
           (select array_agg((
                select min(h.at) from (
                    select h.after, h.at from handouts h
                     where h.tenant_id = m.tenant_id and h.user_id = m.user_id and h.transport = t.name and h.up_to >= x.created_position
                     order by h.up_to limit 1000) h
                 where h.after < x.created_position) order by t.n)
              from unnest($3::text[]) with ordinality as t (name, n)) as times,
           (select r.at from receipt_marks r
             where r.tenant_id = m.tenant_id and r.conversation_id = m.conversation_id and r.user_id = m.user_id
               and r.status = 'DELIVERED' and r.up_to >= x.seq order by r.up_to limit 1) as delivered_at,
           (select r.at from receipt_marks r
             where r.tenant_id = m.tenant_id and r.conversation_id = m.conversation_id and r.user_id = m.user_id
               and r.status = 'READ' and r.up_to >= x.seq order by r.up_to limit 1) as read_at
      from messages x
      join members m on m.tenant_id = x.tenant_id and m.conversation_id = x.conversation_id
                    and m.joined_position <= x.created_position and coalesce(m.left_position, x.created_position) >= x.created_position
      join users u on u.tenant_id = m.tenant_id and u.id = m.user_id
     where x.tenant_id = $1 and x.id = $2 and m.user_id is distinct from x.sender_id
       and (m.joined_position, m.user_id) > ($4, $5)
     order by m.joined_position, m.user_id limit $6"
);

/// `not-found` when the tenant has no such message.
pub async fn get(
    db: &Db,
    tenant: &str,
    id: Uuid,
    after: After,
    limit: i64,
) -> Result<(Trace, Option<After>)> {
    bounded(async {
        let mut connection = db.connection().await?;
        let text = "select x.conversation_id, x.seq, x.created_at,
                           case when x.created_position <= s.erased_position then coalesce(x.deleted_at, s.erased_at) else x.deleted_at end as deleted_at
                      from messages x left join users s on s.tenant_id = x.tenant_id and s.id = x.sender_id
                     where x.tenant_id = $1 and x.id = $2";
        let message: Option<Message> = query_as("trace.message", text)
            .bind(tenant.to_owned())
            .bind(id)
            .fetch_optional(&mut *connection)
            .await?;
        let message = message.ok_or(Code::NotFound)?;
        let (recipients, next) = recipients(&mut connection, tenant, id, after, limit).await?;
        let trace = Trace {
            message_id: id,
            conversation_id: message.conversation_id,
            seq: message.seq,
            stored_at: Time(message.created_at),
            deleted_at: message.deleted_at.map(Time),
            recipients,
            has_more: next.is_some(),
            next_page_token: None,
        };
        Ok((trace, next))
    })
    .await
}

async fn recipients(
    connection: &mut PgConnection,
    tenant: &str,
    id: Uuid,
    after: After,
    limit: i64,
) -> Result<(Vec<TracedRecipient>, Option<After>)> {
    let transports = Transport::ALL.map(Transport::as_str);
    let mut rows: Vec<Row> = query_as("trace.recipients", RECIPIENTS)
        .bind(tenant.to_owned())
        .bind(id)
        .bind(transports.to_vec())
        .bind(after.joined)
        .bind(after.user_id)
        .bind(limit + 1)
        .fetch_all(connection)
        .await?;
    let next = cut(&mut rows, limit, |row| After {
        joined: row.joined_position,
        user_id: row.user.id.clone(),
    });
    Ok((rows.into_iter().map(recipient).collect(), next))
}

fn recipient(row: Row) -> TracedRecipient {
    let mut times: Vec<(Transport, Time)> = Transport::ALL
        .into_iter()
        .zip(row.times)
        .filter_map(|(transport, at)| Some((transport, Time(at?))))
        .collect();
    let arrived = |(transport, _): &(Transport, Time)| *transport == Transport::Acknowledged;
    let acknowledged_at = times.iter().find(|one| arrived(one)).map(|(_, at)| *at);
    times.retain(|one| !arrived(one));
    times.sort_by_key(|(_, at)| *at);
    let handed_out = times
        .into_iter()
        .map(|(transport, at)| HandedOut { transport, at });
    TracedRecipient {
        user: row.user,
        handed_out: handed_out.collect(),
        acknowledged_at,
        delivered_at: row.delivered_at.map(Time),
        read_at: row.read_at.map(Time),
    }
}
