//! Headers that lie, break the line, or say what they should not.

use super::Target;
use super::wire::Case;

const NAMES: &[&str] = &[
    "Idempotency-Key",
    "If-None-Match",
    "Last-Event-ID",
    "Accept",
    "Accept-Language",
    "X-Request-Id",
    "Content-Type",
    "Origin",
    "Cookie",
    "Forwarded",
    "X-Forwarded-For",
    "traceparent",
    "X-Requested-With",
    "X-HTTP-Method-Override",
    "Range",
    "Upgrade",
];

/// Values that HTTP allows.
const VALUES: &[&[u8]] = &[
    b"",
    b"*",
    b"\xff\xfe\xc0\xaf",
    b"\xe2\x80\xae",
    b"\t",
    b"W/\"",
    b"\"\"\"\"",
    b"0",
    b"-1",
    b"null",
    b"c00000000-9999999999",
    b"../../etc/passwd",
    b"<script>",
    b"a=b; a=c; access_token=x; =; ;;",
    b"fr;q=1e999,;;;,,en;q=-1",
    b"1\r\nX-Injected: 1",
    b"1\r\nContent-Type: text/html",
    b"http://evil.example",
    b"for=127.0.0.1;proto=https;by=\"[::1]\"",
    b"00-00000000000000000000000000000000-0000000000000000-ff",
    b"DELETE",
];

/// Values that it does not.
const BROKEN: &[&[u8]] = &[b"a\0b", b"a\rb", b"a\nb", b"a\r\n b", b"a\x7fb", b"\x1b[2J"];

fn with(target: &Target, path: &str, name: &str, value: &[u8]) -> Case {
    let method = if path.ends_with("/messages") {
        "POST"
    } else {
        "GET"
    };
    let body = if method == "POST" {
        r#"{"content":"x"}"#
    } else {
        ""
    };
    let mut bytes = target.head(method, path).into_bytes();
    if name != "Content-Type" && method == "POST" {
        bytes.extend(b"Content-Type: application/json\r\n");
    }
    bytes.extend(format!("Content-Length: {}\r\n{name}: ", body.len()).bytes());
    bytes.extend(value);
    bytes.extend(format!("\r\n\r\n{body}").bytes());
    let what = format!("{name}: {:.80?} on {path}", String::from_utf8_lossy(value));
    Case::raw(what, bytes)
}

/// Bodies whose length is not what is said of it, by what follows the head.
const FRAMES: &[&str] = &[
    "Content-Length: 100\r\n\r\n{\"content\":\"x\"}",
    "Content-Length: 3\r\n\r\n{\"content\":\"x\"}",
    "Content-Length: -1\r\n\r\n{}",
    "Content-Length: +2\r\n\r\n{}",
    "Content-Length: 2, 2\r\n\r\n{}",
    "Content-Length: 2\r\nContent-Length: 15\r\n\r\n{\"content\":\"x\"}",
    "Content-Length: 99999999999999999999\r\n\r\n{}",
    "Content-Length: 9223372036854775807\r\n\r\n{}",
    "Content-Length: 0x2\r\n\r\n{}",
    "Content-Length:\r\n\r\n{}",
    "Content-Length: 15\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{\"content\":\"x\"}",
    "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\nf\r\n{\"content\":\"x\"}\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
    "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n{}",
    "Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\nf;a=\"b\r\n{\"content\":\"x\"}\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\nf\r\n{\"content\":\"x\"}",
    "Transfer-Encoding: chunked\r\n\r\nf\r\n{\"content\":\"x\"}XX0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\nf\r\n{\"content\":\"x\"}\r\n0\r\nX-Injected: 1\r\n\r\n",
    "Transfer-Encoding: xchunked\r\n\r\nf\r\n{\"content\":\"x\"}\r\n0\r\n\r\n",
    "Transfer-Encoding: gzip, chunked\r\n\r\nf\r\n{\"content\":\"x\"}\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked, identity\r\n\r\nf\r\n{\"content\":\"x\"}\r\n0\r\n\r\n",
    "Transfer-Encoding : chunked\r\n\r\nf\r\n{\"content\":\"x\"}\r\n0\r\n\r\n",
    "Content-Length : 15\r\n\r\n{\"content\":\"x\"}",
    "Expect: 200-ok\r\nContent-Length: 15\r\n\r\n{\"content\":\"x\"}",
    "Content-Encoding: gzip\r\nContent-Length: 15\r\n\r\n{\"content\":\"x\"}",
    "\r\n{\"content\":\"x\"}",
];

pub fn cases(target: &Target) -> Vec<Case> {
    let send = "/v1/conversations/{conversation}/messages";
    let long = vec![b'a'; 10_000];
    let mut cases = Vec::new();
    for name in NAMES {
        for (n, value) in VALUES.iter().copied().chain([&*long]).enumerate() {
            let path = [send, "/v1/events?since={cursor}"][n % 2];
            cases.push(with(target, path, name, value));
        }
        for value in BROKEN {
            cases.push(with(target, send, name, value).broken());
        }
    }
    // The cursor of a stream.
    for value in VALUES {
        cases.push(with(target, "/v1/events/stream", "Last-Event-ID", value));
    }
    for frame in FRAMES {
        let head = target.head("POST", send) + "Content-Type: application/json\r\n";
        let what = format!("a body with {frame:.100?}");
        cases.push(Case::raw(what, head + frame).broken());
    }
    let many = "X-Filler: a\r\n".repeat(2_000);
    let head = target.head("GET", "/v1/me");
    cases.push(Case::new("2,000 headers", &(head.clone() + &many), "").broken());
    let wide = format!("X-Filler: {}\r\n", "a".repeat(1 << 20));
    cases.push(Case::new("a header of 1 MiB", &(head.clone() + &wide), "").broken());
    for name in ["", " ", "a b", "é", "a\0", "\t", "(", "a\r"] {
        let what = format!("a header called {name:?}");
        cases.push(Case::new(what, &format!("{head}{name}: 1\r\n"), "").broken());
    }
    for token in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Basic eDp5",
        "Bearer \u{e9}",
        "bearer\tx",
    ] {
        let head = format!(
            "GET /v1/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: {token}\r\n"
        );
        cases.push(Case::new(format!("Authorization: {token:?}"), &head, ""));
    }
    cases
}
