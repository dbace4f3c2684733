//! Who asks. A token is verified once and then known, as in the service: verifying it each time would only make the
//! comparison kinder to us.

use dashmap::DashMap;
use jsonwebtoken::{DecodingKey, Validation, decode};
use rocket::Request;
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use serde::Deserialize;

#[derive(Deserialize)]
struct Said {
    sub: String,
}

/// Tokens that were verified, and whose they are.
pub struct Known {
    key: DecodingKey,
    people: DashMap<String, String>,
}

impl Known {
    pub fn new(secret: &str) -> Self {
        Self {
            key: DecodingKey::from_secret(secret.as_bytes()),
            people: DashMap::new(),
        }
    }

    fn find(&self, token: &str) -> Option<String> {
        if let Some(person) = self.people.get(token) {
            return Some(person.clone());
        }
        let said = decode::<Said>(token, &self.key, &Validation::default());
        let id = said.ok()?.claims.sub;
        self.people.insert(token.to_owned(), id.clone());
        Some(id)
    }
}

/// The user's id.
pub struct Person(pub String);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Person {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let token = request.headers().get_one("Authorization");
        let token = token.and_then(|header| header.strip_prefix("Bearer "));
        let known = request.rocket().state::<Known>();
        match known
            .zip(token)
            .and_then(|(known, token)| known.find(token))
        {
            Some(id) => Outcome::Success(Self(id)),
            None => Outcome::Error((Status::Unauthorized, ())),
        }
    }
}
