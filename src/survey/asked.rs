//! Whom a survey asks where no config says it: flags in, checks out, in the config's own words.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::probe::stun::Server;

/// The checks that look whether this very computer is in a meeting: nothing is tested then.
pub const IN_USE: [&str; 2] = ["survey_sound", "survey_camera"];

/// What was asked for by flags. Each was read and found sound before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The reflector, "host" or "host:port".
    pub far_end: Option<String>,
    /// The file with the key that it shares.
    pub key_file: Option<String>,
    /// Or with the token by which it knows us.
    pub token_file: Option<String>,
    /// The TURN server, "host" or "host:port".
    pub relay: Option<String>,
    /// For whom it relays.
    pub relay_user: Option<String>,
    /// The file with that one's password …
    pub relay_password_file: Option<String>,
    /// … or with the secret that makes passwords.
    pub relay_shared_secret: bool,
    /// What to download and where to upload.
    pub rates: Option<(String, String)>,
    /// The meeting's own server, "host" or "host:port".
    pub server: Option<String>,
    /// Certificates to trust instead of the machine's own.
    pub ca_file: Option<String>,
}

impl Asked {
    /// Whether anybody is asked at all.
    pub const fn is_nobody(&self) -> bool {
        self.far_end.is_none() && self.relay.is_none() && self.rates.is_none() && self.server.is_none()
    }

    /// The checks, as a config says them; `watch` adds those of a place that no config knows: its link, its router, and the
    /// light stream of echoes. Those count for nothing: many routers and firewalls let no echo through, and a reflector
    /// tells the same and more.
    pub fn checks(&self, watch: bool) -> String {
        let mut out = String::new();
        for (name, kind) in IN_USE.into_iter().zip(["audio", "camera"]) {
            check(&mut out, name, kind, &[("requirement", "advisory")]);
        }
        if watch {
            check(&mut out, "link", "link", &[]);
            check(&mut out, "gateway", "icmp", &[("target", "gateway"), ("requirement", "advisory")]);
            if let Some(host) = self.far_end.as_deref().map(host) {
                check(&mut out, "echo", "icmp", &[("target", &host), ("requirement", "advisory")]);
            }
        }
        if let Some(name) = self.name() {
            check(&mut out, "name", "dns", &[("query", &name)]);
        }
        let ca = self.ca_file.as_deref().map(|file| ("ca_file", file));
        if let Some(server) = &self.server {
            let url = format!("https://{server}/");
            check(&mut out, "server", "http", &with(vec![("url", url.as_str())], ca));
            let host = host(server);
            check(&mut out, "certificate", "tls", &with(vec![("host", host.as_str())], ca));
            _ = writeln!(out, "port = {}", Server::read(server, HTTPS).map_or(HTTPS, |server| server.port));
        }
        if let Some(far_end) = &self.far_end {
            let token = self.token_file.as_deref().map(|file| ("token_file", file));
            let key = token.or_else(|| self.key_file.as_deref().map(|file| ("key_file", file)));
            check(&mut out, "call", "stamp", &with(vec![("reflector", far_end.as_str())], key));
        }
        if let (Some(relay), Some(user), Some(file)) = (&self.relay, &self.relay_user, &self.relay_password_file) {
            let keys: [(&str, &str); 3] = [("server", relay), ("username", user), ("password_file", file)];
            check(&mut out, "relay", "relay", &with(keys.to_vec(), ca));
            _ = writeln!(out, "shared_secret = {}", self.relay_shared_secret);
        }
        if let Some((down, up)) = &self.rates {
            check(&mut out, "rate", "bandwidth", &[("down_url", down), ("up_url", up)]);
        }
        out
    }

    /// A name to look up: the first of those that are asked which is one.
    fn name(&self) -> Option<String> {
        let urls = self.rates.iter().flat_map(|(down, up)| [down, up]).filter_map(|url| authority(url));
        let hosts = self.server.iter().map(String::as_str).chain(urls);
        let hosts = hosts.chain(self.far_end.as_deref()).chain(self.relay.as_deref());
        hosts.map(host).find(|host| host.parse::<IpAddr>().is_err())
    }
}

const HTTPS: u16 = 443;

/// The host of "host" or "host:port", without an address's brackets.
fn host(server: &str) -> String {
    Server::read(server, HTTPS).map_or_else(|_| server.to_owned(), |server| server.host)
}

/// What stands between the scheme and the path of a web address.
fn authority(url: &str) -> Option<&str> {
    url.split_once("://")?.1.split(['/', '?', '#']).next()
}

fn with<'a>(mut keys: Vec<(&'a str, &'a str)>, more: Option<(&'a str, &'a str)>) -> Vec<(&'a str, &'a str)> {
    keys.extend(more);
    keys
}

fn check(out: &mut String, name: &str, kind: &str, keys: &[(&str, &str)]) {
    out.push_str("[[check]]\n");
    for (key, value) in [("name", name), ("kind", kind)].iter().chain(keys) {
        _ = writeln!(out, "{key} = {}", toml::Value::String((*value).to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_a_sound_config_and_nothing_else_is_asked() {
        let all = Asked {
            far_end: Some("far.example".to_owned()),
            key_file: Some("/keys/\"odd\".key".to_owned()),
            token_file: None,
            relay: Some("[2001:db8::1]:3479".to_owned()),
            relay_user: Some("room".to_owned()),
            relay_password_file: Some("credential:turn".to_owned()),
            relay_shared_secret: true,
            rates: Some(("http://192.0.2.1/down".to_owned(), "https://up.example:8443/up?x=1".to_owned())),
            server: Some("meet.example:8443".to_owned()),
            ca_file: Some("/keys/ca.pem".to_owned()),
        };
        let kinds = |asked: &Asked, watch| {
            let table: toml::Table = asked.checks(watch).parse().unwrap();
            let checks = table["check"].as_array().unwrap().clone();
            let word =
                |check: &toml::Value, key: &str| check.get(key).and_then(|value| value.as_str()).map(str::to_owned);
            let kinds = checks.iter().map(|check| word(check, "kind").unwrap()).collect::<Vec<_>>();
            let query = checks.iter().find_map(|check| word(check, "query"));
            (kinds, query)
        };
        let (named, query) = kinds(&all, true);
        let line = ["dns", "http", "tls", "stamp", "relay", "bandwidth"];
        assert_eq!(named[..5], ["audio", "camera", "link", "icmp", "icmp"]);
        assert_eq!((&named[5..], query.as_deref()), (&line.map(str::to_owned)[..], Some("meet.example")));
        assert!(all.checks(true).contains("port = 8443"));
        // Addresses have no name to look up; the first name that is asked is, wherever it stands.
        let bare = Asked { far_end: Some("192.0.2.1:7".to_owned()), ..Asked::default() };
        assert_eq!(kinds(&bare, false), (vec!["audio".to_owned(), "camera".to_owned(), "stamp".to_owned()], None));
        let rates = Asked { server: None, ..all };
        assert_eq!(kinds(&rates, false).1.as_deref(), Some("up.example"));
        assert!(Asked::default().is_nobody() && !bare.is_nobody());
    }
}
