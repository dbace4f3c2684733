//! Messages, horizons and profiles that are not acceptable, field by field.

use reqwest::Method;
use serde_json::{Value, json};

use crate::bad_input::refuse_fields;
use crate::refusals::Scene;

const MESSAGES: &str = "/v1/conversations/{conversation}/messages";

#[tokio::test]
async fn a_message_is_refused_by_the_field() {
    let scene = Scene::set().await;
    let with = |field: &str, value: Value| {
        let mut body = json!({ "content": "x" });
        body[field] = value;
        body
    };
    let attached = |url: &str| with("attachments", json!([{ "url": url, "type": "image/jpeg" }]));
    let one = json!({ "url": "https://a.example/", "type": "t" });
    let mut bodies = vec![
        (json!({}), "/content", "required"),
        (json!("x"), "", "wrong-type"),
        (json!({ "content": null }), "/content", "wrong-type"),
        (json!({ "content": ["x"] }), "/content", "wrong-type"),
        (json!({ "content": "" }), "/content", "blank"),
        (
            json!({ "content": " \r\n\t\u{a0}\u{3000}" }),
            "/content",
            "blank",
        ),
        (
            json!({ "content": "\u{200b}\u{200d}\u{feff}\u{2063}\u{3164}" }),
            "/content",
            "blank",
        ),
        (json!({ "content": "a\0b" }), "/content", "nul-character"),
        (
            json!({ "content": "é".repeat(10_001) }),
            "/content",
            "too-long",
        ),
        (with("colour", json!(1)), "/colour", "unknown-field"),
        (
            with("clientMessageId", json!("")),
            "/clientMessageId",
            "blank",
        ),
        (
            with("clientMessageId", json!("c".repeat(129))),
            "/clientMessageId",
            "too-long",
        ),
        (
            with("clientMessageId", json!(7)),
            "/clientMessageId",
            "wrong-type",
        ),
        (with("metadata", json!("x")), "/metadata", "wrong-type"),
        (
            with("metadata", json!({ "a": "x".repeat(4096) })),
            "/metadata",
            "too-long",
        ),
        (
            with("metadata", json!({ "\0": 1 })),
            "/metadata",
            "nul-character",
        ),
        (with("attachments", json!({})), "/attachments", "wrong-type"),
        (
            with("attachments", json!(vec![one; 11])),
            "/attachments",
            "too-many",
        ),
        (
            with("attachments", json!([{ "url": "https://a.example/" }])),
            "/attachments/0/type",
            "required",
        ),
        (
            with(
                "attachments",
                json!([{ "url": "https://a.example/", "type": "t", "fileSize": -1 }]),
            ),
            "/attachments/0/fileSize",
            "out-of-range",
        ),
        (
            with(
                "attachments",
                json!([{ "url": "https://a.example/", "type": "t", "fileSize": 1.5 }]),
            ),
            "/attachments/0/fileSize",
            "wrong-type",
        ),
        (
            with(
                "attachments",
                json!([{ "url": "https://a.example/", "type": "t", "fileName": "n".repeat(256) }]),
            ),
            "/attachments/0/fileName",
            "too-long",
        ),
        (
            with(
                "attachments",
                json!([{ "url": "https://a.example/", "type": "t", "colour": 1 }]),
            ),
            "/attachments/0/colour",
            "unknown-field",
        ),
    ];
    for url in [
        "javascript:alert(1)",
        "java\tscript:alert(1)",
        " javascript:alert(1)",
        "http://a.example/a.jpg",
        "ftp://a.example/",
        "data:text/html,x",
        "//a.example/a.jpg",
        "/a.jpg",
        "a.jpg",
        "https:a.jpg",
        "https:/a.jpg",
        "https://",
        "https://user@a.example/",
        "https://user:secret@a.example/",
        "https://a.example/\n",
        "https://a b.example/",
        "\u{1}https://a.example/",
        "vbscript:x",
        "file:///etc/passwd",
    ] {
        bodies.push((attached(url), "/attachments/0/url", "invalid-url"));
    }
    bodies.push((
        attached(&format!("https://a.example/{}", "a".repeat(2048))),
        "/attachments/0/url",
        "too-long",
    ));
    refuse_fields(&scene, Method::POST, MESSAGES, bodies).await;
}

#[tokio::test]
async fn a_horizon_and_a_profile_are_refused_by_the_field() {
    let scene = Scene::set().await;
    let read = vec![
        (json!({ "upTo": 2 }), "/upTo", "out-of-range"),
        (json!({ "upTo": i64::MAX }), "/upTo", "out-of-range"),
        (json!({ "upTo": 0 }), "/upTo", "out-of-range"),
        (json!({ "upTo": -1 }), "/upTo", "out-of-range"),
        (json!({ "upTo": 1.5 }), "/upTo", "wrong-type"),
        (json!({ "upTo": "1" }), "/upTo", "wrong-type"),
        (json!({ "upto": 1 }), "/upto", "unknown-field"),
        (json!(1), "", "wrong-type"),
    ];
    refuse_fields(
        &scene,
        Method::POST,
        "/v1/conversations/{conversation}/read",
        read,
    )
    .await;
    let profile = vec![
        (json!({ "name": "" }), "/name", "blank"),
        (json!({ "name": "n".repeat(201) }), "/name", "too-long"),
        (json!({ "name": "a\u{0}" }), "/name", "nul-character"),
        (json!({ "name": 1 }), "/name", "wrong-type"),
        (
            json!({ "imageUrl": "http://a.example/" }),
            "/imageUrl",
            "invalid-url",
        ),
        (json!({ "role": "r".repeat(65) }), "/role", "too-long"),
        (json!({ "nickname": "x" }), "/nickname", "unknown-field"),
        (json!({ "id": "mallory" }), "/id", "invalid-value"),
    ];
    refuse_fields(&scene, Method::PUT, "/v1/users/bob", profile).await;
    refuse_fields(
        &scene,
        Method::PUT,
        &format!("/v1/users/{}", "u".repeat(129)),
        vec![(json!({}), "/id", "too-long")],
    )
    .await;
    let profiles = vec![
        (json!({}), "", "wrong-type"),
        (json!([{ "name": "x" }]), "/0/id", "required"),
        (
            json!([{ "id": "carol" }, { "id": "dan", "name": " " }]),
            "/1/name",
            "blank",
        ),
        (json!([{ "id": "carol" }, 7]), "/1", "wrong-type"),
        (
            json!(
                (0..1001)
                    .map(|i| json!({ "id": format!("u{i}") }))
                    .collect::<Vec<_>>()
            ),
            "",
            "too-many",
        ),
    ];
    refuse_fields(&scene, Method::PUT, "/v1/users", profiles).await;
}
