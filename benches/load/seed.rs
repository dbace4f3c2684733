//! Databases that are full before they are measured: the rows that the service would have written, by SQL.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use super::support::{Database, Person};

/// How much there is. Conversation `c`, from 1 on, has `members`: `owner`, and `c-2`, `c-3` and so on.
#[derive(Clone)]
pub struct Shape {
    pub conversations: i64,
    /// In SQL: of conversation `c`.
    pub members: &'static str,
    /// In each conversation.
    pub messages: i64,
    /// Who has conversation `c`, in SQL. `c-1` unless somebody is to have many.
    pub owner: &'static str,
}

/// Messages there are at least. Postgres plans for the tables that it knows: on empty ones it would scan, and everything
/// that is measured would grow with what was sent.
const USED: i64 = 10_000;

impl Shape {
    pub fn pairs(conversations: i64) -> Self {
        Self {
            conversations,
            members: "2",
            messages: (USED / conversations).max(2),
            owner: "c || '-1'",
        }
    }
}

/// The id of conversation `c`.
pub fn conversation(c: i64) -> Uuid {
    Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + c as u128)
}

/// A token of member `n` of conversation `c`.
pub fn token(c: usize, n: usize) -> String {
    Person::new("", &format!("{c}-{n}")).token
}

/// Who is in what, with the owner's expression for `{owner}`. Ten conversations of a thousand have something unread.
const PEOPLE: &str = "
    create temporary table seats as
    select c, case n when 1 then {owner} else c || '-' || n end as user_id
      from generate_series(1, {conversations}::bigint) c, lateral (select generate_series(1, {members}) as n) g;
    -- Profiles of the future: a token's claims are older, so nobody's first request writes.
    insert into users (tenant_id, id, name, claims_iat)
    select distinct 'default', user_id, user_id, 4102444800 from seats;
    insert into conversations (tenant_id, id, type, last_seq, last_position, activity_position, last_message_at, created_at, updated_at)
    select 'default', {conversation}, case when ({members}) = 2 then 'PRIVATE' else 'GROUP' end, {messages},
           {messages} * {conversations} + c, {messages} * {conversations} + c, now(), now(), now()
      from generate_series(1, {conversations}::bigint) c;
    insert into members (tenant_id, conversation_id, user_id, joined_position, joined_at, read_up_to)
    select 'default', {conversation}, user_id, c, now(),
           case when c <= 10 or c % 1000 = 1 then {messages} - 2 else {messages} end from seats;
    insert into events (position, tenant_id, type, conversation_id, actor_id, occurred_at)
    select c, 'default', 'conversation.created', {conversation}, {owner}, now()
      from generate_series(1, {conversations}::bigint) c;";

/// Message by message around all conversations, so that each one's are spread over the whole log.
const MESSAGES: &str = "
    create temporary table said as
    select k, c, (k - 1) / {conversations} + 1 as seq, {conversations} + k as position, {conversation} as conversation_id,
           ('01990000-0000-7000-8000-' || lpad(to_hex(k), 12, '0'))::uuid as message_id,
           case when ((k - 1) / {conversations}) % 2 = 0 then {owner} else c || '-2' end as sender_id
      from generate_series({from}::bigint, {to}::bigint) k, lateral (select (k - 1) % {conversations} + 1 as c) of_conversation;
    insert into messages (tenant_id, id, conversation_id, seq, type, sender_id, content, changed_position, created_position, created_at)
    select 'default', message_id, conversation_id, seq, 'USER', sender_id,
           'Message ' || seq || ' of conversation ' || c || ', as long as people write', position, position, now() from said;
    insert into events (position, tenant_id, type, conversation_id, message_id, actor_id, seq, occurred_at)
    select position, 'default', 'message.created', conversation_id, message_id, sender_id, seq, now() from said;
    drop table said;";

/// Messages of one transaction: what is left of a run that was ended in the middle is small.
const CHUNK: i64 = 250_000;

/// A new database with our schema and this in it.
pub async fn database(shape: &Shape) -> Database {
    let database = Database::create().await;
    let mut connection = PgConnection::connect(&database.url)
        .await
        .expect("Postgres answers");
    causerie::store::migrate(&mut connection)
        .await
        .expect("a schema");
    // The rows refer to each other rightly by how they are made: checking each of millions would take longer than all else.
    run(
        &mut connection,
        shape,
        "set session_replication_role = replica",
    )
    .await;
    run(&mut connection, shape, PEOPLE).await;
    let all = shape.conversations * shape.messages;
    let mut from = 1;
    while from <= all {
        let to = (from + CHUNK - 1).min(all);
        let messages = MESSAGES
            .replace("{from}", &from.to_string())
            .replace("{to}", &to.to_string());
        run(&mut connection, shape, &messages).await;
        if all > CHUNK {
            eprintln!("    {to} of {all} messages loaded");
        }
        from = to + 1;
    }
    // Outside of a transaction, so one by one. Plans for empty tables would be what is measured otherwise.
    for sql in ["vacuum analyze", "checkpoint"] {
        run(&mut connection, shape, sql).await;
    }
    connection.close().await.expect("nothing is under way");
    database
}

async fn run(connection: &mut PgConnection, shape: &Shape, sql: &str) {
    let sql = sql
        .replace(
            "{conversation}",
            "('01980000-0000-7000-8000-' || lpad(to_hex(c), 12, '0'))::uuid",
        )
        .replace("{conversations}", &shape.conversations.to_string())
        .replace("{members}", shape.members)
        .replace("{messages}", &shape.messages.to_string())
        .replace("{owner}", shape.owner);
    if let Err(error) = connection.execute(AssertSqlSafe(sql.clone())).await {
        panic!("{sql}: {error}");
    }
}
