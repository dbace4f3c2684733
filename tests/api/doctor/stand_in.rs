//! What a proxy may do that nginx does not, from a small server in the place of service and proxy.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_compression::tokio::write::BrotliEncoder;
use tokio::io::{AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::doctor;

/// What is wrong with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Nothing is ever answered.
    Mute,
    /// Every address is a page.
    Pages,
    /// Compresses for whoever understands it, and sends nothing until it is done.
    HoldsCompressed,
    /// Compresses, and sends each word as it comes.
    Compresses,
    /// A stream that says nothing for long is refused.
    RefusesQuiet,
    /// A stream that says nothing for long stays so.
    Quiet,
    /// Passes the hello on after so many seconds, and then everything.
    Late(u64),
    /// The service has no seat, so many times.
    Full(usize),
    /// A 503 of its own.
    Overloaded,
    /// Everything that takes longer than so many milliseconds is cut.
    Cuts(u64),
}

async fn start(fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address: SocketAddr = listener.local_addr().expect("it listens");
    let asked = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let asked = asked.clone();
            tokio::spawn(async move {
                let life = match fault {
                    Fault::Cuts(life) => Duration::from_millis(life),
                    _ => Duration::from_secs(300),
                };
                // Whoever went away is not missed.
                let _ = tokio::time::timeout(life, answer(socket, fault, &asked)).await;
            });
        }
    });
    format!("http://{address}")
}

async fn answer(socket: TcpStream, fault: Fault, asked: &AtomicUsize) -> std::io::Result<()> {
    let mut socket = BufReader::new(socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if socket.read_line(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let mut socket = socket.into_inner();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let is_packed = head.to_lowercase().contains("gzip, br");
    match fault {
        Fault::Mute => sleep(Duration::from_secs(300)).await,
        Fault::Pages => return whole(&mut socket, "200 OK", "text/html", "<h1>Hello</h1>").await,
        _ => {}
    }
    let problem = "application/problem+json";
    match path.split('?').next().unwrap_or_default() {
        "/healthz" => whole(&mut socket, "200 OK", "application/json", "{}").await,
        "/v1/diagnostics/wait" => {
            sleep(Duration::from_secs(25)).await;
            whole(&mut socket, "200 OK", "application/json", "{}").await
        }
        "/v1/diagnostics/stream" => {
            let is_quiet = path.contains("every=15");
            let taken = asked.fetch_add(1, Ordering::Relaxed);
            match fault {
                Fault::Full(times) if taken < times => {
                    let full = "{\"code\":\"diagnostics-full\"}";
                    whole(
                        &mut socket,
                        "503 Service Unavailable\r\nRetry-After: 1",
                        problem,
                        full,
                    )
                    .await
                }
                Fault::Overloaded => {
                    whole(&mut socket, "503 Service Unavailable", "text/html", "busy").await
                }
                Fault::RefusesQuiet if is_quiet => {
                    whole(&mut socket, "403 Forbidden", "text/html", "no").await
                }
                _ => stream(socket, fault, is_quiet, is_packed).await,
            }
        }
        _ => {
            whole(
                &mut socket,
                "401 Unauthorized",
                problem,
                "{\"code\":\"token-missing\"}",
            )
            .await
        }
    }
}

async fn whole(
    socket: &mut TcpStream,
    status: &str,
    kind: &str,
    body: &str,
) -> std::io::Result<()> {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    socket.write_all(text.as_bytes()).await
}

/// As the service sends it: for 8 s each second, or for 20 s with one word after 15.
async fn stream(
    mut socket: TcpStream,
    fault: Fault,
    is_quiet: bool,
    is_packed: bool,
) -> std::io::Result<()> {
    let encoding = match fault {
        Fault::HoldsCompressed if is_packed => "Content-Encoding: gzip\r\n",
        Fault::Compresses if is_packed => "Content-Encoding: br\r\n",
        _ => "",
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{encoding}Connection: close\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await?;
    if encoding.contains("gzip") {
        sleep(Duration::from_secs(30)).await;
        return Ok(());
    }
    let mut out: Box<dyn AsyncWrite + Send + Unpin> = match encoding {
        "" => Box::new(socket),
        _ => Box::new(BrotliEncoder::new(socket)),
    };
    if let Fault::Late(seconds) = fault {
        sleep(Duration::from_secs(seconds)).await;
    }
    say(&mut out, "event: hello\ndata: {}").await?;
    if is_quiet && fault == Fault::Quiet {
        sleep(Duration::from_secs(300)).await;
    }
    let (ticks, every) = if is_quiet { (1, 15) } else { (7, 1) };
    for tick in 1..=ticks {
        sleep(Duration::from_secs(every)).await;
        let sent = tick * every * 1000;
        say(&mut out, &format!("event: tick\ndata: {{\"ms\":{sent}}}")).await?;
    }
    sleep(Duration::from_secs(if is_quiet { 5 } else { 1 })).await;
    say(&mut out, "event: end\ndata: {}").await?;
    out.shutdown().await
}

async fn say(out: &mut (impl AsyncWrite + Unpin + ?Sized), frame: &str) -> std::io::Result<()> {
    out.write_all(format!("{frame}\n\n").as_bytes()).await?;
    out.flush().await
}

/// Whether it is content, what it must say, and what pages settle on.
const CASES: &[(Fault, bool, &str, &str)] = &[
    (Fault::None, true, "open for all of 20 s", "stream"),
    (Fault::Compresses, true, "comes as br", "stream"),
    (
        Fault::HoldsCompressed,
        false,
        "nothing arrives",
        "long-poll",
    ),
    (
        Fault::RefusesQuiet,
        false,
        "answered with 403 Forbidden, text/html",
        UNKNOWN,
    ),
    (
        Fault::Quiet,
        false,
        "says hello, and then nothing",
        "long-poll",
    ),
    (Fault::Late(4), false, "arrives, up to 4", "stream"),
    (Fault::Late(7), false, "is held back", "long-poll"),
    (Fault::Full(2), true, "open for all of 20 s", "stream"),
    (
        Fault::Full(100),
        false,
        "no fault of what is in between",
        UNKNOWN,
    ),
    (
        Fault::Overloaded,
        false,
        "answered with 503 Service Unavailable, text/html",
        UNKNOWN,
    ),
    (Fault::Cuts(17_000), false, "then opened anew", "stream"),
    (
        Fault::Cuts(10_000),
        false,
        "before a heartbeat",
        "long-poll of 6 s",
    ),
    (
        Fault::Cuts(2200),
        false,
        "before a heartbeat",
        "poll, every 3 s",
    ),
    (
        Fault::Cuts(500),
        false,
        "before a heartbeat",
        "nothing for long",
    ),
];
const UNKNOWN: &str = "what cannot be told";

#[tokio::test]
async fn each_fault_is_told_by_its_name_with_what_pages_do() {
    let looked = CASES.iter().map(async |(fault, is_good, seen, transport)| {
        let (told, is_content) = doctor(&start(*fault).await).await;
        assert!(told.contains(seen), "{seen}: {told}");
        let settled = format!("settle on: {transport}");
        assert!(told.contains(&settled), "{settled}: {told}");
        assert_eq!(is_content, *is_good, "{told}");
    });
    futures::future::join_all(looked).await;
}

#[tokio::test]
async fn what_never_answers_and_what_answers_everything_with_a_page_are_named() {
    let (mute, pages) = (start(Fault::Mute).await, start(Fault::Pages).await);
    let ((mute, _), (pages, _)) = tokio::join!(doctor(&mute), doctor(&pages));
    assert!(mute.contains("does not answer"), "{mute}");
    assert!(
        pages.contains("/v1/events is answered with 200 OK, text/html"),
        "{pages}"
    );
    assert!(pages.contains("mounted there"), "{pages}");
}
