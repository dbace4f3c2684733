//! A site that has been used for a while, put into the database in bulk: what the planner sees is its statistics.

use crate::support::Database;

/// Conversations of `hub`, one with each of as many people.
pub const CONVERSATIONS: i64 = 10_000;
/// Members of the group `group`, the first of these people.
const GROUP: i64 = 1_000;
/// Between people who are not `hub`.
const PAIRS: i64 = 5_000;
const MESSAGES: i64 = 105_000;

/// The ids of what is made below, as SQL makes them: conversation number `n`, message number `k`.
pub fn conversation(n: i64) -> String {
    format!("(md5('c{n}')::uuid)")
}

/// The number of the group's conversation; those before it are `hub`'s, those after it pairs.
pub const GROUP_NUMBER: i64 = CONVERSATIONS + 1;

/// More than 100,000 messages and their events, some 15,000 conversations, 10,000 people and their tickets; analysed.
pub async fn build(database: &Database) {
    let mut connection = database.connect().await;
    causerie::store::migrate(&mut connection)
        .await
        .expect("the schema");
    causerie::store::identity::check(&mut connection, None)
        .await
        .expect("an epoch");
    for statement in statements() {
        database.execute(&statement).await;
    }
}

fn statements() -> Vec<String> {
    let all = GROUP_NUMBER + PAIRS;
    vec![
        format!("insert into users (tenant_id, id, name) select 'default', 'p' || n, 'P' || n from generate_series(1, {CONVERSATIONS}) n
                 union all select 'default', 'hub', 'Hub'"),
        // Messages and conversations in turn, the group often; each number in its conversation without a hole.
        format!("create table site_messages as
                 select k, n, {all} + k as position, row_number() over (partition by n order by k) as seq
                   from (select k, case when k % 7 = 0 then {GROUP_NUMBER} else 1 + k % {all} end as n
                           from generate_series(1, {MESSAGES}) k) m"),
        format!("insert into conversations (tenant_id, id, type, context_type, context_id, dedupe_key, last_seq, last_position,
                                            activity_position, last_message_at, created_at, updated_at)
                 select 'default', md5('c' || n)::uuid, case when n = {GROUP_NUMBER} then 'GROUP' else 'PRIVATE' end, 'AD', 'ad-' || n % 500,
                        'site-' || n, coalesce(max(seq), 0), coalesce(max(position), n), coalesce(max(position), n), now(), now(), now()
                   from generate_series(1, {all}) n left join site_messages using (n) group by n"),
        format!("insert into members (tenant_id, conversation_id, user_id, joined_position, joined_at, read_up_to)
                 select 'default', c.id, u.id, n, now(), greatest(0, c.last_seq - case when u.id = 'hub' and n % 10 > 0 then 0 else 1 end)
                   from generate_series(1, {all}) n
                  cross join lateral (select 'hub' as id where n <= {CONVERSATIONS} union all
                                      select 'p' || n where n <= {CONVERSATIONS} union all
                                      select 'p' || generate_series(1, {GROUP}) where n = {GROUP_NUMBER} union all
                                      select unnest(array['p' || n - {GROUP_NUMBER}, 'p' || n - {GROUP_NUMBER} + {PAIRS}]) where n > {GROUP_NUMBER}) u
                   join conversations c on c.tenant_id = 'default' and c.id = md5('c' || n)::uuid"),
        format!("insert into messages (tenant_id, id, conversation_id, seq, type, sender_id, content, idempotency_key, changed_position, created_position, created_at)
                 select 'default', md5('m' || k)::uuid, md5('c' || n)::uuid, seq, 'USER',
                        'p' || case when n = {GROUP_NUMBER} then 1 + k % {GROUP} when n < {GROUP_NUMBER} then n else n - {GROUP_NUMBER} end,
                        'Message number ' || k, 'c:' || k, position, position, now()
                   from site_messages"),
        format!("insert into events (position, tenant_id, type, conversation_id, message_id, actor_id, seq, occurred_at)
                 select n, 'default', 'conversation.created', md5('c' || n)::uuid, null, 'hub', null, now() from generate_series(1, {all}) n
                 union all
                 select position, 'default', 'message.created', md5('c' || n)::uuid, md5('m' || k)::uuid, 'hub', seq, now() from site_messages"),
        // Receipts of a large group are for their reader alone.
        format!("insert into events (position, tenant_id, type, conversation_id, actor_id, audience_user_id, seq, occurred_at)
                 select {all} + {MESSAGES} + n, 'default', 'receipt.read', md5('c{GROUP_NUMBER}')::uuid, 'p' || 1 + n % {GROUP}, 'p' || 1 + n % {GROUP}, n, now()
                   from generate_series(1, 5000) n"),
        "insert into stream_tickets (hash, tenant_id, user_id, token_exp, expires_at)
         select sha256(('t' || n)::bytea), 'default', 'p' || n, now() + '1 hour', now() + '1 hour' from generate_series(1, 5000) n"
            .to_owned(),
        // Everybody was here some time today.
        format!("insert into presence (tenant_id, user_id, last_seen_at, online_until, changed_at)
                 select 'default', 'p' || n, at, at + '75 s', at from generate_series(1, {CONVERSATIONS}) n
                  cross join lateral (select now() - make_interval(secs => 100 + n * 8) as at) t"),
        "drop table site_messages".to_owned(),
        "vacuum analyze".to_owned(),
    ]
}
