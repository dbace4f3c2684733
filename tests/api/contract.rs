//! The routes mounted, the committed description and the running service are one set.

use std::collections::BTreeSet;
use std::path::Path;

use causerie::model::EventKind;
use causerie::routes::{mounted, openapi};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::support::App;

pub fn description() -> Value {
    serde_json::to_value(openapi()).expect("JSON")
}

/// Every (method, path) of a description.
fn operations(description: &Value) -> BTreeSet<(String, String)> {
    let paths = description["paths"].as_object().expect("paths");
    let of = |(path, item): (&String, &Value)| {
        let methods: Vec<_> = item.as_object().expect("a path").keys().cloned().collect();
        let path = path.clone();
        methods
            .into_iter()
            .map(move |method| (method, path.clone()))
    };
    paths.iter().flat_map(of).collect()
}

#[tokio::test]
async fn what_is_mounted_what_is_committed_and_what_is_served_are_one_set() {
    let described = description();
    let operations = operations(&described);
    // CORS answers its own preflights by a route of its own library, attached elsewhere: not part of the table.
    assert_eq!(mounted(), operations);

    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/openapi.yaml");
    let committed = std::fs::read_to_string(committed).unwrap_or_default();
    let printed = std::process::Command::new(env!("CARGO_BIN_EXE_causerie"))
        .arg("openapi")
        .output()
        .expect("it runs");
    assert!(printed.status.success());
    let printed = String::from_utf8(printed.stdout).expect("UTF-8");
    assert!(
        committed == printed,
        "not current: cargo run -q -- openapi > openapi/openapi.yaml"
    );

    let app = App::start().await;
    let alice = app.person("alice");
    let served = alice
        .send(Client::new().get(format!("{}/openapi.json", alice.base)))
        .await;
    assert_eq!(served.header("Content-Type"), Some("application/json"));
    assert_eq!(served.body, described);

    for (method, path) in &operations {
        let concrete = path
            .replace("{id}", &uuid::Uuid::now_v7().to_string())
            .replace("{name}", "page.js");
        let method: Method = method.to_uppercase().parse().expect("a method");
        let request = alice.request(method.clone(), &concrete);
        let answer = request.send().await.expect("the service answers");
        let status = answer.status().as_u16();
        // A stream has no end to read to.
        let kind = answer.headers().get("content-type");
        let is_problem = kind.is_some_and(|kind| kind == "application/problem+json");
        let text = if is_problem {
            answer.text().await.expect("a body")
        } else {
            String::new()
        };
        assert!(
            !text.contains("route-unknown") && ![405, 500].contains(&status),
            "{method} {path}: {status} {text}"
        );
    }
}

#[tokio::test]
async fn the_description_can_be_read_without_asking_anybody_else() {
    let app = App::start().await;
    let alice = app.person("alice");
    let get = async |path: &str| {
        alice
            .send(Client::new().get(format!("{}{path}", alice.base)))
            .await
    };
    for path in [
        "/docs",
        "/docs/",
        "/docs/index.html",
        "/docs/swagger-initializer.js",
        "/docs/swagger-ui-bundle.js",
        "/docs/swagger-ui.css",
        "/",
    ] {
        let answer = get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text.is_empty(), "{path}");
    }
    let page = get("/docs").await.text;
    for part in page.split(['"', '\'']) {
        assert!(
            !part.starts_with("http") && !part.starts_with("//"),
            "{part}"
        );
    }
    assert!(
        get("/docs/swagger-initializer.js")
            .await
            .text
            .contains("/openapi.json")
    );
}

#[test]
fn every_operation_is_described_with_what_it_may_answer() {
    let described = description();
    let mut ids = BTreeSet::new();
    for (method, path) in operations(&described) {
        let operation = &described["paths"][&path][&method];
        let what = format!("{method} {path}");
        assert!(
            operation["summary"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{what}"
        );
        let tags = operation["tags"].as_array();
        assert!(tags.is_some_and(|tags| !tags.is_empty()), "{what}");
        let id = operation["operationId"].as_str().expect("an operationId");
        assert!(ids.insert(id.to_owned()), "{id} twice");
        let responses = operation["responses"].as_object().expect("responses");
        assert!(
            responses
                .keys()
                .any(|status| status.starts_with(['2', '3'])),
            "{what}"
        );
        for (status, response) in responses {
            assert!(
                response["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{what} {status}"
            );
            let is_error = status == "default" || status.as_str() >= "400";
            let kinds = response["content"].as_object();
            if is_error {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{what} {status}");
            } else if !["204", "303", "304"].contains(&status.as_str()) {
                assert!(
                    kinds.is_some_and(|kinds| kinds.len() == 1),
                    "{what} {status}"
                );
            }
        }
        let is_open = operation["security"] == json!([{}]);
        // Whoever looks for what a proxy does has no account, nor has who follows the link of an e-mail.
        let has_no_account = path.starts_with("/v1/diagnostics") || path == "/v1/unsubscribe";
        let needs_token = path.starts_with("/v1") && !has_no_account;
        assert_eq!(is_open, !needs_token, "{what}: who may ask");
        let named = ["400", "401", "403", "503"].map(|status| responses.contains_key(status));
        assert!(
            !needs_token || named == [true; 4],
            "{what}: the problems anybody may get"
        );
        // Each status by its name: one that stands for all others would hide what is not described.
        assert!(!responses.contains_key("default"), "{what}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(
                parameter["description"].is_string() || parameter["in"] == "path",
                "{what} {parameter}"
            );
        }
    }
}

#[test]
fn an_event_is_one_of_its_kinds_told_apart_by_type() {
    let described = description();
    let kinds: BTreeSet<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let alternatives = described["components"]["schemas"]["Event"]["oneOf"]
        .as_array()
        .expect("a oneOf");
    let named: Vec<_> = alternatives
        .iter()
        .map(|schema| {
            let parts = schema["allOf"].as_array().expect("parts").iter();
            let tag = parts
                .filter_map(|part| part["properties"].get("type"))
                .next()
                .expect("a tag");
            let one = tag["enum"].as_array().expect("one value");
            assert_eq!(one.len(), 1);
            one[0].as_str().expect("a name")
        })
        .collect();
    assert_eq!(named.len(), kinds.len());
    assert_eq!(BTreeSet::from_iter(named), kinds);
}
