//! Forged and broken tokens: none opens anything, and the answer does not say how near one came.

mod forge;
pub mod keys;
mod tickets;

use std::collections::BTreeMap;

use causerie::routes::mounted;
use jsonwebtoken::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use self::forge::Forge;
use self::keys::{Pair, set};
use crate::support::{App, Person, SECRET};

fn good_claims() -> Value {
    let now = chrono::Utc::now().timestamp();
    json!({ "sub": "alice", "iat": now, "exp": now + 600, "iss": "https://issuer.example", "aud": "causerie", "role": "client" })
}

/// The settings of an issuer's keys in a file, and what its tokens may say.
fn settings(file: &std::path::Path) -> String {
    format!(
        r#"keys=[{{jwks="{}",algorithms=["RS256","ES256","EdDSA"],issuer="https://issuer.example",audience="causerie",tenants=["default"],roles=["client"]}}]"#,
        file.display()
    )
}

/// What tells one refusal from another; the id of the request and its address aside.
fn told(mut body: Value) -> Value {
    for own in ["requestId", "instance"] {
        body.as_object_mut().map(|body| body.remove(own));
    }
    body
}

/// Every route that asks who one is.
fn routes() -> Vec<(Method, String)> {
    let open = [
        "/healthz",
        "/readyz",
        "/metrics",
        "/docs",
        "/openapi",
        "/client",
        "/elements",
        "/demo",
        "/v1/diagnostics",
        "/admin/jobs",
        "/v1/unsubscribe",
    ];
    let routes = mounted()
        .into_iter()
        .filter(|(_, path)| path != "/" && !open.iter().any(|open| path.starts_with(open)));
    let id = uuid::Uuid::now_v7().to_string();
    routes
        .map(|(method, path)| {
            let method = method.to_uppercase().parse().expect("a method");
            (
                method,
                path.replace("{id}", &id)
                    .replace("{userId}", "bob")
                    .replace("{revision}", "1"),
            )
        })
        .collect()
}

/// What was answered otherwise than by 401, and how often each body came.
async fn ask(
    base: &str,
    forged: &[(String, String)],
    routes: &[(Method, String)],
) -> (BTreeMap<String, u16>, BTreeMap<String, usize>) {
    let client = reqwest::Client::new();
    let mut accepted = BTreeMap::new();
    let mut bodies = BTreeMap::new();
    for (name, token) in forged {
        for (method, path) in routes {
            let cookie = format!("access_token={token}");
            for (header, value) in [
                ("Authorization", format!("Bearer {token}")),
                ("Cookie", cookie),
            ] {
                let Ok(value) = reqwest::header::HeaderValue::from_str(&value) else {
                    continue;
                };
                let request = client
                    .request(method.clone(), format!("{base}{path}"))
                    .header(header, value)
                    .header("Origin", "https://site.example")
                    .header("X-Requested-With", "test")
                    .json(&json!({}));
                let answer = Person::new("", "nobody").send(request).await;
                if answer.status != 401 {
                    accepted.insert(
                        format!("{name} by {header}: {method} {path}"),
                        answer.status,
                    );
                }
                *bodies.entry(told(answer.body).to_string()).or_insert(0) += 1;
            }
        }
    }
    (accepted, bodies)
}

#[tokio::test]
async fn no_forged_token_opens_any_route_by_header_or_cookie() {
    let (rsa, ec, ed) = (
        Pair::draw(Algorithm::RS256, "r"),
        Pair::draw(Algorithm::ES256, "e"),
        Pair::draw(Algorithm::EdDSA, "d"),
    );
    let stranger = Pair::draw(Algorithm::RS256, "s");
    let file = std::env::temp_dir().join(format!("causerie-keys-{}.json", uuid::Uuid::now_v7()));
    std::fs::write(&file, set(&[&rsa, &ec, &ed]).to_string()).expect("written");
    let app = App::with(
        1,
        &format!("{},origins=[\"https://site.example\"]", settings(&file)),
    )
    .await;
    let base = app.instances[0].url.clone();
    for pair in [&rsa, &ec, &ed] {
        let person = Person {
            id: String::new(),
            token: pair.sign(&good_claims()),
            base: base.clone(),
        };
        assert_eq!(
            person.get("/v1/me").await.ok()["id"],
            "alice",
            "{:?}",
            pair.algorithm
        );
    }
    let claims = good_claims();
    let forged = Forge {
        rsa: &rsa,
        ec: &ec,
        stranger: &stranger,
        claims,
        secret: SECRET,
    }
    .all();
    let routes = routes();
    assert!(
        forged.len() >= 40 && routes.len() >= 30,
        "{} tokens, {} routes",
        forged.len(),
        routes.len()
    );
    let (accepted, bodies) = ask(&base, &forged, &routes).await;
    std::fs::remove_file(&file).expect("removed");
    assert!(accepted.is_empty(), "{accepted:#?}");
    assert_eq!(bodies.len(), 1, "{bodies:#?}");
    println!(
        "{} forged tokens on {} routes: {} answers, one body",
        forged.len(),
        routes.len(),
        bodies.values().sum::<usize>()
    );
}
