//! What is accepted is given back as it was written, wherever it is shown.

use reqwest::Method;
use serde_json::{Value, json};

use crate::listener::Listener;
use crate::support::App;

fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇫🇷",
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
    let stream = bob.request(Method::GET, &format!("/v1/events/stream?since={start}"));
    let mut stream = Listener::open(stream).await;
    let texts = texts();
    for text in &texts {
        let answer = alice.say(&conversation, text).await;
        assert_eq!(answer.status, 201, "{text:?}: {}", answer.text);
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

#[tokio::test]
async fn ids_names_and_addresses_come_back_as_they_were_written() {
    let app = App::start().await;
    let service = crate::support::Person::service(&app.instances[0].url);
    let odd = "été 🏳️‍🌈/%2F?#&\"'<b>+;=@:~";
    let encoded: String = odd.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let profile = json!({ "name": "D'Arc, \"Jeanne\" <b>", "imageUrl": "https://a.example/ü?x=<y>&z='\"", "role": "☎" });
    let put = service
        .put(&format!("/v1/users/{encoded}"), &profile)
        .await
        .ok();
    assert_eq!(
        (&put["id"], &put["name"], &put["imageUrl"], &put["role"]),
        (
            &json!(odd),
            &profile["name"],
            &profile["imageUrl"],
            &profile["role"]
        )
    );
    assert_eq!(service.get(&format!("/v1/users/{encoded}")).await.ok(), put);
    let longest = "𝒳".repeat(128);
    let alice = app.person(&longest);
    let body = json!({ "type": "PRIVATE", "recipientId": odd, "subject": "𝒳".repeat(200), "organizationId": odd, "metadata": { "\u{2028}": odd },
        "context": { "type": "👍", "id": odd, "title": odd, "url": "https://a.example/%00", "startsAt": "2026-03-01T10:30:00.123+01:00" } });
    let conversation = alice.post("/v1/conversations", &body).await.ok();
    for field in ["subject", "organizationId", "metadata"] {
        assert_eq!(conversation[field], body[field]);
    }
    for field in ["type", "id", "title", "url"] {
        assert_eq!(conversation["context"][field], body["context"][field]);
    }
    assert_eq!(
        conversation["context"]["startsAt"], "2026-03-01T09:30:00.123Z",
        "UTC, milliseconds"
    );
    let members = conversation["members"].as_array().expect("members");
    assert!(
        members
            .iter()
            .any(|member| member["user"]["id"] == *longest)
    );
    let found = alice
        .get(&format!(
            "/v1/conversations?contextId={encoded}&organizationId={encoded}"
        ))
        .await
        .ok();
    assert_eq!(found["items"][0]["id"], conversation["id"]);
    let attachment = json!({ "url": "https://a.example/a%20b.jpg?x=é", "type": "image/jpeg", "fileName": odd, "fileSize": i64::MAX });
    let body = json!({ "content": "x", "attachments": vec![attachment.clone(); 10], "clientMessageId": odd });
    let id = conversation["id"].as_str().expect("an id");
    let sent = alice
        .post(&format!("/v1/conversations/{id}/messages"), &body)
        .await
        .ok();
    assert_eq!(sent["clientMessageId"], odd);
    let ids: std::collections::HashSet<_> = sent["attachments"]
        .as_array()
        .expect("ten")
        .iter()
        .map(|a| a["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 10);
    for field in ["url", "type", "fileName", "fileSize"] {
        assert_eq!(sent["attachments"][9][field], attachment[field]);
    }
}
