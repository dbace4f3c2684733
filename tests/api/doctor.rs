//! `causerie doctor`, from outside, through real proxies: what it sees is what there is, and it says what mends it.

use tokio::process::Command;

use crate::support::App;
use crate::support::nginx::{BUFFERING, Nginx};

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

#[tokio::test]
async fn directly_and_through_both_recommended_ways_everything_arrives() {
    let app = App::start().await;
    let recommended = Nginx::as_recommended(&app.instances).await;
    let installed = Nginx::as_installed(&app.instances[0]).await;
    let all = [&app.instances[0].url, &recommended.url, &installed.url];
    for (told, is_content) in futures::future::join_all(all.map(|url| doctor(url))).await {
        assert!(is_content, "{told}");
        assert!(told.contains("settle on: stream"), "{told}");
        assert!(told.contains("open for all of 20 s"), "{told}");
    }
}

#[tokio::test]
async fn a_proxy_that_holds_back_is_told_from_one_that_cuts() {
    let app = App::start().await;
    let holding = Nginx::with_location(&app.instances[0], BUFFERING).await;
    let cutting = Nginx::with_location(&app.instances[0], "proxy_read_timeout 5s;").await;
    let refusing = "location ~ stream$ { return 502; }";
    let refusing = Nginx::with_location(&app.instances[0], refusing).await;
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
    assert!(held.contains("settle on: long-poll"), "{held}");
    assert!(
        cut.contains("is cut after 5 s") && cut.contains("proxy_read_timeout"),
        "{cut}"
    );
    assert!(
        refused.contains("502") && refused.contains("settle on: long-poll"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_does_not_answer_and_what_is_not_the_service_are_named() {
    let (told, is_content) = doctor("http://127.0.0.1:9").await;
    assert!(!is_content && told.contains("does not answer"), "{told}");
    let app = App::start().await;
    let (told, is_content) = doctor(&format!("{}/elsewhere", app.instances[0].url)).await;
    assert!(!is_content && told.contains("mounted there"), "{told}");
}
