//! The guide's page and script, and `/docs`, in a real Chromium; and the guide's PHP address behind PHP's own server.

use std::fs;
use std::process::Stdio;

use tokio::process::Command;

use super::{read, root, run};
use crate::support::nginx::{Nginx, free_port};
use crate::support::{App, Database, Person, SECRET, eventually};

#[tokio::test]
async fn two_people_talk_on_the_page_of_the_guide() {
    let port = free_port();
    let app = App::with(1, &format!("origins=[\"http://127.0.0.1:{port}\"]")).await;
    let instance = &app.instances[0];
    let lines = read("docs/samples/nginx_prefix.conf");
    let lines = lines.replace("http://127.0.0.1:8000", &instance.url);
    let lines = lines.replace("/var/log/nginx/", "");
    let nginx = Nginx::at(port, instance, &lines).await;
    play("page.mjs", &nginx.url).await;
}

/// Has Node tell a story beside this file.
async fn play(story: &str, site: &str) {
    let tools = root("target/tools").display().to_string();
    let tools = std::env::var("CAUSERIE_TEST_TOOLS").unwrap_or(tools);
    let environment = [
        ("SITE", site),
        ("CAUSERIE_JWT_SECRET", SECRET),
        ("CAUSERIE_TEST_TOOLS", &tools),
    ];
    let story = root("tests/api/guide").join(story).display().to_string();
    let output = run("node", &[&story], &environment).await;
    let told = [output.stdout, output.stderr].concat();
    println!("{}", String::from_utf8_lossy(&told));
    assert!(output.status.success(), "see above");
}

#[tokio::test]
async fn in_development_one_tries_the_description_without_a_token_of_ones_own() {
    let mut app = App {
        database: Database::create().await,
        instances: Vec::new(),
    };
    let development = [
        ("ROCKET_CAUSERIE", "{demo=true}"),
        ("CAUSERIE_JWT_SECRET", ""),
    ];
    let url = app.add("", &development).await.url.clone();
    play("docs.mjs", &url).await;
}

#[tokio::test]
async fn the_php_address_gives_a_token_to_whoever_is_logged_in() {
    let app = App::start().await;
    let port = free_port();
    let sessions = std::env::temp_dir().join(format!("causerie-php-{port}"));
    fs::create_dir(&sessions).expect("a directory of its own");
    // As PHP itself writes what stands in $_SESSION.
    let session = "user|a:2:{s:2:\"id\";i:42;s:4:\"name\";s:7:\"Zoë L.\";}";
    fs::write(sessions.join("sess_abcdefghijklmnopqrstuvwxyz"), session).expect("writable");
    let save_path = format!("session.save_path={}", sessions.display());
    let _php = Command::new("php")
        .args(["-d", &save_path, "-S", &format!("127.0.0.1:{port}")])
        .arg(root("docs/samples/php_endpoint.php"))
        .env("CAUSERIE_JWT_SECRET", SECRET)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("php is installed: script/test installs it");
    let ask = async |cookie: &str| {
        let get = reqwest::Client::new().get(format!("http://127.0.0.1:{port}/"));
        get.header("Cookie", cookie).send().await.ok()
    };
    let nobody = eventually("PHP answers", async || ask("").await).await;
    assert_eq!(nobody.status(), 401);
    let somebody = ask("PHPSESSID=abcdefghijklmnopqrstuvwxyz").await;
    let somebody = somebody.expect("an answer");
    assert_eq!(somebody.headers()["Cache-Control"], "no-store");
    let body: serde_json::Value = somebody.json().await.expect("JSON");
    let me = Person {
        id: "42".to_owned(),
        token: body["token"].as_str().expect("a token").to_owned(),
        base: app.instances[0].url.clone(),
    };
    let seen = me.get("/v1/me").await.ok();
    assert_eq!([&seen["id"], &seen["name"]], ["42", "Zoë L."], "{seen}");
    fs::remove_dir_all(&sessions).expect("ours");
}
