//! A day, a month and a year of an office's room: how soon pages, reports and outlooks answer over it, and how large it is.

mod fill;

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use super::{Goal, Row, Unit};
use crate::daemon::Daemon;
use crate::http::Client;
use crate::lab::Lab;
use crate::process::Process;
use crate::servers::local;
use crate::stats::{Measured, once, sample};
use fill::{CHECKS, Past, id};

const TIMES: usize = 31;
const MOST: f64 = 0.05;

/// What is remembered, and how many days that are.
const SPANS: [(&str, i64); 3] = [("a day", 1), ("a month", 31), ("a year", 365)];

const HOW: &str = "minutes of 7 checks, six meetings a day (2 000 at most) with sheets and notices, three incidents a day, written by the \
                   store; the daemon started over it; one connection, one question after the other, each from its first byte to \
                   the answer's last";

pub(crate) fn history(lab: &Lab) -> Vec<Row> {
    SPANS
        .into_iter()
        .flat_map(|(span, days)| measured(lab, span, days).unwrap_or_else(|why| lacking(span, why)))
        .collect()
}

fn lacking(span: &str, why: String) -> Vec<Row> {
    let (what, unit, goal) = (format!("{span} of meetings"), Unit::Seconds, Goal::Ours(MOST));
    vec![Row { what, unit, ours: Err(why), peer: None, goal, how: String::new() }]
}

fn measured(lab: &Lab, span: &str, days: i64) -> Result<Vec<Row>, String> {
    let folder = lab.folder(&format!("history-{days}"))?;
    let state = folder.join("state");
    fs::create_dir_all(&state).map_err(|error| error.to_string())?;
    let past = Past::up_to_now(days, lab.clock)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let rows = runtime.map_err(|error| error.to_string())?.block_on(past.write(&state))?;
    let size = fs::metadata(state.join("siaga.db")).map_err(|error| error.to_string())?.len();

    let address = local(10_153);
    let config = folder.join("siaga.toml");
    fs::write(&config, format!("{}{}", head(address), checks())).map_err(|error| error.to_string())?;
    let token = token(&config, &state)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_siaga"));
    command.arg("run").arg("--config").arg(&config).arg("--state-dir").arg(&state);
    let began = lab.clock.mono();
    let mut daemon = Daemon { process: Process::start("siaga", &mut command, &folder, lab.clock)?, address };
    daemon.wait_for_first_round()?;
    let start = lab.clock.mono().since(began).as_secs_f64();

    let mut client = daemon.client()?;
    let slot = |day: i64| {
        let start = past.session(0).start.saturating_add(jiff::SignedDuration::from_hours(24 * day + 2));
        start.map(|start| (start, start + jiff::SignedDuration::from_hours(1)))
    };
    let (from, to) = slot(days + 5).map_err(|error| error.to_string())?;
    let (since, until) = (
        slot((days - 35).max(0)).map_err(|error| error.to_string())?.0,
        slot((days - 5).max(1)).map_err(|error| error.to_string())?.0,
    );
    let month = since.strftime("%Y-%m").to_string();
    // Those of the last twentieth may not be over.
    let over = (past.sessions() * 19 / 20).max(1);
    let nth = |nth: usize| id(i64::try_from(nth).unwrap_or_default() * 61 % over);
    let paths: [(&str, &dyn Fn(usize) -> String); 12] = [
        ("page of the room", &|_| "/".to_owned()),
        ("page of the internet", &|_| "/components/internet".to_owned()),
        ("page of incidents", &|_| "/incidents".to_owned()),
        ("page of the agenda", &|_| "/agenda".to_owned()),
        ("run sheet's page", &|n| format!("/sessions/{}", nth(n))),
        ("report's page", &|n| format!("/sessions/{}/report", nth(n))),
        ("report as JSON", &|n| format!("/api/v1/sessions/{}/report", nth(n))),
        ("sessions of a month", &|_| format!("/api/v1/sessions?since={since}&until={until}")),
        ("readiness with outlook", &|_| format!("/api/v1/readiness?start={from}&end={to}&profile=zoom_group_720")),
        ("outlook of the week", &|_| "/api/v1/outlook/week".to_owned()),
        ("ledger of a month", &|_| format!("/api/v1/ledger?month={month}")),
        ("metrics", &|_| "/metrics".to_owned()),
    ];
    let times = lab.samples(TIMES);
    let mut all: Vec<Row> = paths
        .iter()
        .map(|(what, path)| Row {
            what: format!("{span} of meetings: {what}"),
            unit: Unit::Seconds,
            ours: asked(lab, &mut client, &token, times, path),
            peer: None,
            goal: Goal::Ours(MOST),
            how: HOW.to_owned(),
        })
        .collect();
    #[allow(clippy::cast_precision_loss, reason = "some gigabytes, a year of days")]
    let (size, rows, days) = (size as f64, rows as f64, days as f64);
    let mut row = |what: &str, unit, value, how: &str| {
        all.push(Row {
            what: format!("{span} of meetings: {what}"),
            unit,
            ours: value,
            peer: None,
            goal: Goal::None,
            how: how.to_owned(),
        });
    };
    row("start → first round over it", Unit::Seconds, once(start), HOW);
    row("database", Unit::Bytes, once(size), "the file after the store's close, minutes kept for all of it");
    row("database's growth a day", Unit::Bytes, once(size / days), "the file's size by its days");
    row("rows of minutes", Unit::Count, once(rows), "what was given to the store");
    row("memory then", Unit::Bytes, daemon.process.memory().and_then(once), "resident, after all questions");
    Ok(all)
}

fn asked(lab: &Lab, client: &mut Client, token: &str, times: usize, path: &dyn Fn(usize) -> String) -> Measured {
    let mut took = Vec::new();
    for n in 0..times {
        let path = path(n);
        let began = lab.clock.mono();
        let answer = client.get_with(&path, token)?;
        took.push(lab.clock.mono().since(began).as_secs_f64());
        // A room that is not ready answers 503, with all that an answer has.
        if answer.status != 200 && answer.status != 503 {
            return Err(format!("{path} answers {}: {}", answer.status, String::from_utf8_lossy(&answer.body)));
        }
    }
    sample(took)
}

fn head(address: std::net::SocketAddr) -> String {
    format!(
        "[room]\nname = \"bench\"\n[web]\nlisten = \"{address}\"\n[store]\nretention_minutes = \"400d\"\n\
         [components]\naudio = {{ absent = true }}\nvideo = {{ absent = true }}\nradio = {{ absent = true }}\n"
    )
}

/// Nobody of them need answer: what is measured is in the database.
fn checks() -> String {
    let own = |name: &str| match name {
        "gateway" | "far" | "spare" => "target = \"127.0.0.1\"\n",
        "web" => "url = \"http://127.0.0.1:9/\"\n",
        "ups" => "server = \"127.0.0.1:9\"\nups = \"lab\"\n",
        _ => "",
    };
    let mut text = String::new();
    for (name, kind) in CHECKS {
        let _ = writeln!(text, "[[check]]\nname = \"{name}\"\nkind = \"{}\"\n{}", kind.as_str(), own(name));
    }
    text
}

/// The header of a token that may read names.
fn token(config: &std::path::Path, state: &std::path::Path) -> Result<String, String> {
    let made = Command::new(env!("CARGO_BIN_EXE_siaga"))
        .args(["token", "add", "bench", "--scope", "schedule"])
        .arg("--config")
        .arg(config)
        .arg("--state-dir")
        .arg(state)
        .output()
        .map_err(|error| error.to_string())?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).into_owned());
    }
    Ok(format!("Authorization: Bearer {}\r\n", String::from_utf8_lossy(&made.stdout).trim()))
}
