//! What is kept of a person is handed out to them, to the last column: the catalog says what there is.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, Row};

use crate::support::{App, Person, eventually};

/// Every column of the schema that names a person, and in which part of an export its rows are; none, with the reason.
const COLUMNS: [(&str, Result<&str, &str>); 13] = [
    ("erasures.user_id", Ok("ERASURE")),
    ("events.actor_id", Ok("EVENT")),
    ("events.audience_user_id", Ok("EVENT")),
    ("events.subject_user_id", Ok("EVENT")),
    ("handouts.user_id", Ok("HANDOUT")),
    ("members.user_id", Ok("MEMBERSHIP")),
    ("messages.sender_id", Ok("MESSAGE")),
    ("presence.user_id", Ok("PRESENCE")),
    ("receipt_marks.user_id", Ok("RECEIPT")),
    (
        "revisions.replaced_by",
        Err("in the revisions of one's own messages: nobody edits another's"),
    ),
    ("revocations.user_id", Ok("REVOCATION")),
    ("stream_tickets.user_id", Ok("TICKET")),
    ("users.id", Ok("PROFILE")),
];

/// What is kept and not handed out: it opens something, or says nothing that is not said beside it.
const LEFT_OUT: [&str; 3] = [
    "messages.request_hash",
    "stream_tickets.hash",
    "stream_tickets.token_key",
];

/// Everything that is handed out, page by page.
async fn export(by: &Person, id: &str) -> Vec<Value> {
    let (mut all, mut query) = (Vec::new(), String::new());
    loop {
        let page = by.get(&format!("/v1/users/{id}/export{query}")).await.ok();
        all.extend(page["items"].as_array().expect("items").iter().cloned());
        let Some(token) = page["nextPageToken"].as_str() else {
            assert_eq!(page["hasMore"], false);
            return all;
        };
        query = format!("?pageToken={token}");
    }
}

/// Somebody of whom every table knows something.
async fn known_everywhere(app: &App) -> Person {
    let (alice, bob, conversation) = app.two_people_talking().await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let message =
        json!({ "content": "kept", "clientMessageId": "one", "metadata": { "snake_case": 1 } });
    let said = alice.post(&path, &message).await.ok();
    let one = format!("/v1/messages/{}", said["id"].as_str().expect("an id"));
    alice
        .patch(&one, &json!({ "content": "kept anew" }))
        .await
        .ok();
    bob.say(&conversation, "an answer").await.ok();
    let read = format!("/v1/conversations/{conversation}/read");
    alice.post(&read, &json!({})).await.ok();
    alice
        .patch("/v1/me", &json!({ "receiptsOff": true }))
        .await
        .ok();
    let service = Person::service(&alice.base);
    let revoke = "/v1/admin/users/alice/revoke";
    service.post(revoke, &json!({})).await;
    let alice = eventually("a new token to be let in", async || {
        let anew = Person::new(&alice.base, "alice");
        (anew.get("/v1/me").await.status == 200).then_some(anew)
    })
    .await;
    alice.all_events("0", 10).await;
    alice.post("/v1/stream-tickets", &json!({})).await.ok();
    let mut connection = PgConnection::connect(&app.database.url).await.expect("it");
    let text = "insert into erasures (tenant_id, user_id, position, requested_at, finished_at) values ('default', 'alice', 1, now(), now())";
    sqlx::query(text)
        .execute(&mut connection)
        .await
        .expect("it is there");
    alice
}

#[tokio::test]
async fn every_column_of_every_table_that_knows_a_person_is_in_their_export() {
    let app = App::start().await;
    let alice = known_everywhere(&app).await;
    let mut connection = PgConnection::connect(&app.database.url).await.expect("it");
    let text = "select table_name || '.' || column_name from information_schema.columns
                 where table_schema = 'public' and table_name <> '_sqlx_migrations'
                   and (column_name ~ '(user|sender|actor|author|owner|subject)_id$' or column_name ~ '_by$' or (table_name, column_name) = ('users', 'id'))";
    let columns: Vec<String> = sqlx::query_scalar(text)
        .fetch_all(&mut connection)
        .await
        .expect("the catalog");
    let known: BTreeMap<&str, Result<&str, &str>> = COLUMNS.into_iter().collect();
    for column in &columns {
        assert!(
            known.contains_key(column.as_str()),
            "a new column that names people: {column}"
        );
    }
    // What the columns' names do not say, a search for the person's id does.
    let exported = |table: &str| {
        known
            .iter()
            .any(|(column, part)| part.is_ok() && column.split('.').next() == Some(table))
    };
    for table in crate::erasure::tables_with(&app, "alice").await {
        let is_excepted = ["conversations", "revisions"].contains(&table.as_str());
        assert!(exported(&table) || is_excepted, "{table} knows the person");
    }
    let parts = known
        .iter()
        .filter_map(|(column, part)| Some((*column, part.ok()?)));
    let parts: Vec<(&str, &str)> = parts.collect();
    let mut wrong = String::new();
    // What is noted beside the log comes a second later, and moves meanwhile.
    for _ in 0..50 {
        let export = export(&alice, "alice").await;
        wrong = missing(&mut connection, &parts, &export).await;
        if wrong.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("{wrong}");
}

/// What of the person's rows is not in the export, or empty.
async fn missing(
    connection: &mut PgConnection,
    parts: &[(&str, &str)],
    export: &[Value],
) -> String {
    for (column, kind) in parts {
        let (table, owner) = column.split_once('.').expect("a table and a column");
        let text = format!(
            "select to_jsonb(t) as row from {table} t where tenant_id = 'default' and {owner} = 'alice'"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .fetch_all(&mut *connection)
            .await
            .expect("rows");
        if rows.is_empty() {
            return format!("nothing in {column}: the test shows nothing");
        }
        for row in rows {
            let row: Value = row.get("row");
            let row = row.as_object().expect("columns");
            let is_here = |item: &&Value| {
                item["kind"] == *kind
                    && row.iter().all(|(name, value)| {
                        LEFT_OUT.contains(&format!("{table}.{name}").as_str())
                            || item["data"][camel(name)] == *value
                    })
            };
            if !export.iter().any(|item| is_here(&item)) {
                return format!("not handed out, of {column}: {row:?}");
            }
        }
    }
    let revisions = export
        .iter()
        .filter_map(|item| item["data"]["revisions"].as_array());
    let contents: Vec<_> = revisions.flatten().map(|one| &one["content"]).collect();
    if contents != ["kept"] {
        return format!("the earlier text: {contents:?}");
    }
    String::new()
}

fn camel(name: &str) -> String {
    let mut upper = false;
    let letters = name.chars().filter_map(|letter| {
        let made = if upper {
            letter.to_ascii_uppercase()
        } else {
            letter
        };
        upper = letter == '_';
        (!upper).then_some(made)
    });
    letters.collect()
}

#[tokio::test]
async fn only_the_person_and_the_backend_are_given_an_export_and_every_page_of_it() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let service = Person::service(&alice.base);
    for n in 0..450 {
        alice.say(&conversation, &format!("message {n}")).await.ok();
    }
    bob.say(&conversation, "not hers").await.ok();
    let path = "/v1/users/alice/export";
    assert_eq!(bob.get(path).await.code(), "service-only");
    assert_eq!(
        service.get("/v1/users/nobody/export").await.code(),
        "not-found"
    );
    for token in ["x", "message:1", "event:x", "receipt:' or 1=1"] {
        let answer = alice.get(&format!("{path}?pageToken={token}")).await;
        assert_eq!(answer.status, 400, "{token}: {}", answer.text);
    }
    let mine = export(&alice, "alice").await;
    let contents = |all: &[Value]| -> Vec<String> {
        let messages = all.iter().filter(|item| item["kind"] == "MESSAGE");
        messages
            .map(|item| item["data"]["content"].to_string())
            .collect()
    };
    let expected: Vec<String> = (0..450).map(|n| format!("\"message {n}\"")).collect();
    assert_eq!(contents(&mine), expected);
    assert_eq!(contents(&export(&service, "alice").await), expected);
    let others: Vec<&Value> = mine
        .iter()
        .filter(|item| item["data"]["senderId"] == "bob")
        .collect();
    assert!(others.is_empty(), "{others:?}");
}
