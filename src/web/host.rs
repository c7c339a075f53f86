//! Whom a request is for. A page on the web can point a name of its own at this machine (DNS rebinding), and the browser
//! then takes our answers for that page's. Such a request carries the page's name in its Host header, and is refused.
//! No name is looked up.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::{HeaderMap, Uri, Version, header};

use super::problem::Problem;

/// The names that are answered for, beside addresses (which cannot be rebound) and `localhost`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// The machine's own host name, asked of the kernel, and the names in `[web] hosts`.
    pub fn new<'a>(named: impl IntoIterator<Item = &'a str>) -> Self {
        let system = rustix::system::uname();
        let own = system.nodename().to_string_lossy();
        Self::of(&own, named)
    }

    fn of<'a>(own: &str, named: impl IntoIterator<Item = &'a str>) -> Self {
        let all = named.into_iter().map(plain).chain([plain(own)]);
        Self(all.filter(|name| !name.is_empty()).collect())
    }

    /// Whether `host`, without its port, is answered for.
    fn has(&self, host: &str) -> bool {
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        match bracketed {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => {
                host.parse::<Ipv4Addr>().is_ok() || {
                    let host = host.strip_suffix('.').unwrap_or(host);
                    host.eq_ignore_ascii_case("localhost") || self.0.iter().any(|name| name.eq_ignore_ascii_case(host))
                }
            }
        }
    }

    /// Refuses a request that is for somebody else, or does not say for whom (RFC 9112 §3.2).
    pub(super) fn refuse(&self, uri: &Uri, headers: &HeaderMap, version: Version) -> Option<Problem> {
        let mut said = headers.get_all(header::HOST).iter();
        // A request target that names the host goes before the header (RFC 9112 §3.2.2).
        let host = match (uri.authority(), said.next(), said.next()) {
            (_, _, Some(_)) => return Some(Problem::host("more than one Host header was sent; one is allowed")),
            (Some(authority), _, None) => authority.as_str(),
            (None, Some(host), None) => match host.to_str() {
                Ok(host) => host,
                Err(_) => return Some(Problem::host("the Host header is no text")),
            },
            (None, None, None) if version < Version::HTTP_11 => return None,
            (None, None, None) => return Some(Problem::host("the Host header is missing")),
        };
        let name = without_port(host);
        (!self.has(name)).then(|| {
            Problem::misdirected(format!(
                "this daemon does not answer for {name:?}; ask by its address, or allow the name in the config: [web] \
                 hosts = [{:?}]",
                plain(name)
            ))
        })
    }
}

/// A name as it is compared: no dot at its end, small letters.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// The host in `host[:port]`; an address of IPv6 keeps its brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(target: &str, hosts: &[&str], version: Version) -> Option<u16> {
        let known = Hosts::of("Desk.example.org", ["siaga.example.net"]);
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        known.refuse(&target.parse().unwrap(), &headers, version).map(|problem| problem.status)
    }

    #[test]
    fn addresses_and_known_names_are_answered_for_and_no_other() {
        for (host, refused) in [
            ("127.0.0.1", None),
            ("127.0.0.1:10153", None),
            ("192.0.2.7:10153", None),
            ("[::1]", None),
            ("[2001:db8::1]:10153", None),
            ("localhost", None),
            ("LocalHost:10153", None),
            ("localhost.", None),
            ("desk.example.org", None),
            ("DESK.example.org.:80", None),
            ("siaga.example.net:10153", None),
            ("evil.example", Some(421)),
            ("evil.example:10153", Some(421)),
            ("127.0.0.1.evil.example", Some(421)),
            ("localhost.evil.example", Some(421)),
            ("evil.siaga.example.net", Some(421)),
            ("desk", Some(421)),
            ("localhost@evil.example", Some(421)),
            ("localhost:evil", Some(421)),
            // Unlike an address in full, these go to the resolver of a browser that does not know them.
            ("0x7f000001", Some(421)),
            ("2130706433", Some(421)),
            ("::1", Some(421)),
            ("[localhost]", Some(421)),
            ("[evil.example]:10153", Some(421)),
            ("", Some(421)),
            (":10153", Some(421)),
        ] {
            assert_eq!(asked("/readyz", &[host], Version::HTTP_11), refused, "{host:?}");
        }
    }

    #[test]
    fn who_says_nothing_says_too_much_or_says_it_elsewhere() {
        assert_eq!(asked("/", &[], Version::HTTP_10), None, "it had none then");
        assert_eq!(asked("/", &[], Version::HTTP_11), Some(400));
        assert_eq!(asked("/", &["evil.example"], Version::HTTP_10), Some(421));
        assert_eq!(asked("/", &["localhost", "localhost"], Version::HTTP_11), Some(400));
        assert_eq!(asked("http://localhost/", &["evil.example"], Version::HTTP_11), None);
        assert_eq!(asked("http://evil.example/", &["localhost"], Version::HTTP_11), Some(421));
    }

    #[test]
    fn a_machine_without_a_name_answers_for_none() {
        assert!(!Hosts::of("", []).has(""));
    }

    #[test]
    fn the_refusal_says_how_to_allow_it() {
        let problem =
            Hosts::of("", []).refuse(&"http://Room.example/".parse().unwrap(), &HeaderMap::new(), Version::HTTP_11);
        let detail = problem.unwrap().detail;
        assert!(detail.ends_with("allow the name in the config: [web] hosts = [\"room.example\"]"), "{detail}");
    }
}
