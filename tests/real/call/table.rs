//! The table of `make calls`: for each line what was said before the call, what the call was, and whether the one fits the other.

use std::fmt::Write as _;
use std::fs;

use super::PICTURE;
use super::comparison::Row;
use super::room::Told;
use crate::support::call::End;

/// How good a call was, and what a verdict promises of it.
const WORDS: [&str; 3] = ["good", "fair", "bad"];

/// What makes a call worse than good, and what makes it bad. Of the third, the shares of concealed sound, the round trip and the
/// seven pictures a second are the limits of Microsoft's class "poor"; the others are choices.
const RULES: &str = "A call is *good* with at most 2 % of its sound made up, four fifths of its pictures, a second a minute frozen, a round trip of \
     300 ms, and half of the bits that it sends on the first line; it is *bad* over 7 %, under 7 pictures a second, over 6 seconds a \
     minute, over 500 ms, or under a quarter of the bits; else *fair*. 7 %, 7 pictures and 500 ms are the limits of Microsoft's class \
     \"poor\"; the rest is our choice. The worse of both ends counts.";

/// All of it.
pub(super) fn of_lines(rows: &[(&str, Row)]) -> String {
    let mut text = format!(
        "# A call beside what Siaga says of the line\n\n{}. Two headless Chromium, {}x{} at {} pictures a second, VP8 of at most {} Mbit/s, \
         and Opus, both ways; each line is bad both ways, over 15 ms of delay. Siaga (profile zoom_group_720) looks before the call. One call \
         a line.\n\n{RULES}\n\n",
        machine(),
        PICTURE.width,
        PICTURE.height,
        PICTURE.frames,
        f64::from(PICTURE.bits) / 1e6,
    );
    text.push_str(
        "| line | Siaga: verdict (echoes, call-like, TCP) | reasons | loss out, in, % | overtaken out, in, % | variation out, in, ms | round trip, ms | call-like out, in, Mbit/s | TCP out, in, Mbit/s \
         | the call: how | loss | sound made up | pictures a second | freezes, s | sent, Mbit/s | quantizer | repeated | jitter, ms | round trip, ms |\n",
    );
    _ = writeln!(text, "|{}", "---|".repeat(19));
    let best = rows.first().map_or(f64::INFINITY, |(_, row)| least(row, |end| end.sent));
    for (name, row) in rows {
        let told = &row.told;
        let worst = |of: fn(&End) -> f64| most(row, of);
        let verdicts: Vec<_> = told.checks.iter().map(|(_, verdict, _)| verdict.as_str()).collect();
        let mut reasons: Vec<_> =
            told.checks.iter().flat_map(|(.., reasons)| reasons).map(|code| format!("`{code}`")).collect();
        reasons.sort();
        reasons.dedup();
        _ = writeln!(
            text,
            "| {name} | **{}** ({}) | {} | {} | {} | {} | {} | {} | {} | **{}** | {:.1} % | {:.1} % | {:.1} | {:.0}, {:.1} | {:.2} | {:.0} | {:.0} % | {:.0} | {:.0} |{}",
            told.verdict,
            verdicts.join(", "),
            reasons.join(" "),
            ways(told.loss, 100.0, 1),
            ways(told.overtaken, 100.0, 1),
            ways(told.variation, 1000.0, 0),
            shown(told.rtt, 1000.0, 0),
            ways(told.rate, 1e-6, 1),
            ways(told.tcp, 1e-6, 1),
            WORDS[class(row, best)],
            worst(End::loss) * 100.0,
            worst(|end| end.concealed) * 100.0,
            least(row, |end| end.frames),
            worst(|end| end.freezes),
            worst(|end| end.frozen),
            least(row, |end| end.sent) / 1e6,
            worst(|end| end.quantizer),
            worst(|end| end.repeated) * 100.0,
            worst(|end| end.jitter) * 1000.0,
            worst(|end| end.rtt.unwrap_or(0.0)) * 1000.0,
            if was_busy(row) { " this machine was too busy to film or to code: not the line |" } else { "" },
        );
    }
    text + &agreement(rows, best)
}

/// Whether verdicts and calls rank the lines alike.
fn agreement(rows: &[(&str, Row)], best: f64) -> String {
    let judged: Vec<_> = rows
        .iter()
        .filter(|(_, row)| !was_busy(row))
        .filter_map(|(name, row)| Some((*name, level(&row.told)?, class(row, best), most(row, |end| end.frozen))))
        .collect();
    let named = |which: &dyn Fn(usize, usize) -> bool| {
        let names: Vec<_> =
            judged.iter().filter(|(_, level, class, _)| which(*level, *class)).map(|(name, ..)| *name).collect();
        if names.is_empty() { "none".to_owned() } else { names.join("; ") }
    };
    let (mut longer, mut same, mut shorter) = (0, 0, 0);
    for (n, one) in judged.iter().enumerate() {
        for other in &judged[n + 1..] {
            let (better, worse) = if one.1 < other.1 { (one, other) } else { (other, one) };
            if better.1 < worse.1 {
                // What a browser does not call a freeze is none; a tenth of a second is chance.
                let by = worse.3 - better.3;
                *(if by > 0.1 {
                    &mut longer
                } else if by < -0.1 {
                    &mut shorter
                } else {
                    &mut same
                }) += 1;
            }
        }
    }
    format!(
        "\n- Verdict and call fit (ready and good, degraded and fair, not ready and bad): {}.\n- Siaga was stricter than the call: {}.\n\
         - Siaga was milder than the call: {}.\n- Not compared, because the verdict is unknown or this machine was too busy for the call: {} of {}.\n- Of the pairs of lines with different verdicts, the picture of the worse \
         one stood longer in {longer}, as long in {same}, shorter in {shorter}.\n",
        named(&|level, class| level == class),
        named(&|level, class| level > class),
        named(&|level, class| level < class),
        rows.len() - judged.len(),
        rows.len(),
    )
}

/// What the verdict promises; nothing, if it is unknown.
fn level(told: &Told) -> Option<usize> {
    ["ready", "degraded", "not_ready"].iter().position(|word| *word == told.verdict)
}

fn class(row: &Row, best: f64) -> usize {
    row.ends
        .iter()
        .map(|end| {
            let (minute, rtt) = (end.frozen * 60.0 / end.seconds, end.rtt.unwrap_or(0.0));
            let good = end.concealed <= 0.02
                && end.frames >= f64::from(PICTURE.frames) * 0.8
                && minute <= 1.0
                && rtt <= 0.3
                && end.sent >= best / 2.0;
            let bad = end.concealed > 0.07 || end.frames < 7.0 || minute > 6.0 || rtt > 0.5 || end.sent < best / 4.0;
            if bad { 2 } else { usize::from(!good) }
        })
        .max()
        .unwrap_or(0)
}

/// Whether an end had fewer pictures to send than were asked for, or held them back for want of processor time.
fn was_busy(row: &Row) -> bool {
    row.ends.iter().any(|end| end.filmed < f64::from(PICTURE.frames) * 0.9 || end.starved > end.seconds * 0.1)
}

fn most(row: &Row, of: impl Fn(&End) -> f64) -> f64 {
    row.ends.iter().map(of).fold(0.0, f64::max)
}

fn least(row: &Row, of: impl Fn(&End) -> f64) -> f64 {
    row.ends.iter().map(of).fold(f64::INFINITY, f64::min)
}

/// A figure out and in.
fn ways(both: [Option<f64>; 2], times: f64, digits: usize) -> String {
    both.map(|value| shown(value, times, digits)).join(", ")
}

fn shown(value: Option<f64>, times: f64, digits: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{:.digits$}", value * times))
}

/// The day, and how busy this machine is.
fn machine() -> String {
    let today = siaga::clock::Clock::start().now().wall.strftime("%Y-%m-%d").to_string();
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("{today}, {cores} cores, load at the end {}", load.split(' ').next().unwrap())
}
