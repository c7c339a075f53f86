//! The Debian package: what belongs together is the same everywhere; and, by `make deb-test`, what becomes of a system that gets it,
//! gets a newer one, and gives it away. (Under a running systemd: `tests/lab/package.rs`.)
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod built;
mod system;

use std::fs;
use std::path::Path;

use siaga::config::{Config, Files, Origin};

use built::{built, newer, older, run};
use system::System;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))
        .unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What is called after the program where packages and services write.
fn named(system: &System) -> Vec<String> {
    let found = system.sh("find /boot /etc /opt /usr /var -iname '*siaga*' | sort");
    found.lines().map(str::to_owned).collect()
}

#[test]
fn both_changelogs_are_of_the_version_that_is_built() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(read("CHANGELOG.md").contains(&format!("\n## [{version}] - ")), "CHANGELOG.md");
    assert!(read("debian/changelog").starts_with(&format!("siaga ({version}-")), "debian/changelog");
}

#[test]
fn what_is_to_be_installed_is_there() {
    let lines: Vec<String> =
        read("debian/siaga.install").lines().chain(read("debian/siaga.docs").lines()).map(str::to_owned).collect();
    for line in &lines {
        let from = line.split(' ').next().unwrap().trim_end_matches("/*");
        // Made by scripts/deb.sh.
        if from != "siaga" && !from.starts_with("papers/") && !from.starts_with("share/") {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(from).exists(), "{line}");
        }
    }
    // README lies beside what it leads to.
    let readme = read("README.md");
    for link in readme.split("](docs/").skip(1) {
        let there = format!("docs/{}", link.split([')', '#']).next().unwrap());
        let is_installed = |line: &String| {
            line.split_once(' ').is_some_and(|(from, to)| there.starts_with(from) && to.ends_with("/siaga/docs"))
        };
        assert!(lines.iter().any(is_installed), "{there}");
    }
    for unit in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")).unwrap() {
        let name = unit.unwrap().file_name().into_string().unwrap();
        assert!(lines.iter().any(|line| line.starts_with(&format!("systemd/{name} "))), "{name} is not installed");
    }
}

#[test]
fn a_purge_takes_what_was_written_here_and_at_a_far_end_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let state = root.path().join("var/lib");
    // As systemd makes them for a user that exists only while the service runs.
    for name in ["siaga", "siaga-reflect", "siaga-of-others"] {
        fs::create_dir_all(state.join("private").join(name)).unwrap();
        fs::write(state.join("private").join(name).join("tokens.toml"), "").unwrap();
        std::os::unix::fs::symlink(Path::new("private").join(name), state.join(name)).unwrap();
    }
    let names = || {
        let found = [state.clone(), state.join("private")].map(|folder| {
            let found = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            found.filter(|name| name != "private").collect::<std::collections::BTreeSet<_>>()
        });
        assert_eq!(found[0], found[1], "no link leads nowhere");
        found[0].iter().cloned().collect::<Vec<_>>()
    };
    let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("debian/siaga.postrm");
    let left_by = |why: &str| {
        let mut command = std::process::Command::new("sh");
        let done = command.arg(&script).arg(why).env("DPKG_ROOT", root.path()).status().unwrap();
        assert!(done.success(), "{why}");
        names()
    };
    let config = root.path().join("etc/siaga");
    fs::create_dir_all(&config).unwrap();
    for name in ["siaga.toml", "siaga.toml.dpkg-dist", "desk.secret"] {
        fs::write(config.join(name), "").unwrap();
    }
    let configured = || fs::read_dir(&config).unwrap().count();
    assert_eq!((left_by("remove"), configured()), (of(&["siaga", "siaga-of-others", "siaga-reflect"]), 3));
    assert_eq!((left_by("purge"), configured()), (of(&["siaga-of-others"]), 1));
    assert!(config.join("desk.secret").exists());
    fs::remove_file(config.join("desk.secret")).unwrap();
    left_by("purge");
    assert!(!config.exists(), "nothing is in it any more");
    left_by("purge");
}

#[test]
#[ignore = "builds the package: make deb-test"]
fn lintian_finds_nothing() {
    let package = built();
    // Errors and warnings; what is overridden says why in debian/siaga.lintian-overrides.
    let (code, said) = run("lintian", &["--fail-on", "error,warning", "--tag-display-limit", "0", &package]);
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("E: ") && !said.contains("W: "), "{said}");
}

#[test]
#[ignore = "builds the package: make deb-test"]
fn a_system_that_gets_it_has_all_and_starts_it_at_the_next_boot() {
    let system = System::start();
    system.sh(&format!("dpkg --install {}", system.push(&built())));
    system.sh("dpkg --verify siaga && siaga --version && getent passwd siaga && getent group siaga");
    let version = system.sh("siaga --version");
    assert_eq!(version.trim(), concat!("siaga ", env!("CARGO_PKG_VERSION")));
    // The daemon alone begins by itself.
    let enabled =
        |scope: &str, unit: &str| system.run(&format!("systemctl {scope} is-enabled {unit}")).1.trim().to_owned();
    assert_eq!(enabled("", "siaga.service"), "enabled");
    for unit in ["siaga.socket", "siaga-reflect.service"] {
        assert_eq!(enabled("", unit), "disabled", "{unit}");
    }
    assert_eq!(enabled("--global", "siaga-seat.service"), "disabled");
    // The config is that of a system without one, for everybody to read; dpkg asks nobody about it, nor about anything else.
    let config = system.file("/etc/siaga/siaga.toml");
    let folder = tempfile::tempdir().unwrap();
    let shipped = folder.path().join("siaga.toml");
    fs::write(&shipped, &config).unwrap();
    let shipped = Config::load(&Origin::File(shipped), Files::Needed).unwrap();
    let without = Config::load(&Origin::BuiltIn, Files::Needed).unwrap();
    assert_eq!(format!("{:?}", shipped.plan), format!("{:?}", without.plan));
    assert_eq!(system.sh("dpkg-query --show --showformat='${Conffiles}' siaga").trim(), "");
    assert_eq!(
        system.sh("stat --format='%U:%G %a' /etc/siaga /etc/siaga/siaga.toml"),
        "root:root 755\nroot:root 644\n"
    );
    assert!(system.sh("siaga config check").contains("no error"));
    // What it is made of stands beside it, for people and for programs.
    let parts: serde_json::Value = serde_json::from_str(&system.file("/usr/share/doc/siaga/siaga.cdx.json")).unwrap();
    assert_eq!((&parts["bomFormat"], &parts["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    assert_eq!(parts["metadata"]["component"]["version"], env!("CARGO_PKG_VERSION"));
    let components = parts["components"].as_array().unwrap();
    for name in ["tokio", "ring", "rusqlite"] {
        let component = components.iter().find(|component| component["name"] == name);
        let component = component.unwrap_or_else(|| panic!("{name} is not among {}", components.len()));
        assert_eq!(component["purl"], format!("pkg:cargo/{name}@{}", component["version"].as_str().unwrap()));
        assert!(component["hashes"][0]["content"].as_str().is_some_and(|sum| sum.len() == 64), "{component}");
        assert_ne!(system.sh(&format!("zgrep --count '{name}' /usr/share/doc/siaga/LICENCES.gz")), "0");
    }
    // And `init` takes its place, once. What has a webhook's address in it the daemon's group can read, and nobody else.
    let init = "siaga --lang en init --yes --webhook https://alerts.example.net/T0 --output /etc/siaga/siaga.toml";
    let first = system.run(init);
    assert_eq!(first.0, 0, "{}", first.1);
    assert_eq!(system.sh("stat --format='%U:%G %a' /etc/siaga/siaga.toml").trim(), "root:siaga 640");
    let second = system.run(init);
    assert!(second.0 != 0 && second.1.contains("is there already"), "{}", second.1);
}

#[test]
#[ignore = "builds the package: make deb-test"]
fn manual_pages_and_completions_are_good_in_the_programs_that_read_them() {
    let system = System::start();
    system.sh(&format!("dpkg --install {}", system.push(&built())));
    let pages = system.sh("dpkg --listfiles siaga | grep /usr/share/man/man1/");
    assert!(pages.lines().count() > 20, "{pages}");
    // As lintian asks (man(1), --warnings): what groff has to say goes to standard error.
    let complaints = |page: &str| system.sh(&format!("man --warnings -E UTF-8 -l -Tutf8 -Z {page} 2>&1 >/dev/null"));
    system.sh("printf '.TH x 1\n.SH NAME\nx\n.nonsense\n' >/tmp/bad.1");
    assert!(complaints("/tmp/bad.1").contains("nonsense"), "what is wrong is told");
    for page in pages.lines() {
        assert_eq!(complaints(page), "", "{page}");
    }
    assert!(system.sh("MANPAGER=cat man siaga-check").contains("Do one round of everything"));
    let bash = "source /usr/share/bash-completion/bash_completion; _completion_loader siaga; COMP_WORDS=(siaga con); COMP_CWORD=1; \
                _siaga siaga con siaga; echo \"${COMPREPLY[@]}\"";
    assert_eq!(system.sh(&format!("bash -c '{bash}'")).trim(), "config");
    assert!(system.sh("fish -c 'complete --do-complete \"siaga con\"'").starts_with("config"));
    let zsh = "autoload -U compinit && compinit -u -d /tmp/dump && whence -v _siaga && autoload +X _siaga && whence -f _siaga | grep -c survey";
    assert_ne!(system.sh(&format!("zsh -fc '{zsh}'")).lines().last().unwrap(), "0");
}

#[test]
#[ignore = "builds the package: make deb-test"]
fn an_upgrade_keeps_what_people_have_said_and_a_purge_what_is_theirs() {
    let system = System::start();
    let before = named(&system);
    let first = system.push(&built());
    let second = system.push(&newer());
    system.sh(&format!("dpkg --install {first}"));
    // A room of its own, a secret, a history, and a service that somebody has switched off.
    system.sh(
        "printf '[room]\\nname = \"aula\"\\n' >/etc/siaga/siaga.toml
         umask 077; echo secret >/etc/siaga/desk.secret
         mkdir -p /var/lib/private/siaga && echo rows >/var/lib/private/siaga/siaga.db && ln -s private/siaga /var/lib/siaga
         mkdir -p /var/lib/private/siaga-reflect && ln -s private/siaga-reflect /var/lib/siaga-reflect
         echo rooms >/var/lib/private/siaga-reflect/tokens.toml
         systemctl disable siaga.service",
    );
    let kept = |what: &str| {
        assert_eq!(system.file("/etc/siaga/siaga.toml"), "[room]\nname = \"aula\"\n", "{what}");
        assert_eq!(system.file("/etc/siaga/desk.secret"), "secret\n", "{what}");
        assert_eq!(system.file("/var/lib/siaga/siaga.db"), "rows\n", "{what}");
    };
    let user = system.sh("id -u siaga");
    system.sh(&format!("dpkg --install {second}"));
    kept("an upgrade");
    assert_eq!(system.sh("ls /etc/siaga"), "desk.secret\nsiaga.toml\n", "nothing is put beside it");
    assert!(system.file("/usr/share/siaga/siaga.toml").contains("A word: newer"));
    assert_eq!(
        system.run("systemctl is-enabled siaga.service").1.trim(),
        "disabled",
        "whoever switched it off meant it"
    );
    assert_eq!(system.sh("id -u siaga"), user);
    system.sh("siaga config check");
    // The same again, and back: neither loses anything.
    system.sh(&format!("dpkg --install {second} && dpkg --install {first}"));
    kept("a downgrade");
    assert!(named(&system).len() > before.len() + 60, "it is seen what belongs to it");
    system.sh("dpkg --remove siaga");
    kept("a removal");
    assert_ne!(system.run("ls /usr/bin/siaga /lib/systemd/system/siaga.service").0, 0);
    system.sh(&format!("dpkg --install {second}"));
    kept("another installation");
    assert_eq!(system.run("systemctl is-enabled siaga.service").1.trim(), "disabled");
    system.sh("dpkg --purge siaga");
    assert_eq!(system.sh("ls /etc/siaga"), "desk.secret\n");
    assert_eq!(system.file("/etc/siaga/desk.secret"), "secret\n", "what people put there themselves is theirs");
    let mut left = named(&system);
    left.retain(|path| !before.contains(path) && !path.starts_with("/etc/siaga"));
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(system.run("dpkg-query --show siaga").0, 1);
}

#[test]
#[ignore = "builds the package: make deb-test"]
fn where_the_config_was_a_conffile_an_upgrade_asks_nothing_and_leaves_it_as_it_is() {
    let room = "[room]\nname = \"aula\"\n";
    let (first, other) = (older("first"), older("other"));
    for changed in [true, false] {
        let system = System::start();
        let [first, other, now, newer] = [&first, &other, &built(), &newer()].map(|package| system.push(package));
        system.sh(&format!("dpkg --install {first}"));
        let shipped = system.file("/etc/siaga/siaga.toml");
        assert!(shipped.contains("A word: first"), "{shipped}");
        if changed {
            system.sh(&format!(
                "printf '{}' >/etc/siaga/siaga.toml; chmod 640 /etc/siaga/siaga.toml",
                room.escape_default()
            ));
            // What this is about: nobody is there to be asked.
            let (code, said) = system.run(&format!("dpkg --install {other}"));
            assert!(code != 0 && said.contains("end of file on stdin at conffile prompt"), "{said}");
        }
        let before = system.sh("stat --format='%U:%G %a %i %Y' /etc/siaga/siaga.toml");
        for package in [&now, &newer] {
            system.sh(&format!("dpkg --install {package}"));
            assert_eq!(system.sh("ls /etc/siaga; dpkg --audit"), "siaga.toml\n");
            assert_eq!(system.file("/etc/siaga/siaga.toml"), if changed { room } else { &shipped });
            assert_eq!(system.sh("stat --format='%U:%G %a %i %Y' /etc/siaga/siaga.toml"), before);
        }
        // Whoever takes it away finds none after an upgrade either; nor is it there after a purge.
        if changed {
            system.sh(&format!("rm /etc/siaga/siaga.toml && dpkg --install {now}"));
            assert_ne!(system.run("ls /etc/siaga/siaga.toml").0, 0);
        }
        system.sh("dpkg --purge siaga && [ ! -e /etc/siaga ]");
    }
}

#[test]
#[ignore = "builds the package: make deb-test"]
fn a_config_that_the_new_version_refuses_fails_no_installation() {
    // A daemon that does not start is systemd's and the journal's to tell; a package that is half installed helps nobody.
    let system = System::start();
    system.sh("mkdir -p /etc/siaga && echo 'nonsense = 1' >/etc/siaga/siaga.toml");
    system.sh(&format!("dpkg --install {}", system.push(&built())));
    assert_eq!(system.file("/etc/siaga/siaga.toml"), "nonsense = 1\n");
    assert_eq!(system.sh("dpkg-query --show --showformat='${db:Status-Status}' siaga"), "installed");
    system.sh("dpkg --purge siaga");
}

#[test]
#[ignore = "builds the package: make deb-test"]
fn what_was_cut_off_in_its_middle_is_finished_by_the_next_try() {
    let system = System::start();
    let package = system.push(&built());
    // The user cannot be made.
    system.sh("mv /usr/bin/systemd-sysusers /root/");
    system.sh("printf '#!/bin/sh\\nexit 1\\n' > /usr/bin/systemd-sysusers && chmod 755 /usr/bin/systemd-sysusers");
    let (code, said) = system.run(&format!("dpkg --install {package}"));
    assert_ne!(code, 0, "{said}");
    system.sh("mv /root/systemd-sysusers /usr/bin/ && dpkg --configure --pending && dpkg --verify siaga");
    assert_eq!(system.sh("dpkg --audit && id --user --name siaga").trim(), "siaga");
    // dpkg is killed: while it unpacks, or between that and the scripts.
    let state = "mkdir -p /var/lib/siaga && echo kept > /var/lib/siaga/tokens.toml";
    system.sh(state);
    let newer = system.push(&newer());
    for pause in ["0.05", "0.2", "0.5"] {
        // Who is killed holds dpkg's lock until he is dead, which on a busy disk takes its time.
        _ = system.run(&format!("dpkg --install {newer} & cut=$!; sleep {pause}; kill -KILL $cut; wait $cut"));
    }
    system.sh(&format!("dpkg --install {newer} && dpkg --verify siaga && siaga --version"));
    assert_eq!((system.sh("dpkg --audit").trim(), system.sh("cat /var/lib/siaga/tokens.toml").trim()), ("", "kept"));
}
