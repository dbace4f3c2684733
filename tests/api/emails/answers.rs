//! Servers that take their time, want a login, or answer what nobody has asked; and texts that might be read as more.

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::server::Smtp;
use super::{SETTINGS, failed, is, plain, post, site};
use crate::scheduled::{ahead, path_of};
use crate::support::{App, Person, eventually};

#[tokio::test]
async fn a_server_that_has_all_of_it_may_take_its_time() {
    let smtp = Smtp::start().await;
    let (_app, service) = site(&smtp.url()).await;
    // Longer than an attempt has up to there.
    smtp.is_to("late");
    let place = post(&service, &plain("looked through")).await;
    let done = is(&service, &place, "DONE").await;
    assert_eq!(done["attempts"], 1, "{done}");
    smtp.has(1).await;
}

#[tokio::test]
async fn a_server_that_wants_a_login_gets_it_when_it_does_no_more() {
    let smtp = Smtp::start().await;
    let (_app, service) = site(&smtp.url()).await;
    for (mode, subject) in [
        ("MAIL 530", "login"),
        ("MAIL 550", "sender"),
        ("530", "later"),
    ] {
        smtp.is_to(mode);
        let place = post(&service, &plain(subject)).await;
        let why = failed(&service, &place).await;
        assert!(why.contains(mode.trim_start_matches("MAIL ")), "{why}");
        smtp.is_to("accept");
        is(&service, &place, "DONE").await;
    }
    smtp.has(3).await;
}

/// Answers each command with what it would answer to the one before, as after a line that somebody put in.
async fn answer(stream: TcpStream) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 mx.test\r\n").await?;
    let mut is_message = false;
    while let Some(line) = lines.next_line().await? {
        let said: &[u8] = match &*line {
            "DATA" => b"250 recipient ok\r\n",
            "." if is_message => b"354 go on\r\n",
            _ if is_message => continue,
            _ => b"250 ok\r\n",
        };
        is_message |= line == "DATA";
        write.write_all(said).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_to_another_command_is_no_acknowledgement() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    let (_app, service) = site(&format!("smtp://127.0.0.1:{port}")).await;
    let place = post(&service, &plain("shifted")).await;
    let why = failed(&service, &place).await;
    assert!(why.contains("out of turn"), "{why}");
    assert_ne!(service.get(&place).await.ok()["state"], "DONE");
}

#[tokio::test]
async fn a_server_that_hangs_keeps_no_message_waiting() {
    let smtp = Smtp::start().await;
    smtp.is_to("hang");
    let mut app = App::with(0, "").await;
    // It hangs for longer than a message takes on any machine.
    let patient = SETTINGS.replace("timeout_secs=2", "timeout_secs=20");
    let settings = format!("{patient},jobs={{at_once=1}}");
    app.add(&settings, &[("CAUSERIE_SMTP_URL", &smtp.url())])
        .await;
    let service = Person::service(&app.instances[0].url);
    let (alice, _, conversation) = app.two_people_talking().await;
    let place = post(&service, &plain("stuck")).await;
    eventually("the server to hang", async || {
        (!smtp.tried().is_empty()).then_some(())
    })
    .await;
    let body = json!({ "content": "in the meantime", "deliverAt": ahead(1) });
    let answer = alice.post(&path_of(&conversation), &body).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    eventually("the message", async || {
        let page = alice.get(&path_of(&conversation)).await.ok();
        (page["items"][0]["content"] == "in the meantime").then_some(())
    })
    .await;
    let stuck = service.get(&place).await.ok();
    assert_eq!(
        (&stuck["state"], &stuck["attempts"]),
        (&json!("RUNNING"), &json!(1)),
        "all the while"
    );
}

#[tokio::test]
async fn what_looks_encoded_or_like_an_end_of_line_is_neither() {
    let smtp = Smtp::start().await;
    let (_app, service) = site(&smtp.url()).await;
    let subject = format!("=?utf-8?q?=E2=80=AEgpj.exe?= {}", "é".repeat(90));
    let mut email = plain(&subject);
    email["text"] = json!("Bonjour\r.\rMAIL FROM:<a@b.example>\nà bientôt\r\n");
    let place = post(&service, &email).await;
    is(&service, &place, "DONE").await;
    email["text"] = json!("Hello\r.\rQUIT\nbye");
    email["subject"] = json!("=?utf-8?q?=41?=");
    let place = post(&service, &email).await;
    is(&service, &place, "DONE").await;
    let sent = smtp.has(2).await;
    assert_eq!(sent[0]["headers"]["subject"], subject);
    assert_eq!(sent[1]["headers"]["subject"], "=?utf-8?q?=41?=");
    for one in sent {
        let raw = one["raw"].as_str().expect("a text");
        assert!(raw.replace("\r\n", "").find('\r').is_none(), "{raw:?}");
    }
}
