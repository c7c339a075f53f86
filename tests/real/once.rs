//! `siaga check`: one round, without a daemon.

use std::process::Command;

use super::support::daemon::{room, siaga};
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
