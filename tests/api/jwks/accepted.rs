//! What is taken: each algorithm, each way to give a key, the secret from before, claims by other names.

use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};

use crate::forged::keys::{Pair, set};
use crate::support::{App, Person, SECRET};

/// Whom a token names; nobody where it is refused.
async fn named(app: &App, token: String) -> Option<String> {
    let person = Person {
        token,
        ..app.person("nobody")
    };
    let me = person.get("/v1/me").await;
    (me.status == 200).then(|| me.body["id"].as_str().expect("an id").to_owned())
}

fn claims(id: &str) -> Value {
    let now = chrono::Utc::now().timestamp();
    json!({ "sub": id, "iat": now, "exp": now + 600 })
}

/// By a key that has no name in the token.
fn nameless(pair: &Pair, id: &str) -> String {
    let header = Header::new(pair.algorithm);
    jsonwebtoken::encode(&header, &claims(id), &pair.signing).expect("a token")
}

const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

#[tokio::test]
async fn each_algorithm_is_taken_by_pem_and_by_jwks_and_a_pem_by_its_name() {
    for algorithm in ALGORITHMS {
        let [pem, published, named_one] =
            ["pem", "published", "2026"].map(|kid| Pair::draw(algorithm, kid));
        let directory = std::env::temp_dir();
        let file = |kind: &str| directory.join(format!("causerie-{}.{kind}", uuid::Uuid::now_v7()));
        let (pem_file, set_file) = (file("pem"), file("json"));
        std::fs::write(&pem_file, &pem.pem).expect("written");
        std::fs::write(&set_file, set(&[&published]).to_string()).expect("written");
        // One from a file, under no name; one as text, under its own.
        let text = named_one.pem.replace('\n', "\\n");
        let settings = format!(
            r#"keys=[{{pem="{}",algorithms=["{algorithm:?}"]}},{{pem="{text}",kid="2026",algorithms=["{algorithm:?}"]}},{{jwks="{}",algorithms=["{algorithm:?}"]}}]"#,
            pem_file.display(),
            set_file.display()
        );
        let app = App::with(1, &settings).await;
        for (what, token, is_taken) in [
            ("pem", pem.sign(&claims("a")), true),
            ("pem, no name", nameless(&pem, "a"), true),
            ("jwks", published.sign(&claims("a")), true),
            ("jwks, no name", nameless(&published, "a"), true),
            ("named", named_one.sign(&claims("a")), true),
            ("named, no name", nameless(&named_one, "a"), true),
            (
                "by another name",
                Pair {
                    kid: "2025".to_owned(),
                    ..named_one
                }
                .sign(&claims("a")),
                false,
            ),
        ] {
            let expected = is_taken.then(|| "a".to_owned());
            assert_eq!(named(&app, token).await, expected, "{algorithm:?} {what}");
        }
        std::fs::remove_file(pem_file).expect("removed");
        std::fs::remove_file(set_file).expect("removed");
    }
}

#[tokio::test]
async fn the_secret_from_before_and_claims_by_other_names_are_taken() {
    let before = "the-secret-from-before-that-is-long-enough";
    let mut app = App::with(0, "").await;
    let names = r#"claims={user=["uid","sub"],tenant=["site"],role=["kind"],name=["preferred_username"],organizations=["orgs"]}"#;
    app.add(names, &[("CAUSERIE_JWT_SECRET_BEFORE", before)])
        .await;
    let sign = |secret: &str, claims: &Value| {
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::default(), claims, &key).expect("a token")
    };
    for (secret, is_taken) in [
        (SECRET, true),
        (before, true),
        ("the-secret-of-somebody-else-altogether", false),
    ] {
        let token = sign(secret, &claims("a"));
        assert_eq!(named(&app, token).await.is_some(), is_taken, "{secret}");
    }
    let mut host = claims("of-sub");
    for (name, value) in [
        ("uid", json!(7)),
        ("site", json!("salon")),
        ("kind", json!("service")),
        ("preferred_username", json!("The host")),
        ("tenant", json!("default")),
        ("role", json!("client")),
        ("name", json!("Nobody")),
    ] {
        host[name] = value;
    }
    let person = |claims: &Value| Person {
        token: sign(SECRET, claims),
        ..app.person("")
    };
    let me = person(&host).get("/v1/me").await.ok();
    assert_eq!(
        (&me["id"], &me["name"], &me["role"]),
        (&json!("7"), &json!("The host"), &json!("service"))
    );
    // It is the backend of its own site, and of none else.
    let put = person(&host)
        .put("/v1/users/b", &json!({ "name": "B" }))
        .await;
    assert_eq!(put.status, 200, "{}", put.text);
    let tenants = "select count(*) from users where tenant_id = 'salon'";
    assert_eq!(app.database.number(tenants).await, 2);
    // What has the usual name says nothing.
    let mut usual = claims("c");
    usual["role"] = json!("service");
    assert_eq!(
        person(&usual).put("/v1/users/b", &json!({})).await.code(),
        "service-only"
    );
    let mut member = claims("d");
    (member["orgs"], member["site"]) = (json!(["salon-1"]), json!("salon"));
    let group = json!({ "type": "GROUP", "memberIds": [], "organizationId": "salon-1" });
    let made = person(&member).post("/v1/conversations", &group).await;
    assert_eq!(made.status, 201, "{}", made.text);
}
