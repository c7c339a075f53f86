//! The command line as people type it, by the real binary.

use std::process::Command;

use super::support::daemon::{room, siaga};

fn output(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code(), text)
}

#[test]
fn what_needs_no_config_speaks_its_language_and_works_without() {
    let folder = room("[room]\nlanguage = \"en\"\n");
    let file = folder.path().join("siaga.toml");
    for command in ["reasons", "devices"] {
        let said = |config: &std::path::Path, more: &[&str]| {
            let (code, text) =
                output(siaga().env_remove("SIAGA_CONFIG").arg("--config").arg(config).arg(command).args(more));
            assert_eq!(code, Some(0), "{text}");
            text
        };
        let english = said(&file, &[]);
        assert_eq!(english, said(&file, &["--lang", "en"]));
        assert_ne!(english, said(&file, &["--lang", "id"]));
        // One that is not there yet: the language of the house.
        assert_eq!(said(&folder.path().join("none.toml"), &[]), said(&file, &["--lang", "id"]));
    }
}

#[test]
fn an_empty_variable_is_as_none() {
    let folder = room("[room]\nlanguage = \"en\"\n[[check]]\nname = \"only\"\nkind = \"computer\"\n");
    let file = folder.path().join("siaga.toml");
    let count = |value: &std::path::Path| {
        let (code, text) = output(siaga().env("SIAGA_CONFIG", value).args(["config", "check"]));
        assert_eq!(code, Some(0), "{text}");
        text
    };
    assert!(count(&file).contains("1 check, no error"));
    let empty = count(std::path::Path::new(""));
    assert!(!empty.contains("siaga.toml: 1 check"), "{empty}");
}

#[test]
fn a_url_that_is_none_is_refused_with_one_that_would_do() {
    for garbage in ["garbage", "localhost:10153", ""] {
        let (code, text) = output(siaga().env_remove("SIAGA_CONFIG").args(["status", "--url", garbage]));
        assert_eq!(code, Some(3), "{text}");
        let said = format!("--url {garbage:?} is no address of a daemon; write one such as \"http://127.0.0.1:10153\"");
        assert!(text.contains(&said), "{text}");
    }
}

#[test]
fn a_moment_on_the_command_line_is_found_wrong_in_its_words() {
    for (moment, why) in [
        ("2026-11-30 09:00", "expected is RFC 3339 with an offset"),
        ("2026-11-30T20:30:00+07:00[Asia/Jayapura]", "the zone behind it has another offset then"),
        ("9999-12-31T20:00:00Z", "too far away; the last moment is 9999-12-30T22:00:00Z"),
    ] {
        let (code, text) = output(siaga().env_remove("SIAGA_CONFIG").args(["status", "--start", moment]));
        assert!(code == Some(3) && text.contains(&format!("--start is {moment:?}; ")) && text.contains(why), "{text}");
        assert!(!text.contains("%2B"), "that is of a query: {text}");
    }
}

#[test]
fn a_device_child_opens_nothing_once_its_parent_is_gone() {
    let kinds: [&[&str]; 4] = [
        &["camera", "/dev/null"],
        &["frames", "/dev/null", r#"{"settle":{"secs":0,"nanos":0},"duration":{"secs":1,"nanos":0}}"#],
        &["microphone", "plughw:CARD=Nowhere,DEV=0"],
        &["loopback", "plughw:CARD=Nowhere,DEV=0", "plughw:CARD=Nowhere,DEV=0"],
    ];
    for args in kinds {
        let said = |parent: u32| output(siaga().arg("device-child").args(args).env("SIAGA_PARENT", parent.to_string()));
        // Another than that who started it has it now, as after the death of a parent.
        let (code, text) = said(1);
        assert_eq!((code, text.contains("the parent is gone")), (Some(0), true), "{args:?}: {text}");
        let (_, text) = said(std::process::id());
        assert!(!text.contains("the parent is gone"), "{args:?}: {text}");
    }
}
