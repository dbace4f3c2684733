//! Bad addresses, parameters and bodies: what is refused before any field is looked at.

use reqwest::Method;

use crate::refusals::{Scene, assert_problem, everything};

pub fn method(name: &str) -> Method {
    name.parse().expect("a method")
}

#[tokio::test]
async fn a_parameter_is_refused_by_its_name() {
    let scene = Scene::set().await;
    let bad = [
        ("/v1/conversations?limit=0", "limit"),
        ("/v1/conversations?limit=101", "limit"),
        ("/v1/conversations?limit=ten", "limit"),
        ("/v1/conversations?limit=", "limit"),
        ("/v1/conversations?limit=99999999999999999999", "limit"),
        ("/v1/conversations?page=0", "page"),
        ("/v1/conversations?page=101", "page"),
        ("/v1/conversations?unread=maybe", "unread"),
        ("/v1/conversations?pageToken=7", "pageToken"),
        ("/v1/conversations?pageToken=px", "pageToken"),
        ("/v1/conversations?status=LOST", "status"),
        ("/v1/conversations?contextId=%00", "contextId"),
        ("/v1/conversations?limit=5&limit=5", "limit"),
        (
            "/v1/conversations?contextType=AD&contextType=JOB",
            "contextType",
        ),
        ("/v1/conversations/{conversation}/messages?limit=0", "limit"),
        (
            "/v1/conversations/{conversation}/messages?limit=201",
            "limit",
        ),
        (
            "/v1/conversations/{conversation}/messages?before=-1",
            "before",
        ),
        ("/v1/conversations/{conversation}/messages?after=x", "after"),
        ("/v1/conversations/{conversation}/messages?page=101", "page"),
        (
            "/v1/conversations/{conversation}/messages?before=1&after=1",
            "since",
        ),
        ("/v1/sync?limit=101", "limit"),
        ("/v1/events?limit=0", "limit"),
        ("/v1/events?limit=201", "limit"),
        ("/v1/events?wait=-1", "wait"),
        ("/v1/events?wait=51", "wait"),
        ("/v1/events?wait=soon", "wait"),
        ("/v1/events?since=0&since=0", "since"),
        ("/v1/events/stream?since=0&since=0", "since"),
    ];
    let cases = bad
        .iter()
        .map(|(path, name)| (*path, None, 400, "invalid-parameter", Some(*name)));
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
    for bad in [
        "x",
        "c",
        "1",
        "-1",
        "c00-1",
        "%00",
        "c%E2%82%AC",
        &here.to_uppercase(),
        &format!("{here}x"),
        &format!("{epoch}-01"),
        &format!("{epoch}--1"),
        "",
    ] {
        for path in ["/v1/events?since=", follow] {
            let path = format!("{path}{bad}");
            let answer = scene
                .request(&scene.alice, Method::GET, &path, None)
                .send("en")
                .await;
            assert_eq!(answer.status, 400, "{path}: {}", answer.text);
            assert!(
                ["invalid-cursor", "invalid-parameter"].contains(&answer.code()),
                "{path}: {}",
                answer.code()
            );
        }
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

#[tokio::test]
async fn a_body_is_json_of_the_right_size_and_kind() {
    let scene = Scene::set().await;
    let before = everything(&scene.app.database).await;
    let bodies = [
        ("POST", "/v1/conversations", 256),
        ("POST", "/v1/conversations/{conversation}/messages", 64),
        ("POST", "/v1/conversations/{conversation}/read", 256),
        ("PUT", "/v1/users/bob", 256),
        ("PUT", "/v1/users", 256),
    ];
    for (name, path, kib) in bodies {
        let path = scene.request(&scene.service, method(name), path, None).path;
        let send = async |kind: Option<&str>, body: String| {
            let mut request = scene.service.request(method(name), &path).body(body);
            if let Some(kind) = kind {
                request = request.header("Content-Type", kind);
            }
            scene.service.send(request).await
        };
        for text in [
            "{",
            "",
            "{\"content\":\"x\"}}",
            "{\"content\":\"\\ud800\"}",
            "{'a':1}",
            "NaN",
            "\u{feff}{}",
        ] {
            assert_problem(
                &send(Some("application/json"), text.to_owned()).await,
                &format!("{path} {text}"),
                400,
                "malformed-json",
                None,
            );
        }
        for kind in [
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
            Some("application/jsonp"),
            None,
        ] {
            let answer = send(kind, "{}".to_owned()).await;
            assert_problem(
                &answer,
                &format!("{path} {kind:?}"),
                415,
                "unsupported-media-type",
                None,
            );
        }
        let large = format!("{{\"content\":\"{}\"}}", "x".repeat(kib * 1024));
        assert_problem(
            &send(Some("application/json"), large).await,
            &path,
            413,
            "body-too-large",
            None,
        );
        let with_charset = send(Some("application/json; charset=utf-8"), "7".to_owned()).await;
        assert_eq!(with_charset.code(), "invalid-body");
    }
    let not_utf8 = scene.alice.request(
        Method::POST,
        &scene
            .request(
                &scene.alice,
                Method::POST,
                "/v1/conversations/{conversation}/messages",
                None,
            )
            .path,
    );
    let not_utf8 = scene
        .alice
        .send(
            not_utf8
                .header("Content-Type", "application/json")
                .body(b"{\"content\":\"\xff\"}".to_vec()),
        )
        .await;
    assert_problem(&not_utf8, "not UTF-8", 400, "malformed-json", None);
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
        ("GET", "/page/nothing.js"),
        ("GET", "/docs/nothing.js"),
        ("GET", "/page/..%2fCargo.toml"),
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
