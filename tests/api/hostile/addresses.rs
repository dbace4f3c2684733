//! Ids, cursors and parameters that are none.

use super::Target;
use super::wire::Case;

/// In place of an id.
const IDS: &[&str] = &[
    "%00",
    "%2F",
    "%2e%2e%2f%2e%2e",
    "..",
    "%c0%af",
    "%ed%a0%80",
    "%ff",
    "%",
    "%zz",
    "%0d%0aX-Injected:%201",
    "%e2%80%ae",
    "null",
    "-1",
    "0",
    "'%20or%201=1--",
    "00000000-0000-0000-0000-000000000000",
    "{01980000-0000-7000-8000-000000000000}",
    "01980000000070008000000000000000",
    "01980000-0000-7000-8000-00000000000G",
    "%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7",
    "*",
    ";",
    "a;b=c",
    "%3Cscript%3E",
    "me",
];

const WITH_ID: &[(&str, &str)] = &[
    ("GET", "/v1/conversations/$"),
    ("PATCH", "/v1/conversations/$"),
    ("DELETE", "/v1/conversations/$"),
    ("GET", "/v1/conversations/$/messages"),
    ("POST", "/v1/conversations/$/messages"),
    ("GET", "/v1/messages/$"),
    ("GET", "/v1/messages/$/receipts"),
    ("GET", "/v1/users/$"),
    ("PATCH", "/v1/conversations/{conversation}/members/$"),
];

/// In place of a cursor.
const CURSORS: &[&str] = &[
    "",
    "0",
    "-1",
    "00",
    "%00",
    "c",
    "c-",
    "c00000000-1",
    "c00000000-9223372036854775807",
    "c00000000-9223372036854775808",
    "{cursor}0",
    "{cursor}9999999999",
    "{cursor}%00",
    "{cursor}%0d%0aX-Injected:%201",
    "{cursor},{cursor}",
    "+{cursor}",
    "%20{cursor}",
    "c00000000--1",
    "c0000000-1",
    "cFFFFFFFF-1",
    "c%EF%BC%90%EF%BC%90-1",
    "c00000000-%D9%A1",
    "%ff%fe",
    "%F0%9F%91%A9",
    "1e999",
    "null",
    "'",
];

const WITH_CURSOR: &[&str] = &[
    "/v1/events?since=$",
    "/v1/events?since=$&wait=0&limit=200",
    "/v1/events/stream?since=$",
    "/v1/events/stream?lastEventId=$",
    "/v1/conversations/{conversation}/messages?since=$",
    "/v1/conversations?pageToken=$",
    "/v1/conversations/{conversation}/members?pageToken=$",
    "/v1/messages/{message}/receipts?pageToken=$",
];

/// Whole addresses.
const ADDRESSES: &[&str] = &[
    "/v1/events?since=0&since=0",
    "/v1/events?since={cursor}&since=0",
    "/v1/events?wait=9223372036854775808",
    "/v1/events?wait=-0",
    "/v1/events?wait=1e1",
    "/v1/events?limit=%D9%A1",
    "/v1/events?limit=+1",
    "/v1/events?&&&===&",
    "/v1/events?%00=%00",
    "/v1/events?since[]=0",
    "/v1/events?ephemeral=%00",
    "/v1/conversations?page=1&page=2",
    "/v1/conversations?page=9999999999999999999999",
    "/v1/conversations?contextType=%00&contextId=%00",
    "/v1/conversations?contextId=%ff%fe",
    "/v1/conversations?organizationId=%ed%a0%80",
    "/v1/conversations/{conversation}/messages?before=9223372036854775807",
    "/v1/conversations/{conversation}/messages?after=-9223372036854775808",
    "/v1/conversations/{conversation}/messages?before=1&before=1",
    "/v1/presence?userIds=%00",
    "/v1/presence?userIds=,,,,",
    "/v1/presence?userIds=%ff",
    "/v1/events/stream?ticket=%00",
    "/v1/events/stream?ticket=x&ticket=y",
    "//v1/me",
    "/v1//me",
    "/v1/me/",
    "/v1/./me",
    "/v1/../v1/me",
    "/v1/%6De",
    "/%00",
    "/demo/..%2f..%2fCargo.toml",
    "/docs/%2e%2e/%2e%2e/etc/passwd",
    "/client.js%00",
    "/v1/me#x",
    "/v1/me?{}|^`",
    "http://b.example/v1/me",
];

pub fn cases(target: &Target) -> Vec<Case> {
    let long = "a".repeat(10_000);
    let mut cases = Vec::new();
    let mut ask = |method: &str, path: String, body: &str| {
        let what = format!("{method} {path:.120}");
        cases.push(target.json(what, method, &path, body.as_bytes()));
    };
    for (method, path) in WITH_ID {
        for id in IDS.iter().copied().chain([&*long]) {
            ask(method, path.replace('$', id), r#"{"content":"x"}"#);
        }
    }
    for path in WITH_CURSOR {
        for cursor in CURSORS.iter().copied().chain([&*long]) {
            ask("GET", path.replace('$', cursor), "");
        }
    }
    for path in ADDRESSES {
        ask("GET", (*path).to_owned(), "");
    }
    let many = vec!["u"; 3_000].join(",");
    ask("GET", format!("/v1/presence?userIds={many}"), "");
    ask(
        "GET",
        format!("/v1/events?{}", "since=0&".repeat(5_000)),
        "",
    );
    for method in [
        "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW", "get", "PROPFIND",
    ] {
        ask(method, "/v1/me".to_owned(), "");
        ask(method, "/v1/conversations/{conversation}".to_owned(), "");
    }
    // No address at all.
    for line in [
        "GET /v1/\r\n me HTTP/1.1",
        "GET /v1/\u{0}me HTTP/1.1",
        "GET /v1/mé HTTP/1.1",
        "GET /v1/me HTTP/9.9",
        "GET /v1/me",
        "GET",
        "\u{16}\u{3}\u{1}\u{2}\u{0}",
        "PRI * HTTP/2.0",
        "GET /v1/<script> HTTP/1.1",
        "GET * HTTP/1.1",
        "GET v1/me HTTP/1.1",
        "GET http:// HTTP/1.1",
    ] {
        let what = format!("the line {line:?}");
        let bytes = format!("{line}\r\nHost: a.example\r\nConnection: close\r\n\r\n");
        cases.push(Case::raw(what, bytes).broken());
    }
    cases
}
