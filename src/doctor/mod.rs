//! `causerie doctor URL`: what stands between a browser and the service makes of streams and of long answers, seen from
//! outside; which transport pages settle on because of it; and the line of configuration that mends it.

mod probe;
mod verdict;

use std::time::Duration;

use reqwest::Client;

use self::verdict::{Finding, LONG_POLL};
use crate::serve::AnyError;

/// The stream of events is silent for as long as this between two heartbeats.
const HEARTBEAT: u64 = 15;
/// A quick look at whether what is sent arrives.
const LOOK: u64 = 8;

/// Says what it sees. Gives whether pages will have their stream, and nothing is to be mended.
pub async fn examine(url: &str, seconds: u64) -> Result<bool, AnyError> {
    let url = url.trim_end_matches('/');
    let client = Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .user_agent(concat!("causerie-doctor/", env!("CARGO_PKG_VERSION")))
        .build()?;
    reach(&client, url).await?;
    println!(
        "{url} answers. Looking for {seconds} s at what arrives of streams and long answers …"
    );
    let (gate, look, quiet, wait) = tokio::join!(
        probe::gate(&client, url, "/v1/events/stream"),
        probe::stream(&client, url, LOOK, 1),
        probe::stream(&client, url, seconds, HEARTBEAT),
        probe::wait(&client, url, LONG_POLL),
    );
    let mut stream = verdict::of_stream(&gate, &look, &quiet);
    if stream.mend.is_none() {
        stream.seen += &format!(", and is open for all of {seconds} s");
    }
    let wait = verdict::of_wait(&wait);
    println!();
    tell("stream", &stream);
    if let Some(encoding) = look.encoding.or(quiet.encoding) {
        println!(
            "{:10} comes as {encoding}: it is better left as it is. nginx: no text/event-stream in gzip_types",
            ""
        );
    }
    tell("long-poll", &wait);
    let transport = verdict::transport(&stream, &wait);
    println!("\nPages will settle on: {transport}");
    Ok(stream.good == Some(true) && stream.mend.is_none())
}

/// Whether it is the service that answers there, to polls at least.
async fn reach(client: &Client, url: &str) -> Result<(), AnyError> {
    let health = client.get(format!("{url}/healthz")).timeout(probe::AT_ONCE);
    let health = health.send().await;
    let health = health.map_err(|error| format!("{url} does not answer: {}", cause(&error)))?;
    if !health.status().is_success() {
        let status = health.status();
        return Err(
            format!("{url}/healthz answers {status}: is the service mounted there?").into(),
        );
    }
    let gate = probe::gate(client, url, "/v1/events").await;
    gate.map_err(|refused| {
        format!("{url}/v1/events {refused}; the service would say 401: is it mounted there? Pages cannot even poll.").into()
    })
}

fn tell<T>(what: &str, finding: &Finding<T>) {
    println!("{what:10} {}", finding.seen);
    if let Some(mend) = finding.mend {
        println!("{:10} {mend}", "");
    }
}

/// The innermost reason: what a person can act upon.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
