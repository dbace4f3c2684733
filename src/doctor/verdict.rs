//! What pages make of what was seen. They judge by `web/client/feed.js`, and here are the same rules: a test has both look
//! through the same proxies.

use std::fmt;
use std::time::Duration;

use super::probe::{Refusal, Stream, Wait};

/// A stream that has not said hello by then is taken for one that is held back.
const HELLO: Duration = Duration::from_secs(6);
/// Without a heartbeat for this long a stream is taken for dead: 1.7 times what the service promises.
const SILENCE: Duration = Duration::from_millis(25_500);
/// What ends sooner than this proves nothing about what is held.
const HELD: Duration = Duration::from_millis(1500);
/// Late by more than this, something was held back: networks are quicker, and buffers are not.
const HELD_BACK: Duration = Duration::from_secs(2);
/// How long pages ask for a long-poll to be held.
pub const LONG_POLL: u64 = 25;

const BUFFERED: &str = "-> let it through as it comes. nginx: proxy_buffering off; and neither proxy_ignore_headers X-Accel-Buffering nor gzip";
const CUT: &str = "-> wait longer. nginx: proxy_read_timeout 75s; Caddy: no read_timeout below 75s; a load balancer: idle timeout 75 s";
const REFUSED: &str = "-> let /v1/events, /v1/events/stream and /v1/diagnostics/ through to the service, with GET and HTTP/1.1 or 2";
const FULL: &str = "-> no fault of what is in between: try again in a minute. An address has four seats; behind a proxy that trusted_proxies does not name, all visitors are one address";

/// One thing that was looked at.
pub struct Finding<T> {
    pub seen: String,
    /// What to change, if anything.
    pub mend: Option<&'static str>,
    /// What it is good for; none if it could not be looked at.
    pub good: Option<T>,
}

impl<T> Finding<T> {
    fn new(seen: String, mend: impl Into<Option<&'static str>>, good: T) -> Self {
        Self {
            seen,
            mend: mend.into(),
            good: Some(good),
        }
    }

    fn unseen(refused: &Refusal) -> Self {
        let is_full = matches!(refused, Refusal::Full);
        Self {
            seen: format!("cannot be looked at: /v1/diagnostics {refused}"),
            mend: Some(if is_full { FULL } else { REFUSED }),
            good: None,
        }
    }
}

/// Whether pages keep to streams. `gate` is whether the real one can be asked for, `look` one that speaks every second,
/// `quiet` one that speaks as seldom as the real one.
pub fn of_stream(gate: &Result<(), Refusal>, look: &Stream, quiet: &Stream) -> Finding<bool> {
    let bad = |seen, mend| Finding::new(seen, mend, false);
    if let Err(refused) = gate {
        return bad(format!("/v1/events/stream {refused}"), REFUSED);
    }
    match look.refused.as_ref().or(quiet.refused.as_ref()) {
        None => of_arrivals(look, quiet),
        Some(Refusal::Late) => bad("nothing arrives".to_owned(), BUFFERED),
        Some(refused @ Refusal::Broken(_)) => bad(refused.to_string(), CUT),
        // Of the real one this says nothing.
        Some(refused) => Finding::unseen(refused),
    }
}

/// Of two streams that were answered as such.
fn of_arrivals(look: &Stream, quiet: &Stream) -> Finding<bool> {
    let bad = |seen, mend| Finding::new(seen, mend, false);
    let cut = look.cut.into_iter().chain(quiet.cut).min();
    let (Some(look_first), Some(quiet_first)) = (look.first, quiet.first) else {
        return match cut {
            Some(cut) if cut < HELLO => {
                let seen = format!("is cut after {}, before its first word", Seconds(cut));
                bad(seen, CUT)
            }
            _ => bad("nothing arrives".to_owned(), BUFFERED),
        };
    };
    let (first, late) = (look_first.max(quiet_first), look.late.max(quiet.late));
    if first > HELLO {
        let (first, late) = (Seconds(first), Seconds(late));
        let seen =
            format!("is held back: its first word came after {first}, others up to {late} late");
        return bad(seen, BUFFERED);
    }
    let has_heartbeat = quiet.second.is_some_and(|at| at <= quiet_first + SILENCE);
    match cut {
        _ if !has_heartbeat && quiet.cut.is_none_or(|cut| cut > quiet_first + SILENCE) => {
            let silence = Seconds(SILENCE);
            bad(
                format!("says hello, and then nothing for {silence}"),
                BUFFERED,
            )
        }
        Some(cut) => {
            let then = if has_heartbeat {
                "then opened anew"
            } else {
                "before a heartbeat"
            };
            let seen = format!(
                "arrives as it is sent, and is cut after {}, {then}",
                Seconds(cut)
            );
            Finding::new(seen, CUT, has_heartbeat)
        }
        None if late > HELD_BACK => Finding::new(
            format!("arrives, up to {} late", Seconds(late)),
            BUFFERED,
            true,
        ),
        None => {
            let first = first.as_millis();
            Finding::new(
                format!("arrives as it is sent, first after {first} ms"),
                None,
                true,
            )
        }
    }
}

/// For how long pages can have an answer held.
pub fn of_wait(wait: &Wait) -> Finding<Duration> {
    match wait {
        Wait::Answered(after) => {
            let seen = format!("an answer of {LONG_POLL} s comes after {}", Seconds(*after));
            Finding::new(seen, None, Duration::from_secs(LONG_POLL))
        }
        Wait::Refused(refused @ Refusal::Full, _) => Finding::unseen(refused),
        // A gateway's own time-out is an answer too.
        Wait::Refused(Refusal::Answer(answer), after) if *after > HELD => {
            let after_this = Seconds(*after);
            let seen = format!("an answer of {LONG_POLL} s is cut after {after_this}, by {answer}");
            Finding::new(seen, CUT, *after)
        }
        Wait::Refused(refused @ Refusal::Answer(_), _) => Finding::unseen(refused),
        Wait::Refused(_, after) => {
            let seen = format!(
                "an answer of {LONG_POLL} s is cut after {}",
                Seconds(*after)
            );
            Finding::new(seen, CUT, *after)
        }
    }
}

/// What pages settle on.
pub enum Transport {
    Stream,
    /// Held for so many seconds.
    LongPoll(u64),
    Poll,
    /// All of it is cut so soon that pages take the service for away, and try again and again.
    Neither,
    /// What decides could not be looked at.
    Unknown,
}

pub fn transport(stream: &Finding<bool>, wait: &Finding<Duration>) -> Transport {
    match (stream.good, wait.good) {
        (Some(true), _) => Transport::Stream,
        (None, _) | (_, None) => Transport::Unknown,
        (_, Some(held)) => shorter(held),
    }
}

/// A long-poll that is cut is asked for anew, shorter, until it passes.
fn shorter(held: Duration) -> Transport {
    let whole = Duration::from_secs(LONG_POLL);
    if held >= whole {
        return Transport::LongPoll(LONG_POLL);
    }
    if held <= HELD {
        return Transport::Neither;
    }
    match held.mul_f64(0.6).as_secs() {
        0 | 1 => Transport::Poll,
        seconds => Transport::LongPoll(seconds),
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream => f.write_str("stream"),
            Self::LongPoll(LONG_POLL) => f.write_str("long-poll"),
            Self::LongPoll(seconds) => write!(f, "long-poll of {seconds} s"),
            Self::Poll => f.write_str("poll, every 3 s in a conversation"),
            Self::Neither => f.write_str("nothing for long; they ask again and again"),
            Self::Unknown => f.write_str("what cannot be told from here, see above"),
        }
    }
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s", self.0.as_secs_f64())
    }
}
