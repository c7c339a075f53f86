//! Servers that fall silent, before they have the letter and with it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc;
use std::time::Duration;

use super::tests::{config, notification};
use super::{ANSWER, Config, DeliveryError, Failure, PATIENCE, Ready};

/// What a server says until it has the letter.
const ANSWERS: [&str; 5] = ["220 ready", "250 well", "250 well", "250 taken", "354 go on"];

/// A server that gives so many answers and no more, and tells when it is the next one's turn.
fn falls_silent_after(answers: usize) -> (u16, mpsc::Receiver<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (is_silent, silent) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let (mut said, mut answers) = (stream.try_clone().unwrap(), ANSWERS.into_iter().take(answers));
        let mut say = || match answers.next() {
            Some(answer) => said.write_all(format!("{answer}\r\n").as_bytes()).unwrap(),
            None => _ = is_silent.try_send(()),
        };
        say();
        let mut is_data = false;
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            match &*line {
                // Whoever asks for no more is let go.
                "QUIT" => return,
                "." => say(),
                _ if is_data => {}
                _ => say(),
            }
            is_data |= line == "DATA";
        }
    });
    (port, silent)
}

/// Begins to deliver to such a server, and lets time pass when it has fallen silent. What becomes of it then, if anything does.
async fn delivered_to_one_silent_after(answers: usize, passes: Duration) -> Option<Result<(), DeliveryError>> {
    let (port, silent) = falls_silent_after(answers);
    let ready = Ready::new(&Config { port: Some(port), ..config() }).unwrap();
    let letter = notification("a");
    let mut delivery = std::pin::pin!(ready.deliver(&letter));
    tokio::select! {
        early = &mut delivery => panic!("{early:?} before it was silent"),
        told = tokio::task::spawn_blocking(move || silent.recv()) => told.unwrap().unwrap(),
    }
    tokio::time::pause();
    tokio::time::advance(passes).await;
    tokio::time::resume();
    let waits = if answers < ANSWERS.len() { Duration::from_secs(20) } else { Duration::from_millis(200) };
    tokio::time::timeout(waits, delivery).await.ok()
}

#[tokio::test]
async fn a_server_that_falls_silent_before_it_has_the_letter_is_not_waited_for_as_one_that_looks_through_it() {
    for answers in 0..ANSWERS.len() {
        let error = delivered_to_one_silent_after(answers, ANSWER).await.map(Result::unwrap_err);
        let error = error.unwrap_or_else(|| panic!("after {answers} answers it is waited for on and on"));
        assert_eq!((error.failure, &*error.detail), (Failure::Timeout, "no answer within 1m"), "{answers}");
    }
    let looks_through =
        delivered_to_one_silent_after(ANSWERS.len(), PATIENCE.saturating_sub(Duration::from_secs(1))).await;
    assert!(looks_through.is_none(), "{looks_through:?}");
}
