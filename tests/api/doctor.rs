//! `causerie doctor`, from outside, through real proxies: what it sees is what there is, it says what mends it, and pages
//! settle on what it says.

mod seats;
mod stand_in;

use std::path::Path;

use tokio::process::Command;

use crate::support::nginx::{BUFFERING, Nginx};
use crate::support::{App, Person};

/// What it prints, and whether it is content.
async fn doctor(url: &str) -> (String, bool) {
    let output = Command::new(env!("CARGO_BIN_EXE_causerie"))
        .args(["doctor", url, "--seconds", "20"])
        .output()
        .await
        .expect("it runs");
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8(told).expect("UTF-8");
    println!("{told}");
    (told, output.status.success())
}

/// What our client settles on at the same address, and why: Node runs the very files that pages load.
async fn client(url: &str) -> String {
    let script = r#"
        import { setTimeout as pause } from "node:timers/promises";
        const { Causerie } = await import(process.env.CLIENT);
        const causerie = new Causerie({ url: process.env.BASE, token: process.env.TOKEN });
        causerie.start();
        // Time for two tries of each and a heartbeat.
        await pause(45_000);
        const { transport, reason } = causerie.state;
        console.log(`${transport} because of ${reason}`);
        process.exit();"#;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("node")
        .args(["--input-type=module", "-e", script])
        .env("CLIENT", root.join("web/client.js"))
        .env("BASE", url)
        .env("TOKEN", Person::new(url, "alice").token)
        .output()
        .await
        .expect("node is installed");
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8(told).expect("UTF-8");
    println!("{url}: {told}");
    told
}

/// Nginx with these lines, before an instance of its own: an address has few seats at each.
async fn behind(app: &App, at: usize, lines: &str) -> Nginx {
    Nginx::with_location(&app.instances[at], lines).await
}

#[tokio::test]
async fn directly_and_through_both_recommended_ways_everything_arrives() {
    let app = App::with(3, "").await;
    let recommended = Nginx::as_recommended(&app.instances[1..2]).await;
    let installed = Nginx::as_installed(&app.instances[2]).await;
    let all = [&app.instances[0].url, &recommended.url, &installed.url];
    for (told, is_content) in futures::future::join_all(all.map(|url| doctor(url))).await {
        assert!(is_content, "{told}");
        assert!(told.contains("settle on: stream\n"), "{told}");
        assert!(told.contains("open for all of 20 s"), "{told}");
    }
}

#[tokio::test]
async fn a_proxy_that_holds_back_is_told_from_one_that_cuts() {
    let app = App::with(3, "").await;
    let holding = behind(&app, 0, BUFFERING).await;
    let cutting = behind(&app, 1, "proxy_read_timeout 5s;").await;
    let refusing = behind(&app, 2, "location ~ stream$ { return 502; }").await;
    let all = [&holding.url, &cutting.url, &refusing.url];
    let told = futures::future::join_all(all.map(|url| doctor(url))).await;
    let [(held, _), (cut, _), (refused, _)] = &told[..] else {
        unreachable!("three were asked")
    };
    assert!(told.iter().all(|(_, is_content)| !is_content));
    assert!(
        held.contains("is held back") && held.contains("proxy_buffering off"),
        "{held}"
    );
    assert!(
        cut.contains("is cut after 5.")
            && cut.contains("before a heartbeat")
            && cut.contains("proxy_read_timeout"),
        "{cut}"
    );
    assert!(
        refused.contains("/v1/events/stream is answered with 502"),
        "{refused}"
    );
}

#[tokio::test]
async fn pages_settle_on_what_the_doctor_says() {
    let cases = [
        ("", "stream"),
        ("gzip on; gzip_types *; gzip_min_length 1;", "stream"),
        (BUFFERING, "long-poll"),
        ("proxy_read_timeout 5s;", "long-poll of 3 s"),
        ("location = /v1/events/stream { return 502; }", "long-poll"),
        (
            "location = /v1/events/stream { default_type text/html; return 200 hello; }",
            "long-poll",
        ),
    ];
    let app = App::with(cases.len(), "").await;
    let looked = cases
        .iter()
        .enumerate()
        .map(async |(at, (lines, expected))| {
            let nginx = behind(&app, at, lines).await;
            let ((told, _), settled) = tokio::join!(doctor(&nginx.url), client(&nginx.url));
            assert!(
                told.contains(&format!("settle on: {expected}\n")),
                "{lines}: {told}"
            );
            let transport = expected.split(' ').next().expect("a word");
            assert!(
                settled.starts_with(&format!("{transport} because")),
                "{lines}: {settled}"
            );
            let is_packed = told.contains("comes as gzip");
            assert_eq!(is_packed, lines.starts_with("gzip"), "{told}");
        });
    futures::future::join_all(looked).await;
}

#[tokio::test]
async fn what_does_not_answer_and_what_is_not_the_service_are_named() {
    let (told, is_content) = doctor("http://127.0.0.1:9").await;
    assert!(!is_content && told.contains("does not answer"), "{told}");
    let app = App::start().await;
    let (told, is_content) = doctor(&format!("{}/elsewhere", app.instances[0].url)).await;
    assert!(!is_content && told.contains("mounted there"), "{told}");
}
