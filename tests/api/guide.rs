//! What docs/ tells people to copy, run as it stands there: the samples against a real instance, the proxies' files in
//! front of one, and each block of code held to what it says of itself.

mod blocks;
mod page;
mod proxies;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{App, Person, SECRET};

/// One that shows wrong encodings and missing escapes.
const NAME: &str = "Zoë O’Brien \"陳\"";
const PICTURE: &str = "https://www.example.org/zoë.jpg";

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs to its end, away from proxies of the machine.
async fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(environment.iter().copied())
        .env("no_proxy", "*")
        // Beside the samples nothing is left.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null());
    command.output().await.unwrap_or_else(|error| {
        panic!("{program} does not start ({error}): the samples of docs/ need it, script/test installs it")
    })
}

fn printed(output: &Output) -> &str {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    str::from_utf8(&output.stdout).expect("text")
}

/// The token that `sample` makes, called by `code` with its path, an id, a name and a picture, is that person's.
async fn assert_names_a_person(program: &str, flags: &[&str], code: &str, sample: &str) {
    let sample = root("docs/samples").join(sample);
    let sample = sample.to_str().expect("UTF-8");
    let arguments = [flags, &[code, sample, "42", NAME, PICTURE]].concat();
    let output = run(program, &arguments, &[("CAUSERIE_JWT_SECRET", SECRET)]).await;
    let app = App::start().await;
    let me = Person {
        id: "42".to_owned(),
        token: printed(&output).trim().to_owned(),
        base: app.instances[0].url.clone(),
    };
    let seen = me.get("/v1/me").await.ok();
    let told = [&seen["id"], &seen["name"], &seen["imageUrl"]];
    assert_eq!(told, ["42", NAME, PICTURE], "{seen}");
}

#[tokio::test]
async fn the_token_of_the_node_sample_names_a_person() {
    let code = "const [, file, id, name, picture] = process.argv;
        const { messagesToken } = await import(file);
        console.log(messagesToken({ id, name, picture }));";
    let flags = ["--input-type=module", "-e"];
    assert_names_a_person("node", &flags, code, "messages_token.mjs").await;
}

#[tokio::test]
async fn the_token_of_the_python_sample_names_a_person() {
    let code = "import os, sys
_, file, id, name, picture = sys.argv
sys.path.insert(0, os.path.dirname(file))
from messages_token import messages_token
print(messages_token(id, name, picture))";
    assert_names_a_person("python3", &["-c"], code, "messages_token.py").await;
}

#[tokio::test]
async fn the_token_of_the_ruby_sample_names_a_person() {
    let code = "file, id, name, picture = ARGV
        require file
        puts MessagesToken.for(id: id, name: name, picture: picture)";
    assert_names_a_person("ruby", &["-e"], code, "messages_token.rb").await;
}

#[tokio::test]
async fn the_token_of_the_php_sample_names_a_person() {
    let code = "require $argv[1]; echo messages_token($argv[2], $argv[3], $argv[4]);";
    assert_names_a_person("php", &["-r"], code, "messages_token.php").await;
}

#[tokio::test]
async fn what_the_backend_says_twice_is_there_once() {
    let app = App::start().await;
    let url = &app.instances[0].url;
    let service = Person::service(url);
    let environment = [("CAUSERIE_URL", &**url), ("TOKEN", &service.token)];
    let script = root("docs/samples/backend.sh");
    for _ in 0..2 {
        let output = run("sh", &[script.to_str().expect("UTF-8")], &environment).await;
        assert!(printed(&output).contains("Haircut"), "{output:?}");
    }
    for (id, name) in [("ann", "Ann Lee"), ("salon", "Salon Lumière")] {
        // A token that says no name: what the backend said holds.
        let person = Person::with(url, id, |_| {});
        assert_eq!(person.get("/v1/me").await.ok()["name"], name);
        let inbox = person.get("/v1/conversations").await.ok();
        let items = inbox["items"].as_array().expect("a page");
        assert_eq!(items.len(), 1, "{inbox}");
        assert_eq!(items[0]["context"]["startsAt"], "2026-12-01T09:30:00.000Z");
        let last = &items[0]["lastMessage"];
        let said = json!([last["type"], last["content"], last["seq"]]);
        assert_eq!(said, json!(["SYSTEM", "Your appointment is confirmed.", 1]));
    }
}

#[tokio::test]
async fn the_line_that_tries_the_backend_s_sample_works() {
    let app = App::start().await;
    let blocks = blocks::of("integrate.md");
    let mut lines = blocks
        .iter()
        .filter(|block| block.text.starts_with("TOKEN="));
    let line = &lines.next().expect("the line").text;
    let line = line
        .replace("causerie token", "\"$PROGRAM\" token")
        .replace("http://127.0.0.1:8000", &app.instances[0].url);
    let environment = [
        ("CAUSERIE_JWT_SECRET", SECRET),
        ("PROGRAM", env!("CARGO_BIN_EXE_causerie")),
    ];
    let output = run("sh", &["-c", &line], &environment).await;
    assert!(printed(&output).contains("Haircut"), "{output:?}");
}

#[tokio::test]
async fn the_conversation_of_the_booking_guide_is_made_once() {
    let app = App::start().await;
    let service = Person::service(&app.instances[0].url);
    let people = json!([{ "id": "alice" }, { "id": "salon" }]);
    service.put("/v1/users", &people).await.ok();
    let blocks = blocks::of("booking.md");
    let block = blocks.iter().find(|block| block.info == "json");
    let body: Value = serde_json::from_str(&block.expect("a body").text).expect("JSON");
    let mut statuses = Vec::new();
    for _ in 0..2 {
        statuses.push(service.post("/v1/conversations", &body).await.status);
    }
    assert_eq!(statuses, [201, 200]);
}

#[tokio::test]
async fn the_page_s_script_gives_a_token_or_nobody_or_tries_again() {
    let script = read("docs/samples/messages.js");
    let import = "import { configure } from \"/causerie/elements.js\";";
    assert!(script.contains(import), "{script}");
    let around = format!(
        "const configure = (options) => options;
        globalThis.document = {{ querySelector: () => null }};
        {}
        for (const status of [200, 401, 500]) {{
            globalThis.fetch = async (path) => new Response(JSON.stringify({{ token: path }}), {{ status }});
            console.log(await causerie.getToken({{ reason: 'start' }}).catch((error) => `throws ${{error.message}}`));
        }}",
        script.replace(import, "")
    );
    let output = run("node", &["--input-type=module", "-e", &around], &[]).await;
    let expected = "/api/messages-token\nnull\nthrows no token: 500\n";
    assert_eq!(printed(&output), expected);
}

/// The source of the elements, all of it.
fn elements() -> String {
    let parts = fs::read_dir(root("web/elements")).expect("web/elements");
    let parts = parts.map(|part| part.expect("readable").path());
    let texts = parts.map(|part| fs::read_to_string(part).expect("text"));
    read("web/elements.js") + &texts.collect::<String>()
}

#[tokio::test]
async fn what_the_backend_tells_somebody_rings_once() {
    let app = App::start().await;
    let url = &app.instances[0].url;
    let ann = Person::with(url, "ann", |_| {});
    ann.get("/v1/me").await.ok();
    let service = Person::service(url);
    let environment = [("CAUSERIE_URL", &**url), ("TOKEN", &service.token)];
    let script = root("docs/samples/notify.sh");
    for _ in 0..2 {
        let output = run("sh", &[script.to_str().expect("UTF-8")], &environment).await;
        assert!(printed(&output).contains("was moved"), "{output:?}");
    }
    let told = ann.get("/v1/notifications").await.ok();
    assert_eq!(told["unreadCount"], 1, "{told}");
    assert_eq!(told["items"][0]["link"], "/appointments/7");
}

#[test]
fn every_element_and_attribute_of_the_page_is_known() {
    let (page, source) = (read("docs/samples/page.html"), elements());
    let mut found = 0;
    for tag in page.split("<causerie-").skip(1) {
        let (tag, _) = tag.split_once('>').expect("its end");
        let (name, attributes) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
        let defined = format!("define(\"causerie-{name}\"");
        assert!(source.contains(&defined), "causerie-{name}");
        // The text before each `="` ends in the attribute's name.
        let names = attributes
            .split("=\"")
            .filter_map(|part| part.rsplit([' ', '\n']).next());
        for attribute in names.filter(|name| !name.is_empty() && !name.ends_with('"')) {
            let quoted = format!("\"{attribute}\"");
            assert!(source.contains(&quoted), "causerie-{name} {attribute}");
            found += 1;
        }
    }
    assert!(found >= 7, "attributes are found: {found}");
}
