//! What is refused, and what fails: each with a secret in it.

use reqwest::Method;
use serde_json::json;

use super::Canaries;
use super::stage::Stage;
use crate::sse::Sse;

impl Stage {
    pub async fn be_refused(&mut self) {
        let path = self.messages();
        let said = |canaries: &mut Canaries, length| {
            let secret = canaries.plant("refused");
            json!({ "content": format!("{secret}{}", "x".repeat(length)) })
        };
        let too_long = said(&mut self.canaries, 10_001);
        self.expect(422, self.post(&path, &too_long)).await;
        let too_large = said(&mut self.canaries, 70_000);
        self.expect(413, self.post(&path, &too_large)).await;
        let secret = self.canaries.plant("refused");
        for (body, status) in [
            (json!({ "content": "x", "metadata": secret }), 422),
            (json!({ "content": [secret] }), 422),
            (json!({ "content": "x", secret.as_str(): 1 }), 422),
            (json!({ "content": format!("{secret}\0") }), 422),
            (json!({ "content": "x", "replyToId": secret }), 422),
            (
                json!({ "content": "x", "attachments": [{ "url": format!("http://x.example/{secret}"), "type": "image/png" }] }),
                422,
            ),
        ] {
            self.expect(status, self.post(&path, &body)).await;
        }
        let json = "application/json";
        for (kind, body, status) in [
            (json, format!("{{\"content\":\"{secret}"), 400),
            (json, secret.clone(), 400),
            ("text/plain", format!("{{\"content\":\"{secret}\"}}"), 415),
            (
                "application/x-www-form-urlencoded",
                format!("content={secret}"),
                415,
            ),
        ] {
            let post = self
                .alice
                .request(Method::POST, &path)
                .header("Content-Type", kind);
            self.expect(status, post.body(body)).await;
        }
    }

    pub async fn ask_in_vain(&mut self) {
        let secret = self.canaries.plant("query");
        for (path, status) in [
            ("/v1/conversations?pageToken=", 400),
            ("/v1/conversations?contextType=AD&contextId=", 200),
            ("/v1/conversations?organizationId=", 200),
            ("/v1/conversations?q=", 200),
            ("/v1/events?since=", 400),
            ("/v1/events/stream?since=", 200),
            ("/v1/presence?userIds=", 200),
            ("/v1/nothing?x=", 404),
            ("/v1/me?x=%00%ff&%=", 200),
        ] {
            let get = self.alice.request(Method::GET, &format!("{path}{secret}"));
            let get = get
                .header("Referer", format!("https://site.example/?x={secret}"))
                .header("If-None-Match", &secret);
            let mut answer = get.send().await.expect("an answer");
            assert_eq!(answer.status(), status, "{path}");
            answer.chunk().await.expect("readable");
        }
        let stream = self.alice.request(Method::GET, "/v1/events/stream");
        let stream = Sse::of(
            stream
                .header("Last-Event-ID", &secret)
                .send()
                .await
                .expect("an answer"),
        );
        drop(stream);
    }

    /// What Postgres refuses it tells with the row.
    pub async fn fail(&mut self) {
        let refuse = "alter table messages add constraint marker_of_postgres check (content !~ '^canary-') not valid";
        self.app.database.execute(refuse).await;
        let message = self.message();
        self.expect(500, self.post(&self.messages(), &message))
            .await;
        self.app
            .database
            .execute("alter table messages rename to elsewhere")
            .await;
        let message = self.message();
        self.expect(500, self.post(&self.messages(), &message))
            .await;
    }
}
