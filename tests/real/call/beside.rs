//! A call with and without Siaga watching it, in turn: whether what it does to the call is more than calls differ by themselves.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use siaga::clock::Clock;

use super::comparison::{hand_out, run, which};
use super::*;
use crate::support::call::End;

/// Calls with, and as many without.
const PAIRS: usize = 5;
/// Until the browsers have found what the line carries, and Siaga has begun.
const WARM: Duration = Duration::from_secs(12);
const WATCHED: Duration = Duration::from_secs(20);

/// A call's row.
#[derive(Deserialize, Serialize)]
struct Row {
    ends: [End; 2],
    /// Siaga's tests were held, and what they had sent by the end, bytes; where Siaga watched.
    held: Option<bool>,
    tested: Option<f64>,
}

/// A figure: what it is called, how it is read, in which unit, with how many digits.
type Figure = (&'static str, fn(&End) -> f64, usize);

const FIGURES: [Figure; 9] = [
    ("loss, %", |end| end.loss() * 100.0, 2),
    ("round trip, ms", |end| end.rtt.unwrap_or(f64::NAN) * 1000.0, 1),
    ("jitter, ms", |end| end.jitter * 1000.0, 1),
    ("sound made up, %", |end| end.concealed * 100.0, 2),
    ("pictures a second", |end| end.frames, 2),
    ("frozen, s", |end| end.frozen, 2),
    ("sent, Mbit/s", |end| end.sent / 1e6, 3),
    ("quantizer", |end| end.quantizer, 1),
    ("repeated, %", |end| end.repeated * 100.0, 2),
];

/// The line on which they are held: one that a call fills, so that whatever else is sent takes from it.
fn line() -> Impairment {
    Impairment { rate: Some((2e6, MS * 200)), ..delayed(20) }
}

/// Makes them, in turn, and tells what came of it.
pub(super) fn pairs() -> String {
    let (mut calls, mut failed) = ([Vec::new(), Vec::new()], String::new());
    for pair in 0..PAIRS {
        // Whoever comes first gets the other's place the next time.
        for watched in [pair % 2, 1 - pair % 2] {
            match run::<Row>("call::beside::one_call", watched) {
                Ok(row) => calls[watched].push(row),
                Err(told) => _ = writeln!(failed, "\nA call failed.\n\n```text\n{told}\n```"),
            }
        }
    }
    let held = calls[1].iter().filter(|row| row.held == Some(true)).count();
    let tested: f64 = calls[1].iter().filter_map(|row| row.tested).sum();
    let mut text = format!(
        "# A call with and without Siaga watching\n\nOn a line of 2 Mbit/s each way (20 ms of delay, a queue of 200 ms), which the call fills. {} calls \
         without and {} with, in turn, {} s each after {} s; Siaga saw the room in use and held its tests in {held} of them, which had \
         sent {tested:.0} bytes by the end. Medians, and in brackets the middle half of the calls (25 % to 75 %). \
         \"By chance\" is how often the same calls, dealt out anew to with and without, differ by as much; of so many figures one is under 5 % by \
         itself.\n\n\
         | figure | end | without | with | difference | inside the calls' own spread | by chance |\n|---|---|---|---|---|---|---|\n",
        calls[0].len(),
        calls[1].len(),
        WATCHED.as_secs(),
        WARM.as_secs(),
    );
    for (name, figure, digits) in FIGURES {
        for (end, place) in ["here", "far"].iter().zip(0..) {
            let values = [&calls[0], &calls[1]]
                .map(|calls| -> Vec<f64> { calls.iter().map(|row| figure(&row.ends[place])).collect() });
            let [without, with] =
                [&values[0], &values[1]].map(|values| [0.25, 0.5, 0.75].map(|share| quantile(values, share)));
            let shown = |[low, middle, high]: [f64; 3]| format!("{middle:.digits$} ({low:.digits$}–{high:.digits$})");
            let difference = with[1] - without[1];
            // Of the two spreads the wider: with five calls each is itself a matter of chance.
            let spread = (without[2] - without[0]).max(with[2] - with[0]);
            _ = writeln!(
                text,
                "| {name} | {end} | {} | {} | {difference:+.digits$} | {} | {:.0} % |",
                shown(without),
                shown(with),
                if difference.abs() <= spread { "yes" } else { "**no**" },
                by_chance(&values[0], &values[1]) * 100.0,
            );
        }
    }
    text + &failed
}

/// One of them, with Siaga (1) or without (0); without being told, none.
#[test]
#[ignore = "a part of make calls"]
fn one_call() {
    let Some(watched) = which() else { return };
    if !namespace::inside("call::beside::one_call") {
        return;
    }
    let _line = Line::lay(line(), line(), 3);
    let session = Pulse::start();
    let mut call = Call::begin_in(&session, PICTURE);
    let began = Clock::start();
    let room = (watched == 1).then(|| {
        let room = Room::open_with_bandwidth(Some(&session));
        room.daemon.wait_for_check("seat", "ready", "audio.seat_in_use");
        room.daemon.wait_for("/-/ready", "the first round", |answer| answer.status == 200);
        room
    });
    // From the same age on, with and without.
    call.watch(WARM.saturating_sub(began.elapsed()));
    let ends = call.watch(WATCHED);
    let held = room.as_ref().map(|room| {
        ["call", "tcp"]
            .iter()
            .all(|check| !room.daemon.get(&format!("/api/v1/checks/{check}")).json()["held"].is_null())
    });
    let used = |room: &Room, check, quantity| room.of(check, quantity, None).unwrap_or(0.0);
    let tested = room
        .as_ref()
        .map(|room| used(room, "call", "stamp_used_bytes_total") + used(room, "tcp", "bandwidth_used_bytes_total"));
    hand_out(&Row { ends, held, tested });
}

/// The share of all ways to deal these calls out to two sides at which the medians differ by as much or more.
fn by_chance(without: &[f64], with: &[f64]) -> f64 {
    let all = [without, with].concat();
    let apart = |one: &[f64], other: &[f64]| (quantile(one, 0.5) - quantile(other, 0.5)).abs();
    let seen = apart(without, with);
    let deals = (0..1_u32 << all.len()).filter(|deal| deal.count_ones() as usize == with.len());
    let (mut count, mut as_much) = (0_u32, 0_u32);
    for deal in deals {
        let (one, other): (Vec<_>, Vec<_>) = (0..).zip(&all).partition(|(place, _)| deal & (1 << place) == 0);
        let values = |side: Vec<(u32, &f64)>| -> Vec<f64> { side.into_iter().map(|(_, value)| *value).collect() };
        count += 1;
        as_much += u32::from(apart(&values(one), &values(other)) >= seen - 1e-9);
    }
    f64::from(as_much) / f64::from(count.max(1))
}

/// A quantile, between neighbours in proportion (Hyndman and Fan's type 7); NaN of none.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * place.fract()
}
