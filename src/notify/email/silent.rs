//! Servers that fall silent, before they have the letter and with it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::served::{Server, passes};
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

/// Delivers while it falls silent, with so much patience. What becomes of it, if anything does.
async fn silent_at(server: &Server, ready: &Ready, key: &str, patience: Duration) -> Option<Result<(), DeliveryError>> {
    let letter = notification(key);
    let mut delivery = std::pin::pin!(tokio::time::timeout(patience, ready.deliver(&letter)));
    tokio::select! {
        early = &mut delivery => panic!("{early:?} before it was silent"),
        () = server.silent.notified() => {}
    }
    passes(patience.min(ANSWER)).await;
    delivery.await.ok()
}

/// Why one attempt failed.
async fn failed(ready: &Ready, key: &str) -> Failure {
    ready.deliver(&notification(key)).await.unwrap_err().failure
}

#[tokio::test]
async fn a_mailbox_for_which_the_server_does_not_answer_in_time_keeps_a_letter_from_the_others_once() {
    // By a step's time, and by the receiver's where that is shorter.
    for patience in [PATIENCE, Duration::from_secs(10)] {
        let server = Server::start();
        server.says("", "far");
        let to = "far@example.org, desk@example.org, former@example.org";
        let ready = server.ready(to);
        let is_cut = patience < ANSWER;
        let first = silent_at(&server, &ready, "a", patience).await;
        assert_eq!(first.map(|made| made.unwrap_err().failure), (!is_cut).then_some(Failure::Timeout));
        assert!(server.came().is_empty());
        // The line may have died there: it is asked once more, when the others have the letter.
        let second = silent_at(&server, &ready, "a", patience).await;
        assert_eq!(server.came(), [["desk"]]);
        assert_eq!(second.map(Result::unwrap), (!is_cut).then_some(()));
        if is_cut {
            // By now the server may be away.
            let away = Ready::new(&Config { port: Some(1), to: to.parse().unwrap(), ..config() }).unwrap();
            away.follow(&ready).await;
            away.deliver(&notification("a")).await.unwrap();
            ready.follow(&away).await;
        }
        assert!(server.came().is_empty(), "nobody is to have it twice");

        server.is_well("far");
        ready.deliver(&notification("b")).await.unwrap();
        assert_eq!(server.came(), [["desk"], ["far"]]);
        ready.deliver(&notification("c")).await.unwrap();
        assert_eq!(server.came(), [["far", "desk"]], "it is as the others again");
    }
}

#[tokio::test]
async fn where_nobody_else_takes_the_letter_it_is_that_mailbox_that_is_waited_for() {
    let (log, writer) = std::io::pipe().unwrap();
    let told = tracing::subscriber::set_default(tracing_subscriber::fmt().with_writer(Arc::new(writer)).finish());
    let server = Server::start();
    server.says("", "far");
    let ready = server.ready("former@example.org, far@example.org");
    for _ in 0..3 {
        let error = silent_at(&server, &ready, "a", PATIENCE).await.unwrap().unwrap_err();
        assert_eq!(error.failure, Failure::Timeout, "{error}");
    }
    server.is_well("far");
    ready.deliver(&notification("a")).await.unwrap();
    assert_eq!(server.came(), [["far"]]);
    drop(told);
    let log = std::io::read_to_string(log).unwrap();
    assert_eq!(log.matches("550: 5.1.1 nobody of that name").count(), 1, "{log}");
}

#[tokio::test]
async fn one_of_which_nothing_was_said_is_waited_for_as_any_other_where_it_is_put_off_then() {
    let server = Server::start();
    server.says("", "far");
    let ready = server.ready("desk@example.org, far@example.org");
    silent_at(&server, &ready, "a", PATIENCE).await.unwrap().unwrap_err();
    server.says("451 4.7.1 Greylisted", "far");
    assert_eq!(failed(&ready, "a").await, Failure::Unavailable);
    assert_eq!(server.came(), [["desk"]]);
    passes(Duration::from_mins(5)).await;
    server.is_well("far");
    ready.deliver(&notification("a")).await.unwrap();
    assert_eq!(server.came(), [["far"]], "and nobody has it twice");

    // One that is full then is waited for no longer either.
    server.says("", "far");
    silent_at(&server, &ready, "b", PATIENCE).await.unwrap().unwrap_err();
    server.says("452 4.2.2 Mailbox full", "far");
    assert_eq!(failed(&ready, "b").await, Failure::Unavailable);
    passes(Duration::from_mins(6)).await;
    ready.deliver(&notification("b")).await.unwrap();
    ready.deliver(&notification("c")).await.unwrap();
    assert_eq!(server.came(), [["desk"], ["desk"]]);
}

#[tokio::test]
async fn one_that_is_silent_takes_no_other_with_it_that_was() {
    for (still, well) in [("far", "farther"), ("farther", "far")] {
        let server = Server::start();
        server.says("", "far");
        server.says("", "farther");
        let ready = server.ready("far@example.org, farther@example.org, desk@example.org");
        for _ in 0..2 {
            silent_at(&server, &ready, "a", PATIENCE).await.unwrap().unwrap_err();
        }
        server.is_well(well);
        // The one that was silent first is asked first; after it nothing more can be asked in that session.
        let third = silent_at(&server, &ready, "a", PATIENCE).await.unwrap();
        if still == "far" {
            assert_eq!(third.unwrap_err().failure, Failure::Timeout);
            ready.deliver(&notification("a")).await.unwrap();
        } else {
            third.unwrap();
        }
        assert_eq!(server.came(), [["desk"], [well]], "without {still}");
        silent_at(&server, &ready, "b", PATIENCE).await.unwrap().unwrap();
        assert_eq!(server.came(), if well == "far" { [["far", "desk"]] } else { [["farther", "desk"]] });
    }
}

#[tokio::test]
async fn one_that_was_silent_is_asked_by_the_next_attempt_where_the_server_takes_one_letter_in_a_session() {
    let server = Server::start();
    server.says("421 4.7.0 one letter in a session", "again");
    server.says("", "far");
    let ready = server.ready("desk@example.org, far@example.org");
    silent_at(&server, &ready, "a", PATIENCE).await.unwrap().unwrap_err();
    server.is_well("far");
    assert_eq!(failed(&ready, "a").await, Failure::Unavailable);
    ready.deliver(&notification("a")).await.unwrap();
    assert_eq!(server.came(), [["desk"], ["far"]]);
    ready.deliver(&notification("b")).await.unwrap();
    assert_eq!(server.came(), [["desk", "far"]]);
}

#[tokio::test]
async fn a_server_that_hangs_up_at_one_mailbox_keeps_a_letter_from_the_others_once() {
    let server = Server::start();
    server.says("421 4.3.2 closing", "far");
    let ready = server.ready("far@example.org, desk@example.org");
    assert_eq!(failed(&ready, "a").await, Failure::Unavailable);
    assert!(server.came().is_empty());
    for minutes in [5, 1] {
        assert_eq!(failed(&ready, "a").await, Failure::Unavailable, "it may be taken soon");
        passes(Duration::from_mins(minutes)).await;
    }
    assert_eq!(server.came(), [["desk"]]);
    ready.deliver(&notification("a")).await.unwrap();
    assert!(server.came().is_empty(), "it is left out");
    ready.deliver(&notification("b")).await.unwrap();
    assert_eq!(server.came(), [["desk"]]);
}

#[tokio::test]
async fn one_that_is_asked_alone_is_asked_again_for_minutes_where_the_letter_is_not_taken_then() {
    let server = Server::start();
    server.says("421 4.7.0 one letter in a session", "again");
    server.says("", "far");
    let ready = server.ready("desk@example.org, far@example.org");
    let half = async |key| {
        server.says("", "far");
        silent_at(&server, &ready, key, PATIENCE).await.unwrap().unwrap_err();
        server.is_well("far");
        assert_eq!(failed(&ready, key).await, Failure::Unavailable);
        assert_eq!(server.came(), [["desk"]]);
        server.says("452 4.3.1 no room", "letter");
    };
    half("a").await;
    for minutes in [2, 3] {
        assert_eq!(failed(&ready, "a").await, Failure::Unavailable);
        passes(Duration::from_mins(minutes)).await;
    }
    server.is_well("letter");
    ready.deliver(&notification("a")).await.unwrap();
    assert_eq!(server.came(), [["far"]]);

    // Others wait behind it.
    half("b").await;
    assert_eq!(failed(&ready, "b").await, Failure::Unavailable);
    passes(Duration::from_mins(6)).await;
    ready.deliver(&notification("b")).await.unwrap();
    server.is_well("letter");
    ready.deliver(&notification("b")).await.unwrap();
    assert!(server.came().is_empty(), "it is left out");
}
