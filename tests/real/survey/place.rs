//! A place with a known line, a survey of it, and what that left behind.
#![allow(clippy::cast_precision_loss, reason = "a part of a body")]

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::{get, post};
use futures_util::StreamExt as _;
use serde_json::Value;

use crate::support::daemon::siaga;
use crate::support::impairment::Impairment;
use crate::support::line::{FAR, Line};
use crate::support::namespace::ip;
use crate::support::reflector::Reflector;
use crate::support::turnserver::{PASSWORD, USER};

pub(crate) const MS: Duration = Duration::from_millis(1);
/// Another address of this machine's, that is not loopback's: servers by TCP, which the line does not carry.
pub(crate) const BESIDE: &str = "203.0.113.1";

/// A place whose line is bad in that way, with a router and a reflector at its other end.
pub(crate) struct Place {
    pub(crate) line: Line,
    _reflector: Reflector,
    pub(crate) folder: tempfile::TempDir,
}

/// What a survey left behind.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) report: Value,
    pub(crate) page: String,
}

impl Place {
    pub(crate) fn new(up: Impairment, down: Impairment) -> Self {
        let line = Line::lay(up, down, 5);
        ip(&[&format!("route add default via {FAR} dev here0"), &format!("address add {BESIDE}/32 dev lo")]);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "sixteen bytes and more").unwrap();
        let mut command = Line::far(env!("CARGO_BIN_EXE_siaga"));
        command.args(["reflect", "--listen", &format!("{FAR}:10862"), "--key-file"]).arg(folder.path().join("key"));
        let reflector = Reflector::start_by(command, 1);
        Self { line, _reflector: reflector, folder }
    }

    /// The command against the reflector, with more arguments, or others.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_by(siaga(), args)
    }

    /// The command by a program that is prepared in some way.
    pub(crate) fn command_by(&self, program: Command, args: &[&str]) -> Command {
        let (out, key) =
            (self.folder.path().display().to_string(), self.folder.path().join("key").display().to_string());
        let mut command = bare_by(program);
        let usual = [("--out", out.as_str()), ("--far-end", FAR), ("--key-file", &key), ("--duration", "3s")];
        for (flag, value) in usual.iter().filter(|(flag, _)| !args.contains(flag)) {
            command.args([flag, value]);
        }
        command.args(args);
        command
    }

    /// Does a survey with more arguments.
    pub(crate) fn survey(&self, args: &[&str]) -> Told {
        self.made(|| told(self.command(args).output().unwrap(), self.folder.path()))
    }

    /// Does a survey in that way. A machine that is too busy to send in time gives a test up: then it is done again.
    pub(crate) fn made(&self, mut survey: impl FnMut() -> Told) -> Told {
        loop {
            let told = survey();
            if !told.report.to_string().contains("too busy") {
                return told;
            }
            self.forget();
        }
    }

    /// Takes away what the surveys so far have left.
    pub(crate) fn forget(&self) {
        reports(self.folder.path()).for_each(|file| std::fs::remove_file(file).unwrap());
    }
}

pub(crate) fn bare() -> Command {
    bare_by(siaga())
}

fn bare_by(mut command: Command) -> Command {
    command.env_remove("SIAGA_CONFIG").arg("survey").stdin(Stdio::null());
    command
}

pub(crate) fn reports(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("survey-"))
}

pub(crate) fn told(output: Output, folder: &Path) -> Told {
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    let text = |ending: &str| {
        let files: Vec<_> = reports(folder).filter(|file| file.extension().unwrap() == ending).collect();
        assert!(files.len() == 1, "{files:?}: {out}{err}");
        std::fs::read_to_string(&files[0]).unwrap()
    };
    let (report, page) = (serde_json::from_str(&text("json")).unwrap(), text("html"));
    Told { code: output.status.code(), out, err, report, page }
}

impl Told {
    pub(crate) fn check(&self, name: &str) -> &Value {
        let checks = self.report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}: {:#}", self.report))
    }

    pub(crate) fn value(&self, check: &str, quantity: &str) -> f64 {
        let all = self.check(check)["measurements"].as_array().unwrap();
        let found = all.iter().find(|one| one["quantity"] == quantity);
        found.unwrap_or_else(|| panic!("no {quantity}: {:#}", self.report))["value"].as_f64().unwrap()
    }

    /// Why that check, or what nobody asked for, was not measured.
    pub(crate) fn missing(&self, check: &str) -> Option<&str> {
        let all = self.report["not_measured"].as_array().unwrap();
        all.iter().find(|one| one["check"] == check).map(|one| one["why"]["id"].as_str().unwrap())
    }

    /// What holds of every report.
    pub(crate) fn is_whole(&self, verdict: &str, code: i32) {
        assert_eq!(
            (self.code, self.report["verdict"].as_str()),
            (Some(code), Some(verdict)),
            "{}{:#}",
            self.out,
            self.report
        );
        assert_eq!((&self.report["schema"], &self.report["version"]), (&"siaga.survey".into(), &1.into()));
        let answer = self.report["answer"]["id"].as_str().unwrap();
        assert_eq!(self.out.lines().next(), Some(answer));
        assert!(
            self.page.starts_with("<!doctype html>\n<html lang=\"id\">") && self.page.trim_end().ends_with("</html>")
        );
        for never in ["<script", "http://", "https://", "{{", "src=", "url("] {
            assert!(!self.page.contains(never), "{never}: {}", self.page);
        }
        for secret in [PASSWORD, USER, "sixteen bytes", "/key"] {
            assert!(!format!("{}{}{}", self.report, self.page, self.out).contains(secret), "{secret}");
        }
        // A number without its unit is none.
        for check in self.report["checks"].as_array().unwrap() {
            assert!(check["measurements"].as_array().unwrap().iter().all(|one| one["unit"].is_string()), "{check}");
        }
    }
}

pub(crate) fn delayed(delay: u32) -> Impairment {
    Impairment { delay: MS * delay, ..Impairment::default() }
}

pub(crate) fn narrow(rate: f64) -> Impairment {
    Impairment { rate: Some((rate, MS * 200)), ..delayed(10) }
}

/// Downloads and uploads, served beside by a thread that lives as long as the test's process.
pub(crate) fn rates() -> SocketAddr {
    let (tell, address) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let serving = async {
            // Slower than a gigabit, beyond which a result is thrown away.
            let down = get(|| async {
                let parts = futures_util::stream::iter(0..1000).then(|_| async {
                    tokio::time::sleep(MS).await;
                    Ok::<_, std::io::Error>(vec![7; 20_000])
                });
                Body::from_stream(parts)
            });
            let up = post(|request: Request| async move {
                let mut body = request.into_body().into_data_stream();
                while let Some(Ok(part)) = body.next().await {
                    tokio::time::sleep(Duration::from_secs_f64(part.len() as f64 * 8.0 / 200e6)).await;
                }
                "all read"
            });
            let listener = tokio::net::TcpListener::bind((BESIDE.parse::<IpAddr>().unwrap(), 0)).await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            axum::serve(listener, Router::new().route("/down", down).route("/up", up)).await
        };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(serving)
    });
    address.recv().unwrap()
}
