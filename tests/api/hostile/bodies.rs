//! Bodies that are no JSON, or too much of it, sent to everything that takes one.

use super::Target;
use super::wire::Case;

/// Everything that takes a body.
const TAKES: &[(&str, &str)] = &[
    ("POST", "/v1/conversations"),
    ("PATCH", "/v1/conversations/{conversation}"),
    ("POST", "/v1/conversations/{conversation}/members"),
    ("PATCH", "/v1/conversations/{conversation}/members/bob"),
    ("POST", "/v1/conversations/{conversation}/messages"),
    ("PATCH", "/v1/messages/{message}"),
    ("POST", "/v1/conversations/{conversation}/read"),
    ("PUT", "/v1/conversations/{conversation}/typing"),
    ("POST", "/v1/delivered"),
    ("PATCH", "/v1/me"),
    ("PUT", "/v1/users/bob"),
    ("PUT", "/v1/users"),
];

/// `before`, `number` times, and `after` as often.
fn nested(before: &str, after: &str, number: usize) -> String {
    before.repeat(number) + &after.repeat(number)
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// What is sent to each of them, with what it is: no JSON.
fn no_json() -> Vec<(&'static str, Vec<u8>)> {
    let text = r#"{"content":"x"}"#;
    vec![
        ("nothing", Vec::new()),
        ("white space", b" \r\n\t".to_vec()),
        ("a NUL", b"\0".to_vec()),
        ("half an object", br#"{"content":"x"#.to_vec()),
        ("half an escape", br#"{"content":"\u00"#.to_vec()),
        ("two bodies", text.repeat(2).into_bytes()),
        ("a comma too many", br#"{"content":"x",}"#.to_vec()),
        ("a comment", br#"{"content":"x"}//"#.to_vec()),
        ("single quotes", b"{'content':'x'}".to_vec()),
        ("a raw line break", b"{\"content\":\"a\nb\"}".to_vec()),
        ("a raw NUL", b"{\"content\":\"a\0b\"}".to_vec()),
        ("no UTF-8", b"{\"content\":\"\xff\xfe\"}".to_vec()),
        ("overlong UTF-8", b"{\"content\":\"\xc0\xaf\"}".to_vec()),
        (
            "a surrogate in UTF-8",
            b"{\"content\":\"\xed\xa0\x80\"}".to_vec(),
        ),
        (
            "UTF-8 cut short",
            b"{\"content\":\"\xf0\x9f\x91\"}".to_vec(),
        ),
        ("a byte order mark", format!("\u{feff}{text}").into_bytes()),
        ("UTF-16, little end first", utf16(text, u16::to_le_bytes)),
        (
            "UTF-16, big end first",
            utf16(&format!("\u{feff}{text}"), u16::to_be_bytes),
        ),
        ("NaN", br#"{"content":NaN}"#.to_vec()),
    ]
}

/// JSON of which little can be made.
fn odd_json() -> Vec<(&'static str, Vec<u8>)> {
    let deep = |inner: String| format!(r#"{{"content":"x","metadata":{{"a":{inner}}}}}"#);
    vec![
        ("a lone surrogate", br#"{"content":"\ud800"}"#.to_vec()),
        ("a name that is one", br#"{"\udfff":1}"#.to_vec()),
        ("too large a number", b"1e999".to_vec()),
        ("many digits", "9".repeat(60_000).into_bytes()),
        ("minus zero", b"-0".to_vec()),
        ("null", b"null".to_vec()),
        ("a text", br#""x""#.to_vec()),
        ("a list", b"[]".to_vec()),
        ("a list of nulls", b"[null,null]".to_vec()),
        ("deep lists", nested("[", "]", 10_000).into_bytes()),
        ("deep lists without an end", "[".repeat(60_000).into_bytes()),
        (
            "deep objects",
            (nested(r#"{"a":"#, "", 10_000) + "1" + &"}".repeat(10_000)).into_bytes(),
        ),
        (
            "deep lists in metadata",
            deep(nested("[", "]", 10_000)).into_bytes(),
        ),
        (
            "deep objects in metadata",
            deep(r#"{"a":"#.repeat(9_000) + "1" + &"}".repeat(9_000)).into_bytes(),
        ),
        (
            "the same name twice",
            br#"{"content":"x","content":"y"}"#.to_vec(),
        ),
        (
            "the same name ever again",
            format!("{{{}\"content\":\"x\"}}", r#""content":"x","#.repeat(4_000)).into_bytes(),
        ),
        (
            "a name twice in metadata",
            deep(r#"{"b":1,"b":2}"#.to_owned()).into_bytes(),
        ),
        ("__proto__", br#"{"__proto__":{"content":"x"}}"#.to_vec()),
        (
            "a long name",
            format!(r#"{{"{}":1}}"#, "a/~".repeat(20_000)).into_bytes(),
        ),
    ]
}

/// Too much for anybody, once each.
fn floods() -> Vec<(&'static str, Vec<u8>)> {
    let keys: String = (0..1_000_000).map(|i| format!(r#""k{i}":0,"#)).collect();
    let keys = keys.trim_end_matches(',');
    vec![
        (
            "2 MiB",
            format!(r#"{{"content":"{}"}}"#, "x".repeat(2 << 20)).into_bytes(),
        ),
        ("2 MiB of white space", vec![b' '; 2 << 20]),
        ("a million names", format!("{{{keys}}}").into_bytes()),
        (
            "a million names in metadata",
            format!(r#"{{"content":"x","metadata":{{{keys}}}}}"#).into_bytes(),
        ),
        ("a million lists", nested("[", "]", 1_000_000).into_bytes()),
        ("just too much", vec![b' '; (256 << 10) + 1]),
        ("as much as there may be", vec![b' '; 256 << 10]),
    ]
}

pub fn cases(target: &Target) -> Vec<Case> {
    let mut cases = Vec::new();
    for (n, (method, path)) in TAKES.iter().enumerate() {
        // Those that hold most get all of it, the others a part each.
        let all = ["/v1/users", "/v1/conversations"].contains(path) || path.ends_with("/messages");
        let some = no_json().into_iter().chain(odd_json()).enumerate();
        for (_, (what, body)) in some.filter(|(i, _)| all || i % TAKES.len() == n) {
            let what = format!("{method} {path}: {what}");
            cases.push(target.json(what, method, path, &body));
        }
        for kind in [
            "text/plain",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
            "application/json-patch+json",
            "application/json; charset=utf-16",
            "json",
            "application/json, text/plain",
            "*/*",
        ] {
            let head = target.head(method, path) + "Content-Type: " + kind + "\r\n";
            let body =
                "--x\r\nContent-Disposition: form-data; name=_method\r\n\r\nDELETE\r\n--x--\r\n";
            cases.push(Case::new(format!("{method} {path} as {kind}"), &head, body));
        }
    }
    for (what, body) in floods() {
        for (method, path) in [TAKES[0], TAKES[4], TAKES[11]] {
            let what = format!("{method} {path}: {what}");
            cases.push(target.json(what, method, path, &body));
        }
    }
    // Rocket takes the method of a form from a field of it.
    for (field, path) in [
        ("DELETE", "/v1/conversations/{conversation}"),
        ("delete", "/v1/messages/{message}"),
        ("DELETE", "/v1/conversations/{conversation}/members/me"),
        ("PATCH", "/v1/me"),
        ("GET", "/v1/me"),
    ] {
        let head =
            target.head("POST", path) + "Content-Type: application/x-www-form-urlencoded\r\n";
        let what = format!("POST {path} as {field} by a form");
        cases.push(Case::new(what, &head, format!("_method={field}")));
    }
    cases
}
