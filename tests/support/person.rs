//! Somebody who talks to the service over HTTP, and reads what it answers.

use std::sync::OnceLock;
use std::time::Duration;

use causerie::auth::{Claims, mint};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use super::SECRET;

/// A token and where to show it.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub token: String,
    pub base: String,
}

/// A status, headers, and a body that is JSON or null.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body of an answer below 400; the test ends otherwise.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status < 400, "{} {}", self.status, self.text);
        self.body
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The `cursor` of a page.
    #[track_caller]
    pub fn cursor(&self) -> String {
        self.body["cursor"]
            .as_str()
            .unwrap_or_else(|| panic!("no cursor in {}", self.text))
            .to_owned()
    }
}

/// One pool of connections for all people: as many as they open.
pub fn client() -> Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    // A client made in one test's runtime must not keep connections of it for another's.
    CLIENT
        .get_or_init(|| {
            Client::builder()
                .pool_max_idle_per_host(0)
                .timeout(Duration::from_secs(90))
                .build()
                .expect("a client")
        })
        .clone()
}

impl Person {
    pub fn new(base: &str, id: &str) -> Self {
        Self::with(base, id, |claims| claims.name = Some(id.to_owned()))
    }

    /// With other claims than a plain person's.
    pub fn with(base: &str, id: &str, change: impl FnOnce(&mut Claims)) -> Self {
        let now = chrono::Utc::now().timestamp();
        let mut claims = Claims::new(id, now, now + 3600);
        let organizations = json!(["o", "org-0", "org-1", "org-2"]);
        claims
            .more
            .insert("organizations".to_owned(), organizations);
        change(&mut claims);
        Self {
            id: id.to_owned(),
            token: mint(SECRET, &claims).expect("a token"),
            base: base.to_owned(),
        }
    }

    /// The host's backend.
    pub fn service(base: &str) -> Self {
        Self::with(base, "backend", |claims| {
            claims.role = Some("service".to_owned())
        })
    }

    /// The same person at another instance.
    pub fn at(&self, base: &str) -> Self {
        Self {
            base: base.to_owned(),
            ..self.clone()
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        client()
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = request.send().await.expect("the service answers");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.expect("a whole answer");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer {
            status,
            headers,
            body,
            text,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(body))
            .await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// The id of a PRIVATE conversation with somebody who is known already.
    pub async fn converse_with(&self, other: &str) -> String {
        let answer = self
            .post(
                "/v1/conversations",
                &json!({ "type": "PRIVATE", "recipientId": other }),
            )
            .await;
        answer.ok()["id"].as_str().expect("an id").to_owned()
    }

    pub async fn say(&self, conversation: &str, content: &str) -> Answer {
        self.post(
            &format!("/v1/conversations/{conversation}/messages"),
            &json!({ "content": content }),
        )
        .await
    }

    /// A cursor that stands at the present.
    pub async fn cursor(&self) -> String {
        self.get("/v1/events").await.cursor()
    }

    pub async fn poll(&self, since: &str, more: &str) -> Answer {
        self.get(&format!("/v1/events?since={since}{more}")).await
    }

    /// Every event after `since`, page by page, and the cursor at the end.
    pub async fn all_events(&self, since: &str, limit: usize) -> (Vec<Value>, String) {
        let (mut events, mut cursor) = (Vec::new(), since.to_owned());
        loop {
            let page = self.poll(&cursor, &format!("&limit={limit}")).await;
            cursor = page.cursor();
            let page = page.ok();
            events.extend(page["events"].as_array().expect("events").iter().cloned());
            if page["hasMore"] == false {
                return (events, cursor);
            }
        }
    }
}
