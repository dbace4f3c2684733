//! The service does what its own description says: schemathesis (PyPI) reads `/openapi.json`, makes up requests, right
//! and wrong ones, follows from one operation to the next, and holds every answer against the description.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use causerie::auth::{Claims, mint};
use causerie::config::DEVELOPMENT_SECRET;
use causerie::mail::Seal;
use causerie::model::UserKey;
use causerie::routes::openapi;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{App, Person, eventually};

/// Cases that a whole run takes at least, and how many are made up per operation for that.
const WHOLE: (usize, &str) = (5_000, "120");
/// The part of every run.
const PART: (usize, &str) = (1_000, "4");
/// The same cases each time.
const SEED: &str = "20261121";
/// Never how fast it should be.
const GIVE_UP: Duration = Duration::from_secs(1_800);

type Seen = BTreeMap<String, BTreeMap<u16, usize>>;

/// Of a tenant of its own beside the demo's, by the secret with which alone there is a demo.
fn person(base: &str, id: &str) -> Person {
    let now = chrono::Utc::now().timestamp();
    let mut claims = Claims::new(id, now, now + 7_200);
    claims.name = Some(id.to_owned());
    claims.tenant = Some("described".to_owned());
    claims.role = (id == "backend").then(|| "service".to_owned());
    Person {
        id: id.to_owned(),
        token: mint(DEVELOPMENT_SECRET, &claims).expect("a token"),
        base: base.to_owned(),
    }
}

/// Two people, the host's backend, and what there is; for the hooks of `tests/described`.
async fn scene(app: &App) -> Value {
    let base = app.instances[0].url.clone();
    let people = ["alice", "bob", "carol", "backend"].map(|id| person(&base, id));
    for known in &people {
        known.get("/v1/me").await.ok();
    }
    let [alice, bob, _, service] = &people;
    let group = json!({ "type": "GROUP", "members": [{ "userId": "bob", "role": "ADMIN" }] });
    let group = alice.post("/v1/conversations", &group).await.ok()["id"].clone();
    let message = alice
        .say(group.as_str().expect("an id"), "Bonjour")
        .await
        .ok();
    let later = chrono::Utc::now() + chrono::Duration::hours(1);
    let email = json!({ "to": "a@mail.example", "subject": "s", "text": "t", "deliverAt": later.to_rfc3339() });
    let email = service.post("/v1/emails", &email).await.ok();
    let unsubscribe = unsubscribe(app).await;
    json!({
        "email": email["id"], "unsubscribe": unsubscribe, "base": base, "group": group, "message": message["id"], "cursor": alice.cursor().await,
        "tokens": { "alice": alice.token, "bob": bob.token, "backend": service.token },
    })
}

/// What stands in the link of an e-mail to alice.
async fn unsubscribe(app: &App) -> String {
    let secret = [7; 32];
    let draw = "insert into secrets (value) values ($1)";
    sqlx::query(draw)
        .bind(secret)
        .execute(&mut app.database.connect().await)
        .await
        .expect("drawn");
    let seal = Seal::of(&secret).expect("keys");
    let alice = UserKey::new("described", "alice");
    seal.token(&alice, 0).expect("a token")
}

fn tool() -> PathBuf {
    let tools = std::env::var_os("CAUSERIE_TEST_TOOLS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools"),
        PathBuf::from,
    );
    let program = tools.join("schemathesis/bin/schemathesis");
    assert!(
        program.exists(),
        "{} is not there: script/test makes it",
        program.display()
    );
    program
}

/// Runs it; gives what it said, whether it is content, and what was answered to which operation how often.
async fn run(app: &App, examples: &str) -> (String, bool, Seen) {
    let here = std::env::temp_dir().join(format!("causerie-described-{}", std::process::id()));
    std::fs::create_dir_all(&here).expect("a directory of its own");
    std::fs::write(here.join("scene.json"), scene(app).await.to_string()).expect("writable");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/described");
    let mut command = Command::new(tool());
    command
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .args(["run", &format!("{}/openapi.json", app.instances[0].url)])
        .args([
            "--url",
            &app.instances[0].url,
            "--seed",
            SEED,
            "--max-examples",
            examples,
        ])
        .args(["--no-color", "--generation-deterministic"])
        .env("PYTHONPATH", &folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("CAUSERIE_SCENE", here.join("scene.json"))
        .env("CAUSERIE_SEEN", here.join("seen.json"))
        .current_dir(&here)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(GIVE_UP, command.output())
        .await
        .expect("it ends")
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let seen =
        std::fs::read(here.join("seen.json")).unwrap_or_else(|_| panic!("no report: {said}"));
    std::fs::remove_dir_all(&here).expect("removed");
    (
        said,
        output.status.success(),
        serde_json::from_slice(&seen).expect("a report"),
    )
}

/// What an operation answers when all is well: a 2xx, or the redirection that is all it has.
fn successes() -> BTreeMap<String, Vec<u16>> {
    let described = serde_json::to_value(openapi()).expect("JSON");
    let paths = described["paths"].as_object().expect("paths").values();
    let operations = paths.flat_map(|item| item.as_object().expect("a path").values());
    let of = |operation: &Value| {
        let statuses = operation["responses"]
            .as_object()
            .expect("responses")
            .keys();
        let statuses = statuses.filter_map(|status| status.parse().ok());
        let good = statuses.filter(|status: &u16| (200..300).contains(status) || *status == 303);
        let id = operation["operationId"].as_str().expect("an id").to_owned();
        (id, good.collect())
    };
    operations.map(of).collect()
}

#[tokio::test]
async fn the_service_answers_as_its_description_says() {
    let is_whole = std::env::var_os("CAUSERIE_TEST_FULL").is_some();
    let (least, examples) = if is_whole { WHOLE } else { PART };
    let mut app = App::with(0, "").await;
    // The demo's pages are part of the description; it is there in development only.
    app.add(
        "demo=true,streams_per_user=200,waits_per_user=200,heartbeat_secs=1,\
         mail={smtp_url=\"smtp://127.0.0.1:1\",from=\"chat@example.org\",public_url=\"https://chat.example\"}",
        &[("CAUSERIE_JWT_SECRET", "")],
    )
    .await;
    eventually("the demo is loaded", async || {
        (app.instances[0].status("/demo").await == Some(200)).then_some(())
    })
    .await;
    let (said, is_content, mut seen) = run(&app, examples).await;
    // It reads the description to begin with, and makes no case of that.
    let description = app.instances[0].status("/openapi.json").await.expect("it");
    seen.insert("openapi".to_owned(), BTreeMap::from([(description, 1)]));
    let mut statuses = BTreeMap::<u16, usize>::new();
    for (status, times) in seen.values().flatten() {
        *statuses.entry(*status).or_default() += times;
    }
    let cases: usize = statuses.values().sum();
    println!(
        "{said}\n{cases} cases on {} operations: {statuses:?}",
        seen.len()
    );
    assert!(is_content, "{}", app.instances[0].log());
    for (operation, good) in successes() {
        let of = seen.get(&operation);
        let was_served = good
            .iter()
            .any(|status| of.is_some_and(|of| of.contains_key(status)));
        assert!(was_served, "{operation} was never served: {of:?}");
    }
    assert!(cases >= least, "{cases} cases");
    assert!(
        !statuses.keys().any(|status| *status == 500),
        "{statuses:?}"
    );
}
