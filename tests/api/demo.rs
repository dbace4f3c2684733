//! The demo site tells the four stories, and starting again adds nothing.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use reqwest::Client;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::support::{App, Database, PATIENCE, Person, eventually};

/// It is there with the development secret only.
const DEMO: &[(&str, &str)] = &[
    ("ROCKET_CAUSERIE", "{demo=true}"),
    ("CAUSERIE_JWT_SECRET", ""),
];

/// One more start of the demo on the same database; gives what `/demo.json` says.
async fn start(app: &mut App) -> Value {
    let url = app.add("", DEMO).await.url.clone();
    eventually("the demo is loaded", async || {
        let get = Client::new().get(format!("{url}/demo.json"));
        let answer = get.send().await.ok()?.error_for_status().ok()?;
        answer.json().await.ok()
    })
    .await
}

/// The people of a tenant, by id.
fn people(app: &App, site: &Value, tenant: &str) -> HashMap<String, Person> {
    let all = site["people"].as_array().expect("people").iter();
    let of_tenant = all.filter(|person| person["tenant"] == tenant);
    let person = |person: &Value| {
        let id = person["user"]["id"].as_str().expect("an id").to_owned();
        let token = person["token"].as_str().expect("a token").to_owned();
        let base = app.instances[0].url.clone();
        (id.clone(), Person { id, token, base })
    };
    of_tenant.map(person).collect()
}

/// The messages of somebody's conversation about `subject`.
async fn messages(person: &Person, subject: &str) -> Vec<Value> {
    let inbox = person.get("/v1/conversations").await.ok();
    let all = inbox["items"].as_array().expect("a page");
    let found = all
        .iter()
        .find(|one| one["subject"] == subject)
        .unwrap_or_else(|| panic!("nothing about {subject} in {all:?}"));
    let id = found["id"].as_str().expect("an id");
    let page = person
        .get(&format!("/v1/conversations/{id}/messages"))
        .await
        .ok();
    page["items"].as_array().expect("a page").clone()
}

#[tokio::test]
async fn the_demo_tells_of_an_ad_an_appointment_a_group_and_a_second_tenant() {
    let mut app = App {
        database: Database::create().await,
        instances: Vec::new(),
    };
    let site = start(&mut app).await;
    let shop = people(&app, &site, "default");
    let (alice, salon) = (&shop["alice"], &shop["salon"]);

    let ad = messages(alice, "iPhone 14 Pro").await;
    assert_eq!(ad[0]["conversationId"], site["conversationId"]);
    assert_eq!(ad[0]["conversationId"], site["stories"]["ad"]);
    let senders: Vec<_> = ad.iter().map(|m| &m["sender"]["id"]).collect();
    assert_eq!(senders, ["alice", "bob", "alice"]);

    let appointment = messages(salon, "Coupe et couleur").await;
    let kinds: Vec<_> = appointment.iter().map(|m| &m["type"]).collect();
    assert_eq!(kinds, ["SYSTEM", "USER", "SYSTEM"]);
    let told = &site["stories"]["appointment"];
    assert_eq!(&appointment[0]["conversationId"], told);

    let group = messages(salon, "Soirée d'ouverture").await;
    assert!(group[0]["editedAt"].is_string(), "{group:?}");
    assert_eq!(group[1]["notice"]["userIds"], json!(["bob"]));
    assert_eq!(group[2]["replyTo"]["id"], group[0]["id"]);
    assert_eq!(group[0]["conversationId"], site["stories"]["group"]);

    let brigade = people(&app, &site, "caserne");
    let drill = messages(&brigade["alice"], "Garde de nuit").await;
    assert_eq!(drill[0]["sender"]["id"], "karim");
    assert_eq!(drill[0]["conversationId"], site["stories"]["brigade"]);
    let [one, other] = [alice, &brigade["alice"]].map(async |person| {
        let me = person.get("/v1/me").await.ok();
        me["name"].as_str().expect("a name").to_owned()
    });
    assert_ne!(one.await, other.await, "two people of one id");
}

#[tokio::test]
async fn a_second_start_of_the_demo_adds_nothing_and_leaves_what_people_did() {
    let mut app = App {
        database: Database::create().await,
        instances: Vec::new(),
    };
    let site = start(&mut app).await;
    let shop = people(&app, &site, "default");
    let group = messages(&shop["salon"], "Soirée d'ouverture").await;
    let id = group[0]["conversationId"].as_str().expect("an id");
    // Bob leaves, and the salon hands the group over.
    let members = format!("/v1/conversations/{id}/members");
    shop["bob"].delete(&format!("{members}/me")).await.ok();
    let admin = json!({ "role": "ADMIN" });
    let role = format!("{members}/alice");
    shop["salon"].patch(&role, &admin).await.ok();
    shop["salon"].delete(&format!("{members}/me")).await.ok();

    let events = "select count(*) from events";
    let before = app.database.number(events).await;
    let again = start(&mut app).await;
    assert_eq!(again["conversationId"], site["conversationId"]);
    assert_eq!(app.database.number(events).await, before);
    assert_eq!(
        app.database
            .number("select count(*) from conversations")
            .await,
        4
    );
}

/// The status of a GET that follows no redirect, where it leads to, and its policy.
async fn look(app: &App, path: &str) -> (u16, String, String) {
    let client = Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.build().expect("a client");
    let get = client.get(format!("{}{path}", app.instances[0].url));
    let answer = get.send().await.expect("an answer");
    let header = |name: &str| {
        let value = answer.headers().get(name);
        value.map_or_else(String::new, |value| {
            value.to_str().expect("text").to_owned()
        })
    };
    let (location, policy) = (header("location"), header("content-security-policy"));
    (answer.status().as_u16(), location, policy)
}

#[tokio::test]
async fn one_looks_at_the_demo_first_and_its_pages_run_nothing_but_their_own_files() {
    let mut app = App {
        database: Database::create().await,
        instances: Vec::new(),
    };
    start(&mut app).await;
    let (status, location, _) = look(&app, "/").await;
    assert_eq!((status, location.as_str()), (303, "demo"));
    for path in [
        "/demo",
        "/demo/person.html?story=ad&as=bob",
        "/demo/host.js",
    ] {
        let (status, _, policy) = look(&app, path).await;
        assert_eq!(status, 200, "{path}");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(policy.contains("frame-ancestors 'self'"), "{policy}");
    }
    assert_eq!(look(&app, "/demo/nothing.js").await.0, 404);
}

#[tokio::test]
async fn every_file_of_the_demo_names_only_files_that_are_there() {
    let mut app = App {
        database: Database::create().await,
        instances: Vec::new(),
    };
    start(&mut app).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/demo");
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let text = fs::read_to_string(entry.path()).expect("readable");
        let named = text.split('"').filter(|part| part.starts_with("/demo"));
        for path in named.filter(|path| !path.contains('$')) {
            assert_eq!(look(&app, path).await.0, 200, "{path} in {entry:?}");
        }
        let own = format!("/demo/{}", entry.file_name().to_string_lossy());
        assert_eq!(look(&app, &own).await.0, 200, "{own}");
    }
}

#[tokio::test]
async fn without_the_demo_there_is_no_page_of_it() {
    let app = App::start().await;
    for path in ["/demo", "/demo/index.js", "/demo.json"] {
        assert_eq!(look(&app, path).await.0, 404, "{path}");
    }
    assert_eq!(look(&app, "/").await.1, "docs");
}

#[tokio::test]
async fn with_a_secret_of_ones_own_nobody_is_given_a_token() {
    // A debug build, with `demo = true` in its own Rocket.toml and even asked for once more.
    let mut app = App {
        database: Database::create().await,
        instances: Vec::new(),
    };
    app.add("", &[("ROCKET_CAUSERIE", "{demo=true}")]).await;
    for path in ["/demo", "/demo/index.js", "/demo.json"] {
        assert_eq!(look(&app, path).await.0, 404, "{path}");
    }
    assert!(!initializer(&app).await.contains("preauthorize"));
    let people = "select count(*) from users";
    assert_eq!(app.database.number(people).await, 0, "nor loaded");
}

async fn initializer(app: &App) -> String {
    let url = format!("{}/docs/swagger-initializer.js", app.instances[0].url);
    let answer = reqwest::get(url).await.expect("an answer");
    answer.text().await.expect("text")
}

#[tokio::test]
async fn where_the_demo_is_the_description_is_tried_as_its_first_person() {
    let mut app = App {
        database: Database::create().await,
        instances: Vec::new(),
    };
    start(&mut app).await;
    let script = initializer(&app).await;
    let (_, filled) = script
        .split_once("onComplete: () => window.ui.preauthorizeApiKey(\"bearer\", \"")
        .expect("Authorize is filled in");
    let (token, _) = filled.split_once('"').expect("a token");
    let alice = Person {
        id: "alice".to_owned(),
        token: token.to_owned(),
        base: app.instances[0].url.clone(),
    };
    assert_eq!(alice.get("/v1/me").await.ok()["name"], "Alice Martin");
}

#[tokio::test]
async fn the_first_line_says_where_to_look() {
    let database = Database::create().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_causerie"));
    let mut child = command
        .env("DATABASE_URL", &database.url)
        .env("ROCKET_PORT", "0")
        .envs(DEMO.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
    let line = line.expect("in time").expect("readable").expect("a line");
    let (_, address) = line.split_once("Look here: ").expect("where to look");
    let page = reqwest::get(address).await.expect("an answer");
    assert_eq!(page.status(), 200, "{address}");
    assert!(address.ends_with("/demo"), "{address}");
}
