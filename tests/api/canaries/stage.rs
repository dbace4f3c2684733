//! Where the secrets are planted: the service behind nginx, with everything logged.

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::Canaries;
use crate::support::nginx::Nginx;
use crate::support::{Answer, App, Database, Instance, Person, SECRET};

/// A database's address with another password.
fn with_password(url: &str, password: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("an address");
    let (user, rest) = rest.split_once('@').expect("a user");
    format!(
        "{scheme}://{}:{password}@{rest}",
        user.split(':').next().expect("a name")
    )
}

pub struct Stage {
    pub app: App,
    pub nginx: Nginx,
    pub canaries: Canaries,
    pub alice: Person,
    pub conversation: String,
}

/// The service behind the nginx of deploy/, with all of it at trace, and secrets wherever a setting takes one.
pub async fn stage() -> Stage {
    let mut canaries = Canaries::default();
    let database = Database::create().await;
    // The tests' own server asks for no password; another one's stays as it is.
    let has_password = database
        .url
        .rsplit_once('@')
        .is_some_and(|(user, _)| user.matches(':').count() > 1);
    let url = match has_password {
        true => database.url.clone(),
        false => with_password(&database.url, &canaries.plant("database-password")),
    };
    canaries.keep("secret", SECRET);
    let before = canaries.plant("secret-before");
    let settings = format!(
        "keys=[{{secret=\"{}\"}},{{jwks=\"https://user:{}@127.0.0.1:1/keys.json?key={}\",algorithms=[\"RS256\"]}}],origins=[\"https://site.example\"]",
        canaries.plant("key"),
        canaries.plant("jwks-password"),
        canaries.plant("jwks-key"),
    );
    let environment = [
        ("RUST_LOG", "trace"),
        ("CAUSERIE_JWT_SECRET_BEFORE", before.as_str()),
    ];
    let instance = Instance::start(&url, &settings, &environment).await;
    let app = App {
        database,
        instances: vec![instance],
    };
    let nginx = Nginx::as_recommended(&app.instances).await;
    let alice = app.person("alice").at(&nginx.url);
    let bob = app.person("bob").at(&nginx.url);
    bob.get("/v1/me").await.ok();
    let conversation = alice.converse_with("bob").await;
    canaries.keep_token("bearer", &alice.token);
    canaries.keep_token("bearer", &bob.token);
    Stage {
        app,
        nginx,
        canaries,
        alice,
        conversation,
    }
}

impl Stage {
    pub fn nobody(&self, method: Method, path: &str) -> RequestBuilder {
        reqwest::Client::new().request(method, format!("{}{path}", self.nginx.url))
    }

    pub async fn expect(&self, status: u16, request: RequestBuilder) -> Answer {
        let answer = self.alice.send(request).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        answer
    }

    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.alice.request(Method::POST, path).json(body)
    }

    pub fn messages(&self) -> String {
        format!("/v1/conversations/{}/messages", self.conversation)
    }
}
