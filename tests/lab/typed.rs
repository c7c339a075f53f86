//! README's commands for whoever installs, typed as root as they stand there.

#[path = "../readme/shell.rs"]
#[allow(dead_code, reason = "the readers of README ask for more of it")]
mod shell;

use std::process::Command;

use crate::guest::Lab;
use crate::image::found;

/// Types a block's commands in a folder, but those that begin with one of `but`. Root needs no sudo, and takes what is offered wherever
/// it is asked.
pub(crate) fn typed(lab: &Lab, folder: &str, first: &str, but: &[&str]) {
    let readme = include_str!("../../README.md");
    let block = shell::blocks(readme, "sh").into_iter().find(|block| block.starts_with(first));
    let commands = shell::commands(block.unwrap_or_else(|| panic!("README has no block that begins with {first}")));
    let mut count = 0;
    for command in &commands {
        let text = command.text.strip_prefix("sudo ").unwrap_or(&command.text);
        if !but.iter().any(|but| text.starts_with(but)) {
            lab.sh(&format!("cd {folder} && yes '' | {text} 2>&1"));
            count += 1;
        }
    }
    assert!(count >= 2, "{commands:?}");
}

#[test]
fn without_the_package_it_is_installed_by_the_commands_of_readme() {
    let lab = Lab::start_system();
    // The guest's disk is in memory.
    let program = tempfile::NamedTempFile::new().unwrap();
    let mut strip = Command::new(found("strip", "binutils"));
    strip.arg("-o").arg(program.path()).arg(env!("CARGO_BIN_EXE_siaga"));
    assert!(strip.status().unwrap().success());
    lab.push_file(program.path(), "siaga");
    let unit = lab.push(include_bytes!("../../systemd/siaga.service"), "unit");
    lab.sh(&format!(
        "rm -r /usr/bin/siaga /etc/siaga
         mkdir -p /root/siaga/target/release /root/siaga/systemd
         ln -s /share/siaga /root/siaga/target/release/siaga
         cp {unit} /root/siaga/systemd/siaga.service"
    ));
    typed(&lab, "/root/siaga", "sudo install -m 755 target/release/siaga", &[]);
    assert_eq!(lab.sh("systemctl is-enabled siaga"), "enabled");
    lab.wait_for("siaga status --json | grep -q '\"verdict\"'");
    // It runs on what has been answered.
    lab.sh("journalctl --no-pager --output=cat --unit=siaga.service | grep -q config=/etc/siaga/siaga.toml");
    assert_eq!(lab.sh("systemctl show --property=NRestarts --value siaga.service"), "0");
}
