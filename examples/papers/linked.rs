//! The packages whose code is in the program, by cargo's own word.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What is linked in: Debian's own architecture, as `make deb` builds it.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A package in the program.
pub(crate) struct Package {
    pub name: String,
    pub version: String,
    /// An SPDX expression.
    pub licence: String,
    pub authors: Vec<String>,
    pub repository: Option<String>,
    /// The folder of its source.
    pub folder: PathBuf,
    /// The packages that it needs, by place in the list.
    pub needs: Vec<usize>,
}

/// All of them, by name and version.
pub(crate) fn packages(manifest: &Path) -> Vec<Package> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--locked", "--format-version=1", "--filter-platform", TARGET])
        .current_dir(manifest)
        .output()
        .expect("cargo cannot be started");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    from_metadata(&serde_json::from_slice(&output.stdout).expect("cargo metadata is no JSON"))
}

fn from_metadata(metadata: &Value) -> Vec<Package> {
    let all = |key: &'static str, of: &Value| of[key].as_array().cloned().unwrap_or_default();
    let known: BTreeMap<String, Value> =
        all("packages", metadata).into_iter().map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<String, Value> =
        all("nodes", &metadata["resolve"]).into_iter().map(|node| (text(&node["id"]), node)).collect();
    let direct = |id: &str| -> Vec<String> {
        let needs = all("deps", &nodes[id]);
        // Of kind null: neither for building nor for tests. A macro runs in the compiler.
        let linked = needs.iter().filter(|need| all("dep_kinds", need).iter().any(|kind| kind["kind"].is_null()));
        linked.map(|need| text(&need["pkg"])).filter(|id| !is_macro(&known[id])).collect()
    };
    // What lies in our own tree is no other's: a package inside it is a part of the program, and what it needs the program needs.
    let needs = |id: &str| -> BTreeSet<String> {
        let (mut needs, mut own) = (BTreeSet::new(), vec![id.to_owned()]);
        while let Some(id) = own.pop() {
            let (inner, others): (Vec<_>, Vec<_>) =
                direct(&id).into_iter().partition(|id| known[id]["source"].is_null());
            own.extend(inner);
            needs.extend(others);
        }
        needs
    };
    let mut found = BTreeSet::new();
    let mut next = vec![text(&metadata["resolve"]["root"])];
    while let Some(id) = next.pop() {
        if found.insert(id.clone()) {
            next.extend(needs(&id));
        }
    }
    let mut ids: Vec<String> = found.into_iter().collect();
    ids.sort_by_key(|id| (text(&known[id]["name"]), text(&known[id]["version"])));
    let place = |id: &String| ids.iter().position(|other| other == id).expect("all that is needed was found");
    ids.iter().map(|id| package(&known[id], needs(id).iter().map(place).collect())).collect()
}

fn package(said: &Value, needs: Vec<usize>) -> Package {
    let manifest = PathBuf::from(text(&said["manifest_path"]));
    Package {
        name: text(&said["name"]),
        version: text(&said["version"]),
        // Before SPDX expressions cargo knew "MIT/Apache-2.0".
        licence: text(&said["license"]).replace('/', " OR "),
        authors: said["authors"].as_array().into_iter().flatten().map(text).collect(),
        repository: said["repository"].as_str().map(str::to_owned),
        folder: manifest.parent().expect("a manifest is in a folder").to_owned(),
        needs,
    }
}

fn is_macro(package: &Value) -> bool {
    let targets = package["targets"].as_array().into_iter().flatten();
    targets.flat_map(|target| target["kind"].as_array().into_iter().flatten()).any(|kind| kind == "proc-macro")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
