//! Of a check's own keys: whom it asks, and up to which rate it looks. No path, no user, no secret.

use crate::probe::ProbeConfig;
use crate::probe::dial::FarUrl;
use crate::probe::stun::Server;

/// Whom it asks, for people.
pub(super) fn target(probe: &ProbeConfig) -> Option<String> {
    match probe {
        ProbeConfig::Icmp(config) => Some(config.target.clone()),
        ProbeConfig::Stun(config) => config.server.as_ref().map(server),
        ProbeConfig::Http(config) => host(&config.url),
        ProbeConfig::Tls(config) => Some(format!("{}:{}", config.host, config.port)),
        ProbeConfig::Dns(config) => Some(config.query.clone()),
        ProbeConfig::Bandwidth(config) => {
            let (down, up) = (host(&config.down_url)?, host(&config.up_url)?);
            Some(if down == up { down } else { format!("{down}, {up}") })
        }
        ProbeConfig::Stamp(config) => Some(server(&config.reflector)),
        ProbeConfig::Relay(config) => Some(server(&config.server)),
        _ => None,
    }
}

/// The rate at which its test stops, bit/s: more is not looked for.
pub(super) fn tested_up_to(probe: &ProbeConfig) -> Option<f64> {
    match probe {
        ProbeConfig::Bandwidth(config) => Some(config.enough.0),
        ProbeConfig::Stamp(config) => Some(config.rate?.0),
        ProbeConfig::Relay(config) => Some(config.rate?.0),
        _ => None,
    }
}

fn server(server: &Server) -> String {
    let host = &server.host;
    if host.contains(':') { format!("[{host}]:{}", server.port) } else { format!("{host}:{}", server.port) }
}

/// The host and port alone: what stands behind may be a token.
fn host(url: &FarUrl) -> Option<String> {
    match url {
        FarUrl::Own => None,
        FarUrl::Named(url) => url.authority().map(ToString::to_string),
    }
}
