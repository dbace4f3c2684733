//! `docs/booking.py`, run as it stands there: a booking holds whatever becomes of messaging, and is announced once.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::support::{App, Person, SECRET};

/// A host with a database of its own.
struct Host {
    folder: PathBuf,
}

impl Host {
    fn new() -> Self {
        let folder =
            std::env::temp_dir().join(format!("causerie-booking-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).expect("a folder");
        Self { folder }
    }

    /// What it printed; the script must not fail.
    async fn run(&self, service: &str, arguments: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/booking.py");
        let output = Command::new("python3")
            .arg(script)
            .args(arguments)
            .env("BOOKINGS_DB", self.folder.join("bookings.sqlite"))
            .env("CAUSERIE_URL", service)
            .env("CAUSERIE_JWT_SECRET", SECRET)
            .env("no_proxy", "*")
            .stdin(Stdio::null())
            .output()
            .await
            .expect("python3 is installed: see script/test");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        String::from_utf8(output.stdout).expect("text")
    }

    async fn book(&self, service: &str) -> String {
        self.run(service, &["book", "rdv-1", "alice", "salon", "Coupe"])
            .await
    }

    async fn deliver(&self, service: &str) -> String {
        self.run(service, &["deliver"]).await
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// Both see one conversation, which says once that it is booked.
async fn assert_announced_once(app: &App) {
    for person in ["alice", "salon"].map(|id| app.person(id)) {
        let inbox = person.get("/v1/conversations").await.ok();
        let items = inbox["items"].as_array().expect("a page");
        assert_eq!(items.len(), 1, "{inbox}");
        assert_eq!(items[0]["context"]["id"], "rdv-1");
        let said = said(&person, &items[0]).await;
        assert_eq!(said, ["Rendez-vous confirmé : Coupe."]);
    }
}

async fn said(person: &Person, conversation: &Value) -> Vec<String> {
    let id = conversation["id"].as_str().expect("an id");
    let page = person
        .get(&format!("/v1/conversations/{id}/messages"))
        .await
        .ok();
    let items = page["items"].as_array().expect("a page");
    let texts = items
        .iter()
        .filter_map(|message| message["content"].as_str());
    texts.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_booking_that_is_made_twice_is_announced_once() {
    let app = App::start().await;
    let url = &app.instances[0].url;
    let host = Host::new();
    for _ in 0..2 {
        assert_eq!(host.book(url).await, "booked rdv-1\nnothing waits\n");
    }
    // A host that was cut off before it noted the answer asks for all of it again.
    assert_eq!(Host::new().book(url).await, "booked rdv-1\nnothing waits\n");
    assert_announced_once(&app).await;
}

#[tokio::test]
async fn a_booking_made_while_messaging_is_down_is_announced_when_it_is_back() {
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let down = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let host = Host::new();
    let printed = host.book(&down).await;
    assert!(printed.starts_with("booked rdv-1\nwaits: "), "{printed}");
    let app = App::start().await;
    for _ in 0..2 {
        let printed = host.deliver(&app.instances[0].url).await;
        assert_eq!(printed, "nothing waits\n");
    }
    assert_announced_once(&app).await;
}

/// Takes every request and answers it with `answer`, or, without one, never.
async fn stub(answer: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            let mut connection = BufReader::new(connection);
            take(&mut connection).await;
            if let Some(answer) = answer {
                connection.write_all(answer.as_bytes()).await.ok();
            } else {
                held.push(connection);
            }
        }
    });
    url
}

/// Reads one request to its end: closed before that, the answer might be lost with the connection.
async fn take(connection: &mut BufReader<TcpStream>) {
    let (mut line, mut length) = (String::new(), 0);
    while connection.read_line(&mut line).await.expect("a request") > 2 {
        if let Some(count) = line.to_lowercase().strip_prefix("content-length:") {
            length = count.trim().parse().expect("a number");
        }
        line.clear();
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.expect("its body");
}

#[tokio::test]
async fn a_booking_made_while_messaging_answers_503_or_not_at_all_is_announced_later() {
    let busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    let (busy, silent) = (stub(Some(busy)).await, stub(None).await);
    let app = App::start().await;
    let host = Host::new();
    assert_eq!(host.book(&busy).await, "booked rdv-1\nwaits: 503\n");
    assert_eq!(host.deliver(&busy).await, "waits: 503\n");
    assert!(host.deliver(&silent).await.starts_with("waits: "));
    for _ in 0..2 {
        let printed = host.deliver(&app.instances[0].url).await;
        assert_eq!(printed, "nothing waits\n");
    }
    assert_announced_once(&app).await;
}
