//! A JSON body: bounded in size and time, of the right type, and every refusal names the field.

use std::time::Duration;

use rocket::data::{Data, FromData, Outcome, ToByteUnit};
use rocket::http::{ContentType, Method};
use rocket::{Request, data};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::error::{Code, Error, Result, stash};
use crate::model::{Check, FieldCode};

/// A body that was read, parsed and checked.
pub struct Body<T>(pub T);

/// Slower than this is no client of ours.
const READ_WITHIN: Duration = Duration::from_secs(10);

#[rocket::async_trait]
impl<'r, T: DeserializeOwned + Check> FromData<'r> for Body<T> {
    type Error = ();

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> data::Outcome<'r, Self> {
        match read(request, data).await {
            Ok(body) => Outcome::Success(Self(body)),
            Err(error) => Outcome::Error(stash(request, error)),
        }
    }
}

async fn read<'r, T: DeserializeOwned + Check>(
    request: &'r Request<'_>,
    data: Data<'r>,
) -> Result<T> {
    let path = request.uri().path();
    let is_message = match request.method() {
        Method::Post => path.ends_with("/messages"),
        Method::Patch => path.starts_with("/v1/messages/"),
        _ => false,
    };
    let limit = if is_message {
        64.kibibytes()
    } else {
        256.kibibytes()
    };
    let read = timeout(READ_WITHIN, data.open(limit).into_bytes())
        .await
        .map_err(|_| Code::BodyTimeout)?;
    let bytes = read.map_err(|error| Error::from(Code::BadRequest).because(error))?;
    if !bytes.is_complete() {
        return Err(Code::BodyTooLarge.into());
    }
    if let (true, None, Some(empty)) = (bytes.is_empty(), request.content_type(), T::when_empty()) {
        return Ok(empty);
    }
    // A form of another site can send text/plain, and Rocket turns a form field `_method` into the method.
    if !request.content_type().is_some_and(is_json) {
        return Err(Code::UnsupportedMediaType.into());
    }
    let body = parse(&bytes)?;
    Error::check(&body)?;
    Ok(body)
}

/// `application/json`, with or without parameters.
fn is_json(given: &ContentType) -> bool {
    given.top() == "application" && given.sub() == "json"
}

/// Not JSON at all is a 400; JSON of another shape is a 422 with the pointer to where it differs.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json);
    let error = match parsed {
        Ok(body) => {
            return json
                .end()
                .map(|()| body)
                .map_err(|error| Error::from(Code::MalformedJson).because(error));
        }
        Err(error) => error,
    };
    // serde tells the two apart only where nothing else is wrong: null for an enum is "syntax" to it, and it stops at
    // the first field that does not fit, whatever follows.
    if let Err(error) = serde_json::from_slice::<serde_json::Value>(bytes) {
        return Err(Error::from(Code::MalformedJson).because(error));
    }
    let mut pointer = String::new();
    for step in error.path() {
        match step {
            serde_path_to_error::Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            serde_path_to_error::Segment::Map { key } => {
                pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1")))
            }
            serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => {}
        }
    }
    // serde says which field is meant in words only.
    let message = error.inner().to_string();
    let named = message.split('`').nth(1).unwrap_or_default();
    let (pointer, code) = if message.starts_with("missing field") {
        (format!("{pointer}/{named}"), FieldCode::Required)
    } else if message.starts_with("unknown field") {
        let last_is_named = pointer.rsplit('/').next() == Some(named);
        (
            if last_is_named {
                pointer
            } else {
                format!("{pointer}/{named}")
            },
            FieldCode::UnknownField,
        )
    } else if message.starts_with("unknown variant") {
        (pointer, FieldCode::InvalidValue)
    } else {
        (pointer, FieldCode::WrongType)
    };
    Err(Error::field(pointer, code))
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
}
