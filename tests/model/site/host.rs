//! The people of a site at their devices: one connection pool, a token each, several instances to talk to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::world::{By, World};
use super::{Failure, Kind};
use crate::support::{Answer, PATIENCE, Person};

/// Where the requests of one run go.
pub struct Host {
    client: Client,
    pub urls: Vec<String>,
    tokens: Vec<String>,
    service: String,
    pub asked: AtomicUsize,
}

impl Host {
    /// People `p0`, `p1`, … of a tenant.
    pub fn new(urls: &[String], tenant: &str, people: usize) -> Self {
        let token = |id: &str, role: Option<&str>| {
            let person = Person::with(&urls[0], id, |claims| {
                claims.name = role.is_none().then(|| id.to_owned());
                claims.tenant = Some(tenant.to_owned());
                claims.role = role.map(str::to_owned);
                claims
                    .more
                    .insert("organizations".to_owned(), json!(["org-1"]));
            });
            person.token
        };
        Self {
            // Of this run's own runtime, so it may keep connections open, as clients do.
            client: Client::new(),
            urls: urls.to_vec(),
            tokens: (0..people).map(|n| token(&format!("p{n}"), None)).collect(),
            service: token("backend", Some("service")),
            asked: AtomicUsize::new(0),
        }
    }

    fn token(&self, by: By) -> &str {
        match by {
            By::Person(person) => &self.tokens[person],
            By::Service => &self.service,
        }
    }

    pub async fn ask(&self, by: By, instance: usize, ask: &Ask) -> Result<Answer, Failure> {
        let url = format!("{}{}", self.urls[instance % self.urls.len()], ask.path);
        let began = Instant::now();
        loop {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let mut request = self
                .client
                .request(ask.method.clone(), &url)
                .bearer_auth(self.token(by));
            if let Some(body) = &ask.body {
                request = request.json(body);
            }
            let answer = async {
                let answer = request.send().await?;
                let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
                Ok::<_, reqwest::Error>((status, headers, answer.text().await?))
            };
            let failed = |error| Failure::new(Kind::Answer, format!("{ask}: {error}"));
            let (status, headers, text) = answer.await.map_err(failed)?;
            // A machine that is busy with other things: what changes nothing may be asked again.
            if status == 503 && ask.method == Method::GET && began.elapsed() < PATIENCE {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            let body = serde_json::from_str(&text).unwrap_or(Value::Null);
            return Ok(Answer {
                status,
                headers,
                body,
                text,
            });
        }
    }

    /// What is there to see: 200, and no text in it that was edited away or deleted.
    pub async fn get(
        &self,
        world: &World,
        by: By,
        instance: usize,
        path: &str,
    ) -> Result<Answer, Failure> {
        let ask = Ask::get(path);
        let answer = self.ask(by, instance, &ask).await?;
        Failure::unless(answer.status == 200, Kind::Answer, || {
            format!("{by:?} {ask}: {} {}", answer.status, answer.text)
        })?;
        no_dead_text(world, &answer.text, || format!("{by:?} {ask}"))?;
        Ok(answer)
    }

    /// A stream, as it comes.
    pub async fn stream(
        &self,
        person: usize,
        instance: usize,
        since: &str,
    ) -> Result<reqwest::Response, Failure> {
        let path = format!(
            "{}/v1/events/stream?since={since}",
            self.urls[instance % self.urls.len()]
        );
        let request = self.client.get(path).bearer_auth(&self.tokens[person]);
        request
            .send()
            .await
            .map_err(|error| Failure::new(Kind::Answer, format!("stream: {error}")))
    }
}

pub fn no_dead_text(
    world: &World,
    text: &str,
    asked: impl FnOnce() -> String,
) -> Result<(), Failure> {
    world.dead_text(text).map_or(Ok(()), |number| {
        let what = format!(
            "[[{number}]] is gone, and handed out by {}: {text:.2000}",
            asked()
        );
        Err(Failure::new(Kind::Text, what))
    })
}

/// A request.
#[derive(Debug)]
pub struct Ask {
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
}

impl Ask {
    pub fn get(path: &str) -> Self {
        Self::of(Method::GET, path, None)
    }

    pub fn of(method: Method, path: &str, body: Option<Value>) -> Self {
        Self {
            method,
            path: path.to_owned(),
            body,
        }
    }
}

impl std::fmt::Display for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        self.body
            .as_ref()
            .map_or(Ok(()), |body| write!(f, " {body}"))
    }
}
