//! deploy/Caddyfile in front of an instance, as tests/support/nginx.rs puts deploy/nginx.conf there; and the lines that make
//! Causerie a part of a site's own nginx.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::json;
use tokio::process::{Child, Command};

use super::{read, run};
use crate::listener::Listener;
use crate::support::nginx::{Nginx, free_port};
use crate::support::{App, Instance, eventually};

struct Caddy {
    url: String,
    directory: PathBuf,
    _process: Child,
}

impl Caddy {
    /// deploy/Caddyfile, with only addresses and paths changed, and without the port for administration.
    async fn as_recommended(instance: &Instance) -> Self {
        let port = free_port();
        let name = format!("causerie-caddy-{}-{port}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory).expect("a directory of its own");
        let upstream = instance.url.trim_start_matches("http://");
        let log = directory.join("access.log").display().to_string();
        let changes = [
            (":80 {", format!(":{port} {{\n\tbind 127.0.0.1")),
            (
                "reverse_proxy 127.0.0.1:8000",
                format!("reverse_proxy {upstream}"),
            ),
            ("/var/log/caddy/causerie.log", log),
            ("\n{\n", "\n{\n\tadmin off\n".to_owned()),
        ];
        let mut conf = read("deploy/Caddyfile");
        for (there, here) in changes {
            let times = conf.matches(there).count();
            assert_eq!(times, 1, "deploy/Caddyfile has {there:?} once");
            conf = conf.replace(there, &here);
        }
        let file = directory.join("Caddyfile");
        fs::write(&file, conf).expect("writable");
        let process = Command::new("caddy")
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(&file)
            .envs(["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"].map(|name| (name, &directory)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(directory.join("stderr.log")).expect("writable"))
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("caddy: {error}. script/test installs it"));
        let caddy = Self {
            url: format!("http://127.0.0.1:{port}"),
            directory,
            _process: process,
        };
        eventually("caddy answers", async || {
            let answer = reqwest::get(format!("{}/healthz", caddy.url)).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        caddy
    }

    /// What it wrote, to either log.
    fn logs(&self) -> String {
        ["access.log", "stderr.log"]
            .map(|name| fs::read_to_string(self.directory.join(name)).unwrap_or_default())
            .concat()
    }
}

impl Drop for Caddy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("caddy: {}", self.logs());
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// `causerie doctor` sees streams and long answers arrive.
async fn assert_everything_arrives(url: &str) {
    let arguments = ["doctor", url, "--seconds", "30"];
    let output = run(env!("CARGO_BIN_EXE_causerie"), &arguments, &[]).await;
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(told.contains("open for all of 30 s"), "{told}");
    assert!(told.contains("an answer of 25 s comes after"), "{told}");
    assert!(told.contains("settle on: stream"), "{told}");
}

#[tokio::test]
async fn through_caddy_everything_arrives() {
    let app = App::start().await;
    let caddy = Caddy::as_recommended(&app.instances[0]).await;
    assert_everything_arrives(&caddy.url).await;
}

#[tokio::test]
async fn caddy_gives_each_request_an_id_and_logs_no_query_string_and_no_header() {
    let app = App::start().await;
    let caddy = Caddy::as_recommended(&app.instances[0]).await;
    let alice = app.person("alice").at(&caddy.url);
    let since = alice.cursor().await;
    let path = format!("/v1/events/stream?since={since}");
    let stream = alice.request(Method::GET, &path);
    let stream = stream.header("Referer", "https://site.example/?secret=1");
    Listener::open(stream).await.until("hello").await;
    let named = alice.request(Method::GET, "/v1/me");
    let named = alice.send(named.header("X-Request-Id", "named-1")).await;
    assert_eq!(named.header("X-Request-Id"), Some("named-1"));
    let unnamed = alice.get("/v1/me").await;
    let id = unnamed.header("X-Request-Id").expect("an id").to_owned();
    // The stream's line is written once it has ended.
    eventually("three lines", async || {
        let logs = caddy.logs();
        ["/v1/events/stream\"", "named-1", &id]
            .iter()
            .all(|told| logs.contains(told))
            .then_some(())
    })
    .await;
    for secret in [&since, &alice.token, "secret=1"] {
        assert!(!caddy.logs().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn through_caddy_a_reader_that_goes_away_is_noticed_as_without_it() {
    // The service notices when it writes: at the next heartbeat.
    let app = App::with(1, "heartbeat_secs=5").await;
    let caddy = Caddy::as_recommended(&app.instances[0]).await;
    let alice = app.person("alice").at(&caddy.url);
    let stream = alice.request(Method::GET, "/v1/events/stream");
    let mut listener = Listener::open(stream).await;
    listener.until("hello").await;
    let open = async || app.instances[0].metric("causerie_streams_open").await;
    assert_eq!(open().await, 1.0);
    let left = Instant::now();
    drop(listener);
    eventually("the seat is free", async || {
        (open().await == 0.0).then_some(())
    })
    .await;
    // With `flush_interval -1` it takes Caddy five heartbeats.
    let took = left.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
}

/// This machine, by another of its addresses.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

#[tokio::test]
async fn both_proxies_say_who_asks_whatever_the_asker_says() {
    let app = App::with(2, "trusted_proxies=[\"127.0.0.1\"]").await;
    let nginx = Nginx::as_recommended(&app.instances[..1]).await;
    let caddy = Caddy::as_recommended(&app.instances[1]).await;
    for url in [&nginx.url, &caddy.url] {
        let mut statuses = Vec::new();
        let mut held = Vec::new();
        for asker in 1..=5 {
            let path = format!("{url}/v1/diagnostics/stream?seconds=100");
            // From the address of the proxy itself nobody could be told from it.
            let client = reqwest::Client::builder().local_address(ELSEWHERE).build();
            let get = client.expect("a client").get(path);
            let get = get.header("X-Forwarded-For", format!("192.0.2.{asker}"));
            let get = get.header("Forwarded", format!("for=192.0.2.{asker}"));
            held.push(get.send().await.expect("an answer"));
            statuses.push(held[asker - 1].status().as_u16());
        }
        assert_eq!(statuses, [200, 200, 200, 200, 503], "{url}");
    }
}

#[tokio::test]
async fn caddy_compresses_answers_and_no_stream() {
    let app = App::start().await;
    let caddy = Caddy::as_recommended(&app.instances[0]).await;
    let (alice, bob) = (app.person("alice").at(&caddy.url), app.person("bob"));
    bob.get("/v1/me").await.ok();
    let conversation = alice.converse_with("bob").await;
    let long = json!({ "content": "abc ".repeat(1000) });
    let messages = format!("/v1/conversations/{conversation}/messages");
    alice.post(&messages, &long).await.ok();
    let encoding = async |path: &str| {
        let request = alice.request(Method::GET, path);
        let answer = request.header("Accept-Encoding", "gzip").send().await;
        let answer = answer.expect("an answer");
        let encoding = answer.headers().get("Content-Encoding");
        encoding.map(|it| it.to_str().expect("text").to_owned())
    };
    assert_eq!(encoding(&messages).await.as_deref(), Some("gzip"));
    // The first begins with as much as that message: Caddy compresses nothing that begins short.
    for path in ["/v1/events/stream?since=0", "/v1/diagnostics/stream"] {
        assert_eq!(encoding(path).await, None, "{path}");
    }
}

#[tokio::test]
async fn below_a_prefix_of_the_site_everything_arrives_but_the_metrics() {
    // As the guide writes it.
    let guide = read("docs/integrate.md");
    let (_, settings) = guide
        .split_once("\nROCKET_CAUSERIE='{")
        .expect("the setting");
    let (settings, _) = settings.split_once("}'").expect("its end");
    let app = App::with(1, settings).await;
    let instance = &app.instances[0];
    let lines = read("docs/samples/nginx_prefix.conf");
    assert!(lines.contains("proxy_pass http://127.0.0.1:8000/;"));
    let lines = lines.replace("http://127.0.0.1:8000", &instance.url);
    let lines = lines.replace("/var/log/nginx/", "");
    let site = Nginx::with_location(instance, &lines).await;
    let below = format!("{}/causerie", site.url);
    let alice = app.person("alice").at(&below);
    assert_eq!(alice.get("/v1/me").await.ok()["id"], "alice");
    app.person("bob").get("/v1/me").await.ok();
    // As a page of the site asks: by a script, at the same origin.
    let body = json!({ "type": "PRIVATE", "recipientId": "bob" });
    let made = alice.request(Method::POST, "/v1/conversations").json(&body);
    let made = made.header("Origin", "https://www.example.org");
    assert_eq!(alice.send(made).await.status, 201);
    let status = async |path: &str| {
        let answer = reqwest::get(format!("{below}{path}")).await;
        answer.expect("an answer").status().as_u16()
    };
    assert_eq!(status("/metrics").await, 404);
    assert_eq!(status("/elements.js").await, 200);
    // By way of a redirect, and what it reads lies beside it.
    let docs = reqwest::get(format!("{below}/docs"))
        .await
        .expect("an answer");
    assert_eq!(docs.url().as_str(), format!("{below}/docs/"));
    assert_eq!(docs.status(), 200);
    assert_eq!(status("/docs/../openapi.json").await, 200);
    assert_everything_arrives(&below).await;
    // A ticket is in no log, also when there is nobody to show it to.
    instance.signal(Signal::SIGKILL);
    let ask = async || {
        let answer = reqwest::get(format!("{below}/v1/events/stream?ticket=canary")).await;
        answer.expect("an answer").status() == 502
    };
    eventually("nobody to answer", async || ask().await.then_some(())).await;
    let logs = site.logs(&["error.log", "causerie.log", "access.log"]);
    assert!(!logs.contains("canary"), "{logs}");
}
