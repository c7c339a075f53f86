//! The real daemon and a real reflector: a test that decides nothing is followed by another soon, and one that this computer is
//! too busy for takes the place of no result.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::support::daemon::{Daemon, room, siaga};
use super::support::reflector::Reflector;

const UNDECIDED: &str = "internet.call_loss_undecided";

#[test]
fn an_undecided_test_is_followed_by_another_soon_and_one_that_is_given_up_replaces_nothing() {
    let reflector = Reflector::start(&["--listen", "127.0.0.1:0"], 1);
    // A test has some two thousand packets; without a loss 2952 are the fewest for which Wilson's interval ends below 0.13 %.
    let folder = room(&format!(
        "[components]\ncomputer = {{ absent = true }}\nvideo = {{ absent = true }}\naudio = {{ absent = true }}\n\
         power = {{ absent = true }}\nradio = {{ absent = true }}\n\
         [profiles]\ndefault = \"audio_only\"\n[[profile]]\nname = \"audio_only\"\nloss_degraded = 0.0013\n\
         [[check]]\nname = \"call\"\nkind = \"stamp\"\nreflector = \"{}\"\nmin_gap = \"1ms\"\n",
        reflector.addresses()[0]
    ));
    let daemon = Daemon::start(folder.path());
    let seen = || daemon.get("/api/v1/checks/call").json();
    let packets = |more_than: u64| {
        let more = |answer: &Value| answer["loss"]["sent"].as_u64().filter(|sent| *sent > more_than);
        more(&daemon.wait_for("/api/v1/checks/call", "a test", |answer| more(&answer.json()).is_some()).json()).unwrap()
    };
    let first = packets(0);
    assert!(daemon.check("call").1.iter().any(|code| code == UNDECIDED), "{:#}", seen());
    // Six hours is what its clock says.
    packets(first);
    let decided = daemon.check("call");
    assert_eq!(decided, ("degraded".to_owned(), vec!["internet.far_end_is_self".to_owned()]), "{:#}", seen());
    let evidence = seen()["evidence"]["at"].clone();

    let socket = folder.path().join("state/control.sock");
    let mut asking = siaga();
    asking.args(["--lang", "en", "test", "--socket"]).arg(&socket).arg("call").env_remove("SIAGA_CONFIG");
    let mut asking = asking.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The machine at its busiest: the daemon has no turn for 300 ms at a time.
    while asking.try_wait().unwrap().is_none() {
        for signal in [Signal::STOP, Signal::CONT] {
            daemon.signal(signal);
            std::thread::sleep(Duration::from_millis(300));
        }
    }
    let said = asking.wait_with_output().unwrap();
    let text = String::from_utf8([said.stdout, said.stderr].concat()).unwrap();
    assert!(said.status.code() == Some(3) && text.contains("too busy to send in time"), "{text}");
    assert_eq!((daemon.check("call"), &seen()["evidence"]["at"]), (decided, &evidence), "the last result stands");
}
