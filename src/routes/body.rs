//! A JSON body: bounded in size and time, of the right type, and every refusal names the field.

use std::time::Duration;

use rocket::data::{Data, FromData, Outcome, ToByteUnit};
use rocket::http::{ContentType, Method};
use rocket::{Request, data};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::json::parse;
use crate::config::Config;
use crate::error::{Code, Error, Result, stash};
use crate::model::{Check, LinkHosts, Object, Problems};

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
    let config = request.rocket().state::<Config>();
    let config = config.ok_or_else(|| Error::from(Code::Internal).because("no settings"))?;
    read_json(&bytes, &config.link_hosts)
}

/// What is acceptable of the bytes of a body, or why they are not. By name for the fuzz targets.
pub fn read_json<T: DeserializeOwned + Check>(bytes: &[u8], links: &LinkHosts) -> Result<T> {
    let body = if T::IS_OBJECT {
        parse::<Object<T>>(bytes)?.0
    } else {
        parse(bytes)?
    };
    let problems = Problems::of(&body, links);
    if problems.is_empty() {
        Ok(body)
    } else {
        Err(Error::invalid(problems))
    }
}

/// `application/json`, with or without parameters.
fn is_json(given: &ContentType) -> bool {
    given.top() == "application" && given.sub() == "json"
}
