//! JSON, and where a body is not what was asked for: not JSON at all is a 400; JSON of another shape, or with a text or
//! number that cannot be kept, is a 422 with the pointer to it.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_path_to_error::{Path, Segment};

use crate::error::{Code, Error, Result};
use crate::model::FieldCode;

pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let malformed = |why: String| Error::from(Code::MalformedJson).because(why);
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let error = match serde_path_to_error::deserialize(&mut json) {
        Ok(body) => {
            let rest = json.end();
            return rest.map(|()| body).map_err(|e| malformed(e.to_string()));
        }
        Err(error) => error,
    };
    // serde tells the two apart only where nothing else is wrong: null for an enum is "syntax" to it, and it stops at
    // the first field that does not fit, whatever follows. What it ignores it holds against the grammar alone.
    std::str::from_utf8(bytes).map_err(|e| malformed(e.to_string()))?;
    serde_json::from_slice::<IgnoredAny>(bytes).map_err(|e| malformed(e.to_string()))?;
    let (pointer, code) = placed(error.path(), &error.inner().to_string());
    Err(Error::field(pointer, code))
}

/// serde says what is wrong, and which field is meant, in words only.
fn placed(path: &Path, message: &str) -> (String, FieldCode) {
    let pointer = pointer(path.iter());
    let named = message.split('`').nth(1).unwrap_or_default();
    let starts = |words: &str| message.starts_with(words);
    // Whatever is in its name, back quotes and slashes included.
    let last = path.iter().next_back().and_then(|step| match step {
        Segment::Map { key } => Some(key.as_str()),
        _ => None,
    });
    let is_last = |what: &str| last.is_some_and(|last| starts(&format!("{what} `{last}`")));
    let at_named = |what: &str| match is_last(what) {
        true => pointer.clone(),
        false => format!("{pointer}/{}", escaped(named)),
    };
    if starts("missing field") {
        (format!("{pointer}/{named}"), FieldCode::Required)
    } else if starts("unknown field") {
        (at_named("unknown field"), FieldCode::UnknownField)
    } else if starts("duplicate field") {
        (at_named("duplicate field"), FieldCode::DuplicateField)
    } else if starts("unknown variant") {
        (pointer, FieldCode::InvalidValue)
    } else if starts("lone leading surrogate") || starts("unexpected end of hex escape") {
        (pointer, FieldCode::LoneSurrogate)
    } else if starts("number out of range") {
        (pointer, FieldCode::OutOfRange)
    } else if starts("recursion limit exceeded") {
        // The whole way down would be longer than what it says.
        (self::pointer(path.iter().take(1)), FieldCode::TooDeep)
    } else {
        (pointer, FieldCode::WrongType)
    }
}

fn pointer<'p>(path: impl Iterator<Item = &'p Segment>) -> String {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", escaped(key)),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.map(step).collect()
}

/// As a step of a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NewMessage;

    fn refusal(json: &str) -> (Code, String, Option<FieldCode>) {
        let error = parse::<NewMessage>(json.as_bytes()).expect_err("refused");
        let field = error.fields.first();
        (
            error.code,
            field.map(|f| f.pointer.clone()).unwrap_or_default(),
            field.map(|f| f.code),
        )
    }

    #[test]
    fn every_refusal_points_at_its_field() {
        assert_eq!(refusal(r#"{"content":"#).0, Code::MalformedJson);
        assert_eq!(refusal(r#"{"content":"x"} x"#).0, Code::MalformedJson);
        assert_eq!(refusal(r#"{"content":"\ud800"#).0, Code::MalformedJson);
        assert_eq!(
            refusal(r#"{}"#),
            (
                Code::InvalidBody,
                "/content".into(),
                Some(FieldCode::Required)
            )
        );
        assert_eq!(
            refusal(r#"{"content":1}"#),
            (
                Code::InvalidBody,
                "/content".into(),
                Some(FieldCode::WrongType)
            )
        );
        for (name, pointer) in [("a/b~c", "/a~1b~0c"), ("`", "/`"), ("", "/")] {
            let unknown = format!(r#"{{"{name}":1,"content":"x"}}"#);
            let code = Some(FieldCode::UnknownField);
            assert_eq!(refusal(&unknown), (Code::InvalidBody, pointer.into(), code));
        }
        // serde would take an array for a struct.
        assert_eq!(
            refusal(r#"{"content":"x","attachments":[["https://a.example/b","t"]]}"#),
            (
                Code::InvalidBody,
                "/attachments/0".into(),
                Some(FieldCode::WrongType)
            )
        );
        assert_eq!(
            refusal(r#"{"content":"x","colour":1}"#),
            (
                Code::InvalidBody,
                "/colour".into(),
                Some(FieldCode::UnknownField)
            )
        );
        assert_eq!(
            refusal(r#"{"content":"x","attachments":[{"url":"u","type":"t"},{"url":1}]}"#),
            (
                Code::InvalidBody,
                "/attachments/1/url".into(),
                Some(FieldCode::WrongType)
            )
        );
    }

    #[test]
    fn what_is_json_and_no_text_or_number_of_ours_is_named() {
        let deep = format!(
            r#"{{"content":"x","metadata":{{"a":{}{}}}}}"#,
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        for (json, pointer, code) in [
            (
                r#"{"content":"\ud800"}"#,
                "/content",
                FieldCode::LoneSurrogate,
            ),
            (
                r#"{"content":"\udc00x"}"#,
                "/content",
                FieldCode::LoneSurrogate,
            ),
            (
                r#"{"content":"\ud83d\n"}"#,
                "/content",
                FieldCode::LoneSurrogate,
            ),
            (
                r#"{"content":"\ud83d\ud83d"}"#,
                "/content",
                FieldCode::LoneSurrogate,
            ),
            (
                r#"{"content":"x","metadata":{"a":["\udfff"]}}"#,
                "/metadata/a/0",
                FieldCode::LoneSurrogate,
            ),
            (
                r#"{"content":"x","metadata":{"a":1e999}}"#,
                "/metadata/a",
                FieldCode::OutOfRange,
            ),
            (
                r#"{"content":"x","content":"y"}"#,
                "/content",
                FieldCode::DuplicateField,
            ),
            (
                r#"{"content":"x","metadata":{"a":{"b":1,"b":2}}}"#,
                "/metadata/a/b",
                FieldCode::DuplicateField,
            ),
            (&deep, "/metadata", FieldCode::TooDeep),
        ] {
            assert_eq!(
                refusal(json),
                (Code::InvalidBody, pointer.into(), Some(code)),
                "{json:.80}"
            );
        }
    }
}
