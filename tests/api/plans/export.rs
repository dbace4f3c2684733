//! An export of somebody of whom very much is kept: no page of it reads the pages before it.

use serde_json::Value;

use super::plan::{self, IN_VAIN};
use crate::export::export;
use crate::support::App;

/// Alice is in so many conversations, said something in each, and edited it; in the first very often. So it is with marks.
const CONVERSATIONS: i64 = 3_000;
const OFTEN: i64 = 5_000;
/// Conversations of a thousand other people.
const ELSEWHERE: i64 = 30_000;

/// Rows that are looked at for one page, of a hundred.
const LOOKS: f64 = 500.0;

fn kept() -> Vec<String> {
    let all = format!("from generate_series(1, {CONVERSATIONS}) n");
    let often = format!("from generate_series(1, {OFTEN}) n");
    vec![
        "insert into users (tenant_id, id, name) select 'default', 'p' || n, 'P' from generate_series(0, 999) n
         union all select 'default', 'alice', 'Alice'"
            .to_owned(),
        format!("insert into conversations (tenant_id, id, type, last_seq, last_position, activity_position, created_at, updated_at)
                 select 'default', md5('c' || n)::uuid, 'PRIVATE', 1, n, n, now(), now() from generate_series(1, {CONVERSATIONS} + {ELSEWHERE}) n"),
        format!("insert into members (tenant_id, conversation_id, user_id, joined_position, joined_at)
                 select 'default', md5('c' || n)::uuid, case when n <= {CONVERSATIONS} then 'alice' else 'p' || n % 1000 end, n, now()
                   from generate_series(1, {CONVERSATIONS} + {ELSEWHERE}) n"),
        format!("insert into messages (tenant_id, id, conversation_id, seq, type, sender_id, content, changed_position, created_position, created_at)
                 select 'default', md5('m' || n)::uuid, md5('c' || n)::uuid, 1, 'USER', 'alice', 'said', n, n, now() {all}"),
        format!("insert into revisions (tenant_id, message_id, position, content, attachments, metadata, replaced_at, replaced_by)
                 select 'default', md5('m' || m)::uuid, p, 'said before', '[]', '{{}}', now(), 'alice'
                   from (select n as m, 1 as p {all} union all select 1, 1 + n {often}) edits"),
        format!("insert into receipt_marks (tenant_id, conversation_id, user_id, status, up_to, at)
                 select 'default', md5('c' || c)::uuid, 'alice', 'READ', u, now()
                   from (select n as c, 1 as u {all} union all select 1, 1 + n {often}) marks"),
        format!("insert into handouts (tenant_id, user_id, transport, after, up_to, at)
                 select 'default', 'alice', 'POLL', n - 1, n, now() {often}"),
        format!("insert into erasures (tenant_id, user_id, position, requested_at, finished_at)
                 select 'default', 'alice', n, now(), now() {often}"),
        "vacuum analyze".to_owned(),
    ]
}

#[tokio::test]
async fn no_page_of_an_export_reads_the_pages_before_it() {
    let mut app = App::with(0, "").await;
    let mut connection = app.database.connect().await;
    let migrated = causerie::store::migrate(&mut connection).await;
    migrated.expect("the schema");
    for statement in kept() {
        app.database.execute(&statement).await;
    }
    plan::explain_everything(&app.database).await;
    let notices = ("RUST_LOG", "causerie=info,sqlx::postgres::notice=info");
    app.add("", &[notices]).await;
    let rows = export(&app.person("alice"), "alice").await.len() as i64;
    assert!(rows >= 4 * CONVERSATIONS + 4 * OFTEN, "{rows} rows");

    // Of the log and of a conversation windows are looked through, and tickets live for a minute.
    let is_keyed = |text: &str| {
        let by_key = text.contains(" as key, to_jsonb(") && text.contains("split_part($3");
        by_key || text.contains("select c.id, c.last_seq")
    };
    let mut executed = plan::in_log(&app.instances[0].log());
    executed.retain(|one| is_keyed(&one.text));
    assert!(
        executed.len() as i64 >= rows / 400,
        "{} pages",
        executed.len()
    );
    for one in executed {
        let (objections, looks) = (one.objections(IN_VAIN), most(&one.plan));
        assert!(
            objections.is_empty() && looks <= LOOKS,
            "{looks} looks, {objections:?}\n{}\n{:#}",
            one.text,
            one.plan
        );
    }
}

/// The most rows that any part of a plan gives, or times that it is asked.
fn most(node: &Value) -> f64 {
    let number = |of: &str| node[of].as_f64().expect("log_analyze");
    let own = number("Actual Rows").max(1.0) * number("Actual Loops");
    let inputs = node["Plans"].as_array().into_iter().flatten();
    inputs.map(most).fold(own, f64::max)
}
