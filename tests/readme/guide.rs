//! The operators' guide (`docs/panduan-operator/`) tells the truth: what it quotes is what Siaga says.
//!
//! In its pages **bold** is what a page of Siaga's has word for word, `code` is a path, a command, an address or a reason's code, and
//! a line after `>` is a sentence of Siaga's; where that fills something in, both have `…`. `make guide` writes the pictures and the
//! page of all reasons.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use siaga::domain::{Component, Lang};

use super::commands::{known, prose_spans, sources};
use super::{read, root, shell};

const FOLDER: &str = "docs/panduan-operator";

/// The page that is made of the catalogue.
const REASONS: &str = "alasan.md";

/// The most that a picture may have: the guide is opened on telephones.
const PICTURE: u64 = 60 * 1024;

/// The pages, by name, with their text.
fn pages() -> Vec<(String, String)> {
    let mut names: Vec<_> =
        there(FOLDER).into_iter().filter(|name| Path::new(name).extension().is_some_and(|end| end == "md")).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), read(&format!("{FOLDER}/{name}")))).collect()
}

fn there(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// What `{name}` stands for is filled in when it is said.
fn filled_in(text: &str) -> String {
    let mut parts = text.split('{');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |mut out, part| {
        _ = write!(out, "…{}", part.split_once('}').map_or(part, |(_, rest)| rest));
        out
    })
}

/// Every text that the program says somewhere: the literals of its source, and what its templates have between quotes.
fn said() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["web", "domain", "config", "app", "notify", "report", "engine", "probe"] {
        for source in sources(&root().join("src").join(folder)) {
            literals(source.parse().expect("Rust"), &mut found);
        }
    }
    for name in there("src/web/templates") {
        let text = read(&format!("src/web/templates/{name}"));
        found.extend(text.split('"').skip(1).step_by(2).map(str::to_owned));
    }
    found.iter().map(|text| filled_in(text)).collect()
}

fn literals(source: TokenStream, found: &mut BTreeSet<String>) {
    for tree in source {
        match tree {
            TokenTree::Group(group) => literals(group.stream(), found),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if let Some(inside) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                    found.insert(inside.replace("\\\"", "\""));
                }
            }
            _ => {}
        }
    }
}

/// What stands between two `mark`s.
fn between<'a>(text: &'a str, mark: &str) -> Vec<&'a str> {
    text.lines().flat_map(|line| line.split(mark).skip(1).step_by(2)).collect()
}

#[test]
fn what_is_bold_or_quoted_is_what_siaga_says() {
    let said = said();
    assert!(said.contains("Uji sekarang") && said.contains("Kamera … tidak terhubung"), "nothing is read");
    let (mut count, mut wrong) = (0, Vec::new());
    for (name, text) in pages() {
        let quotes = text.lines().filter_map(|line| line.strip_prefix("> "));
        for words in between(&text, "**").into_iter().chain(quotes) {
            count += 1;
            if !said.contains(words) {
                wrong.push(format!("{name}: {words:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "Siaga says nowhere:\n{}", wrong.join("\n"));
    assert!(count > 60, "only {count} were found");
}

#[test]
fn each_path_command_and_code_is_one_that_there_is() {
    let routes = read("src/web/routes.rs");
    let routes: Vec<_> = routes.split(".route(\"").skip(1).map(|rest| rest.split_once('"').unwrap().0).collect();
    let served = |path: &str| {
        routes.iter().any(|route| {
            let (parts, wanted) = (path.split('/'), route.split('/'));
            parts.clone().count() == wanted.clone().count()
                && parts.zip(wanted).all(|(part, wanted)| part == wanted || wanted.starts_with('{') && !part.is_empty())
        })
    };
    let mut count = 0;
    for (name, text) in pages() {
        for block in shell::blocks(&text, "sh") {
            for command in shell::commands(block) {
                known(&name, &command, false);
                count += 1;
            }
        }
        for span in prose_spans(&text) {
            let path = span.strip_prefix("http://ALAMAT:10153").unwrap_or(&span);
            let fits = if path.starts_with('/') {
                served(path)
            } else if span.starts_with("siaga ") || span.starts_with("sudo ") {
                shell::commands(&span).iter().all(|command| !known(&name, command, true).is_empty())
            } else {
                siaga::probe::reason(&span).is_some() || ["read", "schedule", "operate"].contains(&&*span)
            };
            assert!(fits, "{name}: `{span}` is no path, no command, no reason's code and no scope");
            count += 1;
        }
    }
    assert!(count > 40, "only {count} were found");
}

/// A row that begins with a reason's code goes on with its message and its remedy.
#[test]
fn each_reason_is_told_as_the_catalogue_has_it() {
    let mut count = 0;
    for (name, text) in pages() {
        for row in text.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            let code = cells[0].trim_matches(['`', ' ']);
            let reason = siaga::probe::reason(code).unwrap_or_else(|| panic!("{name}: there is no {code}"));
            let [message, remedy] = [&reason.message, &reason.remedy].map(|text| filled_in(text.in_lang(Lang::Id)));
            assert_eq!(cells[1..], [message, remedy], "{name}: {code}");
            count += 1;
        }
    }
    assert!(
        count > siaga::probe::all_reasons().map(|reason| reason.code).collect::<BTreeSet<_>>().len(),
        "{count} rows"
    );
}

#[test]
fn the_page_of_all_reasons_is_the_catalogue() {
    let path = root().join(FOLDER).join(REASONS);
    let wanted = all_reasons();
    if std::env::var("SIAGA_GUIDE").is_ok_and(|value| value == "write") {
        std::fs::write(&path, &wanted).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == wanted, "{REASONS} is not what the catalogue says; \"make guide\" writes it anew");
}

fn all_reasons() -> String {
    let mut out = "# Semua alasan dan tindakannya\n\n\
        Halaman ini dibuat dari daftar yang dipakai Siaga sendiri (`siaga reasons`). Tanda … diisi Siaga: nama alat, angka, atau batas.\n\n\
        Kembali ke [panduan](README.md).\n"
        .to_owned();
    let mut all: Vec<_> = siaga::probe::all_reasons().collect();
    all.sort_by_key(|reason| reason.code);
    all.dedup_by_key(|reason| reason.code);
    let parts = Component::ALL.map(|component| (component.as_str(), component.title(Lang::Id)));
    for (word, title) in parts.into_iter().chain([("agenda", "Agenda"), ("siaga", "Siaga sendiri")]) {
        let rows = all.iter().filter(|reason| reason.code.split('.').next() == Some(word));
        let rows = rows.map(|reason| {
            let [message, remedy] = [&reason.message, &reason.remedy].map(|text| filled_in(text.in_lang(Lang::Id)));
            format!("| `{}` | {message} | {remedy} |\n", reason.code)
        });
        let rows: String = rows.collect();
        _ = write!(out, "\n## {title}\n\n| kode | yang tertulis | yang harus dilakukan |\n|---|---|---|\n{rows}");
    }
    let told = out.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(told, all.len(), "a reason speaks of what is none of these");
    out
}

#[test]
fn each_picture_is_there_small_and_named_and_each_link_leads_somewhere() {
    let mut named = BTreeSet::new();
    let pages = pages();
    for (name, text) in &pages {
        for part in text.split("](").skip(1) {
            let target = part.split_once(')').unwrap().0;
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { PathBuf::from(name) } else { PathBuf::from(file) };
            assert!(root().join(FOLDER).join(&path).exists(), "{name}: {target} leads nowhere");
            if !heading.is_empty() {
                let there = read(&format!("{FOLDER}/{}", path.display()));
                let anchors = there
                    .lines()
                    .filter_map(|line| line.strip_prefix('#'))
                    .map(|line| anchor(line.trim_start_matches('#')));
                assert!(anchors.collect::<Vec<_>>().contains(&heading.to_owned()), "{name}: {target}: no such heading");
            }
            named.extend(file.strip_prefix("gambar/").map(str::to_owned));
        }
        let pictures = text.split("![").skip(1).map(|part| part.split_once("](").unwrap());
        for (told, _) in pictures {
            assert!(told.len() > 10, "{name}: a picture that nobody is told of: {told:?}");
        }
        let index = read(&format!("{FOLDER}/README.md"));
        assert!(name == "README.md" || index.contains(&format!("]({name})")), "README.md does not lead to {name}");
        assert!(name == "README.md" || text.contains("](README.md)"), "{name} does not lead back");
        assert!(name == REASONS || text.lines().count() <= 60, "{name} is longer than a page");
    }
    let pictures = there(&format!("{FOLDER}/gambar"));
    assert_eq!(named, pictures, "left: what the pages name; right: what is there (make guide)");
    for picture in pictures {
        let path = root().join(FOLDER).join("gambar").join(&picture);
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{picture} is no PNG");
        assert!(bytes.len() as u64 <= PICTURE, "{picture} has {} bytes", bytes.len());
    }
}

/// As GitHub makes one of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}
