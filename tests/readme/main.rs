//! README tells the truth: its map, its commands, its packages, its paths, its exit codes, and every cell of its tables of
//! verdicts.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod commands;
mod guide;
mod shell;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use siaga::domain::profile::Pair;
use siaga::domain::sheet::{Entry, Item, What};
use siaga::domain::{
    Booking, CheckSpec, Component, Details, Finding, Holds, Kind, Level, Mono, Now, Observation, Plan, Profile,
    Reading, ReasonDef, Requirement, Session, Text, Verdict,
};
use siaga::engine::{Engine, Restored, sheet};

#[test]
fn the_map_names_every_top_module_and_nothing_else() {
    // `devices.rs` and `devices/` are one module.
    let module = |name: &str| name.trim_end_matches('/').trim_end_matches(".rs").to_owned();
    let named: BTreeSet<_> = first_cells("in `src/`").iter().map(|name| module(name)).collect();
    let entries = fs::read_dir(root().join("src")).unwrap();
    let there: BTreeSet<_> = entries.map(|entry| module(entry.unwrap().file_name().to_str().unwrap())).collect();
    assert_eq!(named, there, "left: README's map; right: src/");
}

#[test]
fn every_command_of_readme_is_in_the_makefile() {
    let makefile = read("Makefile");
    let targets: BTreeSet<_> =
        makefile.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    for file in ["README.md", "CONTRIBUTING.md"] {
        let text = read(file);
        let commands: BTreeSet<_> =
            code_spans(&text).into_iter().filter_map(|span| span.strip_prefix("make ")).collect();
        assert!(!commands.is_empty(), "{file} names no command");
        for command in commands {
            assert!(targets.contains(command), "{file}: `make {command}` is no target of the Makefile");
        }
    }
}

#[test]
fn the_packages_are_those_of_cargo_toml() {
    let manifests = ["Cargo.toml", "src/capture/Cargo.toml", "src/signal/Cargo.toml"];
    let manifests: [toml::Table; 3] = manifests.map(|path| read(path).parse().unwrap());
    let there: BTreeSet<_> =
        manifests.iter().flat_map(|manifest| manifest["dependencies"].as_table().unwrap().keys().cloned()).collect();
    let named: BTreeSet<_> = first_cells("package").into_iter().collect();
    assert_eq!(named, there, "left: README's packages; right: Cargo.toml");
    let text = read("README.md");
    let (_, rest) = text.split_once("For tests only:").expect("README says what is for tests only");
    let for_tests = rest.split_once("\n\n").unwrap().0;
    for name in manifests[0]["dev-dependencies"].as_table().unwrap().keys().filter(|name| !there.contains(*name)) {
        assert!(for_tests.contains(&format!("`{name}`")), "README does not say what `{name}` is for");
    }
}

#[test]
fn the_paths_are_those_of_the_server() {
    let routes = read("src/web/routes.rs");
    let there: BTreeSet<_> =
        routes.split(".route(\"").skip(1).map(|rest| rest.split_once('"').unwrap().0.to_owned()).collect();
    let named: BTreeSet<_> = first_cells("path")
        .into_iter()
        .map(|cell| cell.split_once(' ').expect("a method and a path").1.to_owned())
        .collect();
    assert_eq!(named, there, "left: README's paths; right: the server's");
}

#[test]
fn the_exit_codes_are_those_of_the_verdicts() {
    let rows: Vec<(String, Verdict)> =
        table("code").into_iter().map(|row| (row[0].clone(), Verdict::parse(&row[1]).expect("a verdict"))).collect();
    assert_eq!(rows.len(), Verdict::ALL.len());
    for (code, verdict) in rows {
        assert_eq!(code, verdict.exit_code().to_string(), "{verdict}");
    }
}

#[test]
fn the_tables_of_verdicts_are_what_the_judge_says() {
    for (title, other) in
        [("required + required", Requirement::Required), ("required + advisory", Requirement::Advisory)]
    {
        let cells = verdicts(title);
        assert_eq!(cells.len(), 16, "{title}: four by four");
        for ((first, second), expected) in cells {
            // Two checks of one component, then two components of one room.
            for kinds in [[Kind::Ups, Kind::Ups], [Kind::Ups, Kind::Camera]] {
                let judged = judge(kinds, [first, second], other);
                assert_eq!(judged, expected, "{title}: {first} and {second} of {kinds:?}");
            }
        }
    }
}

#[test]
fn more_than_two_add_up_pair_by_pair_in_any_order() {
    let pairs = verdicts("required + required");
    for a in Verdict::ALL {
        for b in Verdict::ALL {
            for c in Verdict::ALL {
                let left = pairs[&(pairs[&(a, b)], c)];
                let right = pairs[&(a, pairs[&(b, c)])];
                assert_eq!(left, right, "{a}, {b}, {c}");
                assert_eq!(Some(left), Verdict::worst([a, b, c]), "{a}, {b}, {c}");
            }
        }
    }
}

#[test]
fn what_a_hand_check_makes_of_a_session_is_what_the_judge_says() {
    let start: jiff::Timestamp = "2026-11-23T02:00:00Z".parse().unwrap();
    let before = |minutes: u64| start.checked_sub(Duration::from_mins(minutes)).unwrap();
    let session = Session {
        id: "a".into(),
        revision: 1,
        booking: Booking::Booked,
        title: "Rapat".to_owned(),
        profile: "meeting".into(),
        start,
        end: start.checked_add(Duration::from_hours(1)).unwrap(),
        source: "test".into(),
        details: Details::default(),
    };
    let tick = Entry {
        key: "1".into(),
        session: "a".into(),
        start,
        at: before(10),
        what: What::Tick { item: "room".into(), until: start.checked_add(Duration::from_mins(1)).unwrap() },
        by: "Petugas".into(),
        written_by: "Petugas".into(),
    };
    let rows = table("hand check");
    assert_eq!(rows.len(), 2);
    for row in rows {
        let requirement = match row[0].as_str() {
            "required" => Requirement::Required,
            "advisory" => Requirement::Advisory,
            other => panic!("{other:?}"),
        };
        let item = Item {
            key: "room".into(),
            id: "Ruangan".to_owned(),
            en: "Room".to_owned(),
            holds: Duration::from_mins(11),
            due: Duration::from_mins(30),
            task: None,
            requirement,
            each_site: false,
        };
        for (place, (entries, now)) in
            [(vec![tick.clone()], before(5)), (vec![], before(31)), (vec![], before(30))].into_iter().enumerate()
        {
            let expected = Verdict::parse(&row[place + 1]).expect("a verdict");
            let points = sheet::points(std::slice::from_ref(&item), &session, &entries, now);
            assert_eq!(sheet::hand(&points), expected, "{requirement:?}, column {place}");
            for machine in Verdict::ALL {
                let judged = sheet::Judged::new(machine, &points, None).verdict();
                assert_eq!(Some(judged), Verdict::worst([machine, expected]), "{machine} and {expected}");
            }
        }
    }
}

/// The cells of a table of verdicts: row and column → what it says.
fn verdicts(title: &str) -> BTreeMap<(Verdict, Verdict), Verdict> {
    let parse = |word: &str| Verdict::parse(word).unwrap_or_else(|| panic!("{title}: {word:?} is no verdict"));
    let text = read("README.md");
    let head = text.lines().find(|line| line.starts_with(&format!("| {title} |"))).expect("the table's head");
    let columns: Vec<_> = cells(head).iter().skip(1).map(|word| parse(word)).collect();
    table(title)
        .iter()
        .flat_map(|row| {
            let first = parse(&row[0]);
            assert_eq!(row.len(), columns.len() + 1, "{title}: a row of another length");
            columns.iter().zip(&row[1..]).map(move |(second, word)| ((first, *second), parse(word))).collect::<Vec<_>>()
        })
        .collect()
}

static SAID: ReasonDef = ReasonDef::new("test.said", Text::new("dikatakan", "said"), Text::new("periksa", "check"));

/// What the judge says of a room with two checks, of which the first is required: through the engine, from the
/// observations up. A component's requirement is the profile's, a check's is its own.
fn judge(kinds: [Kind; 2], said: [Verdict; 2], other: Requirement) -> Verdict {
    let now =
        Now { mono: Mono::from_elapsed(Duration::from_secs(1_000_000)), wall: "2026-11-23T02:00:00Z".parse().unwrap() };
    let component = |at: usize| kinds[at].component().expect("a component");
    let same = kinds[0] == kinds[1];
    let checks = ["first", "second"].into_iter().enumerate().map(|(at, name)| {
        let requirement = if at == 1 && same { other } else { Requirement::Required };
        Arc::new(CheckSpec {
            name: name.into(),
            kind: kinds[at],
            component: component(at),
            // Not parent and child: a cause would explain, and never change, a state.
            level: Level::Device,
            requirement,
            group: None,
            uplink: None,
            active: false,
            interval: Duration::from_secs(5),
            fresh_for: Duration::from_secs(20),
            holds: Holds { bad_for: Duration::ZERO, good_for: Duration::ZERO },
            looks_at: 0,
            rules: Vec::new(),
            loss: None,
        })
    });
    let components = Component::ALL
        .into_iter()
        .map(|each| match each {
            _ if each == component(0) => (each, Requirement::Required),
            _ if each == component(1) => (each, other),
            _ => (each, Requirement::Advisory),
        })
        .collect();
    let pair = Pair { degraded: 0.0, not_ready: 0.0 };
    let plan = Plan {
        room: "room".into(),
        checks: checks.collect(),
        profiles: vec![Arc::new(Profile {
            name: "meeting".into(),
            title: ("Rapat".to_owned(), "Meeting".to_owned()),
            source: "a test".to_owned(),
            down: pair,
            up: pair,
            rtt: pair,
            jitter_degraded: 0.0,
            loss: pair,
            platform: None,
            udp: Requirement::Advisory,
            runtime: Duration::ZERO,
            components,
        })],
        default_profile: 0,
        absent: BTreeSet::new(),
    };
    let mut engine = Engine::new(plan, Restored::default(), now);
    for (name, verdict) in ["first", "second"].into_iter().zip(said) {
        let mut reading = Reading::default();
        if verdict != Verdict::Ready {
            reading.find(Finding::new(&SAID, verdict));
        }
        engine.observe(Observation::read(name.into(), now, Duration::ZERO, reading), now);
    }
    engine.snapshot().current().verdict
}

/// The rows of README's table whose head begins with `title`, without the head.
fn table(title: &str) -> Vec<Vec<String>> {
    let text = read("README.md");
    let rows: Vec<_> = text
        .lines()
        .skip_while(|line| !line.starts_with(&format!("| {title} |")))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(cells)
        .collect();
    assert!(!rows.is_empty(), "README has no table {title:?}");
    rows
}

fn first_cells(title: &str) -> Vec<String> {
    table(title).into_iter().map(|row| row[0].clone()).collect()
}

/// A row's cells, without emphasis and code marks.
fn cells(row: &str) -> Vec<String> {
    row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches(['*', '`']).to_owned()).collect()
}

/// What stands between back-ticks, and the commands of code blocks.
fn code_spans(text: &str) -> Vec<&str> {
    let spans = text.split('`').skip(1).step_by(2);
    let lines = text.lines().filter(|line| line.starts_with("make ")).filter_map(|line| line.split("  ").next());
    spans.chain(lines).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A row of the decisions: its day, and the four that follow it.
#[test]
fn each_decision_has_its_day_its_reason_and_what_would_open_it_again() {
    let text = read("docs/decisions.md");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("|---") && !line.starts_with("| date |"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert!(rows.len() > 100, "{} rows", rows.len());
    let mut decided = BTreeSet::new();
    for row in &rows {
        assert_eq!(row.len(), 5, "date, decision, instead of, because, opened again by: {row:?}");
        row[0].parse::<jiff::civil::Date>().unwrap_or_else(|error| panic!("{row:?}: {error}"));
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        assert!(decided.insert(row[1]), "decided twice: {:?}", row[1]);
    }
}

/// Its contents lead to every part, and to nothing that there is not.
#[test]
fn the_contents_are_all_that_there_is() {
    let text = read("README.md");
    let (contents, _) = text.split_once("\n## ").expect("parts");
    let named: BTreeSet<String> =
        contents.split("](#").skip(1).map(|link| link.split_once(')').unwrap().0.to_owned()).collect();
    // As GitHub makes an anchor of a heading.
    let anchor = |title: &str| -> String {
        let kept = title.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-');
        kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
    };
    let there: BTreeSet<String> = text.lines().filter_map(|line| line.strip_prefix("## ")).map(anchor).collect();
    assert_eq!(named, there, "left: the contents; right: the parts");
    // What else leads to a part.
    for link in text.split("](#").skip(1) {
        let part = link.split_once(')').unwrap().0;
        assert!(there.contains(part), "#{part} leads nowhere");
    }
}
