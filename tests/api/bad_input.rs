//! What bad input gets: a problem that names the field, and nothing changed.

use reqwest::Method;
use serde_json::{Value, json};

use crate::refusals::{Scene, rows};

const CONVERSATIONS: &str = "/v1/conversations";

/// Pointer, code, and what is added to a PRIVATE conversation with bob.
const ADDED: &str = r#"
/members                 invalid-value      {"memberIds":["bob"]}
/colour                  unknown-field      {"colour":1}
/subject                 too-long           {"subject":"*201"}
/subject                 blank              {"subject":" "}
/subject                 line-break         {"subject":"a\u0085b"}
/subject                 bidi-control       {"subject":"a\u202bb"}
/subject                 wrong-type         {"subject":["s"]}
/organizationId          too-long           {"organizationId":"*129"}
/key                     invalid-value      {"key":"k"}
/metadata                wrong-type         {"metadata":[]}
/metadata                too-long           {"metadata":{"a":"*4096"}}
/metadata                nul-character      {"metadata":{"a":["\u0000"]}}
/context/id              required           {"context":{"type":"AD"}}
/context/id              blank              {"context":{"type":"AD","id":""}}
/context/id              wrong-type         {"context":{"type":"AD","id":7}}
/context/type            too-long           {"context":{"type":"*65","id":"1"}}
/context/colour          unknown-field      {"context":{"type":"AD","id":"1","colour":1}}
/context/startsAt        wrong-type         {"context":{"type":"AD","id":"1","startsAt":"tomorrow"}}
/context/title           too-long           {"context":{"type":"AD","id":"1","title":"*201"}}
/context/title           bidi-control       {"context":{"type":"AD","id":"1","title":"\u202dx"}}
/context/url             host-not-allowed   {"context":{"type":"AD","id":"1","url":"https://a.example:8443/"}}
/context/url             invalid-url        {"context":{"type":"AD","id":"1","url":"javascript:alert(1)"}}
/context/imageUrl        invalid-url        {"context":{"type":"AD","id":"1","imageUrl":"http://a.example/"}}
/firstMessage/content    required           {"firstMessage":{}}
/firstMessage/content    blank              {"firstMessage":{"content":"\ufe0f"}}
"#;

/// Pointer, code and the whole body of a conversation.
const WHOLE: &str = r#"
/type                    required           {}
-                        wrong-type         []
/type                    invalid-value      {"type":"CHANNEL"}
/type                    wrong-type         {"type":null}
/type                    wrong-type         {"type":5}
/memberIds               required           {"type":"PRIVATE"}
/recipientId             wrong-type         {"type":"PRIVATE","recipientId":5}
/recipientId             blank              {"type":"PRIVATE","recipientId":""}
/recipientId             blank              {"type":"PRIVATE","recipientId":"\u200b\u2060"}
/recipientId             nul-character      {"type":"PRIVATE","recipientId":"b\u0000b"}
/recipientId             control-character  {"type":"PRIVATE","recipientId":"b\nb"}
/recipientId             too-long           {"type":"PRIVATE","recipientId":"*129"}
/recipientId             too-few            {"type":"PRIVATE","recipientId":"alice"}
/memberIds               too-few            {"type":"PRIVATE","memberIds":["alice"]}
/memberIds               too-many           {"type":"PRIVATE","memberIds":["bob","mallory"]}
/memberIds/1             wrong-type         {"type":"GROUP","memberIds":["bob",5]}
/memberIds/1             blank              {"type":"GROUP","memberIds":["bob",""]}
/members/0/userId        required           {"type":"GROUP","members":[{}]}
/members/0/role          invalid-value      {"type":"GROUP","members":[{"userId":"bob","role":"KING"}]}
/members/0/colour        unknown-field      {"type":"GROUP","members":[{"userId":"bob","colour":1}]}
"#;

#[tokio::test]
async fn a_conversation_is_refused_by_the_field() {
    let scene = Scene::set().await;
    let mut bodies = rows(WHOLE);
    for (added, pointer, code) in rows(ADDED) {
        let mut body = json!({ "type": "PRIVATE", "recipientId": "bob" });
        for (field, value) in added.as_object().expect("fields") {
            body[field] = value.clone();
        }
        bodies.push((body, pointer, code));
    }
    // A thousand and the creator are more than a thousand.
    let ids: Vec<_> = (0..1001).map(|i| format!("u{i}")).collect();
    for ids in [&ids[..], &ids[..1000]] {
        let body = json!({ "type": "GROUP", "memberIds": ids });
        bodies.push((body, "/memberIds".to_owned(), "too-many".to_owned()));
    }
    scene
        .refuses_fields(Method::POST, CONVERSATIONS, bodies)
        .await;
    // All that is wrong is said at once.
    let body = json!({ "type": "PRIVATE", "recipientId": "", "subject": "", "organizationId": "" });
    let answer = scene.alice.post(CONVERSATIONS, &body).await;
    let errors = answer.body["errors"].as_array().map(Vec::len);
    assert_eq!(errors, Some(3), "{}", answer.text);
}

#[tokio::test]
async fn what_only_the_hosts_backend_may_do_is_forbidden_to_others() {
    let scene = Scene::set().await;
    let post = async |body: Value, status: u16, code: &str, pointer: Option<&str>| {
        let cases = vec![(CONVERSATIONS, Some(body), status, code, pointer)];
        scene.refuses(&scene.alice, Method::POST, cases).await;
    };
    let context = json!({ "type": "AD", "id": "1", "unique": true });
    let unique = json!({ "type": "GROUP", "memberIds": ["bob"], "context": context });
    post(unique, 403, "service-only", None).await;
    let message = json!({ "content": "x" });
    let system = json!({ "type": "PRIVATE", "recipientId": "bob", "systemMessage": message });
    post(system, 403, "service-only", None).await;
    let unknown = json!({ "type": "PRIVATE", "recipientId": "nobody" });
    post(unknown, 422, "user-unknown", Some("/recipientId")).await;
    for (path, body) in [
        ("/v1/users/alice", json!({ "name": "Queen" })),
        ("/v1/users", json!([{ "id": "bob", "name": "Fool" }])),
    ] {
        let cases = vec![(path, Some(body), 403, "service-only", None)];
        scene.refuses(&scene.alice, Method::PUT, cases).await;
    }
    let group = json!({ "type": "GROUP", "memberIds": ["bob"] });
    let group = scene.alice.post(CONVERSATIONS, &group).await.ok();
    let path = format!("/v1/conversations/{}", group["id"].as_str().expect("an id"));
    let bob = scene.app.person("bob");
    bob.get("/v1/me").await.ok();
    let cases = vec![(path.as_str(), None, 403, "forbidden", None)];
    scene.refuses(&bob, Method::DELETE, cases).await;
}
