//! Names that people see, of people, conversations, things and files: kept in NFC, in their line and direction.

use serde_json::{Value, json};

use crate::auth::person;
use crate::support::{App, Person};

/// As a Mac writes it, and as everybody else does; then names that are not to be touched.
const NAMES: &[(&str, &str)] = &[
    (
        "Rele\u{301}ve\u{301} d'e\u{301}te\u{301}.pdf",
        "Relévé d'été.pdf",
    ),
    ("\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}", "한글"),
    ("\u{212b}\u{2126}", "\u{c5}\u{3a9}"),
    ("👩‍👩‍👧‍👦🏳️‍🌈👍🏽🇫🇷7\u{fe0f}\u{20e3}", "👩‍👩‍👧‍👦🏳️‍🌈👍🏽🇫🇷7\u{fe0f}\u{20e3}"),
    (
        "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
        "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    ),
    ("מדריך C++ (2)", "מדריך C++ (2)"),
    ("می\u{200c}خواهم", "می\u{200c}خواهم"),
    ("ﬁ ½ Ａ  x ", "ﬁ ½ Ａ  x "),
];

#[tokio::test]
async fn names_are_kept_in_nfc_and_nothing_else_is_changed() {
    let app = App::start().await;
    let service = Person::service(&app.instances[0].url);
    let (alice, bob, private) = app.two_people_talking().await;
    for (n, (written, kept)) in NAMES.iter().enumerate() {
        let profile = json!({ "name": written });
        let put = service.put("/v1/users/bob", &profile).await.ok();
        assert_eq!(put["name"], **kept);
        let many = json!([{ "id": "bob", "name": written }]);
        let many = service.put("/v1/users", &many).await.ok();
        assert_eq!(many["items"][0]["name"], **kept);
        let context = json!({ "type": "AD", "id": format!("{n}"), "title": written });
        let body = json!({ "type": "PRIVATE", "recipientId": "bob", "subject": written, "context": context });
        let made = alice.post("/v1/conversations", &body).await.ok();
        assert_eq!(
            (&made["subject"], &made["context"]["title"]),
            (&json!(kept), &json!(kept))
        );
        let path = format!("/v1/conversations/{private}");
        let changed = alice
            .patch(&path, &json!({ "subject": written }))
            .await
            .ok();
        assert_eq!(changed["subject"], **kept);
        // Sent again in either form it is the same message. What stands in content, metadata and ids is as it was.
        let message = |name: &str| {
            json!({ "content": written, "clientMessageId": written, "metadata": { *written: written },
                "attachments": [{ "url": "https://a.example/", "type": "t", "fileName": name }] })
        };
        let path = format!("{path}/messages");
        let sent = alice.post(&path, &message(written)).await.ok();
        let again = alice.post(&path, &message(kept)).await;
        assert_eq!(
            again.header("Idempotency-Replayed"),
            Some("true"),
            "{}",
            again.text
        );
        assert_eq!(again.body["id"], sent["id"]);
        let read = bob.get(&path).await.ok();
        let last = read["items"]
            .as_array()
            .and_then(|items| items.last())
            .expect("a message");
        assert_eq!(last["attachments"][0]["fileName"], **kept);
        assert_eq!(
            (&last["content"], &last["clientMessageId"]),
            (&json!(written), &json!(written))
        );
        assert_eq!(last["metadata"], json!({ *written: written }));
    }
    let path = format!("/v1/conversations/{private}");
    let taken = alice.patch(&path, &json!({ "subject": null })).await.ok();
    assert_eq!(taken["subject"], Value::Null);
}

#[tokio::test]
async fn a_notice_quotes_old_names_and_ids_in_one_line_and_direction() {
    let app = App::start().await;
    let alice = app.person("alice");
    let odd = "\u{202e}eve\u{2028}";
    for id in ["carol", odd] {
        app.person(id).get("/v1/me").await.ok();
    }
    // As it may stand there since before names were looked at so closely.
    let mut connection = app.database.connect().await;
    let old = "update users set name = case id when 'carol' then E'\\u2067Ca\\nrol' end where id <> 'alice'";
    sqlx::query(old)
        .execute(&mut connection)
        .await
        .expect("it is ours");
    let body = json!({ "type": "GROUP", "memberIds": [] });
    let group = alice.post("/v1/conversations", &body).await.ok();
    let path = format!("/v1/conversations/{}", group["id"].as_str().expect("an id"));
    let added = json!({ "memberIds": ["carol", odd] });
    alice.post(&format!("{path}/members"), &added).await.ok();
    let page = alice.get(&format!("{path}/messages")).await.ok();
    let last = page["items"]
        .as_array()
        .and_then(|items| items.last())
        .expect("a notice");
    assert_eq!(last["content"], "alice a ajouté Carol et eve.");
    assert_eq!(last["notice"]["userIds"], json!(["carol", odd]));
}

#[tokio::test]
async fn a_token_with_a_name_or_picture_that_is_not_acceptable_is_good_without_it() {
    let app = App::start().await;
    for (id, name, picture, kept) in [
        (
            "u1",
            "Ame\u{301}lie",
            "https://a.example/a.png",
            json!(["Amélie", "https://a.example/a.png"]),
        ),
        (
            "u2",
            "\u{202e}ecilA",
            "https://127.0.0.1/a.png",
            json!([null, null]),
        ),
        (
            "u3",
            "Ali\u{2028}ce",
            "https://a.example\\@b.example/",
            json!([null, null]),
        ),
    ] {
        let claims = json!({ "sub": id, "name": name, "picture": picture });
        let me = person(&app, claims).get("/v1/me").await.ok();
        assert_eq!(json!([me["name"], me["imageUrl"]]), kept, "{me}");
    }
}
