//! A send as most would write it: a transaction per message that locks the row of its conversation, and nothing global.
//! It does less than the service: positions are a sequence's (so readers would miss rows), and no horizon moves.

use rocket::response::status::Created;
use rocket::serde::json::Json;
use rocket::{Responder, State, post};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgListener;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::person::Person;

/// Anything that went wrong: a 500, which ends the benchmark.
#[derive(Responder)]
#[response(status = 500)]
pub struct Failure(String);

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[derive(Deserialize)]
#[serde(crate = "rocket::serde", rename_all = "camelCase")]
pub struct NewMessage {
    content: String,
    client_message_id: String,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde", rename_all = "camelCase")]
pub struct Message {
    id: Uuid,
    conversation_id: Uuid,
    seq: i64,
    sender_id: String,
    content: String,
    client_message_id: String,
}

/// The conversation as it is, whether the caller is in it, and whether this was sent before: locked from here on.
const LOCK_AND_CHECK: &str = "
    select c.last_seq, m.user_id is not null, r.id
      from conversations c
      left join members m on m.tenant_id = c.tenant_id and m.conversation_id = c.id and m.user_id = $2
                         and m.left_position is null
      left join messages r on r.tenant_id = c.tenant_id and r.sender_id = $2 and r.idempotency_key = $3
     where c.tenant_id = 'default' and c.id = $1
       for update of c";

/// Everything a message writes, in one statement; what comes last differs.
const WRITE: &str = "
    with p as materialized (select nextval('bare_positions') as position),
    moved as (
        update conversations c set last_seq = $4, last_position = p.position, activity_position = p.position,
                                   last_message_at = now(), updated_at = now()
          from p where c.tenant_id = 'default' and c.id = $1
    ), message as (
        insert into messages (tenant_id, id, conversation_id, seq, type, sender_id, content, client_message_id,
                              idempotency_key, changed_position, created_position, created_at)
        select 'default', $5, $1, $4, 'USER', $2, $6, $3, $3, p.position, p.position, now() from p
    ), event as (
        insert into events (position, tenant_id, type, conversation_id, message_id, actor_id, seq, occurred_at)
        select p.position, 'default', 'message.created', $1, $5, $2, $4, now() from p
    )";

/// The sequence of positions, and somebody who listens to the notifications.
pub async fn prepare(pool: &PgPool) -> Result<(), sqlx::Error> {
    let create = "create sequence if not exists bare_positions start 1000000000";
    sqlx::query(create).execute(pool).await?;
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("bare").await?;
    rocket::tokio::spawn(async move { while listener.recv().await.is_ok() {} });
    Ok(())
}

#[post("/transaction/<conversation>", data = "<message>")]
pub async fn send(
    person: Person,
    conversation: &str,
    message: Json<NewMessage>,
    pool: &State<PgPool>,
) -> Result<Created<Json<Message>>, Failure> {
    store(pool, person, conversation, message.0, "select 1 from p").await
}

#[post("/notify/<conversation>", data = "<message>")]
pub async fn send_and_notify(
    person: Person,
    conversation: &str,
    message: Json<NewMessage>,
    pool: &State<PgPool>,
) -> Result<Created<Json<Message>>, Failure> {
    let notify = "select pg_notify('bare', position::text) from p";
    store(pool, person, conversation, message.0, notify).await
}

async fn store(
    pool: &PgPool,
    Person(sender): Person,
    conversation: &str,
    message: NewMessage,
    last: &str,
) -> Result<Created<Json<Message>>, Failure> {
    let conversation: Uuid = conversation.parse().map_err(|_| "not an id")?;
    let mut transaction = pool.begin().await?;
    let (last_seq, is_member, replay): (i64, bool, Option<Uuid>) = sqlx::query_as(LOCK_AND_CHECK)
        .bind(conversation)
        .bind(&sender)
        .bind(&message.client_message_id)
        .fetch_one(&mut *transaction)
        .await?;
    if !is_member || replay.is_some() {
        return Err("not a member, or sent before".into());
    }
    let (id, seq) = (Uuid::now_v7(), last_seq + 1);
    sqlx::query(AssertSqlSafe(format!("{WRITE} {last}")))
        .bind(conversation)
        .bind(&sender)
        .bind(&message.client_message_id)
        .bind(seq)
        .bind(id)
        .bind(&message.content)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    let message = Message {
        id,
        conversation_id: conversation,
        seq,
        sender_id: sender,
        content: message.content,
        client_message_id: message.client_message_id,
    };
    Ok(Created::new(format!("/messages/{id}")).body(Json(message)))
}
