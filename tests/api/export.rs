//! What is kept of a person is handed out to them, to the last column: the catalog says what there is.

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, Row};

use crate::refusals::assert_problem;
use crate::scheduled::schedule;
use crate::support::{App, Person, eventually};

/// Every column of the schema that names a person, and in which part of an export its rows are.
const COLUMNS: [(&str, &str); 18] = [
    ("digests.user_id", "DIGEST"),
    ("erasures.user_id", "ERASURE"),
    ("events.actor_id", "EVENT"),
    ("events.audience_user_id", "EVENT"),
    ("events.subject_user_id", "EVENT"),
    ("handouts.user_id", "HANDOUT"),
    ("jobs.user_id", "JOB"),
    ("members.user_id", "MEMBERSHIP"),
    ("messages.sender_id", "MESSAGE"),
    ("notification_preferences.user_id", "PREFERENCES"),
    ("notifications.user_id", "NOTIFICATION"),
    ("presence.user_id", "PRESENCE"),
    ("receipt_marks.user_id", "RECEIPT"),
    ("reminder_people.user_id", "REMINDER"),
    ("revisions.replaced_by", "REVISION"),
    ("revocations.user_id", "REVOCATION"),
    ("stream_tickets.user_id", "TICKET"),
    ("users.id", "PROFILE"),
];

/// What is kept and not handed out: it opens something, or says nothing that is not said beside it.
const LEFT_OUT: [&str; 3] = [
    "messages.request_hash",
    "stream_tickets.hash",
    "stream_tickets.token_key",
];

/// Everything that is handed out, page by page.
pub async fn export(by: &Person, id: &str) -> Vec<Value> {
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
    schedule(&alice, &conversation, "kept for later").await;
    let read = format!("/v1/conversations/{conversation}/read");
    alice.post(&read, &json!({})).await.ok();
    alice
        .patch("/v1/me", &json!({ "receiptsOff": true }))
        .await
        .ok();
    let wishes = json!({ "language": "en" });
    alice.patch("/v1/me/preferences", &wishes).await.ok();
    let service = Person::service(&alice.base);
    let told = json!({ "userId": "alice", "type": "T", "title": "kept" });
    service.post("/v1/notifications", &told).await.ok();
    let remind = json!({ "userIds": ["alice"], "at": crate::scheduled::ahead(3600), "notification": { "type": "T", "title": "kept" } });
    service.post("/v1/reminders", &remind).await.ok();
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
    let text =
        "insert into digests (tenant_id, user_id, conversation_id, told_at, told_up_to, times)
        select 'default', 'alice', id, now(), 1, 1 from conversations";
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
    for column in &columns {
        let is_known = COLUMNS.iter().any(|(known, _)| known == column);
        assert!(is_known, "a new column that names people: {column}");
    }
    // What the columns' names do not say, a search for the person's id does.
    let exported = |table: &str| {
        let mut tables = COLUMNS.iter().map(|(column, _)| column.split('.').next());
        tables.any(|known| known == Some(table))
    };
    for table in crate::erasure::tables_with(&app, "alice").await {
        let is_excepted = table == "conversations";
        assert!(exported(&table) || is_excepted, "{table} knows the person");
    }
    let mut wrong = String::new();
    // What is noted beside the log comes a second later, and moves meanwhile.
    for _ in 0..50 {
        let export = export(&alice, "alice").await;
        wrong = missing(&mut connection, &export).await;
        if wrong.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("{wrong}");
}

/// What of the person's rows is not in the export, or empty.
async fn missing(connection: &mut PgConnection, export: &[Value]) -> String {
    for (column, kind) in COLUMNS {
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
                item["kind"] == kind
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
    let revisions = export.iter().filter(|item| item["kind"] == "REVISION");
    let contents: Vec<_> = revisions.map(|one| &one["data"]["content"]).collect();
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
async fn a_notice_is_in_the_exports_of_those_whom_it_names_alone() {
    let app = App::start().await;
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| app.person(id));
    for person in [&alice, &bob, &carol] {
        person.get("/v1/me").await.ok();
    }
    let group = json!({ "type": "GROUP", "memberIds": ["carol"] });
    let group = alice.post("/v1/conversations", &group).await.ok();
    let members = group["id"].as_str().expect("an id");
    let members = format!("/v1/conversations/{members}/members");
    let bobs = json!({ "memberIds": ["bob"] });
    alice.post(&members, &bobs).await.ok();
    for (person, is_named) in [(&alice, true), (&bob, true), (&carol, false)] {
        let all = export(person, &person.id).await;
        let mut messages = all.iter().filter(|item| item["kind"] == "MESSAGE");
        let is_there = messages.any(|one| one["data"]["notice"]["type"] == "JOINED");
        assert_eq!(is_there, is_named, "{}", person.id);
    }
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

/// Of each part one that cannot be; numbers that would not add up among them.
const NO_PLACES: [&str; 22] = [
    "",
    "x",
    "else:1",
    "profile:x",
    "membership:ID",
    "membership:ID/-1",
    "message:",
    "message:1",
    "message:ID/9223372036854775807",
    "message:ID/9223372036854770000",
    "revision:ID/x",
    "revision:ID/9223372036854775807",
    "receipt:' or 1=1",
    "receipt:ID/READ/-1",
    "presence:alice",
    "revocation:alice",
    "ticket:zz",
    "handout:POLL/9223372036854775808/1",
    "erasure:-1",
    "event:x",
    "event:-1",
    "event:9223372036854775807",
];

#[tokio::test]
async fn a_token_that_no_page_gave_is_refused_and_one_beyond_the_last_row_goes_on() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let path = "/v1/users/alice/export?pageToken=";
    for token in NO_PLACES {
        let token = token.replace("ID", &conversation);
        let answer = alice.get(&format!("{path}{token}")).await;
        assert_problem(&answer, &token, 400, "invalid-parameter", Some("pageToken"));
    }
    let far = i64::MAX / 2;
    for token in [
        format!("message:{conversation}/{far}"),
        format!("revision:{conversation}/{far}"),
        format!("receipt:{conversation}/READ/{far}"),
        format!("handout:POLL/{far}/{far}"),
        format!("erasure:{far}"),
    ] {
        let page = alice.get(&format!("{path}{token}")).await.ok();
        assert_eq!(page["hasMore"], true, "{token}: the parts that follow");
    }
    let last = alice.get(&format!("{path}event:{far}")).await.ok();
    assert_eq!(
        (&last["items"], &last["hasMore"]),
        (&json!([]), &json!(false))
    );
}
