//! W3C Trace Context: the trace that a request belongs to, as its caller says. It stands on the request's lines in the
//! log and goes no further: the service calls nobody while it answers, so there is no span of ours to hand on.

use rocket::Request;

/// Of `traceparent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    pub trace_id: String,
    /// The caller's span.
    pub parent_id: String,
}

impl TraceContext {
    /// None where there is none, where there are two, or where it is not what the standard says: a bad one is as good as
    /// none (§3.3), and never a reason to refuse.
    pub fn of(request: &Request<'_>) -> Option<Self> {
        let mut given = request.headers().get("traceparent");
        let first = given.next()?;
        given.next().is_none().then(|| Self::parse(first))?
    }

    /// `00-` 32 `-` 16 `-` 2 lower-case hex digits. A later version may have more behind another `-`; ff is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, '-');
        let mut hex = |length| {
            let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            let part = parts.next()?;
            (part.len() == length && part.bytes().all(is_hex)).then_some(part)
        };
        let (version, trace, parent, _flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
        let is_zero = |id: &str| id.bytes().all(|b| b == b'0');
        let is_valid = match version {
            "ff" => false,
            "00" => parts.next().is_none(),
            _ => true,
        };
        (is_valid && !is_zero(trace) && !is_zero(parent)).then(|| Self {
            trace_id: trace.to_owned(),
            parent_id: parent.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    #[test]
    fn what_the_standard_gives_as_an_example_is_read() {
        for text in [
            format!("00-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-00"),
            format!("cc-{TRACE}-{PARENT}-01"),
            format!("cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like"),
        ] {
            let found = TraceContext::parse(&text).expect(&text);
            assert_eq!((&*found.trace_id, &*found.parent_id), (TRACE, PARENT));
        }
    }

    #[test]
    fn what_is_not_quite_that_is_nothing() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            "00".to_owned(),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{zeros}-{PARENT}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("00-{TRACE}-{PARENT}-01-"),
            format!("cc-{TRACE}-{PARENT}-01.more"),
            format!("00-{TRACE}-{PARENT}-1"),
            format!("00-{TRACE}-{PARENT}"),
            format!("0-{TRACE}-{PARENT}-01"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{}-{PARENT}-01", &TRACE[1..]),
            format!("00-{TRACE}-{}-01", PARENT.to_uppercase()),
            format!("00-{TRACE}-{PARENT}-0G"),
            format!(" 00-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-01 "),
            format!("00_{TRACE}_{PARENT}_01"),
            format!("00-{}é-{PARENT}-01", &TRACE[2..]),
        ] {
            assert_eq!(TraceContext::parse(&text), None, "{text:?}");
        }
    }
}
