//! Everything the tables hold of one person, for the person: part by part, a page at a time. Rows are given as they stand,
//! so that a column that is added is exported without a word; a test walks all tables.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Db, bounded, query_as};
use crate::error::Result;
use crate::model::{ExportKind, ExportPlace, UserKey};

/// Rows of a page. Each may be a message of 64 KiB, and all are held as values and as bytes.
const LIMIT: i64 = 100;
/// Rows of a conversation, or of the log, that are looked through for one page: there is no index by sender or actor.
const WINDOW: i64 = 20_000;

/// A page, and where the next one begins, if there is one.
pub struct ExportPage {
    pub kind: ExportKind,
    pub rows: Vec<Value>,
    pub next: Option<ExportPlace>,
}

#[derive(sqlx::FromRow)]
struct Row {
    /// Where the next page goes on after this row.
    key: String,
    row: Value,
}

/// What stands at `place`. A page may be empty and have a next one.
pub async fn page(db: &Db, user: &UserKey, place: ExportPlace) -> Result<ExportPage> {
    bounded(async {
        let mut connection = db.connection().await?;
        match place.kind {
            ExportKind::Message => messages(&mut connection, user, place).await,
            ExportKind::Event => events(&mut connection, user, place).await,
            kind => rows(&mut connection, user, place, statement(kind)).await,
        }
    })
    .await
}

/// There is no index by person: conversation by conversation, from that of the key on. In those that follow it every status
/// is above the empty one.
const RECEIPTS: &str = "
    select r.conversation_id || '/' || r.status || '/' || r.up_to as key, to_jsonb(r) as row
      from (select distinct conversation_id as id from members
             where tenant_id = $1 and user_id = $2 and conversation_id >= split_part($3, '/', 1)::uuid order by 1) c
     cross join lateral (
           select * from receipt_marks r where r.tenant_id = $1 and r.user_id = $2 and r.conversation_id = c.id
              and (r.status, r.up_to) > (case c.id when split_part($3, '/', 1)::uuid then split_part($3, '/', 2) else '' end,
                                         split_part($3, '/', 3)::bigint)
            order by r.status, r.up_to limit $4) r
     order by c.id, r.status, r.up_to limit $4";

const HANDOUTS: &str = "select h.transport || '/' || h.up_to || '/' || h.after as key, to_jsonb(h) as row from handouts h
      where h.tenant_id = $1 and h.user_id = $2
        and (h.transport, h.up_to, h.after)
            > (split_part($3, '/', 1), split_part($3, '/', 2)::bigint, split_part($3, '/', 3)::bigint)
      order by h.transport, h.up_to, h.after limit $4";

const DIGESTS: &str = "select d.conversation_id::text as key, to_jsonb(d) as row from digests d
      where d.tenant_id = $1 and d.user_id = $2 and d.conversation_id > $3::uuid order by d.conversation_id limit $4";
const REMINDERS: &str = "select p.reminder_id::text as key, to_jsonb(r) || to_jsonb(p) as row from reminder_people p
       join reminders r on r.tenant_id = p.tenant_id and r.id = p.reminder_id
      where p.tenant_id = $1 and p.user_id = $2 and p.reminder_id > $3::uuid order by p.reminder_id limit $4";

/// The statement of a part: `$3` is the key of the row before. Compared as a whole, it is where the index is entered: "or it
/// is the first page" would make each page read all the rows before it.
fn statement(kind: ExportKind) -> &'static str {
    match kind {
        ExportKind::Profile => {
            "select u.id as key, to_jsonb(u) as row from users u where u.tenant_id = $1 and u.id = $2 and $3 = '' limit $4"
        }
        ExportKind::Membership => {
            "select m.conversation_id || '/' || m.joined_position as key, to_jsonb(m) as row from members m
              where m.tenant_id = $1 and m.user_id = $2
                and (m.conversation_id, m.joined_position) > (split_part($3, '/', 1)::uuid, split_part($3, '/', 2)::bigint)
              order by m.conversation_id, m.joined_position limit $4"
        }
        ExportKind::Revision => {
            "select r.message_id || '/' || r.position as key, to_jsonb(r) as row from revisions r
              where r.tenant_id = $1 and r.replaced_by = $2
                and (r.message_id, r.position) > (split_part($3, '/', 1)::uuid, split_part($3, '/', 2)::bigint)
              order by r.message_id, r.position limit $4"
        }
        ExportKind::Receipt => RECEIPTS,
        ExportKind::Notification => {
            "select n.id::text as key, to_jsonb(n) as row from notifications n
              where n.tenant_id = $1 and n.user_id = $2 and n.id > $3::uuid order by n.id limit $4"
        }
        ExportKind::Reminder => REMINDERS,
        ExportKind::Handout => HANDOUTS,
        ExportKind::Digest => DIGESTS,
        ExportKind::Preferences => {
            "select p.user_id as key, to_jsonb(p) as row from notification_preferences p where p.tenant_id = $1 and p.user_id = $2 and $3 = '' limit $4"
        }
        ExportKind::Job => {
            "select j.id::text as key, to_jsonb(j) as row from jobs j
              where j.tenant_id = $1 and j.user_id = $2 and j.id > $3::uuid order by j.id limit $4"
        }
        ExportKind::Presence => {
            "select p.user_id as key, to_jsonb(p) as row from presence p where p.tenant_id = $1 and p.user_id = $2 and $3 = '' limit $4"
        }
        ExportKind::Revocation => {
            "select r.user_id as key, to_jsonb(r) as row from revocations r where r.tenant_id = $1 and r.user_id = $2 and $3 = '' limit $4"
        }
        // Neither the hash of the ticket nor that of the key: they open, and say nothing of a person.
        ExportKind::Ticket => {
            "select encode(t.hash, 'hex') as key, to_jsonb(t) - 'hash' - 'token_key' as row from stream_tickets t
              where t.tenant_id = $1 and t.user_id = $2 and t.hash > decode($3, 'hex') order by t.hash limit $4"
        }
        ExportKind::Erasure => {
            "select e.position::text as key, to_jsonb(e) as row from erasures e
              where e.tenant_id = $1 and e.user_id = $2 and e.position > $3::bigint order by e.position limit $4"
        }
        ExportKind::Message => {
            "select x.seq::text as key, to_jsonb(x) - 'request_hash' as row from messages x
              where x.tenant_id = $1 and x.conversation_id = $3 and x.seq > $5 and x.seq <= $5::bigint + $6::bigint
                and (x.sender_id = $2 or x.notice is not null and (x.notice->>'actorId' = $2 or x.notice->'userIds' ? $2))
              order by x.seq limit $4"
        }
        ExportKind::Event => {
            "select e.position::text as key, to_jsonb(e) as row from events e
              where e.tenant_id = $1 and (e.actor_id = $2 or e.subject_user_id = $2 or e.audience_user_id = $2)
                and e.position > $3 and e.position <= $3::bigint + $5::bigint order by e.position limit $4"
        }
    }
}

async fn rows(
    connection: &mut PgConnection,
    user: &UserKey,
    place: ExportPlace,
    text: &'static str,
) -> Result<ExportPage> {
    let rows: Vec<Row> = query_as("export.rows", text)
        .bind(user.tenant.to_string())
        .bind(user.id.to_string())
        .bind(place.after.clone())
        .bind(LIMIT)
        .fetch_all(connection)
        .await?;
    let is_full = rows.len() as i64 == LIMIT;
    let next = match rows.last() {
        Some(last) if is_full => Some(place.kind.at(last.key.clone())),
        _ => place.kind.next(),
    };
    Ok(filled(place.kind, rows, next))
}

fn filled(kind: ExportKind, rows: Vec<Row>, next: Option<ExportPlace>) -> ExportPage {
    let rows = rows.into_iter().map(|row| row.row).collect();
    ExportPage { kind, rows, next }
}

/// Messages the person sent, and notices that name them, conversation by conversation, a window of each at a time.
async fn messages(
    connection: &mut PgConnection,
    user: &UserKey,
    place: ExportPlace,
) -> Result<ExportPage> {
    let kind = place.kind;
    let (id, seq) = place.after.split_once('/').unwrap_or_default();
    let (mut id, mut seq) = (id.parse().unwrap_or(Uuid::nil()), seq.parse().unwrap_or(0));
    let text = "select c.id, c.last_seq
                  from (select distinct conversation_id from members
                         where tenant_id = $1 and user_id = $2 and conversation_id >= $3 order by conversation_id limit 50) m
                  join conversations c on c.tenant_id = $1 and c.id = m.conversation_id
                 where c.id > $3 or c.last_seq > $4
                 order by c.id";
    let conversations: Vec<(Uuid, i64)> = query_as("export.conversations", text)
        .bind(user.tenant.to_string())
        .bind(user.id.to_string())
        .bind(id)
        .bind(seq)
        .fetch_all(&mut *connection)
        .await?;
    if conversations.is_empty() {
        return Ok(filled(kind, Vec::new(), kind.next()));
    }
    // A page is what one window holds, or the many small conversations that come to about as much.
    let (mut found, mut looked): (Vec<Row>, i64) = (Vec::new(), 0);
    for (conversation, last_seq) in conversations {
        if conversation != id {
            (id, seq) = (conversation, 0);
        }
        let left = LIMIT - found.len() as i64;
        let rows: Vec<Row> = query_as("export.messages", statement(kind))
            .bind(user.tenant.to_string())
            .bind(user.id.to_string())
            .bind(id)
            .bind(left)
            .bind(seq)
            .bind(WINDOW)
            .fetch_all(&mut *connection)
            .await?;
        looked += last_seq.min(seq + WINDOW) - seq;
        seq = match rows.last() {
            Some(last) if rows.len() as i64 == left => last.key.parse().unwrap_or(seq + WINDOW),
            _ => seq + WINDOW,
        };
        found.extend(rows);
        if found.len() as i64 >= LIMIT || looked >= WINDOW || seq < last_seq {
            break;
        }
    }
    Ok(filled(kind, found, Some(kind.at(format!("{id}/{seq}")))))
}

/// What of the log they caused or it tells of them, a window of positions at a time.
async fn events(
    connection: &mut PgConnection,
    user: &UserKey,
    place: ExportPlace,
) -> Result<ExportPage> {
    let kind = place.kind;
    let after: i64 = place.after.parse().unwrap_or(0);
    let text = "select coalesce(min(position), 1) - 1, coalesce(max(position), 0) from events";
    let (floor, head): (i64, i64) = query_as("export.log", text)
        .fetch_one(&mut *connection)
        .await?;
    let after = after.max(floor);
    let rows: Vec<Row> = query_as("export.events", statement(kind))
        .bind(user.tenant.to_string())
        .bind(user.id.to_string())
        .bind(after)
        .bind(LIMIT)
        .bind(WINDOW)
        .fetch_all(connection)
        .await?;
    let up_to = match rows.last() {
        Some(last) if rows.len() as i64 == LIMIT => last.key.parse().unwrap_or(head),
        _ => after + WINDOW,
    };
    let next = match up_to < head {
        true => Some(kind.at(up_to.to_string())),
        false => kind.next(),
    };
    Ok(filled(kind, rows, next))
}
