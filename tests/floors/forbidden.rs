//! Unsafe code is forbidden to every package but one, and there stands in one file. The compiler holds what the manifests say; what
//! they say is held here, and the word itself is looked for in every file, in macros' bodies too, where lints do not look.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use proc_macro2::TokenTree;

use super::{everywhere, files, root, walk};

/// The one package that may have some, by its manifest, and the one file in which it stands, beside what it relies on.
const PACKAGE: &str = "src/capture/Cargo.toml";
const FILE: &str = "src/capture/camera.rs";

/// What whoever is allowed it owes.
const OWED: [&str; 3] = ["undocumented_unsafe_blocks", "multiple_unsafe_ops_per_block", "unnecessary_safety_comment"];

/// Where the attribute stands beside the manifest's word, for who reads the code.
const ROOTS: [&str; 5] = ["build.rs", "src/lib.rs", "src/main.rs", "src/signal/lib.rs", "src/capture/v4l2.rs"];

#[test]
fn unsafe_is_written_in_one_file_alone() {
    let (mut wrong, mut there) = (String::new(), 0);
    let mut seen = BTreeSet::new();
    for source in everywhere() {
        seen.insert(source.path.split_once('/').map_or(&*source.path, |(folder, _)| folder).to_owned());
        walk(source.tokens, &mut |tokens| match tokens.first() {
            Some(TokenTree::Ident(word)) if word != "unsafe" => {}
            Some(TokenTree::Ident(_)) if source.path == FILE => there += 1,
            Some(TokenTree::Ident(word)) => {
                writeln!(wrong, "{}:{}", source.path, word.span().start().line).unwrap();
            }
            _ => {}
        });
    }
    assert!(wrong.is_empty(), "unsafe outside of {FILE}:\n{wrong}");
    assert!(there > 0, "{FILE} has none: is it read?");
    assert_eq!(Vec::from_iter(seen), ["benches", "build.rs", "examples", "fuzz", "src", "tests"], "what was read");
}

#[test]
fn every_package_but_one_forbids_it() {
    let workspace = manifest("Cargo.toml");
    let lints = |table: &toml::Table| table["lints"].as_table().unwrap().clone();
    let shared = lints(workspace["workspace"].as_table().unwrap());
    let of = |lints: &toml::Table, tool: &str| lints[tool].as_table().unwrap().clone();
    assert_eq!(of(&shared, "rust")["unsafe_code"].as_str(), Some("forbid"), "the workspace's");
    let mut there = Vec::new();
    for path in files(root(), &|path| path.ends_with("Cargo.toml")) {
        let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let own = lints(&manifest(&path));
        let inherits = own.get("workspace").is_some_and(|word| word.as_bool() == Some(true));
        if path == PACKAGE {
            // As all others, but for this.
            let (mut rust, mut clippy) = (of(&own, "rust"), of(&own, "clippy"));
            assert_eq!(rust.insert("unsafe_code".to_owned(), "forbid".into()), Some("deny".into()), "{path}");
            assert_eq!(rust.remove("unsafe_op_in_unsafe_fn"), Some("deny".into()), "{path}");
            for lint in OWED {
                assert_eq!(clippy.remove(lint), Some("deny".into()), "{path}: {lint}");
            }
            assert_eq!(
                (rust, clippy),
                (of(&shared, "rust"), of(&shared, "clippy")),
                "left: {path}; right: the workspace"
            );
        } else {
            let forbids = || of(&own, "rust")["unsafe_code"].as_str() == Some("forbid");
            assert!(inherits || forbids(), "{path} does not forbid unsafe code");
        }
        there.push(path);
    }
    assert_eq!(there, ["Cargo.toml", "fuzz/Cargo.toml", PACKAGE, "src/signal/Cargo.toml"], "what was read");
    for path in ROOTS {
        let text = fs::read_to_string(root().join(path)).unwrap();
        assert!(text.lines().any(|line| line == "#![forbid(unsafe_code)]"), "{path} does not say it");
    }
}

fn manifest(path: &str) -> toml::Table {
    fs::read_to_string(root().join(path)).unwrap().parse().unwrap()
}
