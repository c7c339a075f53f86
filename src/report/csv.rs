//! The report as comma-separated values (RFC 4180): a line a look, a check by hand, a trial, an override, an incident, an acknowledgement, a gap, a quantity, an evaluation.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::document::{Evaluation, Held, Report};

const HEAD: [&str; 8] = ["what", "from", "to", "seconds", "component", "verdict", "detail", "by"];

/// All of it. Lines end in CR and LF (§2.1), the first one names the fields (§2.3).
pub fn csv(report: &Report, evaluations: &[(Timestamp, Evaluation)]) -> String {
    let mut rows: Vec<[String; 8]> = Vec::new();
    let session = &report.session;
    let cell = |text: &str| text.to_owned();
    let none = String::new;
    rows.push([
        cell("meeting"),
        session.start.clone(),
        session.end.clone(),
        none(),
        none(),
        report.procedure.at_start.map_or_else(none, |verdict| verdict.as_str().to_owned()),
        format!("{} ({})", session.title, session.id),
        session.office.clone().unwrap_or_default(),
    ]);
    for (task, person) in &session.crew {
        rows.push([cell("crew"), none(), none(), none(), none(), none(), task.clone(), person.clone()]);
    }
    for look in &report.looks {
        let verdict = look.verdict.as_str().to_owned();
        rows.push([
            cell("look"),
            look.at.clone(),
            none(),
            none(),
            none(),
            verdict,
            look.reasons.join(" "),
            look.occasion.clone(),
        ]);
    }
    for check in &report.run_sheet.checks {
        let standing = serde_json::to_value(check.standing).ok();
        let standing = standing.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default();
        // In a report of before it was told when, and by whom.
        let is_old = check.after_start && check.later.is_none();
        let standing = if is_old { "done_after_start".to_owned() } else { standing };
        let (at, by) = (check.at.clone().unwrap_or_default(), check.by.clone().unwrap_or_default());
        rows.push([cell("hand_check"), at, none(), none(), none(), standing, check.name.clone(), by]);
        if let Some(later) = &check.later {
            let (at, by) = (later.at.clone(), later.by.clone());
            let what = cell(if later.done { "done_after_start" } else { "taken_back_after_start" });
            rows.push([cell("hand_check"), at, none(), none(), none(), what, check.name.clone(), by]);
        }
    }
    for trial in &report.run_sheet.trials {
        let (from, to) = (trial.from.clone(), trial.to.clone().unwrap_or_default());
        rows.push([cell("trial"), from, to, none(), none(), none(), trial.findings.clone(), trial.by.clone()]);
    }
    for one in &report.run_sheet.overrides {
        let (from, to) = (one.from.clone(), one.to.clone());
        let verdict = one.verdict.as_str().to_owned();
        rows.push([cell("override"), from, to, none(), none(), verdict, one.reason.clone(), one.by.clone()]);
    }
    let mut times = |what: &str, component: &str, held: &Held| {
        for (verdict, seconds) in [
            ("ready", held.ready),
            ("degraded", held.degraded),
            ("not_ready", held.not_ready),
            ("unknown", held.unknown),
            ("not_measured", held.not_measured),
        ] {
            rows.push([
                cell(what),
                none(),
                none(),
                seconds.to_string(),
                cell(component),
                cell(verdict),
                none(),
                none(),
            ]);
        }
    };
    times("held", "", &report.held);
    for part in &report.components {
        times("held", part.component.as_str(), &part.held);
    }
    for trouble in &report.incidents {
        let component = trouble.component.as_str().to_owned();
        rows.push([
            cell("incident"),
            trouble.from.clone(),
            trouble.to.clone().unwrap_or_default(),
            trouble.seconds.to_string(),
            component.clone(),
            trouble.worst.as_str().to_owned(),
            trouble.reasons.join(" "),
            none(),
        ]);
        for seen in &trouble.acknowledged {
            let (at, by) = (seen.at.clone(), seen.by.clone());
            rows.push([cell("acknowledged"), at, none(), none(), component.clone(), none(), trouble.id.clone(), by]);
        }
    }
    for gap in &report.not_measured {
        let component = gap.component.map_or_else(none, |component| component.as_str().to_owned());
        rows.push([
            cell("gap"),
            gap.from.clone(),
            gap.to.clone(),
            none(),
            component,
            none(),
            cell(gap.why.as_str()),
            none(),
        ]);
    }
    for one in &report.quality {
        let name = one.part.as_ref().map_or_else(|| one.quantity.clone(), |part| format!("{} {part}", one.quantity));
        let detail = format!("{name} min {} mean {} max {}", one.min, one.mean, one.max);
        let minutes = format!("{} of {} minutes", one.minutes, one.of_minutes);
        rows.push([
            cell("quality"),
            none(),
            none(),
            (one.minutes * 60).to_string(),
            none(),
            none(),
            detail,
            format!("{}: {minutes}", one.check),
        ]);
    }
    let zone = TimeZone::get(&report.time_zone).unwrap_or(TimeZone::UTC);
    for (at, one) in evaluations {
        let (text, by) = (one.text.clone(), one.by.clone());
        let at = Timestamp::from_second(at.as_second()).unwrap_or(*at);
        let at = at.display_with_offset(zone.to_offset(at)).to_string();
        rows.push([cell("evaluation"), at, none(), none(), none(), none(), text, by]);
    }
    [HEAD.map(str::to_owned)].into_iter().chain(rows).map(|row| record(&row)).collect()
}

/// Fields with a comma, a quote or a line's end in them are quoted, quotes are doubled (§2.6, §2.7). What a spreadsheet would take for a
/// formula is text: people's words come from outside.
pub(super) fn record(fields: &[String]) -> String {
    let quoted = fields.iter().map(|field| {
        let field =
            if field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{field}") } else { field.clone() };
        if field.contains([',', '"', '\r', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
    });
    quoted.collect::<Vec<_>>().join(",") + "\r\n"
}
