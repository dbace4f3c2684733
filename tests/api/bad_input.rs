//! What bad input gets: a problem that names it, and nothing changed.

use reqwest::Method;
use serde_json::{Value, json};

use crate::refusals::Scene;

const CONVERSATIONS: &str = "/v1/conversations";
/// A body that is refused as 422 with `pointer`, and the code of that field.
pub async fn refuse_fields(
    scene: &Scene,
    method: Method,
    path: &str,
    bodies: Vec<(Value, &str, &str)>,
) {
    let by = if method == Method::PUT {
        &scene.service
    } else {
        &scene.alice
    };
    let cases = bodies.iter().map(|(body, pointer, _)| {
        (
            path,
            Some(body.clone()),
            422,
            "invalid-body",
            Some(*pointer),
        )
    });
    scene.refuses(by, method.clone(), cases.collect()).await;
    for (body, pointer, code) in bodies {
        let answer = scene
            .request(by, method.clone(), path, Some(body))
            .send("en")
            .await;
        assert_eq!(answer.body["errors"][0]["code"], code, "{pointer}");
    }
}

fn pair_with(field: &str, value: Value) -> Value {
    let mut body = json!({ "type": "PRIVATE", "recipientId": "bob" });
    body[field] = value;
    body
}

#[tokio::test]
async fn a_conversation_is_refused_by_the_field() {
    let scene = Scene::set().await;
    let ids: Vec<_> = (0..1001).map(|i| format!("u{i}")).collect();
    let bodies = vec![
        (json!({}), "/type", "required"),
        (json!([]), "", "wrong-type"),
        (json!({ "type": "CHANNEL" }), "/type", "invalid-value"),
        (json!({ "type": null }), "/type", "wrong-type"),
        (json!({ "type": "PRIVATE" }), "/memberIds", "required"),
        (
            json!({ "type": "PRIVATE", "recipientId": 5 }),
            "/recipientId",
            "wrong-type",
        ),
        (
            json!({ "type": "PRIVATE", "recipientId": "" }),
            "/recipientId",
            "blank",
        ),
        (
            json!({ "type": "PRIVATE", "recipientId": "\u{200b}\u{2060}" }),
            "/recipientId",
            "blank",
        ),
        (
            json!({ "type": "PRIVATE", "recipientId": "b\0b" }),
            "/recipientId",
            "nul-character",
        ),
        (
            json!({ "type": "PRIVATE", "recipientId": "b\nb" }),
            "/recipientId",
            "control-character",
        ),
        (
            json!({ "type": "PRIVATE", "recipientId": "b".repeat(129) }),
            "/recipientId",
            "too-long",
        ),
        (
            json!({ "type": "PRIVATE", "recipientId": "alice" }),
            "/recipientId",
            "too-few",
        ),
        (
            json!({ "type": "PRIVATE", "memberIds": ["alice"] }),
            "/memberIds",
            "too-few",
        ),
        (
            json!({ "type": "PRIVATE", "memberIds": ["bob", "mallory"] }),
            "/memberIds",
            "too-many",
        ),
        (
            json!({ "type": "GROUP", "memberIds": ids }),
            "/memberIds",
            "too-many",
        ),
        (
            json!({ "type": "GROUP", "memberIds": ids[..1000] }),
            "/memberIds",
            "too-many",
        ),
        (
            json!({ "type": "GROUP", "memberIds": ["bob", 5] }),
            "/memberIds/1",
            "wrong-type",
        ),
        (
            json!({ "type": "GROUP", "memberIds": ["bob", ""] }),
            "/memberIds/1",
            "blank",
        ),
        (
            json!({ "type": "GROUP", "members": [{}] }),
            "/members/0/userId",
            "required",
        ),
        (
            json!({ "type": "GROUP", "members": [{ "userId": "bob", "role": "KING" }] }),
            "/members/0/role",
            "invalid-value",
        ),
        (
            json!({ "type": "GROUP", "members": [{ "userId": "bob", "colour": 1 }] }),
            "/members/0/colour",
            "unknown-field",
        ),
        (
            pair_with("memberIds", json!(["bob"])),
            "/members",
            "invalid-value",
        ),
        (pair_with("colour", json!(1)), "/colour", "unknown-field"),
        (
            pair_with("subject", json!("s".repeat(201))),
            "/subject",
            "too-long",
        ),
        (pair_with("subject", json!(" ")), "/subject", "blank"),
        (
            pair_with("organizationId", json!("o".repeat(129))),
            "/organizationId",
            "too-long",
        ),
        (pair_with("key", json!("k")), "/key", "invalid-value"),
        (pair_with("metadata", json!([])), "/metadata", "wrong-type"),
        (
            pair_with("metadata", json!({ "a": "x".repeat(4096) })),
            "/metadata",
            "too-long",
        ),
        (
            pair_with("metadata", json!({ "a": ["\0"] })),
            "/metadata",
            "nul-character",
        ),
        (
            pair_with("context", json!({ "type": "AD" })),
            "/context/id",
            "required",
        ),
        (
            pair_with("context", json!({ "type": "AD", "id": "" })),
            "/context/id",
            "blank",
        ),
        (
            pair_with("context", json!({ "type": "t".repeat(65), "id": "1" })),
            "/context/type",
            "too-long",
        ),
        (
            pair_with("context", json!({ "type": "AD", "id": "1", "colour": 1 })),
            "/context/colour",
            "unknown-field",
        ),
        (
            pair_with(
                "context",
                json!({ "type": "AD", "id": "1", "startsAt": "tomorrow" }),
            ),
            "/context/startsAt",
            "wrong-type",
        ),
        (
            pair_with(
                "context",
                json!({ "type": "AD", "id": "1", "title": "t".repeat(201) }),
            ),
            "/context/title",
            "too-long",
        ),
        (
            pair_with(
                "context",
                json!({ "type": "AD", "id": "1", "url": "javascript:alert(1)" }),
            ),
            "/context/url",
            "invalid-url",
        ),
        (
            pair_with(
                "context",
                json!({ "type": "AD", "id": "1", "imageUrl": "http://a.example/" }),
            ),
            "/context/imageUrl",
            "invalid-url",
        ),
        (
            pair_with("firstMessage", json!({})),
            "/firstMessage/content",
            "required",
        ),
        (
            pair_with("firstMessage", json!({ "content": "\u{fe0f}" })),
            "/firstMessage/content",
            "blank",
        ),
    ];
    refuse_fields(&scene, Method::POST, CONVERSATIONS, bodies).await;
    // All that is wrong is said at once.
    let body = json!({ "type": "PRIVATE", "recipientId": "", "subject": "", "organizationId": "" });
    let answer = scene.alice.post(CONVERSATIONS, &body).await;
    assert_eq!(
        answer.body["errors"].as_array().map(Vec::len),
        Some(3),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn what_only_the_hosts_backend_may_do_is_forbidden_to_others() {
    let scene = Scene::set().await;
    let unique = json!({ "type": "GROUP", "memberIds": ["bob"], "context": { "type": "AD", "id": "1", "unique": true } });
    let system =
        json!({ "type": "PRIVATE", "recipientId": "bob", "systemMessage": { "content": "x" } });
    let posts = vec![
        (CONVERSATIONS, Some(unique), 403, "service-only", None),
        (CONVERSATIONS, Some(system), 403, "service-only", None),
    ];
    scene.refuses(&scene.alice, Method::POST, posts).await;
    let puts = vec![
        (
            "/v1/users/alice",
            Some(json!({ "name": "Queen" })),
            403,
            "service-only",
            None,
        ),
        (
            "/v1/users",
            Some(json!([{ "id": "bob", "name": "Fool" }])),
            403,
            "service-only",
            None,
        ),
    ];
    scene.refuses(&scene.alice, Method::PUT, puts).await;
    let unknown = json!({ "type": "PRIVATE", "recipientId": "nobody" });
    let stranger = vec![(
        CONVERSATIONS,
        Some(unknown),
        422,
        "user-unknown",
        Some("/recipientId"),
    )];
    scene.refuses(&scene.alice, Method::POST, stranger).await;
    let group = json!({ "type": "GROUP", "memberIds": ["bob"] });
    let group = scene.alice.post(CONVERSATIONS, &group).await.ok();
    let path = format!("/v1/conversations/{}", group["id"].as_str().expect("an id"));
    let app = &scene.app;
    let bob = app.person("bob");
    bob.get("/v1/me").await.ok();
    scene
        .refuses(
            &bob,
            Method::DELETE,
            vec![(&path, None, 403, "forbidden", None)],
        )
        .await;
}
