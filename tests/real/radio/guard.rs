//! The guard of the key, against Hamlib's dummy radio: whatever ends the one who asked, the key comes up.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::child::wait_until;
use crate::support::rigctld::{Onlooker, Rigctld};

/// A guard whose parent is this test.
struct Guard {
    process: std::process::Child,
    orders: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
}

impl Guard {
    fn start(rig: &Rigctld, limit: &str) -> Self {
        let post = format!(
            r#"{{"ptt":{{"method":"rigctld","address":"{0}"}},"busy":{{"method":"rigctld","address":"{0}"}},"limit":"{limit}"}}"#,
            rig.address
        );
        let mut process = Command::new(env!("CARGO_BIN_EXE_siaga"))
            .args(["radio-guard", &post])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        let mut guard = Self { orders: process.stdin.take(), process, said };
        assert_eq!(guard.hear(), "\"ready\"");
        guard
    }

    fn order(&mut self, order: &str) {
        self.orders.as_mut().unwrap().write_all(format!("\"{order}\"\n").as_bytes()).unwrap();
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Orders the key down, and sees it down at the radio. A machine that stands still between for as long as the guard waits for
    /// a beat has it cut off, as it should: then it is ordered anew.
    fn press(&mut self, radio: &mut Onlooker) {
        loop {
            self.order("on");
            assert_eq!(self.hear(), "\"on\"");
            if radio.keyed() {
                return;
            }
            assert_eq!(self.hear(), r#"{"cut":"silence"}"#, "up without an order");
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

#[test]
fn the_key_goes_down_and_up_as_it_is_ordered_and_the_squelch_is_told() {
    let rig = Rigctld::start();
    let (mut radio, mut guard) = (rig.onlooker(), Guard::start(&rig, "30s"));
    assert!(!radio.keyed());
    guard.press(&mut radio);
    guard.order("off");
    assert_eq!(guard.hear(), "\"off\"");
    assert!(!radio.keyed());
    // The dummy's squelch is another at each question.
    let told = [(); 2].map(|()| {
        guard.order("look");
        guard.hear()
    });
    assert_eq!(told, ["\"quiet\"", "\"busy\""]);
}

#[test]
fn a_key_that_an_earlier_one_left_pressed_is_released_at_the_start() {
    let rig = Rigctld::start();
    let mut radio = rig.onlooker();
    radio.press();
    assert!(radio.keyed());
    let _guard = Guard::start(&rig, "30s");
    assert!(!radio.keyed());
}

#[test]
fn the_end_of_the_input_and_each_signal_release() {
    let rig = Rigctld::start();
    let mut radio = rig.onlooker();
    for end in [None, Some(Signal::TERM), Some(Signal::INT), Some(Signal::HUP), Some(Signal::QUIT)] {
        let mut guard = Guard::start(&rig, "30s");
        guard.press(&mut radio);
        match end {
            None => guard.orders = None,
            Some(signal) => guard.signal(signal),
        }
        wait_until(|| !radio.keyed());
        assert!(guard.process.wait().unwrap().success(), "{end:?}");
    }
}

#[test]
fn a_parent_that_stands_still_and_one_that_never_ends_are_cut_off() {
    let rig = Rigctld::start();
    let (mut radio, mut guard) = (rig.onlooker(), Guard::start(&rig, "1s"));
    guard.order("on");
    assert_eq!(guard.hear(), "\"on\"");
    guard.order("beat");
    assert_eq!(guard.hear(), r#"{"cut":"limit"}"#);
    assert!(!radio.keyed());
    drop(guard);

    let mut guard = Guard::start(&rig, "1m");
    guard.press(&mut radio);
    assert_eq!(guard.hear(), r#"{"cut":"silence"}"#);
    assert!(!radio.keyed());
    // It is there for the next message all the same.
    guard.order("on");
    assert_eq!(guard.hear(), "\"on\"");
}

#[test]
fn a_server_that_hangs_up_on_who_follows_another_is_asked_again() {
    let rig = Rigctld::start();
    let (mut guard, is_over) = (Guard::start(&rig, "30s"), AtomicBool::new(false));
    std::thread::scope(|scope| {
        // Others come and go too, whatever becomes of them.
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                let mut other = TcpStream::connect(rig.address).unwrap();
                _ = other.write_all(b"t\n").and_then(|()| other.read(&mut [0; 9]));
            }
        });
        for order in ["on", "off"].repeat(100) {
            guard.order(order);
            let said = guard.hear();
            if said != format!("{order:?}") {
                is_over.store(true, Ordering::SeqCst);
                panic!("{order}: {said}");
            }
        }
        is_over.store(true, Ordering::SeqCst);
    });
}

#[test]
fn what_is_no_order_ends_it_and_what_is_no_post_never_begins() {
    let rig = Rigctld::start();
    let (mut radio, mut guard) = (rig.onlooker(), Guard::start(&rig, "30s"));
    guard.order("on");
    assert_eq!(guard.hear(), "\"on\"");
    guard.order("nonsense");
    wait_until(|| !radio.keyed());
    guard.process.wait().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_siaga")).args(["radio-guard", "{}"]).status().unwrap();
    assert_eq!(status.code(), Some(2));
}
