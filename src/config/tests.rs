//! One runner over bad files with their exact messages, and what the shipped files must be.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::domain::{Component, Kind, Requirement};
use crate::probe;

fn parse(text: &str) -> Result<Config, Errors> {
    Config::parse(&Source::new("a.toml", text))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config")
}

/// The `.toml` files of a folder under `tests/config`, by name.
fn files(of: &str) -> Vec<PathBuf> {
    let mut all: Vec<_> = std::fs::read_dir(folder().join(of))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    all.sort();
    assert!(!all.is_empty(), "no files in tests/config/{of}");
    all
}

/// A file as its test sees it: without the folders that differ from one machine to the next.
fn source(path: &Path) -> Arc<Source> {
    // Files that a config names are relative to it, and tests run where the package is.
    let shown = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
    Source::new(shown.display().to_string(), std::fs::read_to_string(path).unwrap())
}

#[test]
fn every_bad_file_gets_its_exact_message() {
    for path in files("bad") {
        let errors =
            Config::read(&source(&path), Files::Needed).expect_err(&format!("{} is taken for good", path.display()));
        let said = errors.render(false) + "\n";
        let golden = path.with_extension("txt");
        if std::env::var("SIAGA_GOLDEN").is_ok_and(|word| word == "write") {
            std::fs::write(&golden, &said).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(said, expected, "{} (SIAGA_GOLDEN=write rewrites it)", golden.display());
    }
}

#[test]
fn who_only_asks_the_daemon_needs_no_file_that_the_config_names() {
    let bad = folder().join("bad");
    let mut config = Config::parse(&source(&bad.join("files_missing.toml"))).unwrap();
    // Relative to the config and not to where the process stands.
    assert_eq!(
        config.clone().receivers[0].way.secrets()[0],
        ("secret_file", &mut crate::domain::SecretFile::Path("tests/config/bad/missing/webhook.secret".into()))
    );
    let (key, file) = config.probes[2].files().remove(0);
    assert_eq!((key, file.as_path()), ("file", Path::new("tests/config/bad/missing/drill.toml")));
}

#[test]
fn a_radio_that_is_added_has_the_rooms_checks_look_anew() {
    let checks = "[[check]]\nname = \"a\"\nkind = \"audio\"\n[[check]]\nname = \"l\"\nkind = \"loopback\"\n";
    let radio = "[[receiver]]\nname = \"channel\"\nkind = \"radio\"\nfrequency = \"162.475 MHz\"\nlicence = \"1\"\n\
                 station = \"Media Center\"\nplay = \"hw:1,0\"\nptt = { method = \"vox\" }\n";
    let (before, after) = (parse(checks).unwrap(), parse(&format!("{checks}{radio}")).unwrap());
    for at in 0..2 {
        assert_ne!(before.probes[at], after.probes[at], "it is built anew");
        let looks_at = |config: &Config| config.plan.checks[at].looks_at;
        assert_ne!(looks_at(&before), looks_at(&after), "and what it saw before does not stand");
    }
}

#[test]
fn who_tries_a_config_is_told_of_a_secret_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("token"), format!("siaga_{}\n", "Ab3-_".repeat(9).split_at(43).0)).unwrap();
    std::fs::write(at("key"), "sixteen letters!\n").unwrap();
    let tried = |named: &str, files| {
        let text = format!("[[check]]\nname = \"path\"\nkind = \"stamp\"\nreflector = \"far.example\"\n{named}\n");
        let source = Source::new(at("siaga.toml").display().to_string(), text);
        Config::read(&source, files).map(drop).map_err(|errors| errors.render(false))
    };
    for good in ["token_file = \"token\"", "key_file = \"key\"", "token_file = \"credential:token\""] {
        assert_eq!(tried(good, Files::Tried), Ok(()), "{good}");
    }
    std::fs::write(at("short"), "fifteen letters\n").unwrap();
    for (bad, told) in [
        ("token_file = \"key\"", "key: that is no token, as"),
        ("key_file = \"short\"", "short: a key has at least 16 bytes"),
    ] {
        let said = tried(bad, Files::Tried).unwrap_err();
        assert!(said.contains(told) && said.contains("siaga.toml:5:") && !said.contains("letters"), "{said}");
        assert_eq!(
            tried(bad, Files::Needed),
            Ok(()),
            "the room is watched all the same, and the check says why it cannot"
        );
    }
}

#[test]
fn addresses_that_do_not_meet_are_listened_on_together() {
    for list in [
        r#""127.0.0.1:10153", "[::1]:10153""#,
        r#""127.0.0.1:10153", "127.0.0.1:10154""#,
        r#""127.0.0.1:0", "127.0.0.1:0""#,
        r#""0.0.0.0:10153", "[::1]:10153""#,
        r#""0.0.0.0:10153", "[::]:10153""#,
    ] {
        parse(&format!("[web]\nlisten = [{list}]")).unwrap();
    }
}

#[test]
fn every_message_file_belongs_to_a_bad_file() {
    for entry in std::fs::read_dir(folder().join("bad")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            assert!(path.with_extension("toml").exists(), "{} is left over", path.display());
        }
    }
}

fn are_read(of: &str) {
    for path in files(of) {
        Config::parse(&source(&path)).unwrap_or_else(|errors| panic!("{errors}"));
    }
}

#[test]
fn every_good_file_is_read() {
    are_read("good");
}

/// A daemon that does not start after an upgrade watches nothing. A file goes from here only where `CHANGELOG.md` says what to write
/// instead, and each version brings its own.
#[test]
fn what_an_earlier_version_took_is_taken() {
    are_read("frozen/0.1.0");
    are_read(concat!("frozen/", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_shipped_files_are_read() {
    for (path, text) in [("siaga.toml", EXAMPLE), ("default.toml", DEFAULT)] {
        if let Err(errors) = Config::parse(&Source::new(path, text)) {
            panic!("{errors}");
        }
    }
}

#[test]
fn the_example_says_what_holds_when_nothing_is_said() {
    let example = parse(EXAMPLE).unwrap();
    let nothing = parse("").unwrap();
    assert_eq!(example.web, nothing.web);
    assert_eq!(example.store, nothing.store);
    assert_eq!(example.plan.profiles, nothing.plan.profiles);
    assert_eq!(example.plan.default_profile, nothing.plan.default_profile);
}

#[test]
fn the_example_shows_the_kinds_true_times() {
    for check in &parse(EXAMPLE).unwrap().plan.checks {
        let defaults = probe::defaults(check.kind);
        let shown = (check.interval, check.fresh_for, check.holds.bad_for, check.holds.good_for);
        let holds = (defaults.interval, defaults.fresh_for, defaults.bad_for, defaults.good_for);
        assert_eq!(shown, holds, "{}", check.name);
    }
}

/// What only the room's people can know: it stands in the example as an example.
const OWN_ANSWERS: [(&str, &str); 5] =
    [("stun", "server"), ("http", "url"), ("bandwidth", "down_url"), ("bandwidth", "up_url"), ("icmp", "role")];

#[test]
fn the_example_shows_the_kinds_true_defaults() {
    let tables: toml::Table = EXAMPLE.parse().unwrap();
    let mut shown = 0;
    for check in tables["check"].as_array().unwrap() {
        let check = check.as_table().unwrap();
        let kind: Kind = check["kind"].clone().try_into().unwrap();
        let own = |table: &toml::Table| {
            let keys = checks::own_keys(kind).unwrap();
            let own = table.iter().filter(|(key, _)| keys.contains(&key.as_str()));
            let own: toml::Table = own.map(|(key, value)| (key.clone(), value.clone())).collect();
            probe::ProbeConfig::deserialize_as(kind, own)
        };
        let whole = own(check).unwrap();
        for key in check.keys().filter(|key| !OWN_ANSWERS.contains(&(kind.as_str(), key))) {
            let mut without = check.clone();
            without.remove(key);
            // Without a key that must be given there is nothing to compare.
            let Ok(without) = own(&without) else { continue };
            assert_eq!(without, whole, "{key} of {}: the example does not show what holds without it", check["name"]);
            shown += 1;
        }
    }
    assert!(shown > 60, "only {shown} keys were compared");
}

#[test]
fn what_is_misspelt_is_said_with_what_may_have_been_meant() {
    let said = |code: &str| parse(&format!("[remedies]\n{code:?} = \"x\"")).unwrap_err().to_string();
    let near = said("internet.far_end_is_sel");
    assert!(near.contains("do you mean internet.far_end_is_self?"), "{near}");
    assert!(!said("kopi.habis").contains("do you mean"));
}

#[test]
fn every_key_of_the_file_stands_in_the_example() {
    // A key that is optional stands there in a comment.
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let said: BTreeSet<&str> = EXAMPLE
        .match_indices(" = ")
        .map(|(place, _)| EXAMPLE[..place].rsplit(|c| !word(c)).next().unwrap_or_default())
        .collect();
    let says = |key: &str| said.contains(key);
    let schema = schema::schema();
    for section in [
        "Room",
        "Web",
        "Store",
        "Control",
        "Profiles",
        "ComponentEntry",
        "GroupEntry",
        "UplinkEntry",
        "ProfileEntry",
        "Receiver",
        "Radio",
        "Ptt",
        "Busy",
        "RoomReceiver",
        "RemoteWrite",
    ] {
        let section_of = schema.pointer(&format!("/$defs/{section}")).unwrap();
        // What is one of several has keys for each.
        let each = section_of["oneOf"].as_array().into_iter().flatten().chain([section_of]);
        let keys: BTreeSet<&String> =
            each.filter_map(|one| one["properties"].as_object()).flat_map(serde_json::Map::keys).collect();
        assert!(!keys.is_empty(), "{section} has no keys");
        for key in keys {
            assert!(says(key), "config/siaga.toml does not show {key} of {section}");
        }
    }
    for key in checks::common_keys() {
        assert!(says(key), "config/siaga.toml does not show {key} of a check");
    }
    for kind in Kind::ALL {
        assert!(EXAMPLE.contains(&format!("kind = \"{kind}\"")), "config/siaga.toml has no block of kind {kind}");
        for key in checks::own_keys(kind).unwrap_or_default() {
            assert!(says(key), "config/siaga.toml does not show {key} of kind {kind}");
        }
    }
}

#[test]
fn every_shipped_profile_says_its_source_and_a_date() {
    let config = parse("").unwrap();
    assert!(config.plan.profiles.len() >= 10);
    for profile in &config.plan.profiles {
        assert!(profile.source.contains("2026-"), "{} has no date", profile.name);
        assert_eq!(profile.requirement(Component::Radio), Requirement::Advisory, "{}", profile.name);
    }
}

#[test]
fn the_built_in_config_names_nobody_outside_this_machine() {
    let own = |host: &str| {
        matches!(host, "self" | "auto" | "localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    for line in DEFAULT.lines().map(|line| line.split('#').next().unwrap_or_default()) {
        for word in line.split('"').skip(1).step_by(2) {
            let host = word
                .rsplit_once(':')
                .map_or(word, |(host, port)| if port.parse::<u16>().is_ok() { host } else { word });
            let looks_like_a_host = host.contains('.') || host.contains(':');
            assert!(!looks_like_a_host || own(host), "{word:?} in config/default.toml");
        }
    }
    assert!(parse(DEFAULT).unwrap().receivers.is_empty());
}

#[test]
fn without_a_file_the_binary_is_the_config() {
    assert!(Config::load(&Origin::BuiltIn, Files::Needed).is_ok());
    let asked = Some(PathBuf::from("/nowhere/siaga.toml"));
    assert_eq!(Origin::find(asked.clone(), Some("/other".into())), Origin::File("/nowhere/siaga.toml".into()));
    assert!(matches!(Config::load(&Origin::find(asked, None), Files::Needed), Err(LoadError::Read { .. })));
}

#[test]
fn what_is_no_text_of_a_rooms_size_is_no_config() {
    let folder = tempfile::tempdir().unwrap();
    let load = |bytes: &[u8]| {
        let file = folder.path().join("siaga.toml");
        std::fs::write(&file, bytes).unwrap();
        match Config::load(&Origin::File(file), Files::NotAsked) {
            Err(LoadError::Read { source, .. }) => source.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(load(b"[room]\nname = \"a\"\n# \xff\n"), "line 3 is no text in UTF-8");
    assert_eq!(load(&vec![b'\n'; (1 << 20) + 1]), "it is larger than 1 MiB, so it is no config");
    // A device without an end is not read into memory either.
    let endless = Config::load(&Origin::File("/dev/zero".into()), Files::NotAsked);
    assert!(matches!(endless, Err(LoadError::Read { .. })), "{endless:?}");
}

#[test]
fn a_profile_of_a_known_name_changes_only_what_it_gives() {
    let config = parse("[[profile]]\nname = \"webex_hd\"\nrtt_degraded = \"620ms\"").unwrap();
    let shipped = parse("").unwrap();
    let of = |config: &Config| config.plan.profiles[config.plan.profile("webex_hd").unwrap()].clone();
    assert!((of(&config).rtt.degraded - 0.62).abs() < 1e-9);
    assert_eq!(of(&config).down, of(&shipped).down);
    assert_eq!(config.plan.profiles.len(), shipped.plan.profiles.len());
}

#[test]
fn what_is_said_of_a_component_holds_in_every_profile() {
    let config = parse("[components.power]\nrequirement = \"advisory\"\n[components.radio]\nabsent = true").unwrap();
    for profile in &config.plan.profiles {
        assert_eq!(profile.requirement(Component::Power), Requirement::Advisory);
    }
    assert_eq!(config.plan.absent, BTreeSet::from([Component::Radio]));
}

#[test]
fn a_changed_interval_takes_the_freshness_limit_along() {
    let spec = |text: &str| parse(text).unwrap().plan.checks[0].clone();
    let defaults = probe::defaults(Kind::Camera);
    let check = |extra: &str| format!("[[check]]\nname = \"camera\"\nkind = \"camera\"\n{extra}");
    assert_eq!(spec(&check("")).fresh_for, defaults.fresh_for);
    assert_eq!(spec(&check("interval = \"50ms\"")).fresh_for, defaults.fresh_for);
    assert!(spec(&check("interval = \"30d\"")).fresh_for > defaults.fresh_for);
    assert_eq!(spec(&check("interval = \"1m\"\nfresh_for = \"1m\"")).fresh_for, std::time::Duration::from_mins(1));
}

#[test]
fn a_group_gets_its_need_from_the_group_or_from_a_member() {
    let members = "[[check]]\nname = \"a\"\nkind = \"camera\"\ngroup = \"g\"\n[[check]]\nname = \"b\"\nkind = \"camera\"\ngroup = \"g\"\n";
    for text in [format!("{members}need = 1"), format!("{members}[[group]]\nname = \"g\"\nneed = 1")] {
        let config = parse(&text).unwrap();
        for check in &config.plan.checks {
            let group = check.group.clone().unwrap();
            assert_eq!((&*group.name, group.need), ("g", 1));
        }
    }
}

#[test]
fn a_remedy_is_worded_anew_in_one_language_or_both() {
    let code = probe::FAR_END_IS_SELF.code;
    let config = parse(&format!("[remedies]\n\"{code}\" = \"Panggil operator\"")).unwrap();
    assert_eq!(config.remedies[code], Remedy { id: "Panggil operator".into(), en: "Panggil operator".into() });
    let config = parse(&format!("[remedies]\n\"{code}\" = {{ id = \"Panggil\", en = \"Call\" }}")).unwrap();
    assert_eq!(config.remedies[code].en, "Call");
}

#[test]
fn no_error_hides_another() {
    let text = std::fs::read_to_string(folder().join("bad/everything_at_once.toml")).unwrap();
    let errors = parse(&text).unwrap_err();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| line.contains("# wrong")) {
        let found = errors.problems().iter().any(|problem| problem.source.position(problem.span.start).0 == number + 1);
        assert!(found, "line {} ({line}) is not told:\n{errors}", number + 1);
    }
}

#[test]
fn a_member_that_cannot_be_read_is_not_missed_in_its_group() {
    let text = "[[check]]\nname = \"a\"\nkind = \"cam\"\ngroup = \"g\"\n[[group]]\nname = \"g\"\nneed = 1";
    assert_eq!(parse(text).unwrap_err().problems().len(), 1);
}

#[test]
fn a_text_built_to_exhaust_the_stack_is_refused() {
    for piece in ["[", "a.", "{a=", "[a.", "[[a."] {
        assert!(parse(&format!("x = {}", piece.repeat(50_000))).is_err(), "{piece}");
        assert!(parse(&piece.repeat(50_000)).is_err(), "{piece}");
    }
    assert!(parse(&format!("{}a = 1", "a.".repeat(50_000))).is_err());
    assert!(parse(&format!("[{}a]", "a.".repeat(50_000))).is_err());
}

/// A byte range of a text replaced by something, the way an editor or a bad disk would.
fn mutated() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "",
        "\"",
        "'",
        "[",
        "]",
        "[[",
        "=",
        "\n",
        "\\",
        "{",
        "}",
        ",",
        "#",
        "a",
        "0",
        "-1",
        "1e999",
        "nan",
        "1979-05-27",
        "\"\"\"",
        "é",
        "\u{0}",
        "99999999999999999999",
        "[[check]]\n",
        "kind = \"icmp\"\n",
        "need = 0\n",
        "true",
        "[]",
        "{}",
        ".",
    ]);
    let text = prop::sample::select(vec![EXAMPLE, DEFAULT, PROFILES]);
    (text, prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, pieces), 1..6)).prop_map(
        |(text, edits)| {
            let mut chars: Vec<char> = text.chars().collect();
            for (place, length, piece) in edits {
                let start = place.index(chars.len().max(1)).min(chars.len());
                let end = (start + length).min(chars.len());
                chars.splice(start..end, piece.chars());
            }
            chars.into_iter().collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_file_is_read_or_refused_with_a_place(text in mutated()) {
        if let Err(errors) = parse(&text) {
            prop_assert!(!errors.problems().is_empty());
            for problem in errors.problems() {
                prop_assert!(problem.span.start <= problem.source.text.len());
                prop_assert!(!problem.message.is_empty());
            }
            errors.render(true);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Err(errors) = parse(&text) {
            errors.render(true);
        }
    }
}

#[test]
fn a_table_of_nothing_but_errors_is_given_up() {
    use std::fmt::Write as _;
    let text = (0..40_000).fold("[room]\n".to_owned(), |mut text, n| {
        _ = writeln!(text, "x{n} = 1");
        text
    });
    let errors = parse(&text).unwrap_err();
    assert_eq!(errors.problems().len(), 202);
    assert!(errors.render(false).ends_with("… and 152 more\n202 errors"));
}

#[test]
fn figures_at_their_bounds_are_taken() {
    parse("[store]\nretention_audit = \"1d\"\n[agenda]\nset_up = \"0s\"\npreflight = \"24h\"\nrechecks = [\"31d\", \"1s\"]\n").unwrap();
    let titled = |length| parse(&format!("[room]\ntitle = \"{}\"\n", "é".repeat(length))).map(drop);
    titled(200).unwrap();
    let said = titled(201).unwrap_err().problems()[0].message.clone();
    assert_eq!(said, "a title has at most 200 characters, and this one 201");
}

#[test]
fn a_secret_of_too_few_characters_is_an_error_wherever_the_config_is_run_with() {
    let source = source(&folder().join("bad/inbound_secret_too_short.toml"));
    let said = |files| Config::read(&source, files).map(drop).map_err(|errors| errors.render(false));
    for files in [Files::Needed, Files::Tried] {
        let said = said(files).unwrap_err();
        assert!(said.contains(":8:15: ") && said.contains("has fewer than 16 characters"), "{said}");
        assert!(!said.contains("letters"), "{said}");
    }
    assert_eq!(said(Files::NotAsked), Ok(()), "who only asks the daemon may not read it");
}
