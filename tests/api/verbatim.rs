//! What is accepted is given back as it was written, wherever it is shown.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::listener::Listener;
use crate::support::{App, Person};

fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇫🇷 7\u{fe0f}\u{20e3} 👩🏾\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨🏻",
        "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
        "می\u{200c}خواهم क्\u{200d}ष",
        "\u{2067}\u{202e}fdp.exe\u{2069} \u{200e}\u{61c}",
        "{\"cursor\":\"c0-0\"}]}\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        ": a comment\nretry: 0\r\rid\r\u{0b}\u{0c}",
        "\u{fdfa}\u{1f}\u{ffff}\u{fdd0}\u{f900}",
        "שלום \u{202b}مرحبا\u{202c} \u{200f}عالم",
        "e\u{301} is not \u{e9}, and Å is not Å",
        "one\r\ntwo\nthree\rfour",
        "line\u{2028}paragraph\u{2029}next\u{85}line",
        "\"quotes\" 'single' \\back\\ /slash/ \\u0000 \\n",
        "<script>alert('x')</script> &amp; <b>&lt;</b>",
        "  kept  spaces \t and tabs  ",
        "data: forged\n\nid: c0-0\nevent: goodbye\ndata: {}\n\n",
        "Z\u{351}\u{36b}a\u{33f}l\u{334}g\u{322}o",
        "\u{feff}byte order mark",
        "zero\u{200b}width\u{200d}joiner\u{2060}",
        "\u{1}\u{7f}\u{9b}controls",
        "𝒳 \u{10ffff} \u{e000} \u{fffd}",
        "%00 %s {} ${x} {{y}} '; drop table messages; --",
        "null",
        "0",
        ".",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("é".repeat(10_000));
    texts.push(format!("\n{}\n", "𝒳".repeat(9_999)));
    texts
}

#[tokio::test]
async fn what_is_accepted_comes_back_as_it_was_written_on_every_way() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let start = bob.cursor().await;
    let mut waited = start.clone();
    let stream = bob.request(Method::GET, &format!("/v1/events/stream?since={start}"));
    let mut stream = Listener::open(stream).await;
    let texts = texts();
    for text in &texts {
        let (answer, woken) = tokio::join!(
            alice.say(&conversation, text),
            bob.poll(&waited, "&wait=50")
        );
        assert_eq!(answer.status, 201, "{text:?}: {}", answer.text);
        let content = woken.body["events"][0].pointer("/data/message/content");
        assert_eq!(content, Some(&json!(text)), "the long-poll");
        waited = woken.cursor();
        assert_eq!(answer.body["content"], **text, "the answer");
        let streamed = stream.until("message.created").await;
        assert_eq!(
            streamed.data["data"]["message"]["content"], **text,
            "the stream"
        );
        assert_eq!(streamed.id.as_deref(), streamed.data["cursor"].as_str());
        let id = answer.body["id"].as_str().expect("an id");
        assert_eq!(
            bob.get(&format!("/v1/messages/{id}")).await.ok()["content"],
            **text
        );
        let read = bob
            .get(&format!("/v1/conversations/{conversation}"))
            .await
            .ok();
        assert_eq!(read["lastMessage"]["content"], **text, "the conversation");
    }
    let (events, _) = bob.all_events(&start, 7).await;
    let of = |list: &[Value], path: &str| -> Vec<Value> {
        list.iter()
            .filter_map(|item| item.pointer(path).cloned())
            .collect()
    };
    assert_eq!(of(&events, "/data/message/content"), texts, "the poll");
    let path = format!("/v1/conversations/{conversation}/messages");
    for query in ["", "?after=0", "?since=0", "?page=1"] {
        let page = bob.get(&format!("{path}{query}")).await.ok();
        let items = page["items"].as_array().expect("items");
        assert_eq!(of(items, "/content"), texts, "the history {query}");
    }
}

const ODD: &str = "été 🏳️‍🌈/%2F?#&\"'<b>+;=@:~";

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Holds these fields of an answer against what was asked.
#[track_caller]
fn assert_kept(answer: &Value, asked: &Value, fields: &[&str]) {
    for field in fields {
        assert_eq!(answer[field], asked[field], "{field}");
    }
}

#[tokio::test]
async fn ids_names_and_addresses_come_back_as_they_were_written() {
    let app = App::start().await;
    let service = Person::service(&app.instances[0].url);
    let path = format!("/v1/users/{}", encoded(ODD));
    let profile = json!({ "id": ODD, "name": "D'Arc, \"Jeanne\" <b>", "imageUrl": "https://a.example/ü?x=<y>&z='\"", "role": "☎" });
    assert_eq!(service.put(&path, &profile).await.ok(), profile);
    assert_eq!(service.get(&path).await.ok(), profile);
    let longest = "𝒳".repeat(128);
    let alice = Person::with(&service.base, &longest, |claims| {
        (claims.more).insert("organizations".to_owned(), json!([ODD]));
    });
    let context = json!({ "type": "👍", "id": ODD, "title": ODD, "url": "https://a.example/%00", "startsAt": "2026-03-01T10:30:00.123+01:00" });
    let body = json!({ "type": "PRIVATE", "recipientId": ODD, "subject": "𝒳".repeat(200), "organizationId": ODD,
        "metadata": { "\u{2028}": ODD }, "context": context });
    let made = alice.post("/v1/conversations", &body).await.ok();
    assert_kept(&made, &body, &["subject", "organizationId", "metadata"]);
    assert_kept(&made["context"], &context, &["type", "id", "title", "url"]);
    let starts_at = &made["context"]["startsAt"];
    assert_eq!(starts_at, "2026-03-01T09:30:00.123Z", "UTC, milliseconds");
    let members = made["members"].as_array().expect("members");
    assert!(
        members
            .iter()
            .any(|member| member["user"]["id"] == *longest)
    );
    let odd = encoded(ODD);
    let found = format!("/v1/conversations?contextId={odd}&organizationId={odd}");
    assert_eq!(alice.get(&found).await.ok()["items"][0]["id"], made["id"]);
}

/// Without what only its sender is told.
fn as_everybody_sees(mut message: Value) -> Value {
    let fields = message.as_object_mut().expect("a message");
    assert_eq!(fields.remove("status"), Some(json!("SENT")));
    message
}

#[tokio::test]
async fn attachments_come_back_as_they_were_sent_each_with_an_id() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let attachment = json!({ "url": "https://a.example/a%20b.jpg?x=é", "type": "image/jpeg", "fileName": ODD, "fileSize": i64::MAX });
    let body = json!({ "content": "x", "attachments": vec![attachment.clone(); 10], "clientMessageId": ODD });
    let path = format!("/v1/conversations/{conversation}/messages");
    let sent = alice.post(&path, &body).await.ok();
    assert_eq!(sent["clientMessageId"], ODD);
    let attachments = sent["attachments"].as_array().expect("ten");
    let ids: HashSet<_> = attachments.iter().map(|a| a["id"].to_string()).collect();
    assert_eq!(ids.len(), 10);
    for one in attachments {
        assert_kept(one, &attachment, &["url", "type", "fileName", "fileSize"]);
    }
    assert_eq!(
        as_everybody_sees(sent),
        bob.get(&path).await.ok()["items"][0]
    );
}
