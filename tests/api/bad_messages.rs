//! Messages, horizons and profiles that are not acceptable, field by field.

use reqwest::Method;
use serde_json::json;

use crate::refusals::{Row, Scene, assert_problem, everything, rows};

/// Pointer, code and body of a message.
const MESSAGES: &str = r#"
/content                 required           {}
-                        wrong-type         "x"
/content                 wrong-type         {"content":null}
/content                 wrong-type         {"content":["x"]}
/content                 blank              {"content":""}
/content                 blank              {"content":" \r\n\t\u00a0\u3000"}
/content                 blank              {"content":"\u200b\u200d\ufeff\u2063\u3164"}
/content                 nul-character      {"content":"a\u0000b"}
/content                 blank              {"content":"\u2800\udb40\udc67\u115f\ufff9"}
/content                 too-long           {"content":"*10001"}
/colour                  unknown-field      {"content":"x","colour":1}
/clientMessageId         blank              {"content":"x","clientMessageId":""}
/clientMessageId         too-long           {"content":"x","clientMessageId":"*129"}
/clientMessageId         wrong-type         {"content":"x","clientMessageId":7}
/metadata                wrong-type         {"content":"x","metadata":"x"}
/metadata                too-long           {"content":"x","metadata":{"a":"*4096"}}
/metadata                nul-character      {"content":"x","metadata":{"\u0000":1}}
/attachments             wrong-type         {"content":"x","attachments":{}}
/attachments             too-many           {"content":"x","attachments":[{},{},{},{},{},{},{},{},{},{},{}]}
/attachments/0/type      required           {"content":"x","attachments":[{"url":"https://a.example/"}]}
/attachments/0/fileSize  out-of-range       {"content":"x","attachments":[{"url":"https://a.example/","type":"t","fileSize":-1}]}
/attachments/0/fileSize  wrong-type         {"content":"x","attachments":[{"url":"https://a.example/","type":"t","fileSize":1.5}]}
/attachments/0/fileName  too-long           {"content":"x","attachments":[{"url":"https://a.example/","type":"t","fileName":"*256"}]}
/attachments/0/fileName  bidi-control       {"content":"x","attachments":[{"url":"https://a.example/","type":"t","fileName":"\u202egpj.exe"}]}
/attachments/0/fileName  line-break         {"content":"x","attachments":[{"url":"https://a.example/","type":"t","fileName":"a\u2028.jpg"}]}
/attachments/0/fileName  control-character  {"content":"x","attachments":[{"url":"https://a.example/","type":"t","fileName":"a\t.jpg"}]}
/attachments/0/url       host-not-allowed   {"content":"x","attachments":[{"url":"https://127.0.0.1/a.jpg","type":"t"}]}
/attachments/0/colour    unknown-field      {"content":"x","attachments":[{"url":"https://a.example/","type":"t","colour":1}]}
"#;

/// Nothing that a browser would run, fetch in the clear, send a password to, or take for an address of its own page.
const URLS: &[&str] = &[
    "javascript:alert(1)",
    "java\tscript:alert(1)",
    " javascript:alert(1)",
    "\u{1}https://a.example/",
    "vbscript:x",
    "data:text/html,x",
    "file:///etc/passwd",
    "ftp://a.example/",
    "http://a.example/a.jpg",
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
];

#[tokio::test]
async fn a_message_is_refused_by_the_field() {
    let scene = Scene::set().await;
    let mut bodies = rows(MESSAGES);
    let one = json!({ "url": "https://a.example/", "type": "t" });
    for (body, _, code) in &mut bodies {
        if code == "too-many" {
            body["attachments"] = json!(vec![one.clone(); 11]);
        }
    }
    let attached = |url: &str, code: &str| -> Row {
        let body = json!({ "content": "x", "attachments": [one, { "url": url, "type": "t" }] });
        (body, "/attachments/1/url".to_owned(), code.to_owned())
    };
    bodies.extend(URLS.iter().map(|url| attached(url, "invalid-url")));
    let long = format!("https://a.example/{}", "a".repeat(2048));
    bodies.push(attached(&long, "too-long"));
    let path = "/v1/conversations/{conversation}/messages";
    scene.refuses_fields(Method::POST, path, bodies).await;
}

/// Pointer, code and body of a message that is JSON, and none that a JSON library would write.
const UNHEARD_OF: &str = r#"
/content                 lone-surrogate     {"content":"\ud800"}
/content                 lone-surrogate     {"content":"\udc00"}
/attachments/0/fileName  lone-surrogate     {"content":"x","attachments":[{"url":"https://a.example/","type":"t","fileName":"\ud83dx"}]}
/metadata/a              lone-surrogate     {"content":"x","metadata":{"a":"\udfff\ud800"}}
/content                 duplicate-field    {"content":"x","content":"x"}
/metadata/b/c            duplicate-field    {"content":"x","metadata":{"b":{"c":1,"c":1}}}
/metadata/a              out-of-range       {"content":"x","metadata":{"a":-1e999}}
"#;

#[tokio::test]
async fn half_a_character_and_a_field_given_twice_are_refused_by_the_field() {
    let scene = Scene::set().await;
    let before = everything(&scene.app.database).await;
    let path = format!("/v1/conversations/{}/messages", scene.conversation);
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let deep = format!(r#"/metadata too-deep {{"content":"x","metadata":{{"a":{deep}}}}}"#);
    for line in UNHEARD_OF
        .lines()
        .filter(|line| !line.is_empty())
        .chain([&*deep])
    {
        let (pointer, rest) = line.split_once(' ').expect("a pointer");
        let (code, body) = rest.trim_start().split_once(' ').expect("a code");
        let request = scene.alice.request(Method::POST, &path);
        let request = request.header("Content-Type", "application/json");
        let answer = scene.alice.send(request.body(body.to_owned())).await;
        assert_problem(&answer, line, 422, "invalid-body", Some(pointer));
        assert_eq!(answer.body["errors"][0]["code"], code, "{body:.100}");
    }
    let after = everything(&scene.app.database).await;
    assert_eq!(after, before, "nothing changed");
}

/// Pointer, code and body of a horizon.
const HORIZONS: &str = r#"
/upTo                    out-of-range       {"upTo":2}
/upTo                    out-of-range       {"upTo":9223372036854775807}
/upTo                    out-of-range       {"upTo":0}
/upTo                    out-of-range       {"upTo":-1}
/upTo                    wrong-type         {"upTo":1.5}
/upTo                    wrong-type         {"upTo":"1"}
/upTo                    wrong-type         {"upTo":9223372036854775808}
/upto                    unknown-field      {"upto":1}
-                        wrong-type         1
"#;

/// Pointer, code and body of one profile, and of many.
const PROFILE: &str = r#"
/name                    blank              {"name":""}
/name                    too-long           {"name":"*201"}
/name                    nul-character      {"name":"a\u0000"}
/name                    line-break         {"name":"Alice\r\nBob"}
/name                    bidi-control       {"name":"\u2067Alice"}
/name                    wrong-type         {"name":1}
/imageUrl                invalid-url        {"imageUrl":"http://a.example/"}
/imageUrl                host-not-allowed   {"imageUrl":"https://localhost/"}
/role                    too-long           {"role":"*65"}
/nickname                unknown-field      {"nickname":"x"}
/id                      invalid-value      {"id":"mallory"}
"#;
const PROFILES: &str = r#"
-                        wrong-type         {}
/0/id                    required           [{"name":"x"}]
/1/name                  blank              [{"id":"carol"},{"id":"dan","name":" "}]
/1                       wrong-type         [{"id":"carol"},7]
"#;

#[tokio::test]
async fn a_horizon_and_a_profile_are_refused_by_the_field() {
    let scene = Scene::set().await;
    let path = "/v1/conversations/{conversation}/read";
    scene
        .refuses_fields(Method::POST, path, rows(HORIZONS))
        .await;
    scene
        .refuses_fields(Method::PUT, "/v1/users/bob", rows(PROFILE))
        .await;
    let path = format!("/v1/users/{}", "u".repeat(129));
    scene
        .refuses_fields(Method::PUT, &path, rows("/id too-long {}"))
        .await;
    let mut profiles = rows(PROFILES);
    let many: Vec<_> = (0..1001)
        .map(|i| json!({ "id": format!("u{i}") }))
        .collect();
    profiles.push((json!(many), String::new(), "too-many".to_owned()));
    scene
        .refuses_fields(Method::PUT, "/v1/users", profiles)
        .await;
}
