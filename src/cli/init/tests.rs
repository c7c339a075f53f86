//! Answers by flag and by hand, good and bad.

use super::*;

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: InitArgs,
}

/// The arguments as typed.
fn typed(words: &str) -> InitArgs {
    use clap::Parser as _;
    Cli::try_parse_from(std::iter::once("init").chain(words.split_whitespace())).unwrap().args
}

/// What comes of the arguments and the lines typed after; the questions too.
fn ran(words: &str, lines: &str) -> (Result<String, InitError>, String) {
    let mut asked = Vec::new();
    let made = run(&typed(words), vec!["198.51.100.254".parse().unwrap()], lines.as_bytes(), &mut asked);
    (made.map(|made| made.text), String::from_utf8(asked).unwrap())
}

const NO_TARGETS: &str = "--gateway none --resolver none --upsd none";

#[test]
fn with_yes_it_asks_nothing() {
    let (text, asked) = ran(&format!("--yes --platform audio_only {NO_TARGETS}"), "");
    assert!(asked.starts_with("Belum diperiksa") && !asked.contains("]: ") && asked.contains("--webhook"), "{asked}");
    assert!(text.unwrap().contains("default = \"audio_only\""));
}

#[test]
fn empty_lines_and_yes_give_the_same_file() {
    let flags = format!("--platform audio_only {NO_TARGETS}");
    let (by_hand, asked) = ran(&flags, &"\n".repeat(20));
    assert_eq!(by_hand.unwrap(), ran(&format!("{flags} --yes"), "").0.unwrap());
    assert!(asked.contains("Nama ruang [Ruang Media Center]: "));
    assert!(!asked.contains("upsd"), "what a flag answers is not asked: {asked}");
}

#[test]
fn a_wrong_answer_is_asked_again_and_a_wrong_flag_is_an_error() {
    let (text, asked) =
        ran(&format!("--platform audio_only {NO_TARGETS}"), "ms\nen\n\nAula Besar\naula\nMars\n\n\n\n\n\n\n\n\n\n");
    assert!(text.unwrap().contains("name = \"aula\""));
    assert!(asked.contains("  yang diterima / allowed are id, en\n") && asked.contains("The room's name"), "{asked}");
    assert!(asked.contains("unknown time zone \"Mars\""), "{asked}");
    let (text, _) = ran("--yes --platform skype", "");
    assert!(matches!(text, Err(InitError::Answer(message)) if message.contains("bigbluebutton")));
}

#[test]
fn answers_that_end_too_soon_are_an_error() {
    assert!(matches!(ran("", "id\n").0, Err(InitError::NoMoreAnswers)));
}

#[test]
fn an_answer_that_no_check_could_have_is_refused_at_once() {
    for (flags, said) in [
        ("--webhook nowhere", "is not a URL"),
        ("--far-end 192.0.2.1,stun:a:b:c", "is no server"),
        ("--resolver dns.example", "is no resolver"),
        ("--bandwidth speed.example", "is no web address"),
        ("--upsd 127.0.0.1:nut", "127.0.0.1:nut"),
        ("--stamp far.example:a", "far.example:a"),
        ("--server meet.example/room", "is no name of a server"),
        ("--far-end 192.0.2.1,198.51.100.1,192.0.2.1", "\"192.0.2.1\" is given twice"),
        ("--far-end stun:Far.example:3478,stun:far.example:3478", "is given twice"),
        ("--far-end 2001:db8::1,2001:DB8:0::1", "is given twice"),
        ("--resolver 192.0.2.53,192.0.2.53", "is given twice"),
        ("--far-end stun:self", "is this machine"),
        ("--far-end 192.0.2.1,self", "is this machine"),
        ("--far-end stun:127.0.0.1:3478", "is this machine"),
        ("--far-end ::1", "is this machine"),
        ("--far-end Localhost", "is this machine"),
        ("--far-end 127.1.2.3,192.0.2.1", "is this machine"),
        ("--far-end 192.0.2.1,gateway", "would vouch for the internet"),
        ("--far-end auto", "would vouch for the internet"),
        ("--far-end 192.0.2.1,198.51.100.254", "would vouch for the internet"),
        ("--far-end 192.0.2.1 --gateway 192.0.2.1", "would vouch for the internet"),
        ("--far-end stun:192.0.2.1:3478 --gateway 192.0.2.1", "would vouch for the internet"),
        ("--resolver none --resolver 192.0.2.53", "\"none\" stands beside others"),
        ("--far-end 192.0.2.1,-", "\"-\" stands beside others"),
    ] {
        let (text, _) = ran(&format!("--yes --platform audio_only {flags}"), "");
        assert!(matches!(&text, Err(InitError::Answer(message)) if message.contains(said)), "{flags}: {text:?}");
    }
    for title in ["x".repeat(3000), "a\nb".to_owned()] {
        let args = InitArgs { title: Some(title), ..typed("--yes --platform audio_only") };
        let why = run(&args, Vec::new(), &b""[..], Vec::new()).unwrap_err();
        assert!(
            matches!(&why, InitError::Answer(message) if message.contains("title") && message.len() < 100),
            "{why}"
        );
    }
    assert_eq!(host("https://meet.example.org/"), Ok("meet.example.org".to_owned()));
    assert_eq!(host("https://meet.example.org:8443"), Ok("meet.example.org:8443".to_owned()));
    for no_port in ["meet.example.org:", "meet.example.org:0", "meet.example.org:65536", ":8443"] {
        assert!(host(no_port).is_err(), "{no_port}");
    }
    let lines = "en\n\n\n\nnone\n\n\nspeed.example\nhttp://speed.example\n\n\n\n\n\n\n\n";
    let (text, asked) = ran("--platform zoom", lines);
    assert!(asked.contains("is no web address"), "{asked}");
    assert!(text.unwrap().contains("down_url = \"http://speed.example/down?bytes={bytes}\""), "{asked}");
}

#[test]
fn the_routers_own_address_is_no_far_end_and_no_far_end_is_the_router() {
    let routers = ["198.51.100.254".parse().unwrap(), "fe80::1".parse().unwrap()];
    for far_end in ["198.51.100.254", "stun:198.51.100.254:3478", "fe80::1", "stun:[fe80::1]:3478"] {
        assert!(elsewhere(far_end, &routers).is_err(), "{far_end}");
    }
    assert_eq!(elsewhere("198.51.100.1", &routers), Ok(()));
    let flags =
        format!("--language en --platform audio_only --far-end 192.0.2.1 {}", NO_TARGETS.replace("--gateway none", ""));
    let (text, asked) = ran(&flags, &format!("\n\n\n192.0.2.1\n192.0.2.254\n{}", "\n".repeat(12)));
    assert!(asked.contains("would vouch for the internet"), "{asked}");
    assert!(text.unwrap().contains("192.0.2.254"), "{asked}");
}

#[test]
fn every_question_has_a_flag() {
    let args = typed(
        "--language en --name a --title A --time-zone UTC --platform zoom --server s.example --far-end 192.0.2.1,192.0.2.2 \
         --gateway auto --resolver 192.0.2.53 --bandwidth http://b.example --upsd u.example:3493 --display no --radio no \
         --try-devices no --stamp far.example --webhook https://w.example",
    );
    let all = platforms();
    let mut asked = Vec::new();
    let mut desk = Desk { lang: Lang::En, quiet: false, routers: Vec::new(), input: &b""[..], output: &mut asked };
    let answers = answers(&args, all, &mut desk).unwrap();
    assert_eq!(answers.far_ends, ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(answers.server.as_deref(), Some("s.example"));
    assert!(!answers.display && !answers.radio);
    assert_eq!(asked, b"");
}

#[test]
fn a_file_says_nothing_yet_only_where_it_says_what_holds_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("siaga.toml");
    assert!(!says_nothing_yet(&file), "there is none");
    let built_in = crate::config::DEFAULT;
    for (text, nothing) in [
        (built_in.to_owned(), true),
        (format!("# Another word.\n{built_in}"), true),
        (built_in.replace("Ruang Media Center", "Aula"), false),
        (format!("{built_in}\n[web]\nopen_to = \"nobody\"\n"), false),
        (String::new(), false),
        ("[[check".to_owned(), false),
    ] {
        std::fs::write(&file, &text).unwrap();
        assert_eq!(says_nothing_yet(&file), nothing, "{text}");
    }
}
