//! Servers that fall silent, before they have the letter and with it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// A server that tells to whom each letter went. While it is said so, it asks another that is away whether that takes letters for `far`,
/// and answers no more.
fn asks_another() -> (u16, Arc<AtomicBool>, mpsc::Receiver<()>, mpsc::Receiver<Vec<String>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (port, away) = (listener.local_addr().unwrap().port(), Arc::new(AtomicBool::new(true)));
    let ((is_silent, silent), (letters, came)) = (mpsc::sync_channel(9), mpsc::sync_channel(9));
    let is_away = Arc::clone(&away);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let (mut answers, mut taken, mut is_data) = (stream.try_clone().unwrap(), Vec::new(), false);
            answers.write_all(b"220 ready\r\n").unwrap();
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let answer = match line.split(' ').next() {
                    Some(".") if is_data => {
                        is_data = false;
                        letters.send(std::mem::take(&mut taken)).unwrap();
                        "250 taken"
                    }
                    _ if is_data => continue,
                    Some("DATA") => {
                        is_data = true;
                        "354 go on"
                    }
                    Some("RCPT") if line.contains("far") && is_away.load(Ordering::SeqCst) => {
                        is_silent.send(()).unwrap();
                        continue;
                    }
                    Some("RCPT") if line.contains("former") => "550 5.1.1 nobody of that name",
                    Some("RCPT") => {
                        taken.push(line.split(['<', '>', '@']).nth(1).unwrap().to_owned());
                        "250 taken"
                    }
                    Some("MAIL") if !taken.is_empty() => "503 5.5.1 there is a letter already",
                    _ => "250 well",
                };
                // Whoever has hung up has read enough.
                _ = answers.write_all(format!("{answer}\r\n").as_bytes());
            }
        }
    });
    (port, away, silent, came)
}

/// Delivers to one that falls silent meanwhile, with so much patience. What becomes of it, if anything does.
async fn delivered(
    ready: &Ready,
    key: &str,
    silent: &mpsc::Receiver<()>,
    patience: Duration,
) -> Option<Result<(), DeliveryError>> {
    let letter = notification(key);
    let mut delivery = std::pin::pin!(tokio::time::timeout(patience, ready.deliver(&letter)));
    while silent.try_recv().is_err() {
        tokio::select! {
            early = &mut delivery => panic!("{early:?} before it was silent"),
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
    }
    tokio::time::pause();
    tokio::time::advance(patience.min(ANSWER)).await;
    tokio::time::resume();
    delivery.await.ok()
}

#[tokio::test]
async fn a_mailbox_for_which_the_server_does_not_answer_in_time_keeps_a_letter_from_the_others_once() {
    // By a step's time, and by the receiver's where that is shorter.
    for patience in [PATIENCE, Duration::from_secs(10)] {
        let (port, away, silent, came) = asks_another();
        let to = "far@example.org, desk@example.org, former@example.org".parse().unwrap();
        let ready = Ready::new(&Config { port: Some(port), to, ..config() }).unwrap();
        let is_cut = patience < ANSWER;
        let first = delivered(&ready, "a", &silent, patience).await;
        assert_eq!(first.map(|made| made.unwrap_err().failure), (!is_cut).then_some(Failure::Timeout));
        assert!(came.try_recv().is_err());
        // The line may have died there: it is asked once more, when the others have the letter.
        let second = delivered(&ready, "a", &silent, patience).await;
        assert_eq!(came.try_recv(), Ok(vec!["desk".to_owned()]));
        assert_eq!(second.map(Result::unwrap), (!is_cut).then_some(()));
        if is_cut {
            ready.deliver(&notification("a")).await.unwrap();
        }
        assert!(came.try_recv().is_err(), "nobody is to have it twice");

        away.store(false, Ordering::SeqCst);
        ready.deliver(&notification("b")).await.unwrap();
        assert_eq!([(); 2].map(|()| came.try_recv()), ["desk", "far"].map(|who| Ok(vec![who.to_owned()])));
        ready.deliver(&notification("c")).await.unwrap();
        assert_eq!(came.try_recv(), Ok(vec!["far".to_owned(), "desk".to_owned()]), "it is as the others again");
    }
}

#[tokio::test]
async fn where_nobody_else_takes_the_letter_it_is_that_mailbox_that_is_waited_for() {
    let (port, away, silent, came) = asks_another();
    let to = "former@example.org, far@example.org".parse().unwrap();
    let ready = Ready::new(&Config { port: Some(port), to, ..config() }).unwrap();
    for _ in 0..3 {
        let error = delivered(&ready, "a", &silent, PATIENCE).await.unwrap().unwrap_err();
        assert_eq!(error.failure, Failure::Timeout, "{error}");
    }
    away.store(false, Ordering::SeqCst);
    ready.deliver(&notification("a")).await.unwrap();
    assert_eq!(came.try_recv(), Ok(vec!["far".to_owned()]));
}
