//! The licences of all that is in the program, with the words that they ask to be passed on.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use crate::linked::Package;

/// How the files are called in which packages keep them.
const FILES: [&str; 6] = ["license", "licence", "copying", "copyright", "notice", "unlicense"];

/// What a package brings of which no manifest tells.
const C_PARTS: &str = "libsqlite3-sys brings SQLite, which its authors have dedicated to the public domain (https://sqlite.org/copyright.html). \
                       ring brings parts of BoringSSL; their words are among its own below.";

/// One text: the packages first, then every text once, with the packages that it came with.
pub(crate) fn all(packages: &[Package]) -> String {
    let mut text = String::from("The program is linked of these packages, each under the licence beside it.\n\n");
    let mut words: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages {
        let name = format!("{} {}", package.name, package.version);
        _ = write!(text, "{name}: {}", package.licence);
        if !package.authors.is_empty() {
            _ = write!(text, " ({})", package.authors.join(", "));
        }
        text.push('\n');
        for words_of in texts(package) {
            words.entry(words_of).or_default().push(name.clone());
        }
    }
    _ = writeln!(text, "\n{C_PARTS}");
    for (words, whose) in words {
        _ = write!(text, "\n{}\n{}\n\n{words}\n", "=".repeat(78), whose.join(", "));
    }
    text
}

/// The texts that came with a package.
fn texts(package: &Package) -> Vec<String> {
    let entries = fs::read_dir(&package.folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().to_lowercase();
            FILES.iter().any(|file| name.starts_with(file)) && entry.path().is_file()
        })
        .map(|entry| entry.path())
        .collect();
    files.sort();
    let read = files.iter().filter_map(|file| fs::read_to_string(file).ok());
    read.map(|text| text.replace('\r', "").trim_matches('\n').to_owned()).filter(|text| !text.is_empty()).collect()
}
