//! Browsers, as an attacker would use them: look-alikes of an allowed site, forms, tickets out of their place. And what
//! keeps a cache from giving one site's answer to another.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::auth::{anonymous, answer};
use crate::refusals::everything;
use crate::sse::Sse;
use crate::support::{App, Person};

const SITE: &str = "https://site.example";
const OTHER: &str = "https://other.example:8443";
const SCRIPT: (&str, &str) = ("X-Requested-With", "XMLHttpRequest");

async fn with_sites() -> App {
    App::with(1, &format!("origins=[\"{SITE}\",\"{OTHER}\"]")).await
}

/// No browser would call these the site.
const LOOK_ALIKES: &[&str] = &[
    "null",
    "*",
    "https://evil-site.example",
    "https://site.example.evil",
    "https://sub.site.example",
    "https://site.example:8443",
    "https://site.example:80",
    "http://site.example",
    "https://other.example",
    "https://site.example.",
    "https://site.exampl",
    "https://site.example@evil.example",
    "https://evil.example/https://site.example",
    "https://evil.example#https://site.example",
    "file://",
    "",
];

#[tokio::test]
async fn a_look_alike_of_the_site_changes_nothing_and_reads_nothing() {
    let app = with_sites().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let cookie = format!("access_token={}", alice.token);
    let before = everything(&app.database).await;
    for origin in LOOK_ALIKES {
        let by_cookie = |method, path: &str| {
            let request = anonymous(&app, method, path).header("Cookie", &cookie);
            request.header("Origin", *origin).header(SCRIPT.0, SCRIPT.1)
        };
        let preflight = anonymous(&app, Method::OPTIONS, &path).header("Origin", *origin);
        let preflight = preflight.header("Access-Control-Request-Method", "POST");
        for request in [
            by_cookie(Method::POST, &path).json(&json!({ "content": "x" })),
            by_cookie(Method::GET, &path),
            by_cookie(Method::GET, "/v1/events/stream"),
            preflight,
        ] {
            let answer = answer(request).await;
            assert!(
                [400, 403].contains(&answer.status),
                "{origin:?}: {} {}",
                answer.status,
                answer.text
            );
            assert!(
                answer.body["code"].is_string(),
                "{origin:?}: {}",
                answer.text
            );
            for name in ["Origin", "Credentials"] {
                let header = format!("Access-Control-Allow-{name}");
                assert_eq!(answer.header(&header), None, "{origin:?}");
            }
        }
    }
    // Written otherwise than browsers write it: no script's, whatever a URL parser makes of it.
    for origin in [
        "https://SITE.example",
        "https://site.example/",
        "https://site.example:443",
    ] {
        let post = anonymous(&app, Method::POST, &path).header("Cookie", &cookie);
        let post = post.header("Origin", origin).header(SCRIPT.0, SCRIPT.1);
        let refused = answer(post.json(&json!({ "content": "x" }))).await;
        assert_eq!(refused.code(), "cross-site", "{origin}");
    }
    assert_eq!(everything(&app.database).await, before, "nothing changed");
}

#[tokio::test]
async fn a_form_of_any_site_changes_nothing_by_cookie() {
    let app = with_sites().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let said = alice.say(&conversation, "hi").await.ok();
    let message = format!("/v1/messages/{}", said["id"].as_str().expect("an id"));
    let one = format!("/v1/conversations/{conversation}");
    let cookie = format!("access_token={}", alice.token);
    let before = everything(&app.database).await;
    let form = "application/x-www-form-urlencoded";
    for (path, body) in [
        (&one, "_method=delete"),
        (&one, "_method=DELETE"),
        (&one, "_method=patch&subject=x"),
        (&format!("{one}/messages"), "content=x"),
        (&format!("{one}/read"), ""),
        (&format!("{one}/typing"), "_method=put&isTyping=true"),
        (&message, "_method=delete"),
        (&message, "_method=patch&content=x"),
        (&"/v1/me".to_owned(), "_method=patch&presenceHidden=true"),
        (&"/v1/stream-tickets".to_owned(), ""),
    ] {
        for kind in [form, "text/plain", "multipart/form-data; boundary=x"] {
            for origin in [None, Some(SITE), Some("https://evil.example"), Some("null")] {
                let post = anonymous(&app, Method::POST, path).header("Cookie", &cookie);
                let post = post.header("Content-Type", kind).body(body);
                let post = match origin {
                    Some(origin) => post.header("Origin", origin),
                    None => post,
                };
                let refused = answer(post).await;
                // Where a form made no other method of it, some of these addresses take no POST.
                let is_no_route =
                    refused.code() == "method-not-allowed" || refused.code() == "route-unknown";
                assert!(
                    refused.status == 403 || is_no_route,
                    "{path} {kind} {body} {origin:?}: {}",
                    refused.text
                );
            }
        }
    }
    // What changes nothing by its nature: no method of it comes from elsewhere than the request line.
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        for path in [&one, &message] {
            let request = anonymous(&app, method.clone(), &format!("{path}?_method=delete"));
            let request = request
                .header("Cookie", &cookie)
                .header("Content-Type", form);
            let request = request
                .header("X-HTTP-Method-Override", "DELETE")
                .body("_method=delete");
            answer(request).await;
        }
    }
    assert_eq!(everything(&app.database).await, before, "nothing changed");
}

#[tokio::test]
async fn no_method_but_post_becomes_one_by_its_body() {
    let app = App::start().await;
    let service = Person::service(&app.instances[0].url);
    app.person("alice").get("/v1/me").await.ok();
    service.get("/v1/me").await.ok();
    let before = everything(&app.database).await;
    for path in ["/v1/admin/users/alice/revoke", "/v1/stream-tickets"] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            for body in [
                "_method=delete",
                "_method=put",
                "_method=get",
                "_method=post",
                "x=1&_method=put",
                "_methods=12345",
            ] {
                let request = service.request(method.clone(), path).body(body);
                let form = request.header("Content-Type", "application/x-www-form-urlencoded");
                let refused = answer(form).await;
                assert_eq!(
                    refused.status, 404,
                    "{method} {path} {body}: {}",
                    refused.text
                );
            }
        }
    }
    assert_eq!(everything(&app.database).await, before, "nothing changed");
}

/// Answers of every kind that there is.
fn all_kinds(
    app: &App,
    alice: &Person,
    conversation: &str,
    etag: &str,
) -> Vec<(u16, RequestBuilder)> {
    let path = format!("/v1/conversations/{conversation}/messages");
    let get = |path: &str| alice.request(Method::GET, path);
    let post = |body: String| {
        let post = alice.request(Method::POST, &path).body(body);
        post.header("Content-Type", "application/json")
    };
    let preflight =
        anonymous(app, Method::OPTIONS, &path).header("Access-Control-Request-Method", "POST");
    vec![
        (200, get("/v1/me")),
        (200, alice.request(Method::HEAD, "/v1/me")),
        (200, get("/healthz")),
        (200, get("/openapi.json")),
        (201, post(json!({ "content": "x" }).to_string())),
        (204, preflight),
        (304, get("/v1/unread").header("If-None-Match", etag)),
        (400, post("{".to_owned())),
        (400, get(&format!("/v1/me?token={}", alice.token))),
        (401, anonymous(app, Method::GET, "/v1/me")),
        (
            403,
            alice.request(Method::PUT, "/v1/users/x").json(&json!({})),
        ),
        (404, get("/v1/conversations/x")),
        (404, get("/v1/nothing")),
        (413, post("x".repeat(70_000))),
        (415, alice.request(Method::POST, &path).body("x")),
        (422, post("{}".to_owned())),
    ]
}

#[tokio::test]
async fn every_answer_names_its_site_alone_and_says_that_it_varies() {
    let app = with_sites().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    alice.say(&conversation, "hi").await.ok();
    let etag = alice
        .get("/v1/unread")
        .await
        .header("ETag")
        .expect("one")
        .to_owned();
    for origin in [Some(SITE), Some(OTHER), Some("https://evil.example"), None] {
        for (status, request) in all_kinds(&app, &alice, &conversation, &etag) {
            let request = match origin {
                Some(origin) => request.header("Origin", origin),
                None => request,
            };
            let what = format!("{request:?}");
            let answer = answer(request).await;
            let allowed = origin.filter(|origin| [SITE, OTHER].contains(origin));
            let status = match (origin, allowed) {
                (Some(_), None) => 403,
                // Without an Origin it is no preflight.
                (None, _) if status == 204 => 404,
                _ => status,
            };
            assert_eq!(answer.status, status, "{what}: {}", answer.text);
            assert_eq!(
                answer.header("Access-Control-Allow-Origin"),
                allowed,
                "{what}"
            );
            let credentials = answer.header("Access-Control-Allow-Credentials");
            assert_eq!(credentials, allowed.map(|_| "true"), "{what}");
            assert_eq!(
                answer.header("Vary"),
                Some("Authorization, Cookie, Origin"),
                "{what}"
            );
            assert_eq!(answer.headers.get_all("Vary").iter().count(), 1, "{what}");
        }
    }
    let stream = alice
        .request(Method::GET, "/v1/events/stream")
        .header("Origin", SITE);
    let stream = Sse::of(stream.send().await.expect("an answer"));
    let header = |name: &str| stream.response.headers().get(name).cloned();
    assert_eq!(
        header("Vary").expect("one"),
        "Authorization, Cookie, Origin"
    );
    assert_eq!(header("Access-Control-Allow-Origin").expect("one"), SITE);
}

#[tokio::test]
async fn a_token_is_refused_wherever_in_an_address_it_stands() {
    let app = with_sites().await;
    let alice = app.person("alice");
    let token = &alice.token;
    let encoded = token.replace('.', "%2E");
    for path in [
        format!("/v1/me?{token}"),
        format!("/v1/me?a=1&{token}=b"),
        format!("/v1/me?x=Bearer%20{token}"),
        format!("/v1/me?x=Bearer+{token}"),
        format!("/v1/me?x={encoded}"),
        format!("/v1/me?x=%20{token}"),
        format!("/v1/users/{token}"),
        format!("/v1/conversations/{encoded}/messages"),
        format!("/v1/events/stream?ticket={token}"),
        format!("/v1/events/stream?since=0&lastEventId={token}"),
    ] {
        for by in [
            anonymous(&app, Method::GET, &path),
            alice.request(Method::GET, &path),
        ] {
            assert_eq!(answer(by).await.code(), "token-in-url", "{path}");
        }
    }
}
