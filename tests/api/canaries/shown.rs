//! What is shown and said, as it should be: tokens, tickets, messages; and tokens as they should not.

use reqwest::Method;
use serde_json::{Value, json};

use super::Canaries;
use super::stage::Stage;
use crate::auth::{person, token};
use crate::sse::Sse;
use crate::support::Person;

impl Stage {
    /// By header, cookie and address; good, broken, and somewhere else than they belong.
    pub async fn show_tokens(&mut self) {
        let broken = [
            self.canaries.plant("broken-bearer"),
            format!("{}x", self.alice.token),
        ];
        for token in &broken {
            self.expect(401, self.nobody(Method::GET, "/v1/me").bearer_auth(token))
                .await;
            let cookie = format!("access_token={token}");
            self.expect(
                401,
                self.nobody(Method::GET, "/v1/me").header("Cookie", cookie),
            )
            .await;
        }
        let basic = format!("Basic {}", self.canaries.plant("basic"));
        self.expect(
            401,
            self.nobody(Method::GET, "/v1/me")
                .header("Authorization", basic),
        )
        .await;
        let now = chrono::Utc::now().timestamp();
        let expired = token(json!({ "sub": "alice", "exp": now - 600 }));
        self.canaries.keep_token("expired", &expired);
        self.expect(
            401,
            self.nobody(Method::GET, "/v1/me").bearer_auth(&expired),
        )
        .await;
        let email = self.canaries.plant("claim");
        let by = person(
            &self.app,
            json!({ "sub": "alice", "email": email, "name": "Alice" }),
        );
        self.canaries.keep_token("cookie", &by.token);
        let other = self.canaries.plant("other-cookie");
        let cookie = format!("session={other}; access_token={}", by.token);
        self.expect(
            200,
            self.nobody(Method::GET, "/v1/me").header("Cookie", &cookie),
        )
        .await;
        for origin in ["https://site.example", "https://evil.example"] {
            let post = self
                .nobody(Method::POST, &self.messages())
                .header("Cookie", &cookie);
            let post = post
                .header("Origin", origin)
                .json(&json!({ "content": self.canaries.plant("cross-site") }));
            self.expect(403, post).await;
        }
    }

    pub async fn show_tokens_in_urls(&mut self) {
        for (method, path, status) in [
            (Method::GET, "/v1/me", 400),
            (Method::GET, "/v1/events", 400),
            (Method::GET, "/v1/events/stream", 400),
            (Method::POST, "/v1/stream-tickets", 400),
            (Method::GET, "/v1/nothing", 404),
            (Method::DELETE, "/v1/me", 404),
            (Method::GET, "/healthz", 200),
        ] {
            for name in ["token", "access_token", "ticket"] {
                let path = format!("{path}?{name}={}", self.alice.token);
                self.expect(status, self.nobody(method.clone(), &path))
                    .await;
            }
        }
        // A browser's preflight of such an address, and one that rocket_cors refuses.
        let path = format!("/v1/me?token={}", self.alice.token);
        for (origin, status) in [("https://site.example", 204), ("https://evil.example", 403)] {
            let options = self.nobody(Method::OPTIONS, &path).header("Origin", origin);
            self.expect(
                status,
                options.header("Access-Control-Request-Method", "GET"),
            )
            .await;
        }
    }

    pub async fn show_tickets(&mut self) {
        let bought = self
            .expect(201, self.post("/v1/stream-tickets", &json!({})))
            .await;
        let ticket = bought.body["ticket"].as_str().expect("a ticket").to_owned();
        self.canaries.keep("ticket", &ticket);
        for _ in 0..2 {
            let open = self.nobody(Method::GET, &format!("/v1/events/stream?ticket={ticket}"));
            Sse::of(open.send().await.expect("an answer"))
                .until("hello")
                .await;
        }
        let bad = self.canaries.plant("bad-ticket");
        for path in ["/v1/events/stream", "/v1/events", "/v1/me", "/v1/nothing"] {
            let status = if path.ends_with("nothing") { 404 } else { 401 };
            self.expect(
                status,
                self.nobody(Method::GET, &format!("{path}?ticket={bad}")),
            )
            .await;
        }
        self.expect(401, self.nobody(Method::GET, "/v1/me").bearer_auth(&ticket))
            .await;
    }

    /// A message full of secrets.
    pub fn message(&mut self) -> Value {
        let plant = |canaries: &mut Canaries, kind: &str| canaries.plant(kind);
        let canaries = &mut self.canaries;
        json!({
            "content": plant(canaries, "content"), "clientMessageId": plant(canaries, "client-id"),
            "metadata": { "key": plant(canaries, "metadata"), plant(canaries, "metadata-key"): 1 },
            "attachments": [{
                "url": format!("https://files.example/{}?signature={}", plant(canaries, "attachment-path"), plant(canaries, "attachment-query")),
                "type": "image/png", "fileName": plant(canaries, "file-name"), "fileSize": 1,
            }],
        })
    }

    pub async fn say_things(&mut self) {
        let path = self.messages();
        let message = self.message();
        let said = self.expect(201, self.post(&path, &message)).await;
        self.expect(201, self.post(&path, &message)).await;
        let mut other = self.message();
        other["clientMessageId"] = message["clientMessageId"].clone();
        self.expect(409, self.post(&path, &other)).await;
        let key = self.canaries.plant("idempotency-key");
        let mut keyed = self.message();
        keyed
            .as_object_mut()
            .expect("fields")
            .remove("clientMessageId");
        for _ in 0..2 {
            self.expect(
                201,
                self.post(&path, &keyed).header("Idempotency-Key", &key),
            )
            .await;
        }
        let one = format!("/v1/messages/{}", said.body["id"].as_str().expect("an id"));
        let edit = json!({ "content": self.canaries.plant("edit") });
        self.expect(200, self.alice.request(Method::PATCH, &one).json(&edit))
            .await;
        let service = Person::service(&self.nginx.url);
        let revisions = service.request(Method::GET, &format!("{one}/revisions"));
        self.expect(200, revisions).await;
        let group = json!({
            "type": "GROUP", "memberIds": ["bob"], "key": self.canaries.plant("key-of-group"), "subject": self.canaries.plant("subject"),
            "metadata": { "x": self.canaries.plant("metadata") }, "firstMessage": { "content": self.canaries.plant("first") },
            "context": { "type": "AD", "id": self.canaries.plant("context"), "url": format!("https://x.example/{}", self.canaries.plant("context-url")) },
        });
        for status in [201, 200] {
            self.expect(status, self.post("/v1/conversations", &group))
                .await;
        }
        let mut stream = Sse::open(&self.alice, "?since=0").await;
        stream.until("message.updated").await;
        self.expect(200, self.alice.request(Method::GET, "/v1/events?since=0"))
            .await;
        self.expect(200, self.alice.request(Method::GET, "/v1/sync"))
            .await;
        self.expect(204, self.alice.request(Method::DELETE, &one))
            .await;
    }
}
