//! Addresses told apart, and connections that a dead address does not spoil.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;
use crate::named_file::tests::leaves_the_thread;
use crate::probe::OwnFarEnd;

#[test]
fn a_target_is_a_web_address_or_self() {
    assert_eq!("self".parse(), Ok(FarUrl::Own));
    for good in ["http://meet.example.net", "https://meet.example.net:8443/a?b=c", "http://[2001:db8::1]:80/"] {
        assert!(matches!(good.parse(), Ok(FarUrl::Named(_))), "{good}");
    }
    for bad in [
        "http://meet.example.net:65536/",
        "http://[2001:db8::1]:0/",
        "",
        "meet.example.net",
        "/path",
        "ftp://meet.example.net/",
        "http://",
        "https://user:secret@meet.example.net/",
    ] {
        assert!(bad.parse::<FarUrl>().is_err(), "{bad:?}");
    }
}

#[test]
fn self_is_nowhere_without_a_far_end_of_our_own() {
    assert_eq!(FarUrl::Own.of(None, "/"), None);
    let own = OwnFarEnd { stun: (Ipv4Addr::LOCALHOST, 1).into(), http: (Ipv6Addr::LOCALHOST, 8080).into() };
    let uri = FarUrl::Own.of(Some(&own), "/down?bytes=5").unwrap();
    assert_eq!(uri.to_string(), "http://[::1]:8080/down?bytes=5");
}

#[tokio::test]
async fn a_dead_address_does_not_hide_a_living_one() {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let living = listener.local_addr().unwrap();
    // A port that was just given back: nobody listens there.
    let dead = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let stream = connect(&Egress::default(), &[dead, living], Duration::from_secs(5)).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), living);
    let error = connect(&Egress::default(), &[dead], Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error}");
}

#[test]
fn certificates_are_read_while_others_go_on() {
    assert!(leaves_the_thread(|file| async move { tls::verifier(Some(&file)).await }));
}

#[test]
fn what_is_forbidden_on_the_way_is_told_from_what_this_machine_forbids() {
    let kind = |errno: Errno, peer: &str| kind_with(&errno.into(), peer.parse().unwrap());
    assert_eq!(kind(Errno::ACCESS, "2001:db8::1"), ErrorKind::Unreachable);
    for (errno, peer) in
        [(Errno::PERM, "2001:db8::1"), (Errno::ACCESS, "192.0.2.1"), (Errno::ACCESS, "::ffff:192.0.2.1")]
    {
        assert_eq!(kind(errno, peer), ErrorKind::Permission, "{errno} {peer}");
    }
    assert_eq!(kind(Errno::CONNREFUSED, "2001:db8::1"), ErrorKind::Refused);
}
