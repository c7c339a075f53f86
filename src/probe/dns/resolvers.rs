//! Whom to ask: resolv.conf(5), or an address from the config.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::domain::{ErrorKind, ProbeError};

/// The port of DNS (RFC 1035, 4.2).
const PORT: u16 = 53;
/// As many as the C library asks (`MAXNS`, resolv.conf(5)).
const MOST: usize = 3;

/// Whom to ask, as the config writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Resolver {
    /// Each nameserver of the machine.
    #[default]
    Auto,
    /// This one.
    Named(SocketAddr),
}

/// Why a text is no resolver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no resolver: write \"192.0.2.53\", \"192.0.2.53:5353\", \"[2001:db8::53]:53\" or \"auto\"")]
pub struct ResolverError {
    given: String,
}

impl FromStr for Resolver {
    type Err = ResolverError;

    fn from_str(text: &str) -> Result<Self, ResolverError> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let with_port = || text.parse::<SocketAddr>().ok();
        let without = || text.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, PORT));
        with_port().or_else(without).map(Self::Named).ok_or_else(|| ResolverError { given: text.to_owned() })
    }
}

impl<'de> Deserialize<'de> for Resolver {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Resolver {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Resolver".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "a resolver's address, or \"auto\": those of the machine",
            "examples": ["auto", "192.0.2.53", "[2001:db8::53]:53"]
        })
    }
}

/// The resolvers to ask now.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::probe) struct Resolvers {
    pub(in crate::probe) addresses: Vec<SocketAddr>,
    /// The machine names none, so the one on itself is meant (resolv.conf(5)).
    pub(super) assumed: bool,
}

impl Resolver {
    /// The resolvers to ask now; `sys` is where `/sys` is, for the index of an interface that an address names.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub(in crate::probe) fn list(&self, resolv_conf: &Path, sys: &Path) -> Result<Resolvers, ProbeError> {
        if let Self::Named(address) = self {
            return Ok(Resolvers { addresses: vec![*address], assumed: false });
        }
        let text = match fs::read_to_string(resolv_conf) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                let kind = if error.kind() == std::io::ErrorKind::PermissionDenied {
                    ErrorKind::Permission
                } else {
                    ErrorKind::Internal
                };
                return Err(ProbeError::new(kind, format!("{}: {error}", resolv_conf.display())));
            }
        };
        let addresses: Vec<SocketAddr> = text.lines().filter_map(|line| nameserver(line, sys)).take(MOST).collect();
        if addresses.is_empty() {
            return Ok(Resolvers { addresses: vec![(Ipv4Addr::LOCALHOST, PORT).into()], assumed: true });
        }
        Ok(Resolvers { addresses, assumed: false })
    }
}

/// A line "nameserver ADDRESS", where an address of one link may name its interface (RFC 4007, 11).
fn nameserver(line: &str, sys: &Path) -> Option<SocketAddr> {
    let mut words = line.split_ascii_whitespace();
    if words.next()? != "nameserver" {
        return None;
    }
    let text = words.next()?;
    let Some((address, zone)) = text.split_once('%') else {
        return Some(SocketAddr::new(text.parse().ok()?, PORT));
    };
    let of_interface =
        || fs::read_to_string(sys.join("class/net").join(zone).join("ifindex")).ok()?.trim().parse().ok();
    let index = zone.parse().ok().or_else(of_interface)?;
    Some(SocketAddrV6::new(address.parse().ok()?, PORT, 0, index).into())
}
