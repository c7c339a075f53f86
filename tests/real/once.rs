//! `siaga check`: one round, without a daemon and beside one.

use std::process::Command;

use super::support::daemon::{Daemon, room, siaga, write_config};
use super::support::namespace::{inside, ip};

/// A room of one echo check; the rest is excused.
const ECHO: &str = "[room]\nlanguage = \"en\"\ntitle = \"Main hall\"\n[[check]]\nname = \"echo\"\nkind = \"icmp\"\ntarget = \"192.0.2.1\"\n\
    [[check]]\nname = \"line\"\nkind = \"bandwidth\"\ndown_url = \"http://192.0.2.1/\"\n";

fn check(config: &std::path::Path, quick: bool) -> (Option<i32>, String) {
    let mut command: Command = siaga();
    command.arg("--config").arg(config).arg("check").args(quick.then_some("--quick"));
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_quick_way_needs_no_burst_to_call_a_good_line_ready() {
    if !inside("once::the_quick_way_needs_no_burst_to_call_a_good_line_ready") {
        return;
    }
    // An address of this machine's that is not loopback's: it answers, and is no far end of our own.
    ip(&["link add room type veth peer name wall", "addr add 192.0.2.1/24 dev room", "link set room up"]);
    let absent =
        ["computer", "audio", "video", "power", "radio"].map(|part| format!("[components.{part}]\nabsent = true\n"));
    let folder = room(&format!("{ECHO}{}", absent.concat()));
    let (code, text) = check(&folder.path().join("siaga.toml"), true);
    assert_eq!(code, Some(0), "{text}");
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("Main hall: "), "{text}");
    assert!(first.ends_with("; --quick: not judged: packet loss, line)"), "{text}");
    assert!(!text.contains("Wait"), "{text}");
}

#[test]
fn nobody_is_told_to_wait_for_a_command_that_has_ended() {
    if !inside("once::nobody_is_told_to_wait_for_a_command_that_has_ended") {
        return;
    }
    // Of video only a test speaks, which the quick way leaves out.
    let folder = room(
        "[room]\nlanguage = \"en\"\n[[check]]\nname = \"picture\"\nkind = \"frames\"\n\
         [[check]]\nname = \"computer\"\nkind = \"computer\"\n",
    );
    let (code, text) = check(&folder.path().join("siaga.toml"), true);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("Nothing has been measured yet\n      → Run siaga check without --quick"), "{text}");
}

#[test]
fn beside_a_daemon_it_leaves_the_tests_to_it() {
    let nowhere = "http://127.0.0.1:9/";
    let folder = room("");
    let socket = folder.path().join("control.sock");
    let config = format!(
        "[room]\nlanguage = \"en\"\n[control]\nsocket = {socket:?}\n\
         [[check]]\nname = \"line\"\nkind = \"bandwidth\"\ndown_url = \"{nowhere}\"\n\
         [[check]]\nname = \"desktop\"\nkind = \"seat\"\nuser = 7\nsocket = {:?}\n",
        folder.path().join("seat.sock"),
    );
    let file = folder.path().join("siaga.toml");
    write_config(folder.path(), &config);
    let alone = check(&file, false).1;
    assert!(!alone.contains("left to the running daemon") && alone.contains("The speed measurement failed"), "{alone}");
    let daemon = Daemon::start(folder.path());
    let (code, beside) = check(&file, false);
    daemon.stop();
    // Nothing else speaks of the line: it is unknown here, and not failed once more.
    assert_eq!(code, Some(3), "{beside}");
    assert!(
        beside.contains("line [bandwidth]: Unknown\n    Nothing has been measured yet\n      → See siaga status"),
        "{beside}"
    );
    assert!(beside.contains("desktop [seat]: Unknown\n    Nothing has been measured yet"), "{beside}");
}
