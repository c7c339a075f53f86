//! `siaga reflect --tokens`: who has a token is answered until it expires or is revoked, and nobody else; and what a room's check says
//! of it.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ring::digest::{SHA256, digest};
use siaga::probe::stamp::codec::{Key, Reply, Request, read_reply, write_request};
use siaga::probe::stamp::moment::{Estimate, Stamp};

use super::support::child::{PATIENCE, wait_until};
use super::support::daemon::{Daemon, room, siaga};
use super::support::namespace::{inside, ip};
use super::support::reflector::Reflector;
use super::tokens::NOTHING;

fn token(file: &Path, arguments: &[&str]) -> String {
    let mut command = siaga();
    command.args(["token", "--tokens"]).arg(file).args(arguments).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Makes one, and gives what its holder signs by.
fn made(file: &Path, name: &str, scope: &str, more: &[&str]) -> Key {
    let shown = token(file, &[&["add", name, "--scope", scope], more].concat());
    Key::new(digest(&SHA256, shown.trim_end().as_bytes()).as_ref())
}

fn sender(to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(to).unwrap();
    socket
}

/// Each with a number of its own: a port that is used again would else make it one that was answered before.
fn send(socket: &UdpSocket, key: Option<&Key>) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let (mut packet, sequence) = ([0xA5; 160], NEXT.fetch_add(1, Ordering::Relaxed));
    let request = Request { sequence, sent: Stamp(7), estimate: Estimate::OURS, session: 1 };
    write_request(&mut packet, &request, key).unwrap();
    socket.send(&packet).unwrap();
}

fn hear(socket: &UdpSocket, within: Duration, key: &Key) -> Option<Reply> {
    socket.set_read_timeout(Some(within)).unwrap();
    let mut answer = [0; 2048];
    let length = socket.recv(&mut answer).ok()?;
    assert_eq!(length, 160);
    Some(read_reply(&answer[..length], Some(key)).unwrap())
}

/// Asks anew until there is an answer.
fn is_answered_in_the_end(to: SocketAddr, key: &Key) {
    let socket = sender(to);
    wait_until(|| {
        send(&socket, Some(key));
        hear(&socket, Duration::from_millis(50), key).is_some()
    });
}

/// Whether these are heard of by the time at which somebody who asks after them is.
fn answered(to: SocketAddr, known: &Key, others: &[Option<&Key>]) -> Vec<bool> {
    let sockets: Vec<_> = others.iter().map(|_| sender(to)).collect();
    for (socket, key) in sockets.iter().zip(others) {
        send(socket, *key);
    }
    let last = sender(to);
    send(&last, Some(known));
    assert!(hear(&last, PATIENCE, known).is_some());
    let heard = |socket: &UdpSocket| {
        socket.set_nonblocking(true).unwrap();
        socket.recv(&mut [0; 2048]).is_ok()
    };
    sockets.iter().map(heard).collect()
}

#[test]
fn who_has_a_token_is_answered_and_nobody_else_and_it_is_rotated_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (file, secret) = (folder.path().join("tokens.toml"), folder.path().join("key"));
    std::fs::write(&secret, "the old secret of all rooms").unwrap();
    let known = made(&file, "Ruang Dinkes", "reflect", &["--expires", "90d"]);
    let late = made(&file, "Aula Lama", "reflect", &["--expires", "1ms"]);
    let acts = made(&file, "Siti", "operate,read,schedule", &[]);
    let [tokens, key] = [&file, &secret].map(|file| file.to_str().unwrap());
    let reflector = Reflector::start(&["--listen", "127.0.0.1:0", "--tokens", tokens, "--key-file", key], 1);
    let to = reflector.addresses()[0];
    let key = Key::new(b"the old secret of all rooms");
    let all = [Some(&known), Some(&late), Some(&acts), None, Some(&key)];
    assert_eq!(answered(to, &known, &all), [true, false, false, false, true]);

    // A new one is known, and the old one is no more, without a word to it.
    let new = made(&file, "Ruang Baru", "reflect", &[]);
    is_answered_in_the_end(to, &new);
    token(&file, &["revoke", "Ruang Dinkes"]);
    wait_until(|| answered(to, &new, &[Some(&known)]) == [false]);
    // A damaged file takes nothing from anybody, and is told.
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "Ruang").unwrap();
    wait_until(|| reflector.log().contains("what was read before stays in force"));
    assert_eq!(answered(to, &new, &[Some(&new), Some(&known)]), [true, false]);
    std::fs::write(&file, whole).unwrap();
    // Keys are read anew where a supervisor says so.
    std::fs::write(&secret, "the new secret of all rooms").unwrap();
    reflector.reload();
    is_answered_in_the_end(to, &Key::new(b"the new secret of all rooms"));
    assert_eq!(answered(to, &new, &[Some(&key), Some(&new)]), [false, true]);

    let log = reflector.log();
    for told in ["Ruang", "Aula", "Siti", "siaga_", "secret of"] {
        assert!(!log.contains(told), "{told}: {log}");
    }
    let count = reflector.end();
    assert_eq!((count("expired"), count("foreign"), count("replayed"), count("limited")), (1, 0, 0, 0));
    assert!(count("strangers") >= 4 && count("answered") >= 6);
}

/// Answers to anybody are never what a file without tokens means.
#[test]
fn a_file_without_a_token_answers_nobody_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.toml");
    let reflector = Reflector::start(&["--listen", "127.0.0.1:0", "--tokens", file.to_str().unwrap()], 1);
    let to = reflector.addresses()[0];
    assert!(reflector.log().contains("nobody is answered") && reflector.log().contains("signed=true"));
    let stranger = sender(to);
    send(&stranger, None);
    let known = made(&file, "Aula", "reflect", &[]);
    is_answered_in_the_end(to, &known);
    assert!(hear(&stranger, Duration::from_millis(1), &known).is_none());
    assert!(reflector.end()("strangers") >= 1);
}

#[test]
fn a_room_measures_with_a_token_and_is_told_what_to_look_at_without() {
    if !inside("reflect_tokens::a_room_measures_with_a_token_and_is_told_what_to_look_at_without") {
        return;
    }
    // Not of loopback: against itself no line is ready.
    ip(&["address add 192.0.2.1/32 dev lo"]);
    let folder = room("");
    let at = folder.path();
    let (file, own) = (at.join("tokens.toml"), at.join("token"));
    let reflector = Reflector::start(&["--listen", "192.0.2.1:10862", "--tokens", file.to_str().unwrap()], 1);
    let hand_over = |name: &str, more: &[&str]| {
        std::fs::write(&own, token(&file, &[&["add", name, "--scope", "reflect"], more].concat())).unwrap();
    };
    hand_over("Aula Lama", &["--expires", "1ms"]);
    let nothing_but_the_line = NOTHING.replace("internet = { absent = true }\n", "");
    super::support::daemon::write_config(
        at,
        &format!(
            "{nothing_but_the_line}[web]\nlisten = \"127.0.0.1:0\"\n[[check]]\nname = \"call\"\nkind = \"stamp\"\n\
             reflector = \"192.0.2.1\"\ntoken_file = \"token\"\nmin_gap = \"3s\"\ninterval = \"4s\"\nfresh_for = \"1m\"\n"
        ),
    );
    let daemon = Daemon::start(at);
    let silent = || {
        daemon.wait_for_check("call", "unknown", "internet.reflector_silent");
        let said = daemon.get("/api/v1/readiness").body;
        assert!(said.contains("token_file: dicabut atau kedaluwarsa?"), "{said}");
    };
    silent();
    hand_over("Aula", &[]);
    daemon.wait_for_check("call", "ready", "");
    token(&file, &["revoke", "Aula"]);
    silent();
    hand_over("Aula Baru", &["--expires", "90d"]);
    daemon.wait_for_check("call", "ready", "");
    // What is no token is our own fault, and is told as such.
    std::fs::write(&own, "rahasia-yang-bukan-token").unwrap();
    daemon.wait_for_check("call", "unknown", "siaga.stamp_failed");
    let log = daemon.stop();
    assert!(!log.contains("siaga_") && !log.contains("rahasia"), "{log}");
    let count = reflector.end();
    assert!(count("expired") > 0 && count("strangers") > 0 && count("answered") > 500);
}
