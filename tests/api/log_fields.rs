//! What a request's line in the log says, when a stranger chooses the words: ids, names, traces.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::auth::{anonymous, answer, person};
use crate::logs::{PARENT, TRACE, holds, id_of, line_of, lines};
use crate::support::App;

#[tokio::test]
async fn an_id_that_is_plain_and_short_is_kept_and_any_other_is_replaced() {
    let app = App::start().await;
    let longest = "x".repeat(64);
    for good in ["a", "0198f3c2-7a4e_7.b", &longest] {
        let get = anonymous(&app, Method::GET, "/v1/me").header("X-Request-Id", good);
        let answer = answer(get).await;
        assert_eq!(
            (id_of(&answer).as_str(), &answer.body["requestId"]),
            (good, &json!(good))
        );
        assert_eq!(line_of(&app, good).await["status"], 401);
    }
    let longer = "x".repeat(65);
    let bad: [&[u8]; 8] = [
        b"",
        longer.as_bytes(),
        b"a b",
        b"a\tb",
        b"\"},{\"status\":200",
        b"../etc",
        "é".as_bytes(),
        b"\xff\x1b",
    ];
    let mut seen = std::collections::BTreeSet::new();
    for bad in bad {
        // What no header can hold is not sent; the rest arrives.
        let Ok(value) = reqwest::header::HeaderValue::from_bytes(bad) else {
            continue;
        };
        let get = anonymous(&app, Method::GET, "/v1/me").header("X-Request-Id", value);
        let id = id_of(&answer(get).await);
        assert!(
            id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()),
            "{id}"
        );
        line_of(&app, &id).await;
        assert!(seen.insert(id), "an id of its own");
    }
    assert!(seen.len() >= 7, "{seen:?}");
}

#[tokio::test]
async fn what_a_stranger_calls_himself_stays_inside_its_field() {
    let app = App::start().await;
    for hostile in [
        r#"al"ice","status":200,"x":"\"#,
        r"a\nb\u0000",
        "a%0d%0ab",
        "{\"message\":\"request\"}",
        "日本 \u{2028}e\u{301}",
        "<script>$(id)`id`${x}",
    ] {
        let by = person(&app, json!({ "sub": hostile, "tenant": hostile }));
        let answer = by.get("/v1/me").await;
        let line = line_of(&app, &id_of(&answer)).await;
        if answer.status == 200 {
            assert_eq!(
                (&line["user.id"], &line["tenant.id"]),
                (&json!(hostile), &json!(hostile))
            );
        } else {
            assert_eq!(
                (answer.status, &line["user.id"]),
                (401, &Value::Null),
                "{hostile}"
            );
        }
        assert_eq!(line["status"], answer.status, "{line}");
    }
    // Control characters are in nobody's id: the token is refused, and names nobody in the log.
    for control in ["a\nb", "a\u{1b}[31m", "a\r", "\u{0}"] {
        let answer = person(&app, json!({ "sub": control })).get("/v1/me").await;
        let line = line_of(&app, &id_of(&answer)).await;
        assert_eq!((answer.status, line.get("user.id")), (401, None));
    }
    assert!(
        app.instances[0]
            .log()
            .chars()
            .all(|c| c == '\n' || !c.is_control())
    );
}

#[tokio::test]
async fn a_trace_is_carried_to_the_line_and_to_what_failed() {
    let app = App::start().await;
    let good = format!("00-{TRACE}-{PARENT}-01");
    let me = |app: &App| app.person("alice").request(Method::GET, "/v1/me");
    let of = |trace: Option<&str>, parent: Option<&str>| json!({ "trace.id": trace, "parent.id": parent });
    let found = of(Some(TRACE), Some(PARENT));
    holds(&app, me(&app).header("traceparent", &good), found.clone()).await;
    holds(
        &app,
        anonymous(&app, Method::GET, "/v1/me").header("traceparent", &good),
        found,
    )
    .await;
    for bad in [
        format!("ff-{TRACE}-{PARENT}-01"),
        format!("00-{}-{PARENT}-01", "0".repeat(32)),
        "x".into(),
    ] {
        holds(&app, me(&app).header("traceparent", bad), of(None, None)).await;
    }
    let twice = me(&app)
        .header("traceparent", &good)
        .header("traceparent", &good);
    holds(&app, twice, of(None, None)).await;
    holds(&app, me(&app), of(None, None)).await;

    // Without its table the request fails, and the line that says why can be found by both ids.
    app.database
        .execute("alter table messages rename to elsewhere")
        .await;
    let path = format!("/v1/messages/{}", uuid::Uuid::now_v7());
    let fails = app
        .person("alice")
        .request(Method::GET, &path)
        .header("traceparent", &good);
    let fails = answer(fails.header("X-Request-Id", "fails")).await;
    assert_eq!(fails.status, 500, "{}", fails.text);
    line_of(&app, "fails").await;
    let failed = lines(&app, "request failed");
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(
        (&failed[0]["request.id"], &failed[0]["trace.id"]),
        (&json!("fails"), &json!(TRACE))
    );
}

#[tokio::test]
async fn a_page_may_send_its_trace_along() {
    let app = App::with(1, "origins=[\"https://site.example\"]").await;
    let preflight = Client::new()
        .request(Method::OPTIONS, format!("{}/v1/me", app.instances[0].url))
        .header("Origin", "https://site.example")
        .header("Access-Control-Request-Method", "GET")
        .header(
            "Access-Control-Request-Headers",
            "authorization, traceparent, tracestate",
        );
    let allowed = answer(preflight).await;
    let headers = allowed
        .header("Access-Control-Allow-Headers")
        .unwrap_or_default();
    assert_eq!(allowed.status, 204);
    assert!(
        headers.contains("traceparent") && headers.contains("tracestate"),
        "{headers}"
    );
}

#[tokio::test]
async fn a_panic_says_where_and_not_what() {
    // Whoever prints to a full disk panics.
    let full = std::fs::File::create("/dev/full").expect("Linux");
    let child = tokio::process::Command::new(env!("CARGO_BIN_EXE_causerie"))
        .arg("openapi")
        .stdout(full)
        .stderr(std::process::Stdio::piped())
        .spawn();
    let output = child.expect("it runs").wait_with_output();
    let output = output.await.expect("it ends");
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).expect("text");
    let line: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("one line: {text}"));
    assert_eq!(
        (&line["message"], &line["level"]),
        (&json!("panicked"), &json!("ERROR"))
    );
    assert!(
        line["at"].as_str().is_some_and(|at| at.contains(".rs:")),
        "{text}"
    );
    assert!(!text.contains("No space"), "{text}");
}
