//! The package, built once for all tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder into which this test was built: it has the package too.
fn target() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_siaga"));
    program.parent().and_then(Path::parent).expect("cargo builds into target/PROFILE").to_owned()
}

/// The package's file, of the source as it is, in cargo's development profile and quickly packed.
pub(crate) fn built() -> String {
    static BUILT: OnceLock<String> = OnceLock::new();
    let build = || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/deb.sh");
        let mut command = Command::new(script);
        // Those of cargo, under which this test runs: with them ring builds itself anew, and then half the tree does.
        for (name, _) in std::env::vars_os() {
            let says = name.to_string_lossy();
            if says.starts_with("CARGO_PKG_") || says.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        let output = command
            .arg("dev")
            .env("CARGO_TARGET_DIR", target())
            .env("DPKG_DEB_COMPRESSOR_TYPE", "gzip")
            .env("DPKG_DEB_COMPRESSOR_LEVEL", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        said.lines().last().expect("the script names the package").to_owned()
    };
    BUILT.get_or_init(build).clone()
}

/// The same as a newer version, with another word in its config.
pub(crate) fn newer() -> String {
    static NEWER: OnceLock<String> = OnceLock::new();
    NEWER.get_or_init(|| remade("+newer", |folder| worded(&folder.join(DEFAULT), "newer"))).clone()
}

/// An older version, whose config was a conffile, with another word in it. `word`: of which there may be several.
pub(crate) fn older(word: &str) -> String {
    remade(&format!("~older.{word}"), |folder| {
        let config = folder.join("etc/siaga/siaga.toml");
        fs::create_dir_all(config.parent().unwrap()).unwrap();
        fs::rename(folder.join(DEFAULT), &config).unwrap();
        worded(&config, word);
        fs::write(folder.join("DEBIAN/conffiles"), "/etc/siaga/siaga.toml\n").unwrap();
    })
}

/// Where the package has the config of whoever says nothing.
const DEFAULT: &str = "usr/share/siaga/siaga.toml";

fn worded(config: &Path, word: &str) {
    let text = fs::read_to_string(config).unwrap();
    fs::write(config, format!("# A word: {word}.\n{text}")).unwrap();
}

/// The package with something else in it, as a version of its own.
fn remade(version: &str, change: impl FnOnce(&Path)) -> String {
    let (folder, package) =
        (target().join(format!("deb/of{version}")), target().join(format!("deb/siaga-{}.deb", &version[1..])));
    _ = fs::remove_dir_all(&folder);
    let (folder_name, package_name) = (folder.to_str().unwrap(), package.to_str().unwrap());
    let (code, said) = run("dpkg-deb", &["--raw-extract", &built(), folder_name]);
    assert_eq!(code, 0, "{said}");
    let control = folder.join("DEBIAN/control");
    let text = fs::read_to_string(&control).unwrap();
    let line = text.lines().find(|line| line.starts_with("Version: ")).unwrap();
    fs::write(&control, text.replace(line, &format!("{line}{version}"))).unwrap();
    change(&folder);
    let (code, said) = run("dpkg-deb", &["--root-owner-group", "-Zgzip", "-z1", "--build", folder_name, package_name]);
    assert_eq!(code, 0, "{said}");
    package_name.to_owned()
}

/// Runs a program of this system: its exit code, and all that it said.
pub(crate) fn run(program: &str, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| {
        panic!("{program}: {error}; scripts/install-debian.sh deb package installs what is needed")
    });
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code().unwrap_or(-1), said)
}
