//! Secrets that anybody would recognise: with everything logged that can be, none comes to stand in a log, neither the
//! service's nor nginx's nor Postgres' own.

mod refused;
mod shown;
mod stage;

use std::path::Path;

use reqwest::Method;
use serde_json::Value;

use crate::checks;
use crate::support::{Database, eventually};

/// Everything that was planted, and what it was planted as.
#[derive(Default)]
struct Canaries(Vec<(String, String)>);

impl Canaries {
    /// A new secret, long enough for a key.
    fn plant(&mut self, kind: &str) -> String {
        let secret = format!("canary-{kind}-{}", uuid::Uuid::new_v4().simple());
        self.keep(kind, &secret);
        secret
    }

    fn keep(&mut self, kind: &str, secret: &str) {
        assert!(secret.len() >= 16, "{kind}: {secret} may stand anywhere");
        self.0.push((kind.to_owned(), secret.to_owned()));
    }

    /// Of a token, each part that proves or says something.
    fn keep_token(&mut self, kind: &str, token: &str) {
        let mut parts = token.split('.').skip(1);
        self.keep(kind, parts.next().expect("claims"));
        self.keep(kind, parts.next().expect("a signature"));
    }

    fn found_in(&self, log: &str) -> Vec<&str> {
        let found = self
            .0
            .iter()
            .filter(|(_, secret)| log.contains(secret.as_str()));
        found.map(|(kind, _)| kind.as_str()).collect()
    }
}

/// The server's own log, where the server is the tests' own.
async fn log_of_postgres(database: &Database) -> Option<String> {
    let text = "select current_setting('data_directory')";
    let data: String = sqlx::query_scalar(text)
        .fetch_one(&mut database.connect().await)
        .await
        .expect("a superuser");
    let path = Path::new(&data).parent()?.join("postgres.log");
    std::fs::read(path)
        .ok()
        .map(|text| String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn no_secret_stands_in_any_log_though_everything_is_logged() {
    let mut stage = stage::stage().await;
    stage.show_tokens().await;
    stage.show_tokens_in_urls().await;
    stage.show_tickets().await;
    stage.say_things().await;
    stage.be_refused().await;
    stage.ask_in_vain().await;
    stage.fail().await;
    let marker = format!("marker-{}", uuid::Uuid::new_v4().simple());
    let last = stage
        .alice
        .request(Method::GET, "/v1/me")
        .header("X-Request-Id", &marker);
    stage.expect(200, last).await;
    let instance = &stage.app.instances[0];
    let of_nginx = || {
        let files = ["access.log", "streams.log", "error.log", "stderr.log"];
        stage.nginx.logs(&files)
    };
    eventually("the last line in both logs", async || {
        (instance.log().contains(&marker) && of_nginx().contains(&marker)).then_some(())
    })
    .await;
    let (log, output, of_nginx) = (instance.log(), instance.output(), of_nginx());
    let of_postgres = log_of_postgres(&stage.app.database).await;

    // What is no secret is there, so that the rest would be: everything was logged.
    assert!(output.contains(" listens on "), "{output}");
    for target in ["hyper", "reqwest"] {
        let mut lines = log.lines();
        let is_verbose = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            ["TRACE", "DEBUG"]
                .iter()
                .any(|level| line["level"] == *level)
                && line["target"]
                    .as_str()
                    .is_some_and(|of| of.starts_with(target))
        };
        assert!(lines.any(is_verbose), "{target} says nothing");
    }
    if let Some(log) = &of_postgres {
        assert!(log.contains("marker_of_postgres"), "{log}");
    }
    assert!(stage.canaries.0.len() > 50, "{}", stage.canaries.0.len());

    for (whose, log) in [
        ("ours", &log),
        ("standard output", &output),
        ("nginx", &of_nginx),
        ("Postgres", &of_postgres.unwrap_or_default()),
    ] {
        let found = stage.canaries.found_in(log);
        let mut lines = log.lines();
        let line = lines.find(|line| !stage.canaries.found_in(line).is_empty());
        assert!(found.is_empty(), "{whose}: {found:?}: {line:?}");
    }
}

#[tokio::test]
async fn a_start_that_fails_because_of_a_secret_does_not_show_it() {
    let mut canaries = Canaries::default();
    let secret = canaries.plant("setting");
    let short = "canary-short-one";
    canaries.keep("short", short);
    let secrets = ["CAUSERIE_JWT_SECRET", "CAUSERIE_JWT_SECRET_BEFORE"];
    let nowhere = format!("postgres://a:{secret}@127.0.0.1:1/c");
    let mut starts = secrets
        .map(|name| (nowhere.clone(), String::new(), name, short))
        .to_vec();
    for settings in [
        format!("keys=\"{secret}\""),
        format!("keys=[{{secret=[\"{secret}\"]}}]"),
        format!("keys=[{{secret=\"{secret}\",pem=\"{secret}\"}}]"),
        format!("wait_secs=\"{secret}\""),
        format!("unknown_users=\"{secret}\""),
        format!("{secret}=1,ring=\"{secret}\""),
    ] {
        starts.push((nowhere.clone(), settings, "OTHER", ""));
    }
    for url in [
        nowhere.clone(),
        nowhere.replace(":1/", ":port/"),
        format!("{nowhere}?sslpassword={secret}"),
        format!("{secret}@127.0.0.1"),
    ] {
        starts.push((url, String::new(), "OTHER", ""));
    }
    for (url, settings, name, value) in starts {
        let environment = [("RUST_LOG", "trace"), (name, value)];
        let (code, said) = checks::run(&["serve"], &url, &settings, &environment).await;
        let what = format!("{url} {settings} {name}: {said}");
        assert_eq!(code, 1, "{what}");
        assert!(said.contains("causerie: "), "it says why: {what}");
        assert!(canaries.found_in(&said).is_empty(), "{what}");
    }
}
