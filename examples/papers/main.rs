//! What a package carries beside the program, made from the program: manual pages and completions from its command line, the list of
//! its parts (SBOM) and their licences from what cargo knows of them.
//!
//!   cargo run --example papers -- DIR
//!
//! An example and no command, so that nothing of it is in the program.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the package is not built, and it is said why")]

mod licences;
mod linked;
mod sbom;

use std::fs;
use std::path::{Path, PathBuf};

use clap_complete::Shell;

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("say where to write them: papers DIR"));
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    for new in [&man, &completions] {
        if new.exists() {
            fs::remove_dir_all(new).unwrap();
        }
        fs::create_dir_all(new).unwrap();
    }
    clap_mangen::generate_to(visible(), &man).unwrap();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut visible(), "siaga", &completions).unwrap();
    }
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages = linked::packages(manifest);
    let checksums = sbom::checksums(&fs::read_to_string(manifest.join("Cargo.lock")).unwrap());
    fs::write(folder.join("siaga.cdx.json"), sbom::cyclonedx(&packages, &checksums)).unwrap();
    fs::write(folder.join("LICENCES"), licences::all(&packages)).unwrap();
}

/// The command line without what is for the program itself: completions would offer that too.
fn visible() -> clap::Command {
    let whole = siaga::cli::command();
    let shown = clap::Command::new("siaga")
        .args(whole.get_arguments().cloned())
        .subcommands(whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned())
        .subcommand_required(true)
        .version(env!("CARGO_PKG_VERSION"));
    let shown = match whole.get_about() {
        Some(about) => shown.about(about.clone()),
        None => shown,
    };
    match whole.get_after_help() {
        Some(after) => shown.after_help(after.clone()),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_people_see_has_its_page_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        clap_mangen::generate_to(visible(), folder.path()).unwrap();
        let page = |name: &str| fs::read_to_string(folder.path().join(format!("{name}.1"))).ok();
        for command in siaga::cli::command().get_subcommands() {
            let name = command.get_name();
            assert_eq!(page(&format!("siaga-{name}")).is_some(), !command.is_hide_set(), "{name}");
        }
        let check = page("siaga-config-check").expect("a command of a command has a page too");
        assert!(check.contains("Name every error of a config file"), "{check}");
        assert!(page("siaga").unwrap().contains("Exit codes of check, status"), "what stands below the help");
    }

    #[test]
    fn no_shell_offers_what_is_for_the_program_itself() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut visible(), "siaga", &mut text);
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("survey"), "{shell}");
            for command in siaga::cli::command().get_subcommands().filter(|command| command.is_hide_set()) {
                assert!(!text.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }

    #[test]
    fn all_that_is_linked_is_listed_with_its_licence() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let packages = linked::packages(manifest);
        let names: Vec<&str> = packages.iter().map(|package| &*package.name).collect();
        // A dependency, one of a dependency, and C beside it; not what runs at build time, and not what is for tests.
        for linked in ["siaga", "tokio", "mio", "ring", "libsqlite3-sys"] {
            assert!(names.contains(&linked), "{linked}: {names:?}");
        }
        for other in ["serde_derive", "cc", "proptest", "clap_mangen", "windows-sys"] {
            assert!(!names.contains(&other), "{other}: {names:?}");
        }
        let checksums = sbom::checksums(&fs::read_to_string(manifest.join("Cargo.lock")).unwrap());
        let sbom: serde_json::Value = serde_json::from_str(&sbom::cyclonedx(&packages, &checksums)).unwrap();
        let components = sbom["components"].as_array().unwrap();
        assert_eq!(
            components.len(),
            packages.len(),
            "the program itself is the subject, and SQLite is beside its package"
        );
        for component in components {
            let licence = component["licenses"][0]["expression"].as_str();
            assert!(licence.is_some_and(|licence| !licence.is_empty() && !licence.contains('/')), "{component}");
            if component["name"] == "sqlite" {
                assert!(component["cpe"].as_str().unwrap().starts_with("cpe:2.3:a:sqlite:sqlite:3."), "{component}");
                continue;
            }
            assert_eq!(component["hashes"][0]["content"].as_str().unwrap().len(), 64, "{component}");
        }
        let licences = licences::all(&packages);
        for package in &packages {
            assert!(licences.contains(&format!("{} {}", package.name, package.version)), "{}", package.name);
        }
        // The words that MIT and Apache-2.0 ask to be passed on.
        assert!(licences.contains("Permission is hereby granted") && licences.contains("TERMS AND CONDITIONS FOR USE"));
    }
}
