//! Bad addresses, parameters and bodies: what is refused before any field is looked at.

use reqwest::Method;

use crate::refusals::{Scene, assert_problem, everything};

pub fn method(name: &str) -> Method {
    name.parse().expect("a method")
}

/// The parameter that is refused, and where.
const PARAMETERS: &str = r#"
limit        /v1/conversations?limit=0
limit        /v1/conversations?limit=101
limit        /v1/conversations?limit=ten
limit        /v1/conversations?limit=
limit        /v1/conversations?limit=99999999999999999999
page         /v1/conversations?page=0
page         /v1/conversations?page=101
unread       /v1/conversations?unread=maybe
pageToken    /v1/conversations?pageToken=7
pageToken    /v1/conversations?pageToken=px
status       /v1/conversations?status=LOST
contextId    /v1/conversations?contextId=%00
limit        /v1/conversations?limit=5&limit=5
contextType  /v1/conversations?contextType=AD&contextType=JOB
limit        /v1/conversations/{conversation}/messages?limit=0
limit        /v1/conversations/{conversation}/messages?limit=201
before       /v1/conversations/{conversation}/messages?before=-1
after        /v1/conversations/{conversation}/messages?after=x
page         /v1/conversations/{conversation}/messages?page=101
since        /v1/conversations/{conversation}/messages?before=1&after=1
limit        /v1/conversations/{conversation}/members?limit=101
limit        /v1/messages/{message}/receipts?limit=101
limit        /v1/messages/{message}/revisions?limit=0
limit        /v1/messages/{message}/revisions?limit=101
pageToken    /v1/messages/{message}/revisions?pageToken=7
pageToken    /v1/messages/{message}/revisions?pageToken=p9223372036854775808
limit        /v1/sync?limit=101
limit        /v1/events?limit=0
limit        /v1/events?limit=201
wait         /v1/events?wait=-1
wait         /v1/events?wait=51
wait         /v1/events?wait=soon
ephemeral    /v1/events?ephemeral=maybe
since        /v1/events?since=0&since=0
userIds      /v1/presence
userIds      /v1/presence?userIds=
userIds      /v1/presence?userIds=a,,b
userIds      /v1/presence?userIds=a%00
userIds      /v1/presence?userIds=a&userIds=b
since        /v1/events/stream?since=0&since=0
"#;

#[tokio::test]
async fn a_parameter_is_refused_by_its_name() {
    let scene = Scene::set().await;
    let cases = PARAMETERS
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, path)| {
            (
                path.trim_start(),
                None,
                400,
                "invalid-parameter",
                Some(name),
            )
        });
    scene
        .refuses(&scene.alice, Method::GET, cases.collect())
        .await;
    scene
        .alice
        .get("/v1/conversations?colour=1&limit=5")
        .await
        .ok();
}

#[tokio::test]
async fn the_largest_page_is_given() {
    let scene = Scene::set().await;
    for path in [
        "/v1/conversations?limit=100",
        "/v1/conversations?page=100",
        "/v1/conversations/{conversation}/messages?limit=200",
        "/v1/conversations/{conversation}/messages?page=100",
        "/v1/conversations/{conversation}/members?limit=100",
        "/v1/messages/{message}/receipts?limit=100",
        "/v1/sync?limit=100",
        "/v1/events?limit=200",
    ] {
        let request = scene.request(&scene.alice, Method::GET, path, None);
        let answer = request.send("en").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_cursor_is_ours_of_this_log_and_not_of_the_future() {
    let scene = Scene::set().await;
    let here = scene.alice.cursor().await;
    let (epoch, place) = here.split_once('-').expect("a cursor");
    let place: i64 = place.parse().expect("a position");
    let future = format!("{epoch}-{}", place + 1000);
    let other = format!(
        "c{}-{place}",
        if epoch == "c00000000" {
            "00000001"
        } else {
            "00000000"
        }
    );
    let follow = "/v1/conversations/{conversation}/messages?since=";
    let upper = here.to_uppercase();
    let (long, zero, minus) = (
        format!("{here}x"),
        format!("{epoch}-01"),
        format!("{epoch}--1"),
    );
    let bad = [
        "x",
        "c",
        "1",
        "-1",
        "c00-1",
        "%00",
        "c%E2%82%AC",
        "",
        &upper,
        &long,
        &zero,
        &minus,
    ];
    for (bad, path) in bad
        .iter()
        .flat_map(|bad| [(bad, "/v1/events?since="), (bad, follow)])
    {
        let path = format!("{path}{bad}");
        let request = scene.request(&scene.alice, Method::GET, &path, None);
        let answer = request.send("en").await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        assert!(
            ["invalid-cursor", "invalid-parameter"].contains(&answer.code()),
            "{path}"
        );
    }
    for expired in [future, other] {
        for path in ["/v1/events?since=", follow] {
            let path = format!("{path}{expired}");
            let request = scene.request(&scene.alice, Method::GET, &path, None);
            request.is_refused(410, "cursor-expired", None).await;
            assert_eq!(request.send("en").await.body["resync"], "/v1/sync");
        }
    }
}

/// Everything that takes a body, with its limit in KiB.
const BODIES: &[(&str, &str, usize)] = &[
    ("POST", "/v1/conversations", 256),
    ("POST", "/v1/conversations/{conversation}/messages", 64),
    ("POST", "/v1/conversations/{conversation}/read", 256),
    ("PUT", "/v1/conversations/{conversation}/typing", 256),
    ("PUT", "/v1/users/bob", 256),
    ("PUT", "/v1/users", 256),
];

/// Cut short, empty, more than one, not JSON's quotes, not JSON's numbers, a byte order mark, not UTF-8.
const NO_JSON: &[&[u8]] = &[
    b"{",
    b"",
    b"{\"content\":\"x\"}}",
    b"{'a':1}",
    b"NaN",
    b"\xef\xbb\xbf{}",
    b"{\"content\":\"\xff\"}",
];

#[tokio::test]
async fn a_body_is_json_of_the_right_size_and_kind() {
    let scene = Scene::set().await;
    let before = everything(&scene.app.database).await;
    let json = Some("application/json");
    for (name, path, kib) in BODIES {
        let path = scene.request(&scene.service, method(name), path, None).path;
        let send = async |kind: Option<&str>, body: Vec<u8>| {
            let mut request = scene.service.request(method(name), &path).body(body);
            if let Some(kind) = kind {
                request = request.header("Content-Type", kind);
            }
            scene.service.send(request).await
        };
        for bytes in NO_JSON {
            let what = format!("{path} {}", String::from_utf8_lossy(bytes));
            let answer = send(json, bytes.to_vec()).await;
            assert_problem(&answer, &what, 400, "malformed-json", None);
        }
        let form = "application/x-www-form-urlencoded";
        let parts = "multipart/form-data; boundary=x";
        for kind in [
            Some("text/plain"),
            Some(form),
            Some(parts),
            Some("application/jsonp"),
            None,
        ] {
            let answer = send(kind, b"{}".to_vec()).await;
            let what = format!("{path} {kind:?}");
            assert_problem(&answer, &what, 415, "unsupported-media-type", None);
        }
        let large = format!("{{\"content\":\"{}\"}}", "x".repeat(kib * 1024));
        let large = send(json, large.into_bytes()).await;
        assert_problem(&large, &path, 413, "body-too-large", None);
        let with_charset = send(Some("application/json; charset=utf-8"), b"7".to_vec()).await;
        assert_eq!(with_charset.code(), "invalid-body");
    }
    assert_eq!(
        everything(&scene.app.database).await,
        before,
        "nothing changed"
    );
}

#[tokio::test]
async fn unknown_addresses_and_wrong_methods_are_problems_too() {
    let scene = Scene::set().await;
    for (name, path) in [
        ("GET", "/v1/nothing"),
        ("GET", "/v2/me"),
        ("GET", "/v1"),
        ("GET", "/favicon.ico"),
        ("GET", "/docs/nothing.js"),
        ("GET", "/elements/index.js"),
        ("POST", "/nothing"),
        ("GET", "/demo.json"),
        ("POST", "/v1/me"),
        ("DELETE", "/v1/me"),
        ("PATCH", "/v1/unread"),
        ("PUT", "/v1/conversations/{conversation}/read"),
        ("DELETE", "/v1/events"),
        ("GET", "/v1/stream-tickets"),
    ] {
        let answer = scene
            .request(&scene.alice, method(name), path, None)
            .send("en")
            .await;
        assert!(
            [404, 405].contains(&answer.status),
            "{name} {path}: {}",
            answer.status
        );
        let code = answer.code().to_owned();
        assert!(
            ["route-unknown", "method-not-allowed", "not-found"].contains(&&*code),
            "{name} {path}: {}",
            answer.text
        );
        assert_problem(&answer, path, answer.status, &code, None);
    }
}
