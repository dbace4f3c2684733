//! Query parameters and path segments. An unknown parameter is ignored; a known one with a bad value is a 400 that
//! names it. A path segment that is no id of ours is simply not found, byte for byte like a random id.

use rocket::Request;
use rocket::request::{FromParam, FromRequest, Outcome};
use uuid::Uuid;

use crate::error::{Code, Error, Result, stash};
use crate::model::{FieldCode, uuid};

/// An id in a path.
pub struct PathId(Option<Uuid>);

impl FromParam<'_> for PathId {
    type Error = std::convert::Infallible;

    fn from_param(segment: &str) -> std::result::Result<Self, Self::Error> {
        Ok(Self(uuid(segment)))
    }
}

impl PathId {
    pub fn get(&self) -> Result<Uuid> {
        self.0.ok_or_else(|| Code::NotFound.into())
    }
}

/// The query string, with a problem for each bad value.
pub struct Query(Vec<(String, String)>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Query {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let fields = request.query_fields();
        let fields = fields.map(|f| (f.name.source().to_string(), f.value.to_owned()));
        Outcome::Success(Self(fields.collect()))
    }
}

impl Query {
    /// Given twice it is refused: which of the two counts would be a guess.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        let mut given = self.0.iter().filter(|(key, _)| key == name);
        let first = given.next().map(|(_, value)| value.clone());
        match first {
            _ if given.next().is_some() => Err(Error::parameter(name, FieldCode::TooMany)),
            Some(text) if text.contains('\0') => {
                Err(Error::parameter(name, FieldCode::NulCharacter))
            }
            first => Ok(first),
        }
    }

    /// A whole number within bounds.
    pub fn number(&self, name: &str, min: i64, max: i64) -> Result<Option<i64>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let number: i64 = text
            .parse()
            .map_err(|_| Error::parameter(name, FieldCode::WrongType))?;
        if (min..=max).contains(&number) {
            Ok(Some(number))
        } else {
            Err(Error::parameter(name, FieldCode::OutOfRange))
        }
    }

    /// `true`, `false`, `1` or `0`.
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.text(name)?.as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(Error::parameter(name, FieldCode::WrongType)),
        }
    }
}

/// A request header, or none.
pub struct HeaderOf<'r> {
    pub if_none_match: Option<&'r str>,
    pub last_event_id: Option<&'r str>,
    pub idempotency_key: Option<&'r str>,
    pub origin: Option<&'r str>,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for HeaderOf<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let get = |name| {
            request
                .headers()
                .get_one(name)
                .filter(|value: &&str| !value.is_empty())
        };
        let idempotency_key = get("Idempotency-Key");
        if idempotency_key.is_some_and(|key| key.chars().count() > 128) {
            return Outcome::Error(stash(
                request,
                Error::parameter("Idempotency-Key", FieldCode::TooLong),
            ));
        }
        Outcome::Success(Self {
            if_none_match: get("If-None-Match"),
            origin: get("Origin"),
            last_event_id: get("Last-Event-ID"),
            idempotency_key,
        })
    }
}
