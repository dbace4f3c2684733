//! What every refusal must be, and how a test sees that it changed nothing.

use reqwest::Method;
use serde_json::Value;

use crate::support::{Answer, App, Database, Person};

/// A request as anybody may send it, for the tables of bad input.
pub struct Request<'t> {
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
    pub by: &'t Person,
}

impl Request<'_> {
    pub async fn send(&self, language: &str) -> Answer {
        let mut request = self.by.request(self.method.clone(), &self.path);
        if let Some(body) = &self.body {
            request = request.json(body);
        }
        self.by
            .send(request.header("Accept-Language", language))
            .await
    }

    /// Sends it in both languages, and holds both answers against what a problem must be.
    pub async fn is_refused(&self, status: u16, code: &str, pointer: Option<&str>) {
        let what = format!("{} {} {:?}", self.method, self.path, self.body);
        let english = self.send("en").await;
        assert_problem(&english, &what, status, code, pointer);
        let french = self.send("fr-FR,fr;q=0.9,en;q=0.8").await;
        assert_problem(&french, &what, status, code, pointer);
        for words in ["title", "detail"] {
            assert_ne!(
                english.body[words], french.body[words],
                "{what}: {words} in French"
            );
        }
        if pointer.is_some() {
            let detail = |answer: &Answer| answer.body["errors"][0]["detail"].clone();
            assert_ne!(detail(&english), detail(&french), "{what}");
        }
    }
}

/// RFC 9457, with what the contract adds to it. `pointer` is that of the first of `errors`.
#[track_caller]
pub fn assert_problem(answer: &Answer, what: &str, status: u16, code: &str, pointer: Option<&str>) {
    assert_eq!(
        (answer.status, answer.code()),
        (status, code),
        "{what}: {}",
        answer.text
    );
    assert_eq!(
        answer.header("Content-Type"),
        Some("application/problem+json"),
        "{what}"
    );
    let body = &answer.body;
    assert_eq!(body["status"], status, "{what}");
    let kind = body["type"].as_str().unwrap_or_default();
    assert!(
        kind.starts_with("https://") && kind.ends_with(&format!("/problems/{code}")),
        "{what}: {kind}"
    );
    for words in ["title", "detail", "instance"] {
        assert!(
            body[words].as_str().is_some_and(|text| !text.is_empty()),
            "{what}: {words}"
        );
    }
    assert_eq!(
        body["requestId"].as_str(),
        answer.header("X-Request-Id"),
        "{what}"
    );
    let first = &body["errors"][0];
    assert_eq!(
        first["pointer"].as_str(),
        pointer,
        "{what}: {}",
        answer.text
    );
    if pointer.is_some() {
        assert!(
            first["code"].is_string() && first["detail"].is_string(),
            "{what}: {first}"
        );
    }
    if status == 401 {
        assert_eq!(answer.header("WWW-Authenticate"), Some("Bearer"), "{what}");
    }
}

/// Everything in every table, as one hash per table: two that are equal say that nothing changed. But for who is there:
/// that is noted by itself.
pub async fn everything(database: &Database) -> Vec<(String, Option<String>)> {
    let mut connection = database.connect().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables where table_schema = 'public' and table_name <> 'presence' order by 1",
    )
    .fetch_all(&mut connection)
    .await
    .expect("a schema");
    assert!(tables.len() > 5, "{tables:?}");
    let mut found = Vec::new();
    for table in tables {
        let text =
            format!("select md5(string_agg(t::text, ',' order by t::text)) from \"{table}\" t");
        let hash = sqlx::query_scalar(sqlx::AssertSqlSafe(text))
            .fetch_one(&mut connection)
            .await
            .expect("readable");
        found.push((table, hash));
    }
    found
}

/// Alice and bob talk, and mallory is known and in nothing of theirs.
pub struct Scene {
    pub app: App,
    pub alice: Person,
    pub mallory: Person,
    pub service: Person,
    pub conversation: String,
    pub message: String,
}

impl Scene {
    pub async fn set() -> Self {
        let app = App::start().await;
        let (alice, _, conversation) = app.two_people_talking().await;
        let message = alice.say(&conversation, "Bonjour").await.ok()["id"]
            .as_str()
            .expect("an id")
            .to_owned();
        let (mallory, service) = (
            app.person("mallory"),
            Person::service(&app.instances[0].url),
        );
        mallory.get("/v1/me").await.ok();
        service.get("/v1/me").await.ok();
        Self {
            app,
            alice,
            mallory,
            service,
            conversation,
            message,
        }
    }

    pub fn request<'t>(
        &self,
        by: &'t Person,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Request<'t> {
        let path = path
            .replace("{conversation}", &self.conversation)
            .replace("{message}", &self.message);
        Request {
            method,
            path,
            body,
            by,
        }
    }

    /// Every refusal of the table, and that all of them together changed nothing.
    pub async fn refuses(&self, by: &Person, method: Method, cases: Vec<Case<'_>>) {
        let before = everything(&self.app.database).await;
        for (path, body, status, code, pointer) in cases {
            let request = self.request(by, method.clone(), path, body);
            request.is_refused(status, code, pointer).await;
        }
        assert_eq!(
            everything(&self.app.database).await,
            before,
            "nothing changed"
        );
    }

    /// Bodies that are refused as 422, each with the pointer to its field and that field's code.
    pub async fn refuses_fields(&self, method: Method, path: &str, bodies: Vec<Row>) {
        let by = if method == Method::PUT {
            &self.service
        } else {
            &self.alice
        };
        let cases = bodies.iter().map(|(body, pointer, _)| {
            (
                path,
                Some(body.clone()),
                422,
                "invalid-body",
                Some(pointer.as_str()),
            )
        });
        self.refuses(by, method.clone(), cases.collect()).await;
        for (body, pointer, code) in bodies {
            let answer = self
                .request(by, method.clone(), path, Some(body))
                .send("en")
                .await;
            assert_eq!(answer.body["errors"][0]["code"], code, "{pointer}");
        }
    }
}

/// Path, body, and the status, code and first pointer of the refusal.
pub type Case<'c> = (&'c str, Option<Value>, u16, &'c str, Option<&'c str>);

/// A body, with the pointer and the code of its first problem.
pub type Row = (Value, String, String);

/// Reads a table of `pointer code body`, one per line; `-` is the whole body, and a text `*129` is 129 characters.
pub fn rows(table: &str) -> Vec<Row> {
    let read = |line: &str| {
        let (pointer, rest) = line.split_once(' ').expect("a pointer");
        let (code, body) = rest.trim_start().split_once(' ').expect("a code");
        let body = serde_json::from_str(body.trim()).expect("JSON");
        (
            spelled_out(body),
            pointer.trim_matches('-').to_owned(),
            code.to_owned(),
        )
    };
    table
        .lines()
        .filter(|line| !line.is_empty())
        .map(read)
        .collect()
}

fn spelled_out(value: Value) -> Value {
    match value {
        Value::String(text) => {
            let count = text.strip_prefix('*').and_then(|count| count.parse().ok());
            Value::String(count.map_or(text, |count| "é".repeat(count)))
        }
        Value::Array(items) => items.into_iter().map(spelled_out).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(name, value)| (name, spelled_out(value)))
            .collect(),
        other => other,
    }
}
