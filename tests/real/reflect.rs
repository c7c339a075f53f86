//! `siaga reflect`: it answers by the standard, and nobody can make it answer more than that.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use siaga::probe::stamp::codec::{Key, PLAIN, Reply, Request, read_reply, write_reply, write_request};
use siaga::probe::stamp::moment::{Estimate, Stamp};

use super::support::child::PATIENCE;
use super::support::daemon::siaga;
use super::support::namespace;
use super::support::reflector::Reflector;

const SECRET: &str = "a secret for the tests of siaga reflect";

fn request(sequence: u32, length: usize, key: Option<&Key>) -> Vec<u8> {
    let mut packet = vec![0xA5; length];
    let request = Request { sequence, sent: Stamp(u64::from(sequence)), estimate: Estimate::OURS, session: 4711 };
    write_request(&mut packet, &request, key).unwrap();
    packet
}

/// A sender at `ip` that speaks with `to` alone.
fn sender(ip: IpAddr, to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.connect(to).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Sends one request and waits for its answer.
fn ask(socket: &UdpSocket, sequence: u32, length: usize, key: Option<&Key>) -> Reply {
    socket.send(&request(sequence, length, key)).unwrap();
    let mut answer = [0; 2048];
    let answered = socket.recv(&mut answer).expect("an answer");
    assert_eq!(answered, length);
    read_reply(&answer[..answered], key).unwrap()
}

#[test]
fn it_answers_both_families_by_the_standard_and_ends_in_order() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{SECRET}\n")).unwrap();
    let key = &Key::new(SECRET.as_bytes());
    let name = file.path().to_str().unwrap();
    let reflector = Reflector::start(&["--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--key-file", name], 2);
    for to in reflector.addresses() {
        let socket = sender(to.ip(), *to);
        for (own, sequence) in [3, 4, 9, 5].into_iter().enumerate() {
            let reply = ask(&socket, sequence, 160, Some(key));
            assert_eq!((reply.sequence, reply.request.sequence), (u32::try_from(own).unwrap(), sequence));
            assert_eq!((reply.request.sent, reply.request.session), (Stamp(u64::from(sequence)), 4711));
            // What the kernel gives a datagram that is sent without a word about it.
            assert_eq!(reply.ttl, 64);
            assert!(reply.received.elapsed(reply.estimate) <= reply.sent.elapsed(reply.estimate), "{reply:?}");
        }
    }
    let count = reflector.end();
    assert_eq!(["answered", "foreign", "replayed", "limited"].map(count), [8, 0, 0, 0]);
}

#[test]
fn everywhere_is_both_families_and_the_answer_comes_from_the_address_that_was_asked() {
    if !namespace::inside("reflect::everywhere_is_both_families_and_the_answer_comes_from_the_address_that_was_asked") {
        return;
    }
    let reflector = Reflector::start(&[], 2);
    let ports: Vec<_> = reflector.addresses().iter().map(SocketAddr::port).collect();
    assert_eq!(ports, [10862; 2]);
    // A connected socket hears nobody else; left alone the kernel would answer from 127.0.0.1.
    for (own, to) in [("127.0.0.1", "127.9.8.7:10862"), ("::1", "[::1]:10862")] {
        ask(&sender(own.parse().unwrap(), to.parse().unwrap()), 0, PLAIN, None);
    }
    assert_eq!(reflector.end()("answered"), 2);
}

#[test]
fn what_keeps_it_from_starting_is_said() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let held = UdpSocket::bind(taken).unwrap();
    let short = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(short.path(), "too short\n").unwrap();
    for (args, said) in [
        (["--listen".to_owned(), taken.to_string()], "cannot be listened on"),
        (["--key-file".to_owned(), short.path().display().to_string()], "at least 16 bytes"),
        (["--key-file".to_owned(), "credential:key".to_owned()], "LoadCredential="),
        (["--rate".to_owned(), "1 bit/s".to_owned()], "no full packet"),
    ] {
        let output = siaga().arg("reflect").args(&args).env_remove("CREDENTIALS_DIRECTORY").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(3) && told.contains(said), "{args:?}: {told}");
        assert!(!told.contains("too short"), "a secret is not told: {told}");
    }
    drop(held);
}

/// What comes back to a socket by now, bytes; each answer as long as its request.
fn come_back(socket: &UdpSocket, length: usize) -> usize {
    socket.set_nonblocking(true).unwrap();
    let (mut answer, mut bytes) = ([0; 2048], 0);
    while let Ok(answered) = socket.recv(&mut answer) {
        assert_eq!(answered, length);
        bytes += answered;
    }
    bytes
}

/// A source of its own in 127.0.0.0/8 for each number.
fn source(number: u32) -> IpAddr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 16, 0, 1)) + number).into()
}

#[test]
fn abuse_gains_nothing_and_a_good_sender_is_still_answered() {
    if namespace::inside("reflect::abuse_gains_nothing_and_a_good_sender_is_still_answered") {
        abuse("127.0.0.1:0", 300, source);
    }
}

#[test]
fn abuse_by_ipv6_gains_nothing_either() {
    if !namespace::inside("reflect::abuse_by_ipv6_gains_nothing_either") {
        return;
    }
    namespace::ip(&["route add local 2001:db8::/32 dev lo"]);
    std::fs::write("/proc/sys/net/ipv6/ip_nonlocal_bind", "1").unwrap();
    // Each in a network (/64) of its own: one network is one source.
    let network = |number: u32| {
        let [high, low] = [number >> 16, number & 0xFFFF].map(|part| u16::try_from(part).unwrap());
        IpAddr::from([0x2001, 0xDB8, high, low, 0, 0, 0, 1])
    };
    abuse("[::1]:0", 100, network);
}

#[test]
fn both_keys_are_answered_while_one_is_replaced() {
    let keys = [SECRET, "another secret for the tests"].map(|secret| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), secret).unwrap();
        (file, Key::new(secret.as_bytes()))
    });
    let [old, new] = keys.each_ref().map(|(file, _)| file.path().to_str().unwrap());
    let reflector = Reflector::start(&["--listen", "127.0.0.1:0", "--key-file", old, "--key-file", new], 1);
    let to = reflector.addresses()[0];
    for (_, key) in &keys {
        ask(&sender(to.ip(), to), 0, 200, Some(key));
    }
    assert_eq!(reflector.end()("answered"), 2);
}

#[test]
fn one_that_remembers_nothing_repeats_numbers() {
    let reflector = Reflector::start(&["--listen", "127.0.0.1:0", "--stateless"], 1);
    let to = reflector.addresses()[0];
    let socket = sender(to.ip(), to);
    for sequence in [41, 41, 7] {
        assert_eq!(ask(&socket, sequence, 200, None).sequence, sequence);
    }
}

/// In rounds: a hundred sources that were never seen before send a request, its repetition, a reply, and garbage; then a good
/// sender asks and must be answered. It is answered last, so what went to the others has gone by then.
#[allow(clippy::disallowed_methods, reason = "a good sender is one that has been there for a second")]
fn abuse(listen: &str, rounds: u32, source: impl Fn(u32) -> IpAddr) {
    const AT_ONCE: u32 = 100;
    const LENGTH: usize = 172;
    let args = ["--listen", listen, "--rate", "4 Mbit/s", "--rate-per-source", "2 Mbit/s"];
    let reflector = Reflector::start(&args, 1);
    let to = reflector.addresses()[0];
    let good = sender(to.ip(), to);
    let (mut asked, began) = (0, Instant::now());
    while asked < 60 || began.elapsed() < Duration::from_millis(1200) {
        ask(&good, asked, LENGTH, None);
        asked += 1;
        std::thread::sleep(Duration::from_millis(5));
    }
    let (mut sent, mut answered, mut number, mut before) = (0, 0, 0, 0);
    let noise: Vec<u8> = (0..LENGTH).map(|at| u8::try_from(at * 89 % 251).unwrap() | 1).collect();
    for round in 0..rounds {
        let mut sockets = Vec::new();
        for _ in 0..AT_ONCE {
            number += 1;
            let socket = sender(source(number), to);
            let proper = request(number, LENGTH, None);
            let mut reply = proper.clone();
            write_reply(&mut reply, &reply_to(number), None).unwrap();
            for packet in [&proper, &proper, &reply, &noise] {
                socket.send(packet).unwrap();
                sent += LENGTH;
            }
            sockets.push(socket);
        }
        ask(&good, asked, LENGTH, None);
        asked += 1;
        // A proper request is answered once or, beyond the newcomers' share, not at all.
        for socket in sockets {
            let bytes = come_back(&socket, LENGTH);
            assert!(bytes <= LENGTH, "{bytes} bytes to one source");
            answered += bytes;
        }
        if round == 20 {
            before = reflector.resident();
        }
    }
    let after = reflector.resident();
    assert!(answered > 0 && answered * 4 <= sent, "{answered} of {sent} bytes");
    assert!(after <= before + 512, "{before} kB, then {after} kB");
    let count = reflector.end();
    let all = u64::from(rounds * AT_ONCE);
    let newcomers = u64::try_from(answered / LENGTH).unwrap();
    assert_eq!(count("answered"), newcomers + u64::from(asked));
    assert_eq!(count("foreign"), 2 * all);
    assert_eq!(count("replayed") + count("limited") + newcomers, 2 * all);
    assert!(count("limited") > 0 && count("replayed") > 0, "the limits were never reached");
}

fn reply_to(number: u32) -> Reply {
    let request = Request { sequence: number, sent: Stamp(1), estimate: Estimate::OURS, session: 1 };
    Reply { sequence: 0, sent: Stamp(3), estimate: Estimate::OURS, received: Stamp(2), request, ttl: 64 }
}

/// Two reflectors that are set upon each other by a forged address: the first answers once, the second never.
#[test]
fn reflectors_do_not_answer_each_other() {
    if !namespace::inside("reflect::reflectors_do_not_answer_each_other") {
        return;
    }
    let one = Reflector::start(&["--listen", "127.0.0.1:20001"], 1);
    let other = Reflector::start(&["--listen", "127.0.0.1:20002"], 1);
    // From the other's own address: a raw socket can, and so can who forges.
    let udp = [&20002_u16.to_be_bytes()[..], &20001_u16.to_be_bytes(), &52_u16.to_be_bytes(), &[0, 0]].concat();
    let packet = [udp, request(0, PLAIN, None)].concat();
    let raw = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::RAW,
        Some(rustix::net::ipproto::UDP),
    )
    .unwrap();
    let to: SocketAddr = "127.0.0.1:0".parse().unwrap();
    rustix::net::sendto(&raw, &packet, rustix::net::SendFlags::empty(), &to).unwrap();
    // Whoever asks after it is answered after it.
    let to = |reflector: &Reflector| sender(Ipv4Addr::LOCALHOST.into(), reflector.addresses()[0]);
    ask(&to(&one), 0, PLAIN, None);
    ask(&to(&other), 0, PLAIN, None);
    let (one, other) = (one.end(), other.end());
    assert_eq!([one("answered"), one("foreign")], [2, 0]);
    assert_eq!([other("answered"), other("foreign")], [1, 1]);
}

/// The unit's own words for its key, by hand: systemd is not needed for that.
#[test]
fn the_key_comes_by_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), SECRET).unwrap();
    let mut command: Command = siaga();
    command.args(["reflect", "--listen", "127.0.0.1:0"]).env("CREDENTIALS_DIRECTORY", folder.path());
    let reflector = Reflector::start_by(
        {
            command.env("SIAGA_REFLECT_KEY_FILE", "credential:key");
            command
        },
        1,
    );
    let to = reflector.addresses()[0];
    ask(&sender(to.ip(), to), 0, 200, Some(&Key::new(SECRET.as_bytes())));
    assert!(reflector.log().contains("signed=true") && !reflector.log().contains(SECRET));
}
