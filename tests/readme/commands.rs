//! No page of ours names a command, a target, a path or a file that is not there.

use std::collections::BTreeSet;
use std::path::Path;

use clap::error::ErrorKind;
use serde_json::Value;

use super::shell::{self, Command};
use super::{read, root};

/// The pages whose commands are held to what there is.
const PAGES: [&str; 2] = ["README.md", "CONTRIBUTING.md"];

#[test]
fn each_command_of_a_code_block_is_one_that_there_is() {
    let mut seen = BTreeSet::new();
    for page in PAGES {
        let text = read(page);
        for block in shell::blocks(&text, "sh") {
            for command in shell::commands(block) {
                let program = known(page, &command, false);
                seen.insert(program);
            }
        }
    }
    for program in ["siaga", "curl", "make", "install", "systemctl"] {
        assert!(seen.contains(program), "no {program} was found in {seen:?}");
    }
}

/// In running text a command may be a part of one: `siaga sheet`, `siaga replay FILE`.
#[test]
fn each_command_of_a_sentence_is_one_that_there_is_or_the_beginning_of_one() {
    let mut count = 0;
    for page in PAGES {
        for span in prose_spans(&read(page)) {
            let first = span.split(' ').next().unwrap_or_default();
            if ["siaga", "sudo", "systemctl", "journalctl", "cargo"].contains(&first) && span.contains(' ') {
                for command in shell::commands(&span) {
                    known(page, &command, true);
                    count += 1;
                }
            }
        }
    }
    assert!(count > 30, "only {count} commands were found");
}

#[test]
fn each_file_that_is_named_is_there() {
    let mut count = 0;
    for page in PAGES {
        for span in prose_spans(&read(page)) {
            let first = span.split(' ').next().unwrap_or_default();
            let ours = [
                "config/",
                "debian/",
                "examples/",
                "fuzz/",
                "scripts/",
                "src/",
                "systemd/",
                "tests/",
                "benches/",
                "docs/",
            ];
            if ours.iter().any(|folder| first.starts_with(folder)) && !first.contains('*') {
                assert!(root().join(first).exists(), "{page}: `{span}`: no such file");
                count += 1;
            }
        }
    }
    assert!(count > 40, "only {count} files were found");
}

/// What the reader is told to write into a config is taken by the reader of configs.
#[test]
fn each_table_of_a_config_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = read("README.md");
    let blocks = shell::blocks(&blocks, "toml");
    assert!(blocks.len() >= 4, "{blocks:?}");
    for (at, block) in blocks.into_iter().enumerate() {
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "geheim\n").unwrap();
        if block.contains("tls = {") {
            pair(folder.path());
        }
        let block = block.replace("/etc/siaga/prometheus.token", secret.to_str().unwrap());
        // What stands beside it in a room's config: a group has the same check by the main line too.
        let beside = if block.contains("group = \"page\"") {
            "[[group]]\nname = \"page\"\nneed = 1\n[[check]]\nname = \"page\"\nkind = \"http\"\nurl = \"https://meet.example.org/\"\ngroup = \"page\"\n"
        } else {
            ""
        };
        let file = folder.path().join(format!("{at}.toml"));
        std::fs::write(&file, format!("{}\n{beside}\n{block}\n", siaga::config::DEFAULT)).unwrap();
        let told = std::process::Command::new(env!("CARGO_BIN_EXE_siaga"))
            .args(["config", "check", "--lang", "en"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(told.status.success(), "{block}\n{}", String::from_utf8_lossy(&told.stderr));
    }
}

/// A certificate and its key, as README calls them. Debian package: `openssl`.
fn pair(folder: &Path) {
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=siaga.example.net", "-keyout", "siaga.key", "-out", "siaga.pem"])
        .current_dir(folder)
        .output()
        .expect("openssl cannot be started: install Debian's package openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// Fails if the command is not one that there is; gives its program's name. A `part` may lack what comes behind.
pub(crate) fn known(page: &str, command: &Command, part: bool) -> &'static str {
    if command.is_assignment() {
        return "a variable";
    }
    let text = &command.text;
    let mut words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    if words.first() == Some(&"sudo") {
        words.remove(0);
    }
    match words[0] {
        "siaga" => {
            parses(page, text, &words, part);
            "siaga"
        }
        "make" => {
            let target = words.get(1).expect("a target");
            assert!(read("Makefile").contains(&format!("\n{target}:")), "{page}: {text}: no such target");
            "make"
        }
        "curl" => {
            asks(page, text, &words);
            "curl"
        }
        "install" | "cp" => {
            for word in words.iter().skip(1) {
                let ours = ["config/", "systemd/"].iter().any(|folder| word.starts_with(folder));
                let (place, all) = word.split_once('*').map_or((*word, None), |(place, end)| (place, Some(end)));
                if ours {
                    let folder = root().join(place.trim_end_matches("/."));
                    let there = all.is_none_or(|end| {
                        let mut entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
                        entries.any(|name| name.to_str().unwrap().ends_with(end))
                    });
                    assert!(folder.exists() && there, "{page}: {text}: {word} is not there");
                }
            }
            "install"
        }
        "systemctl" | "journalctl" => {
            let verbs = [
                "--user",
                "--global",
                "--now",
                "-u",
                "-n",
                "50",
                "enable",
                "start",
                "stop",
                "restart",
                "reload",
                "status",
                "daemon-reload",
            ];
            for word in words.iter().skip(1).filter(|word| !verbs.contains(word)) {
                let file = if word.contains('.') { (*word).to_owned() } else { format!("{word}.service") };
                // Grafana's own is not ours.
                assert!(
                    root().join("systemd").join(&file).exists() || *word == "grafana-server",
                    "{page}: {text}: no unit {word}"
                );
            }
            "systemctl"
        }
        "cargo" => {
            is_a_test(page, text, &words);
            "cargo"
        }
        "apt" | "openssl" => "others",
        other => {
            panic!("{page}: {text}: nobody here knows whether {other} is right; say so in tests/readme/commands.rs")
        }
    }
}

/// The command line takes it.
fn parses(page: &str, text: &str, words: &[&str], part: bool) {
    // `…` and what stands for something stand for what the reader puts there.
    let words = words.iter().filter(|word| **word != "…");
    let Err(error) = siaga::cli::command().try_get_matches_from(words) else { return };
    let lacks = matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) || error.kind() == ErrorKind::InvalidValue && error.to_string().contains("a value is required");
    assert!(part && lacks, "{page}: `{text}`: {error}");
}

/// The path is served, by that method; a body is JSON.
fn asks(page: &str, text: &str, words: &[&str]) {
    let after = |flag: &str| words.iter().position(|word| *word == flag).map(|at| words[at + 1]);
    let url = words
        .iter()
        .find(|word| word.contains("localhost:10153/"))
        .unwrap_or_else(|| panic!("{page}: {text}: no address of ours"));
    let path = url.split_once("localhost:10153").unwrap().1.split('?').next().unwrap();
    let body = after("-d");
    let method = after("-X").unwrap_or(if body.is_some() { "POST" } else { "GET" }).to_lowercase();
    if let Some(body) = body {
        serde_json::from_str::<Value>(body).unwrap_or_else(|error| panic!("{page}: {text}: {error}"));
    }
    let api: Value = serde_json::from_str(&read("src/web/openapi.json")).unwrap();
    let fits = |template: &str| {
        let (path, template) = (path.split('/'), template.split('/'));
        path.clone().count() == template.clone().count()
            && path.zip(template).all(|(part, wanted)| part == wanted || wanted.starts_with('{'))
    };
    let served = api["paths"]
        .as_object()
        .unwrap()
        .iter()
        .any(|(template, methods)| fits(template) && methods.get(&method).is_some());
    assert!(served, "{page}: {text}: {method} {path} is not in the description of the API");
}

/// There are such targets, and in them a test, or a yardstick, whose name begins so.
fn is_a_test(page: &str, text: &str, words: &[&str]) {
    let folder = if words[1] == "bench" { "benches" } else { "tests" };
    let mut words = words.iter().skip(2);
    // What stands behind `--` is for the tests, and not for cargo.
    let (mut named, mut for_cargo) = (0, true);
    while let Some(word) = words.next() {
        for_cargo &= *word != "--";
        if for_cargo && ["--test", "--bench"].contains(word) {
            let target = words.next().expect("a target");
            let files = [format!("{folder}/{target}.rs"), format!("{folder}/{target}/main.rs")];
            assert!(files.iter().any(|file| root().join(file).exists()), "{page}: {text}: there is no {target}");
            named += 1;
        } else if !word.starts_with('-') && *word != "NAME" {
            let wanted = format!("fn {}", word.rsplit("::").next().unwrap());
            let is = |source: &String| source.contains(&wanted) || source.contains(&format!("\"{word}"));
            let there = sources(&root().join(folder)).iter().any(is);
            assert!(there, "{page}: {text}: nothing in {folder}/ is called {word}");
            named += 1;
        }
    }
    assert!(named > 0, "{page}: {text}: no test is named");
}

/// The text of every Rust file below a folder.
pub(crate) fn sources(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(std::fs::read_to_string(&path).unwrap());
        }
    }
    found
}

/// What stands between back-ticks outside of code blocks, a span that goes over a line's end too.
pub(crate) fn prose_spans(text: &str) -> Vec<String> {
    let prose: String = text
        .split("\n```")
        .step_by(2)
        .map(|part| part.split_once('\n').map_or("", |(_, rest)| rest))
        .collect::<Vec<_>>()
        .join("\n\n");
    let paragraphs = prose.split("\n\n");
    let spans =
        paragraphs.flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>());
    spans.map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}
