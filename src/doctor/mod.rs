//! `causerie doctor URL`: what stands between a browser and the service makes of streams and of long answers, seen from
//! outside, and the line of configuration that mends it.

mod probe;

use std::time::Duration;

use reqwest::Client;

use self::probe::{Stream, Wait};
use crate::serve::AnyError;

/// Late by more than this, something was held back: networks are quicker, and buffers are not.
const HELD_BACK: Duration = Duration::from_secs(2);
/// The stream of events is silent for as long as this between two heartbeats.
const HEARTBEAT: u64 = 15;
/// How long the client asks for a long-poll to be held.
const LONG_POLL: u64 = 25;
/// A quick look at whether what is sent arrives.
const LOOK: u64 = 8;

/// Says what it sees. Gives whether pages will have their stream.
pub async fn examine(url: &str, seconds: u64) -> Result<bool, AnyError> {
    let url = url.trim_end_matches('/');
    let client = Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .build()?;
    let health = client.get(format!("{url}/healthz")).send().await;
    let health = health.map_err(|error| format!("{url} does not answer: {}", cause(&error)))?;
    if !health.status().is_success() {
        return Err(format!(
            "{url}/healthz answers {}: is the service mounted there?",
            health.status()
        )
        .into());
    }
    println!(
        "{url} answers. Looking for {seconds} s at what arrives of streams and long answers …"
    );
    let (look, quiet, wait) = tokio::join!(
        probe::stream(&client, url, LOOK, 1),
        probe::stream(&client, url, seconds, HEARTBEAT),
        probe::wait(&client, url, LONG_POLL),
    );
    let findings = [of_stream(&look, &quiet, seconds), of_wait(&wait)];
    println!();
    for finding in &findings {
        println!("{:10} {}", finding.what, finding.seen);
        if let Some(mend) = finding.mend {
            println!("{:10} {mend}", "");
        }
    }
    if let Some(encoding) = look.encoding.as_deref().filter(|it| !it.is_empty()) {
        println!(
            "{:10} the stream comes as {encoding}: it must not be compressed (nginx: gzip off; for this location)",
            "gzip"
        );
    }
    let [stream, wait] = findings;
    let transport = match (stream.works, wait.works) {
        (true, _) => "stream",
        (false, true) => "long-poll",
        (false, false) => "poll, every 3 s",
    };
    println!("\nPages will settle on: {transport}");
    Ok(stream.works && stream.mend.is_none())
}

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    seen: String,
    /// What to change, if anything.
    mend: Option<&'static str>,
    works: bool,
}

const BUFFERED: &str = "-> let it through as it comes. nginx: proxy_buffering off; and no proxy_ignore_headers X-Accel-Buffering";
const CUT: &str = "-> wait longer. nginx: proxy_read_timeout 75s; Caddy: no read_timeout below 75s; a load balancer: idle timeout 75 s";
const REFUSED: &str = "-> let /v1/events/stream and /v1/diagnostics/stream through to the service, with GET and HTTP/1.1 or 2";

fn of_stream(look: &Stream, quiet: &Stream, seconds: u64) -> Finding {
    let finding = |seen, mend, works| Finding {
        what: "stream",
        seen,
        mend,
        works,
    };
    let Some(first) = look.first else {
        let seen = look
            .refused
            .clone()
            .unwrap_or_else(|| "nothing arrives".to_owned());
        return finding(
            seen,
            Some(if look.refused.is_some() {
                REFUSED
            } else {
                BUFFERED
            }),
            false,
        );
    };
    if look.late > HELD_BACK || first > HELD_BACK {
        let seen = format!(
            "is held back: the first word came after {:.1} s, others up to {:.1} s late",
            first.as_secs_f64(),
            look.late.as_secs_f64()
        );
        return finding(seen, Some(BUFFERED), false);
    }
    if let Some(cut) = look.cut.or(quiet.cut) {
        let seen = format!(
            "arrives as it is sent, and is cut after {:.0} s",
            cut.as_secs_f64()
        );
        return finding(seen, Some(CUT), cut >= Duration::from_secs(4));
    }
    let seen = format!(
        "arrives as it is sent, first after {} ms, and is open for all of {seconds} s",
        first.as_millis()
    );
    finding(seen, None, true)
}

fn of_wait(wait: &Wait) -> Finding {
    let finding = |seen, mend, works| Finding {
        what: "long-poll",
        seen,
        mend,
        works,
    };
    match wait {
        Wait::Answered(after) => finding(
            format!(
                "an answer of {LONG_POLL} s comes after {:.1} s",
                after.as_secs_f64()
            ),
            None,
            true,
        ),
        Wait::Refused(why) => finding(why.clone(), Some(REFUSED), false),
        Wait::Cut(after) => finding(
            format!(
                "an answer of {LONG_POLL} s is cut after {:.1} s",
                after.as_secs_f64()
            ),
            Some(CUT),
            false,
        ),
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
