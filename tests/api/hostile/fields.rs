//! Every field of every body with what it is not made for.

use super::Target;
use super::wire::Case;

/// A body with `$` for the value.
const FIELDS: &[(&str, &str, &str)] = &[
    (
        "POST",
        "/v1/conversations/{conversation}/messages",
        r#"{"content":$}"#,
    ),
    (
        "POST",
        "/v1/conversations/{conversation}/messages",
        r#"{"content":"x","clientMessageId":$}"#,
    ),
    (
        "POST",
        "/v1/conversations/{conversation}/messages",
        r#"{"content":"x","replyToId":$}"#,
    ),
    (
        "POST",
        "/v1/conversations/{conversation}/messages",
        r#"{"content":"x","metadata":{"a":$}}"#,
    ),
    (
        "POST",
        "/v1/conversations/{conversation}/messages",
        r#"{"content":"x","attachments":[{"url":$,"type":"t"}]}"#,
    ),
    (
        "POST",
        "/v1/conversations/{conversation}/messages",
        r#"{"content":"x","attachments":[{"url":"https://a.example","type":$}]}"#,
    ),
    (
        "POST",
        "/v1/conversations/{conversation}/messages",
        r#"{"content":"x","attachments":[{"url":"https://a.example","type":"t","fileName":$}]}"#,
    ),
    (
        "POST",
        "/v1/conversations/{conversation}/messages",
        r#"{"content":"x","attachments":[{"url":"https://a.example","type":"t","fileSize":$}]}"#,
    ),
    ("PATCH", "/v1/messages/{message}", r#"{"content":$}"#),
    ("PATCH", "/v1/messages/{message}", r#"{"metadata":{"a":$}}"#),
    (
        "POST",
        "/v1/conversations",
        r#"{"type":$,"recipientId":"bob"}"#,
    ),
    (
        "POST",
        "/v1/conversations",
        r#"{"type":"PRIVATE","recipientId":$}"#,
    ),
    (
        "POST",
        "/v1/conversations",
        r#"{"type":"GROUP","memberIds":[$]}"#,
    ),
    (
        "POST",
        "/v1/conversations",
        r#"{"type":"GROUP","members":[{"userId":$}]}"#,
    ),
    (
        "POST",
        "/v1/conversations",
        r#"{"type":"GROUP","memberIds":["bob"],"key":$}"#,
    ),
    (
        "POST",
        "/v1/conversations",
        r#"{"type":"PRIVATE","recipientId":"bob","subject":$}"#,
    ),
    (
        "POST",
        "/v1/conversations",
        r#"{"type":"PRIVATE","recipientId":"bob","organizationId":$}"#,
    ),
    (
        "POST",
        "/v1/conversations",
        r#"{"type":"PRIVATE","recipientId":"bob","context":{"type":$,"id":"1"}}"#,
    ),
    (
        "POST",
        "/v1/conversations",
        r#"{"type":"PRIVATE","recipientId":"bob","context":{"type":"AD","id":$}}"#,
    ),
    (
        "POST",
        "/v1/conversations",
        r#"{"type":"PRIVATE","recipientId":"bob","context":{"type":"AD","id":"1","title":$}}"#,
    ),
    (
        "POST",
        "/v1/conversations",
        r#"{"type":"PRIVATE","recipientId":"bob","context":{"type":"AD","id":"1","startsAt":$}}"#,
    ),
    (
        "PATCH",
        "/v1/conversations/{conversation}",
        r#"{"subject":$}"#,
    ),
    (
        "POST",
        "/v1/conversations/{conversation}/read",
        r#"{"upTo":$}"#,
    ),
    (
        "PUT",
        "/v1/conversations/{conversation}/typing",
        r#"{"isTyping":$}"#,
    ),
    ("POST", "/v1/delivered", r#"{"cursor":$}"#),
    ("PATCH", "/v1/me", r#"{"receiptsOff":$}"#),
    ("PUT", "/v1/users/bob", r#"{"name":$}"#),
    ("PUT", "/v1/users/bob", r#"{"imageUrl":$}"#),
    ("PUT", "/v1/users/bob", r#"{"role":$}"#),
    ("PUT", "/v1/users", r#"[{"id":$}]"#),
];

/// JSON that is well-formed, but for the control characters that stand there as they are.
const VALUES: &[&str] = &[
    r#""a\u0000b""#,
    r#""\ud800""#,
    r#""\udc00\ud800""#,
    r#""\u202efdp.exe""#,
    r#""a\r\nX-Injected: 1\r\n\r\nHTTP/1.1 200 OK""#,
    r#""a\u2028b\u2029c\u0085d""#,
    r#""\u200b\ufe0f\u3164""#,
    r#""x\ndata: {}\n\nevent: goodbye""#,
    r#""'; drop table messages; --""#,
    r#""../../../etc/passwd%00""#,
    r#""\u{61}""#,
    "\"a\r\nb\"",
    "1e999",
    "-1e999",
    "-0",
    "1e-999",
    "123456789012345678901234567890123456789012345678901234567890",
    "9223372036854775808",
    "-9223372036854775809",
    "0.1e1",
    "{}",
    r#"{"a":1,"a":2}"#,
    "[[[[[]]]]]",
    "[null]",
    "null",
    "true",
    "\"+275760-09-13T00:00:00Z\"",
    "\"-9999-01-01T00:00:00Z\"",
    "\"0000-00-00T24:61:61Z\"",
    "\"00000000-0000-0000-0000-000000000000\"",
];

/// A letter in white space of twelve kinds, in no order that would be kept in less room.
fn padded() -> String {
    const SPACES: &str = "\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{3000}";
    let kinds: Vec<char> = SPACES.chars().collect();
    let mut seed = 1_u32;
    let mut space = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        kinds[(seed >> 16) as usize % kinds.len()]
    };
    (0..9_000).map(|_| space()).chain(['x']).collect()
}

pub fn cases(target: &Target) -> Vec<Case> {
    let mut cases = Vec::new();
    for (method, path, body) in FIELDS {
        let long = format!("\"{}\"", "𝒳".repeat(12_000));
        let padded = format!("\"{}\"", padded());
        for value in VALUES.iter().copied().chain([&*long, &*padded]) {
            let body = body.replace('$', value);
            let what = format!("{method} {path}: {body:.120}");
            cases.push(target.json(what, method, path, body.as_bytes()));
        }
    }
    let numbers = vec!["1e308"; 600].join(",");
    let path = "/v1/conversations/{conversation}/messages";
    let body = format!(r#"{{"content":"x","metadata":{{"a":[{numbers}]}}}}"#);
    let what = "metadata of the largest numbers".to_owned();
    cases.push(target.json(what, "POST", path, body.as_bytes()));
    cases
}
