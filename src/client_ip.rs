//! Whose request it is, by address. The peer's own word counts, and of what is forwarded only what trusted proxies have
//! added: the list is read from its end, where they write, and never past the first address that is nobody's we trust.

use std::convert::Infallible;
use std::net::IpAddr;

use ipnet::IpNet;
use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use crate::config::{Config, ForwardedHeader};

/// The client's address, as a guard; none where there is no peer, on a local socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientIp {
    pub address: Option<IpAddr>,
    /// A local peer while no proxy is named: most likely one, that speaks for everybody.
    pub is_of_many: bool,
}

impl ClientIp {
    pub fn of(request: &Request<'_>) -> Self {
        let Some(config) = request.rocket().state::<Config>() else {
            return Self::from_peer(request.remote().map(|peer| peer.ip()), &[]);
        };
        let trusted = &config.trusted_proxies;
        let found = Self::from_peer(request.remote().map(|peer| peer.ip()), trusted);
        let header = config.forwarded_header;
        // Several lines are one list, and a quote ends with its line.
        let lines: Vec<&str> = request.headers().get(header.name()).collect();
        let told = lines.iter().rev().flat_map(|line| addresses(header, line));
        Self {
            address: found.address.map(|peer| walk(peer, trusted, told)),
            ..found
        }
    }

    fn from_peer(peer: Option<IpAddr>, trusted: &[IpNet]) -> Self {
        let address = peer.map(|peer| peer.to_canonical());
        Self {
            address,
            is_of_many: trusted.is_empty() && address.is_none_or(is_local),
        }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for ClientIp {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self::of(request))
    }
}

/// Whoever shares an allowance: of IPv6 it is the network of 64 bits, since anybody has that many addresses.
pub fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address => address,
    }
}

fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => it.is_loopback() || it.is_private() || it.is_link_local(),
        IpAddr::V6(it) => it.is_loopback() || it.is_unique_local() || it.is_unicast_link_local(),
    }
}

/// From the peer to the client: as long as who says so is trusted. `told` begins with the last of the list; none is
/// what is no address.
fn walk(peer: IpAddr, trusted: &[IpNet], told: impl IntoIterator<Item = Option<IpAddr>>) -> IpAddr {
    let mut client = peer;
    let mut told = told.into_iter();
    while trusted.iter().any(|network| network.contains(&client)) {
        let Some(Some(next)) = told.next() else { break };
        client = next;
    }
    client
}

/// Those of one line, the last first.
fn addresses(header: ForwardedHeader, line: &str) -> impl Iterator<Item = Option<IpAddr>> {
    from_the_end(line, b',').map(move |element| match header {
        ForwardedHeader::XForwardedFor => address(element),
        ForwardedHeader::Forwarded => address_of_pairs(element),
    })
}

/// `for` of `for="[2001:db8::1]:47011";proto=https`; none unless it is there once.
fn address_of_pairs(element: &str) -> Option<IpAddr> {
    let pairs = from_the_end(element, b';').filter_map(|pair| pair.split_once('='));
    let mut given = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, value) = given.next()?;
    if given.next().is_some() {
        return None;
    }
    let value = value.trim();
    let quoted = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    address(quoted.unwrap_or(value))
}

/// With or without a port, IPv6 in brackets or bare; none for `unknown`, `_hidden` and everything else.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bracketed = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let address = bracketed.unwrap_or(text).parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|it| it.ip());
    address.or_else(with_port).map(|it| it.to_canonical())
}

/// The parts between separators that stand in no quotes, the last first. Read from the end: an open quote in what a
/// client has sent must not swallow what the proxy wrote after it.
fn from_the_end(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let bytes = text.as_bytes();
        let mut is_quoted = false;
        for (at, byte) in bytes.iter().enumerate().rev() {
            let escapes = bytes[..at].iter().rev().take_while(|it| **it == b'\\');
            if *byte == b'"' && escapes.count() % 2 == 0 {
                is_quoted = !is_quoted;
            } else if *byte == separator && !is_quoted {
                rest = Some(&text[..at]);
                return Some(&text[at + 1..]);
            }
        }
        rest = None;
        Some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trusts 10.0.0.0/8 and 2001:db8:a::/48, and is asked by 10.0.0.1.
    fn client(header: ForwardedHeader, lines: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8:a::/48"].map(|it| it.parse().expect("a network"));
        let told = lines.iter().rev().flat_map(|line| addresses(header, line));
        walk("10.0.0.1".parse().expect("an address"), &trusted, told).to_string()
    }

    #[test]
    fn the_list_is_read_from_its_end_up_to_the_first_that_nobody_trusts() {
        for (lines, expected) in [
            (&[][..], "10.0.0.1"),
            (&["192.0.2.7"], "192.0.2.7"),
            (&["6.6.6.6, 192.0.2.7"], "192.0.2.7"),
            (&["6.6.6.6, 192.0.2.7, 10.0.0.2,10.0.0.3"], "192.0.2.7"),
            (&["6.6.6.6", "192.0.2.7", "10.0.0.2"], "192.0.2.7"),
            (&["6.6.6.6, 10.0.0.2", "192.0.2.7"], "192.0.2.7"),
            // Nobody but ours has spoken.
            (&["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
            (&["192.0.2.7:5000"], "192.0.2.7"),
            (&["[2001:db8::7]:5000"], "2001:db8::7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["2001:db8::7, 2001:db8:a::1"], "2001:db8::7"),
            (&["::ffff:192.0.2.7, ::ffff:10.0.0.2"], "192.0.2.7"),
            // What is no address ends it, at the last that was one.
            (&["192.0.2.7, ?, 10.0.0.2"], "10.0.0.2"),
            (&["192.0.2.7, , 10.0.0.2"], "10.0.0.2"),
            (&["192.0.2.7", "", "10.0.0.2"], "10.0.0.2"),
            (&["192.0.2.7, unknown"], "10.0.0.1"),
            (&["192.0.2.7.1"], "10.0.0.1"),
            (&["192.0.2.07"], "10.0.0.1"),
            (&["for=192.0.2.7"], "10.0.0.1"),
            (&["\"192.0.2.7"], "10.0.0.1"),
        ] {
            let found = client(ForwardedHeader::XForwardedFor, lines);
            assert_eq!(found, expected, "{lines:?}");
        }
    }

    #[test]
    fn a_forwarded_header_is_read_as_rfc_7239_writes_it() {
        for (lines, expected) in [
            (&["for=192.0.2.7"][..], "192.0.2.7"),
            (&["For=\"[2001:db8::7]:4711\""], "2001:db8::7"),
            (&["for=\"[2001:db8::7]\";proto=https"], "2001:db8::7"),
            (&["proto=https; by=10.0.0.1; for=192.0.2.7"], "192.0.2.7"),
            (
                &["for=6.6.6.6, for=\"192.0.2.7:80\", for=10.0.0.2"],
                "192.0.2.7",
            ),
            (&["for=6.6.6.6", "for=192.0.2.7"], "192.0.2.7"),
            (&["for=192.0.2.7, for=_hidden, for=10.0.0.2"], "10.0.0.2"),
            (&["for=192.0.2.7, for=unknown"], "10.0.0.1"),
            (&["for=192.0.2.7, proto=https"], "10.0.0.1"),
            (&["for=192.0.2.7;for=192.0.2.8"], "10.0.0.1"),
            (&["192.0.2.7"], "10.0.0.1"),
            // What a client has begun, it does not end in what the proxy adds.
            (&["for=\"6.6.6.6, for=192.0.2.7"], "192.0.2.7"),
            (&["for=\"6.6.6.6", "for=\"192.0.2.7\""], "192.0.2.7"),
            (&["x\", for=\"[2001:db8::7]\""], "2001:db8::7"),
            (&["for=192.0.2.7;host=\"a, for=6.6.6.6\""], "192.0.2.7"),
            (&["for=192.0.2.7;host=\"a\\\", for=6.6.6.6\""], "192.0.2.7"),
            (&["for=192.0.2.7;host=\"a;for=6.6.6.6\""], "192.0.2.7"),
        ] {
            let found = client(ForwardedHeader::Forwarded, lines);
            assert_eq!(found, expected, "{lines:?}");
        }
    }

    #[test]
    fn who_is_not_trusted_speaks_for_themselves_alone() {
        let peer = "192.0.2.1".parse().expect("an address");
        let told = addresses(ForwardedHeader::XForwardedFor, "6.6.6.6");
        let trusted = ["10.0.0.0/8".parse().expect("a network")];
        assert_eq!(walk(peer, &trusted, told), peer);
        let told = addresses(ForwardedHeader::XForwardedFor, "6.6.6.6");
        assert_eq!(walk(peer, &[], told), peer);
    }

    #[test]
    fn a_local_peer_is_taken_for_a_proxy_until_one_is_named() {
        let named = ["10.0.0.0/8".parse().expect("a network")];
        for (peer, is_local) in [
            ("127.0.0.1", true),
            ("::ffff:192.168.1.1", true),
            ("fd00::1", true),
            ("192.0.2.1", false),
            ("2001:db8::1", false),
        ] {
            let peer = Some(peer.parse().expect("an address"));
            assert_eq!(ClientIp::from_peer(peer, &[]).is_of_many, is_local);
            assert!(!ClientIp::from_peer(peer, &named).is_of_many);
        }
    }
}
