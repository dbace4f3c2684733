//! Who may ask: header and cookie.

use causerie::auth::Claims;
use jsonwebtoken::{EncodingKey, Header, encode};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{Answer, App, Person, SECRET};

/// A token with exactly these claims, signed as the host signs.
pub fn token(claims: Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::default(), &claims, &key).expect("a token")
}

fn hour() -> i64 {
    chrono::Utc::now().timestamp() + 3600
}

/// A person by a token with these claims, `exp` added.
pub fn person(app: &App, mut claims: Value) -> Person {
    claims["exp"] = json!(hour());
    Person {
        id: String::new(),
        token: token(claims),
        base: app.instances[0].url.clone(),
    }
}

/// A request without any token.
pub fn anonymous(app: &App, method: Method, path: &str) -> RequestBuilder {
    Client::new().request(method, format!("{}{path}", app.instances[0].url))
}

pub async fn answer(request: RequestBuilder) -> Answer {
    Person::new("", "nobody").send(request).await
}

#[tokio::test]
async fn a_token_is_taken_from_the_header_with_and_without_bearer() {
    let app = App::start().await;
    let token = app.person("alice").token;
    for header in [
        format!("Bearer {token}"),
        format!("bearer  {token}"),
        token.clone(),
        format!(" {token} "),
    ] {
        let get = anonymous(&app, Method::GET, "/v1/me").header("Authorization", &header);
        assert_eq!(answer(get).await.ok()["id"], "alice", "{header:.10}");
    }
    for header in [
        format!("Basic {token}"),
        format!("Token {token}"),
        "Bearer".to_owned(),
    ] {
        let get = anonymous(&app, Method::GET, "/v1/me").header("Authorization", &header);
        assert_eq!(answer(get).await.code(), "token-invalid", "{header:.10}");
    }
}

#[tokio::test]
async fn a_header_and_a_cookie_must_name_the_same_person() {
    let app = App::start().await;
    let (alice, bob) = (app.person("alice"), app.person("bob"));
    let with_cookie = |token: &str| {
        alice
            .request(Method::GET, "/v1/me")
            .header("Cookie", format!("access_token={token}"))
    };
    assert_eq!(answer(with_cookie(&alice.token)).await.ok()["id"], "alice");
    let other_tenant = Person::with(&alice.base, "alice", |claims: &mut Claims| {
        claims.tenant = Some("other".to_owned())
    });
    for token in [bob.token.as_str(), &other_tenant.token] {
        let refused = answer(with_cookie(token)).await;
        assert_eq!((refused.status, refused.code()), (400, "tokens-differ"));
    }
    // A page cannot remove its HttpOnly cookie: one that names nobody locks nobody out.
    let expired = Person::with(&alice.base, "alice", |claims: &mut Claims| {
        claims.exp = chrono::Utc::now().timestamp() - 60
    });
    for token in ["nonsense", &expired.token, &format!("{}x", bob.token)] {
        assert_eq!(answer(with_cookie(token)).await.ok()["id"], "alice");
    }
    let twice = alice
        .request(Method::GET, "/v1/me")
        .header("Authorization", format!("Bearer {}", bob.token));
    assert_eq!(answer(twice).await.status, 400, "two Authorization headers");
}
