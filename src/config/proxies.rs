//! Whose word on the client's address is taken, and where it stands.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// The one header that the trusted proxies write. Of the other, which they would pass on as it came, nothing is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ForwardedHeader {
    #[serde(rename = "X-Forwarded-For")]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

impl ForwardedHeader {
    pub fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "X-Forwarded-For",
            Self::Forwarded => "Forwarded",
        }
    }
}

/// Networks, or single addresses: `10.0.0.0/8`, `127.0.0.1`.
pub(super) fn networks<'de, D: Deserializer<'de>>(given: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(given)?;
    let network = |text: &String| {
        let net = text.parse::<IpNet>();
        net.or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| D::Error::custom(format!("{text:?} is no address and no network")))
    };
    texts.iter().map(network).collect()
}
