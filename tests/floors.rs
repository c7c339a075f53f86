//! Keeps the house in order: which floor may name which, how long a file may be, what it may be called.
//!
//! The files are read with the compiler's own lexer as a library (`proc-macro2`), not with a text search: a path in a
//! comment or a string is none, and one inside a macro's body is one, where a syntax tree would show only tokens.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "the list of long files is read with --nocapture")]

#[path = "floors/forbidden.rs"]
mod forbidden;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};

/// Which top module may name which others. What is not listed may name none; `*` stands for all.
///
/// The hands do not name each other: what one needs of another, the shell hands over.
const FLOORS: &[(&str, &[&str])] = &[
    ("main", &["*"]),
    ("cli", &["*"]),
    ("app", &["*"]),
    // File shapes to domain: it names what the probes, the receivers, the feeds and the server want to read from their tables.
    ("config", &["domain", "probe", "notify", "calendar", "remote_write", "web", "named_file"]),
    ("probe", &["domain", "engine", "clock", "named_file", "peer", "signal", "capture"]),
    ("control", &["domain", "engine", "clock", "peer"]),
    ("notify", &["domain", "engine", "clock", "radio", "outbound", "named_file"]),
    ("calendar", &["domain", "outbound"]),
    ("remote_write", &["domain", "clock", "outbound"]),
    ("store", &["domain", "engine", "clock"]),
    ("web", &["domain", "engine", "clock", "plot"]),
    ("report", &["domain", "engine", "clock", "plot"]),
    // Side doors: other commands of the same binary, and the far end that stands in where the config names none. They stand
    // beside the floors and lend the probes' own words.
    ("devices", &["domain", "probe"]),
    ("far_end", &["domain", "probe"]),
    ("enroll", &["domain", "probe", "devices", "seat", "whole_file"]),
    ("reflect", &["domain", "clock", "probe"]),
    ("seat", &["domain", "probe", "peer"]),
    ("survey", &["domain", "engine", "probe"]),
    ("radio", &["domain", "clock", "probe", "signal"]),
    ("tokens", &["domain", "whole_file"]),
    ("engine", &["domain"]),
    ("clock", &["domain"]),
    // Whoever asks a server that the config names.
    ("outbound", &["domain", "named_file"]),
    // Files that may lie on a disk which does not answer, or be a pipe.
    ("named_file", &[]),
    // Files that are replaced in one step.
    ("whole_file", &[]),
    // Measurements over time, as a picture.
    ("plot", &["domain"]),
    // Unix sockets and who is at their other end.
    ("peer", &[]),
    ("domain", &[]),
    // Packages of their own, which know nothing of the house: what sound and pictures say, and how a camera's frames are had.
    ("signal", &[]),
    ("capture", &[]),
    // It declares the modules and says nothing else.
    ("lib", &[]),
];

/// A file may have this many lines before it is listed, and this many before it fails.
const LONG: usize = 400;
const TOO_LONG: usize = 500;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "manager", "common", "misc"];

#[test]
fn an_arrow_between_floors_points_down() {
    let mut wrong = String::new();
    for source in sources(&root().join("src")) {
        let own = source.module.first().map_or("lib", String::as_str);
        let allowed = FLOORS.iter().find(|(floor, _)| *floor == own).map(|(_, allowed)| *allowed);
        let Some(allowed) = allowed else {
            writeln!(wrong, "{}: `{own}` has no floor; add it to FLOORS", source.path).unwrap();
            continue;
        };
        for named in source.names() {
            let fine = named.module == own || allowed.contains(&"*") || allowed.contains(&named.module.as_str());
            if !fine {
                writeln!(wrong, "{}:{}: `{own}` names `{}`", source.path, named.line, named.module).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "the floors of the house are broken:\n{wrong}");
}

#[test]
fn a_file_is_short_enough_to_be_read() {
    let mut wrong = String::new();
    for source in everywhere() {
        let lines = source.text.lines().count();
        if lines > LONG {
            println!("{}: {lines} lines", source.path);
        }
        if lines > TOO_LONG {
            writeln!(wrong, "{}: {lines} lines, at most {TOO_LONG}", source.path).unwrap();
        }
    }
    assert!(wrong.is_empty(), "too long:\n{wrong}");
}

#[test]
fn a_name_says_what_is_inside() {
    let wrong: Vec<_> = everywhere()
        .into_iter()
        .filter(|source| {
            let mut parts = source.path.trim_end_matches(".rs").split('/');
            parts.any(|part| EMPTY_NAMES.contains(&part))
                || source.modules().iter().any(|m| EMPTY_NAMES.contains(&&**m))
        })
        .map(|source| source.path)
        .collect();
    assert!(wrong.is_empty(), "named after nothing ({EMPTY_NAMES:?}): {wrong:?}");
}

#[test]
fn a_file_begins_with_what_it_is_for() {
    let wrong: Vec<_> =
        everywhere().into_iter().filter(|source| !source.text.starts_with("//!")).map(|source| source.path).collect();
    assert!(wrong.is_empty(), "without a first line of `//!`: {wrong:#?}");
}

/// What feeds the watchdog is made for the judge's driver, into which it goes at once (whose own test says that only its turns feed it), and
/// for the far end's server and the session's agent, which have no judge. Anybody else who fed it would go on when the judge does not.
#[test]
fn what_feeds_the_watchdog_is_the_judges() {
    let mut makers = Vec::new();
    let mut uses = Vec::new();
    for source in sources(&root().join("src")).into_iter().filter(|source| source.path != "src/app/service.rs") {
        walk(source.tokens, &mut |tokens| match tokens {
            [TokenTree::Ident(word), TokenTree::Group(_), ..] if word == "watchdog" => makers.push(source.path.clone()),
            [TokenTree::Ident(word), TokenTree::Punct(next), ..]
                if word == "heartbeat" && source.path == "src/app/mod.rs" =>
            {
                uses.push(next.as_char());
            }
            [TokenTree::Ident(word), TokenTree::Punct(_), rest @ ..] if word == "NotifyState" => {
                let is_feed = matches!(rest, [_, TokenTree::Ident(state), ..] if state == "Watchdog");
                assert!(!is_feed, "{} feeds it by itself", source.path);
            }
            [TokenTree::Ident(word), TokenTree::Group(fields), ..]
                if word == "Driver" && source.path == "src/app/mod.rs" =>
            {
                assert!(fields.to_string().contains(", heartbeat"), "{fields}");
            }
            _ => {}
        });
    }
    assert_eq!(makers, ["src/app/mod.rs", "src/cli/reflect.rs", "src/cli/seat.rs"]);
    // Made, and handed over: `let heartbeat = …` and `Driver { …, heartbeat, }`.
    assert_eq!(uses, ['=', ',']);
}

/// The reader itself, shown on a text in which each kind of path occurs once.
#[test]
fn paths_are_found_where_they_are_and_only_there() {
    let text = r#"
        //! crate::comment is no path.
        use crate::domain::Verdict;
        use crate::{clock, probe::{self, Probe}};
        macro_rules! m { () => { $crate::notify::x() } }
        pub(in crate::pub_in) fn f() -> &'static str { "crate::text" }
        fn g() { super::super::store::x(); super::sibling::x(); siaga::web::x(); siaga_signal::x(); }
        mod inner { use super::own; use super::super::super::engine; pub(crate) fn h() {} }
        use crate::*;
    "#;
    let source = Source {
        path: "src/probe/ups/client.rs".to_owned(),
        module: ["probe", "ups"].map(str::to_owned).to_vec(),
        tokens: text.parse().unwrap(),
        text: text.to_owned(),
    };
    let names: Vec<_> = source.names().into_iter().map(|named| named.module).collect();
    // `super` of probe::ups is probe, of that the root; inside `inner` there is one more step.
    let expected =
        ["domain", "clock", "probe", "notify", "pub_in", "store", "probe", "web", "signal", "probe", "engine", "*"];
    assert_eq!(names, expected);
}

/// One file of ours.
struct Source {
    /// From the package's folder.
    path: String,
    /// Its place in the tree of modules: `src/probe/ups/client.rs` is `[probe, ups, client]`, `src/lib.rs` is `[]`.
    module: Vec<String>,
    text: String,
    tokens: TokenStream,
}

/// A top module that a file names.
struct Named {
    module: String,
    line: usize,
}

impl Source {
    /// Every top module that a path of this file begins with: after `crate::`, `siaga::`, or enough of `super::`.
    fn names(&self) -> Vec<Named> {
        let mut names = Vec::new();
        names_in(self.tokens.clone(), &self.module, &mut names);
        names
    }

    /// The modules that it declares.
    fn modules(&self) -> Vec<String> {
        let mut modules = Vec::new();
        walk(self.tokens.clone(), &mut |tokens| {
            if let [TokenTree::Ident(word), TokenTree::Ident(name), ..] = tokens
                && word == "mod"
            {
                modules.push(name.to_string());
            }
        });
        modules
    }
}

/// Calls `see` with the rest of each token sequence, at every token, groups included.
fn walk(tokens: TokenStream, see: &mut impl FnMut(&[TokenTree])) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        see(&tokens[at..]);
        if let TokenTree::Group(group) = token {
            walk(group.stream(), see);
        }
    }
}

/// Collects what paths name, with `module` as the place they are read at.
fn names_in(tokens: TokenStream, module: &[String], names: &mut Vec<Named>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            // An inline module: paths inside it start one step further down.
            TokenTree::Ident(word) if word == "mod" => {
                if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                    (tokens.get(at + 1), tokens.get(at + 2))
                {
                    let inner: Vec<_> = module.iter().cloned().chain([name.to_string()]).collect();
                    names_in(body.stream(), &inner, names);
                    at += 2;
                }
            }
            TokenTree::Ident(word) if (word == "crate" || word == "siaga") && separator(&tokens, at + 1) => {
                first_of(&tokens[at + 3..], &[], names);
                at += 2;
            }
            TokenTree::Ident(word) if separator(&tokens, at + 1) && word.to_string().starts_with("siaga_") => {
                let module = word.to_string().split_off("siaga_".len());
                names.push(Named { module, line: word.span().start().line });
                at += 2;
            }
            TokenTree::Ident(word) if word == "super" && separator(&tokens, at + 1) => {
                let mut place = module;
                while matches!(tokens.get(at), Some(TokenTree::Ident(word)) if word == "super")
                    && separator(&tokens, at + 1)
                {
                    place = place.split_last().map_or(&[], |(_, above)| above);
                    at += 3;
                }
                first_of(&tokens[at..], place, names);
                continue;
            }
            TokenTree::Group(group) => names_in(group.stream(), module, names),
            _ => {}
        }
        at += 1;
    }
}

/// What stands at the beginning of the rest of a path, read at `place`; of a group, each item's beginning.
fn first_of(rest: &[TokenTree], place: &[String], names: &mut Vec<Named>) {
    let Some(first) = rest.first() else { return };
    let line = first.span().start().line;
    match (place.first(), first) {
        (Some(own), _) => names.push(Named { module: own.clone(), line }),
        (None, TokenTree::Group(group)) => {
            let items: Vec<_> = group.stream().into_iter().collect();
            for item in items.split(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == ',')) {
                first_of(item, place, names);
            }
        }
        (None, word) => names.push(Named { module: word.to_string(), line }),
    }
}

fn separator(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon(at) && colon(at + 1)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of ours, in order of name: programs, tests, yardsticks, examples, fuzz targets, the build script.
fn everywhere() -> Vec<Source> {
    sources(root())
}

/// Every Rust file under a folder.
fn sources(folder: &Path) -> Vec<Source> {
    files(folder, &|path| path.extension().is_some_and(|extension| extension == "rs"))
        .iter()
        .map(|file| read(file))
        .collect()
}

/// The files under a folder that are `wanted`, in order of name; but what was built, and what is hidden.
fn files(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(files(&path, wanted));
        } else if path.is_file() && wanted(&path) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(file: &Path) -> Source {
    let path = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    let text = fs::read_to_string(file).unwrap();
    let tokens = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
    let below = path.split_once('/').map_or("", |(_, below)| below).trim_end_matches(".rs");
    let module = below.split('/').filter(|part| !matches!(*part, "mod" | "lib")).map(str::to_owned).collect();
    Source { path, module, text, tokens }
}

/// Which tests of the lab have the machine to themselves is said in two places: in the guest that they start, and in the script that
/// keeps the other rings away.
#[test]
fn what_runs_alone_in_the_lab_runs_beside_no_other_ring() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = fs::read_to_string(root.join("scripts/test.sh")).unwrap();
    let list = script.split_once("alone=(\n").unwrap().1.split_once("\n)").unwrap().0;
    let listed: Vec<_> = list.lines().map(|line| line.trim().split_once("::").unwrap()).collect();
    let source = |module: &str| {
        let places = [format!("tests/lab/{module}.rs"), format!("tests/lab/{module}/mod.rs")];
        places.iter().find_map(|place| fs::read_to_string(root.join(place)).ok()).unwrap()
    };
    let mut count = 0;
    for line in source("main").lines() {
        let Some(module) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) else { continue };
        let is_alone = |text: &str| text.contains("Lab::start_alone") || text.contains("Lab::start_system_alone");
        if module != "built" && is_alone(&source(module)) {
            let test = listed.iter().find(|(listed, _)| *listed == module);
            let (_, test) = test.unwrap_or_else(|| panic!("scripts/test.sh lists no test of {module}"));
            assert!(source(module).contains(&format!("fn {test}()")), "{module} has no test {test}");
            count += 1;
        }
    }
    assert_eq!(count, listed.len(), "{listed:?}");
}
