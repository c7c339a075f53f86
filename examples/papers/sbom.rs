//! The list of what is in the program (`CycloneDX` 1.5, JSON), for those who look up what is known of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::linked::Package;

/// The SHA-256 of each package as it was fetched, by name and version, of `Cargo.lock`.
pub(crate) fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let lock: toml::Table = lock.parse().expect("Cargo.lock is TOML");
    let text = |package: &toml::Value, key: &str| package.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    let packages = lock["package"].as_array().into_iter().flatten();
    packages
        .filter_map(|package| Some(((text(package, "name")?, text(package, "version")?), text(package, "checksum")?)))
        .collect()
}

/// The document. Has no serial number and no time: the same source makes the same bytes.
pub(crate) fn cyclonedx(packages: &[Package], checksums: &BTreeMap<(String, String), String>) -> String {
    let (own, others): (Vec<&Package>, Vec<&Package>) =
        packages.iter().partition(|package| package.name == env!("CARGO_PKG_NAME"));
    let mut subject = component(own[0], checksums);
    subject["type"] = "application".into();
    let needs = |package: &Package| {
        let mut needs: Vec<String> = package.needs.iter().map(|at| purl(&packages[*at])).collect();
        needs.extend((package.name == SQLITE_IS_IN).then(sqlite_purl));
        json!({ "ref": purl(package), "dependsOn": needs })
    };
    let components = others.iter().map(|package| component(package, checksums)).chain([sqlite()]);
    let document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": subject },
        "components": components.collect::<Vec<_>>(),
        "dependencies": packages.iter().map(needs).collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&document).expect("it is made of text") + "\n"
}

fn component(package: &Package, checksums: &BTreeMap<(String, String), String>) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(package),
        "name": package.name,
        "version": package.version,
        "purl": purl(package),
        "licenses": [{ "expression": package.licence }],
    });
    if let Some(sum) = checksums.get(&(package.name.clone(), package.version.clone())) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
    }
    if let Some(repository) = &package.repository {
        component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
    }
    component
}

/// The package that has `SQLite`'s own source in it.
const SQLITE_IS_IN: &str = "libsqlite3-sys";

/// What is known of `SQLite` is known by its own name, and not by that of the package around it.
fn sqlite() -> Value {
    let version = rusqlite::version();
    json!({
        "type": "library",
        "bom-ref": sqlite_purl(),
        "name": "sqlite",
        "version": version,
        "purl": sqlite_purl(),
        "cpe": format!("cpe:2.3:a:sqlite:sqlite:{version}:*:*:*:*:*:*:*"),
        "licenses": [{ "expression": "blessing" }],
    })
}

fn sqlite_purl() -> String {
    format!("pkg:generic/sqlite@{}", rusqlite::version())
}

/// By what databases of vulnerabilities know it (package-url, type `cargo`). A `+` of a version is written as it has to be in one.
fn purl(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version.replace('+', "%2B"))
}
