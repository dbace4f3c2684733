//! The client and the elements in a real Chromium. The stories are told in `tests/browser/*.mjs`, by Node; here are the
//! servers that they need, and the proxies in between.

#[path = "../support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "shared by the test binaries; none uses all of it"
)]
mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use support::nginx::{BUFFERING, Nginx, free_port};
use support::{App, Instance, SECRET, eventually};
use tokio::process::Command;
use tokio::sync::Semaphore;

/// Two cores: two browsers at once.
static ROOM: Semaphore = Semaphore::const_new(2);
/// The longest that a story takes, the thousands of cuts of a full run as well: it catches hangs.
const BOUND: Duration = Duration::from_secs(1200);

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Where script/test has put what Node needs.
fn tools() -> PathBuf {
    let tools = std::env::var("CAUSERIE_TEST_TOOLS").map(PathBuf::from);
    tools.unwrap_or_else(|_| here().join("target/tools"))
}

/// Has Node do something, prints what it says, and fails if it does.
async fn node(args: &[&str], settings: &[(&str, &str)]) {
    let _room = ROOM.acquire().await.expect("never closed");
    let mut command = Command::new("node");
    command
        .args(args)
        .current_dir(here())
        .env("CAUSERIE_TEST_TOOLS", tools())
        .envs(settings.iter().copied())
        .kill_on_drop(true);
    let began = Instant::now();
    let output = tokio::time::timeout(BOUND, command.output()).await;
    let output = output.expect("in time").expect("node is installed");
    let told = [output.stdout, output.stderr].concat();
    println!("{}", String::from_utf8_lossy(&told));
    println!("{:?} for {}", began.elapsed(), args[0]);
    assert!(output.status.success(), "{args:?}: see above");
}

/// Tells a story at an address.
async fn tell(story: &str, base: &str, more: &[(&str, &str)]) {
    let settings = [&[("BASE", base), ("SECRET", SECRET)], more].concat();
    node(&[&format!("tests/browser/{story}.mjs")], &settings).await;
}

/// What lets pages of an address call: the one that browsers see.
fn seen_at(port: u16) -> String {
    format!("origins=[\"http://127.0.0.1:{port}\"]")
}

/// Tells it behind nginx with these lines.
async fn behind(lines: &str, story: &str, expected: &str) {
    let port = free_port();
    let app = App::with(1, &seen_at(port)).await;
    let nginx = Nginx::at(port, &app.instances[0], lines).await;
    tell(story, &nginx.url, &[("EXPECTED", expected)]).await;
}

#[tokio::test]
async fn behind_nginx_as_installed_a_buyer_and_a_seller_talk_by_stream() {
    behind("", "talk", "stream").await;
}

#[tokio::test]
async fn behind_a_proxy_that_compresses_they_talk_by_stream() {
    let lines = "gzip on; gzip_types *; gzip_min_length 1;";
    behind(lines, "talk", "stream").await;
}

#[tokio::test]
async fn behind_a_proxy_that_buffers_they_talk_by_long_poll() {
    behind(BUFFERING, "talk", "long-poll").await;
}

#[tokio::test]
async fn behind_a_proxy_that_refuses_streams_they_talk_by_long_poll() {
    let lines = "location = /v1/events/stream { return 502; }";
    behind(lines, "talk", "long-poll").await;
}

#[tokio::test]
async fn behind_a_proxy_that_cuts_silence_after_five_seconds_they_talk_by_shorter_long_polls() {
    behind("proxy_read_timeout 5s;", "talk", "long-poll").await;
}

#[tokio::test]
async fn behind_something_that_cuts_every_request_after_two_seconds_they_talk_by_poll() {
    let port = free_port();
    let app = App::with(1, &seen_at(port)).await;
    let nginx = Nginx::at(free_port(), &app.instances[0], "").await;
    let more = [("EXPECTED", "poll"), ("CUT_AT", &*port.to_string())];
    tell("talk", &nginx.url, &more).await;
}

#[tokio::test]
async fn what_people_of_ill_will_send_is_shown_as_text() {
    behind("", "hostile", "").await;
}

#[tokio::test]
async fn what_the_site_tells_rings_in_every_tab() {
    behind("", "bell", "").await;
}

#[tokio::test]
async fn axe_finds_nothing_serious_in_light_or_dark_on_a_phone_or_a_desk() {
    behind("", "axe", "").await;
}

/// The demo's four stories, on a service of their own: a group is not left twice.
async fn try_the_demo(hand: &str) {
    let mut app = App::with(0, "").await;
    // A service knows its own address as an origin where its port is configured.
    let port = free_port().to_string();
    let environment = [
        ("ROCKET_CAUSERIE", "{demo=true}"),
        ("CAUSERIE_JWT_SECRET", ""),
        ("ROCKET_PORT", &*port),
    ];
    let instance = app.add("", &environment).await;
    let is_loaded = async || (instance.status("/demo").await == Some(200)).then_some(());
    eventually("the demo is loaded", is_loaded).await;
    tell("stories", &app.instances[0].url, &[("HAND", hand)]).await;
}

#[tokio::test]
async fn the_four_stories_of_the_demo_finish_by_mouse() {
    try_the_demo("mouse").await;
}

#[tokio::test]
async fn the_four_stories_of_the_demo_finish_by_keyboard_alone() {
    try_the_demo("keyboard").await;
}

/// Eight readers at once, in Node: what is tried here is the client's reading and no browser's.
#[tokio::test]
async fn a_stream_cut_anywhere_loses_nothing_and_brings_nothing_twice() {
    // A reader's stream may still be counted as open when its next one begins.
    let app = App::with(1, "heartbeat_secs=1,streams_per_user=1000").await;
    tell("cut", &app.instances[0].url, &[]).await;
}

#[tokio::test]
async fn ten_tabs_hold_one_connection_and_outlive_the_one_that_leads() {
    behind("", "tabs", "").await;
}

#[tokio::test]
async fn twenty_pages_outlive_a_restart_of_the_service() {
    let (port, inner) = (free_port(), free_port().to_string());
    let environment = [("ROCKET_PORT", &*inner)];
    let mut app = App::with(0, "").await;
    app.add(&seen_at(port), &environment).await;
    let nginx = Nginx::at(port, &app.instances[0], "").await;
    let pid = app.instances[0].pid().to_string();
    // The story ends it when its pages are open.
    let again = async {
        let ended = app.instances[0].child.wait().await;
        assert!(ended.expect("it was ours").success());
        let instance = Instance::start(&app.database.url, &seen_at(port), &environment).await;
        app.instances[0] = instance;
        std::future::pending::<()>().await;
    };
    let more = [("PID", &*pid)];
    tokio::select! {
        () = tell("restart", &nginx.url, &more) => {}
        () = again => {}
    }
}

#[tokio::test]
async fn the_parts_of_the_client_do_what_they_say() {
    let files = std::fs::read_dir(here().join("tests/client")).expect("a folder");
    let files = files.map(|file| file.expect("a file").path().display().to_string());
    // By name: what a folder means to it changes from one Node to the next.
    let files: Vec<_> = files.filter(|name| name.ends_with(".test.js")).collect();
    let args = ["--test"]
        .into_iter()
        .chain(files.iter().map(String::as_str));
    node(&args.collect::<Vec<_>>(), &[]).await;
}

#[tokio::test]
async fn the_types_of_client_and_elements_hold() {
    let web = |part: &str| {
        let files = std::fs::read_dir(here().join("web").join(part)).expect("a folder");
        let files = files.map(|file| file.expect("a file").path().display().to_string());
        files
            .filter(|name| name.ends_with(".js") || name.ends_with(".d.ts"))
            .collect::<Vec<_>>()
    };
    let tsc = tools().join("node/node_modules/typescript/bin/tsc");
    let mut args = vec![tsc.display().to_string(), "--noEmit".to_owned()];
    let options = "--checkJs --allowJs --strict --target es2022 --module es2022 --moduleResolution bundler --lib es2023,dom,dom.iterable";
    args.extend(options.split(' ').map(str::to_owned));
    args.extend(["client", "elements"].map(web).concat());
    args.extend(["web/client.d.ts", "web/elements.d.ts"].map(str::to_owned));
    node(&args.iter().map(String::as_str).collect::<Vec<_>>(), &[]).await;
}
