//! What the server answers decides: again, for good, or done. Nothing is lost, and what is acknowledged is not sent again.

use nix::sys::signal::Signal;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};

use super::server::{Smtp, free_port};
use super::{SETTINGS, failed, is, plain, post, site};
use crate::support::{Person, eventually};

#[tokio::test]
async fn a_server_that_is_down_gets_it_when_it_is_up_once() {
    let port = free_port();
    let (_app, service) = site(&format!("smtp://127.0.0.1:{port}")).await;
    let place = post(&service, &plain("patience")).await;
    let why = failed(&service, &place).await;
    assert!(why.contains("onnection"), "{why}");
    assert_eq!(service.get(&place).await.ok()["state"], "WAITING");
    let smtp = Smtp::with(json!({ "port": port })).await;
    let done = is(&service, &place, "DONE").await;
    assert!(done["attempts"].as_i64() >= Some(2), "{done}");
    smtp.has(1).await;
}

#[tokio::test]
async fn a_refusal_for_now_is_tried_again_and_one_for_good_is_not() {
    let smtp = Smtp::start().await;
    let (app, service) = site(&smtp.url()).await;
    smtp.is_to("450");
    let place = post(&service, &plain("greylisted")).await;
    let why = failed(&service, &place).await;
    assert!(
        why.contains("450") && why.contains("as the test wants"),
        "{why}"
    );
    smtp.is_to("accept");
    is(&service, &place, "DONE").await;
    let accepted = smtp.has(1).await;
    let tried = smtp.tried();
    assert!(tried.len() >= 2);
    let same = |one: &serde_json::Value| one["id"] == accepted[0]["headers"]["message-id"];
    assert!(
        tried.iter().all(same),
        "each attempt has one Message-ID: {tried:?}"
    );
    smtp.is_to("550");
    let place = post(&service, &plain("nobody")).await;
    let dead = is(&service, &place, "DEAD").await;
    assert_eq!(dead["attempts"], 1);
    let why = dead["error"].as_str().expect("why");
    assert!(
        why.contains("550") && why.contains("as the test wants"),
        "{why}"
    );
    smtp.is_to("accept");
    let marker = post(&service, &plain("marker")).await;
    is(&service, &marker, "DONE").await;
    smtp.has(2).await;
    assert!(why.contains("alice@mail.example"), "as servers say it");
    let log = app.instances[0].log();
    assert!(log.contains("a job is dead") && log.contains("is tried again"));
    assert!(!log.contains("alice@mail.example"), "{log}");
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_tried_again() {
    let smtp = Smtp::start().await;
    let (_app, service) = site(&smtp.url()).await;
    smtp.is_to("hang");
    let place = post(&service, &plain("hanging")).await;
    let why = failed(&service, &place).await;
    assert!(why.contains("did not answer within 8 s"), "{why}");
    smtp.is_to("accept");
    is(&service, &place, "DONE").await;
    let next = post(&service, &plain("the next")).await;
    is(&service, &next, "DONE").await;
    let sent = smtp.has(2).await;
    for (one, subject) in sent.iter().zip(["hanging", "the next"]) {
        assert_eq!(
            one["headers"]["subject"], subject,
            "neither is in the other"
        );
        assert_eq!(
            one["parts"]["text/plain"].as_str().map(str::trim_end),
            Some("Bonjour")
        );
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_not_sent_again_when_its_end_could_not_be_noted() {
    let smtp = Smtp::start().await;
    let (app, service) = site(&smtp.url()).await;
    smtp.is_to("slow");
    let place = post(&service, &plain("once")).await;
    eventually("its text has come", async || {
        (smtp.tried().len() == 1).then_some(())
    })
    .await;
    // Until after the service has given up noting it.
    let mut other = PgConnection::connect(&app.database.url).await.expect("it");
    let mut lock = other.begin().await.expect("a transaction");
    let text = "lock table jobs in exclusive mode";
    lock.execute(text).await.expect("locked");
    eventually("the end is not noted", async || {
        let log = app.instances[0].log();
        log.contains("a job's end is not noted").then_some(())
    })
    .await;
    lock.rollback().await.expect("unlocked");
    let done = is(&service, &place, "DONE").await;
    assert!(
        done["attempts"].as_i64() >= Some(2),
        "it was begun again: {done}"
    );
    smtp.has(1).await;
}

#[tokio::test]
async fn a_kill_after_the_acknowledgement_repeats_at_most_the_same_message() {
    let smtp = Smtp::start().await;
    let (mut app, service) = site(&smtp.url()).await;
    let noted = post(&service, &plain("noted")).await;
    is(&service, &noted, "DONE").await;
    let place = post(&service, &plain("cut")).await;
    eventually("the acknowledgement", async || {
        (smtp.accepted().len() >= 2).then_some(())
    })
    .await;
    app.instances[0].signal(Signal::SIGKILL);
    app.add(SETTINGS, &[("CAUSERIE_SMTP_URL", &smtp.url())])
        .await;
    let service = Person::service(&app.instances[1].url);
    is(&service, &place, "DONE").await;
    is(&service, &noted, "DONE").await;
    let accepted = smtp.accepted();
    let of = |subject: &str| {
        let of = accepted
            .iter()
            .filter(|one| one["headers"]["subject"] == subject);
        of.map(|one| one["headers"]["message-id"].to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("noted").len(), 1, "what was noted never comes again");
    let mut copies = of("cut");
    println!("{} sent of the one that was cut", copies.len());
    assert!((1..=2).contains(&copies.len()), "{accepted:?}");
    copies.dedup();
    assert_eq!(copies.len(), 1, "each has the same Message-ID");
}

#[tokio::test]
async fn a_password_travels_by_tls_alone_to_a_server_that_is_who_it_says() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let folder = std::env::temp_dir();
    let file = |what: &str| folder.join(format!("causerie-{}-{what}.pem", uuid::Uuid::now_v7()));
    let (certificate, key) = (file("certificate"), file("key"));
    std::fs::write(&certificate, cert.pem()).expect("written");
    std::fs::write(&key, signing_key.serialize_pem()).expect("written");
    let login = "chat@example.org:a word/of its own";
    let smtp =
        Smtp::with(json!({ "port": 0, "login": login, "certificate": certificate, "key": key }))
            .await;
    let url = |word: &str| {
        format!(
            "smtp://chat%40example.org:{word}@localhost:{}?tls=required",
            smtp.port
        )
    };
    let right = url("a%20word%2Fof%20its%20own");
    let (mut app, service) = site(&right).await;
    let place = post(&service, &plain("over TLS")).await;
    let why = failed(&service, &place).await;
    assert!(why.to_lowercase().contains("cert"), "a stranger: {why}");
    app.instances.clear();
    let trusted = [
        ("CAUSERIE_SMTP_URL", &*url("wrong")),
        ("SSL_CERT_FILE", certificate.to_str().expect("a path")),
    ];
    app.add(SETTINGS, &trusted).await;
    let service = Person::service(&app.instances[0].url);
    let unlucky = post(&service, &plain("by a wrong password")).await;
    let why = failed(&service, &unlucky).await;
    assert!(why.contains("535"), "{why}");
    let state = service.get(&unlucky).await.ok()["state"].clone();
    assert_ne!(state, "DEAD", "it is not the e-mail's fault");
    let log = app.instances[0].log();
    app.instances.clear();
    app.add(SETTINGS, &[("CAUSERIE_SMTP_URL", &right), trusted[1]])
        .await;
    let service = Person::service(&app.instances[0].url);
    for place in [&place, &unlucky] {
        is(&service, place, "DONE").await;
    }
    let sent = &smtp.has(2).await[0];
    assert_eq!(
        (&sent["login"], &sent["tls"]),
        (&json!(login), &json!(true))
    );
    let logs = log + &app.instances[0].log();
    for word in ["wrong", "of its own", "alice@mail.example", "Bonjour"] {
        assert!(!logs.contains(word), "{word} in {logs}");
    }
    for path in [certificate, key] {
        std::fs::remove_file(path).expect("removed");
    }
}
