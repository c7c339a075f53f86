//! The ledger as comma-separated values (RFC 4180): a line an outage, shortfall, slow hour or gap, in order of time.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::words::{self, pick};
use crate::domain::past::{HOUR, hour_begins, hour_of};
use crate::domain::{Figure, Lang};
use crate::engine::past::ledger::{Ledger, Line, Measured, SlowHour};

const ID: [&str; 13] = [
    "mulai",
    "selesai",
    "durasi_detik",
    "jenis",
    "penyebab",
    "sejak_sebelum_bulan_ini",
    "masih_berlanjut",
    "alasan",
    "pemeriksaan",
    "paket_hilang_rasio",
    "pulang_pergi_detik",
    "unduhan_bit_per_detik",
    "unggahan_bit_per_detik",
];
const EN: [&str; 13] = [
    "begin",
    "end",
    "duration_seconds",
    "what",
    "cause",
    "since_before_month",
    "goes_on",
    "reasons",
    "checks",
    "loss_ratio",
    "round_trip_seconds",
    "down_bits_per_second",
    "up_bits_per_second",
];

/// All of it. Lines end in CR and LF (§2.1), the first one names the fields (§2.3).
pub(crate) fn csv(ledger: &Ledger, zone: &TimeZone, lang: Lang) -> String {
    let mut rows: Vec<(Timestamp, Vec<String>)> =
        ledger.lines.iter().map(|line| (line.from, of_line(line, zone, lang))).collect();
    rows.extend(ledger.slow.iter().map(|slow| (slow.begins, of_slow(slow, zone, lang))));
    rows.sort_by_key(|(from, _)| *from);
    if ledger.cut {
        let words = pick(lang, "tidak lengkap: terlalu banyak catatan", "incomplete: too many records");
        let mut row = vec![stamp(ledger.span.0, zone), stamp(ledger.span.1, zone), String::new(), words.to_owned()];
        row.resize(ID.len(), String::new());
        rows.push((ledger.span.1, row));
    }
    let head = pick_head(lang).iter().map(|name| (*name).to_owned()).collect();
    [head].into_iter().chain(rows.into_iter().map(|(_, row)| row)).map(|row: Vec<String>| record(&row)).collect()
}

const fn pick_head(lang: Lang) -> [&'static str; 13] {
    match lang {
        Lang::Id => ID,
        Lang::En => EN,
    }
}

fn of_line(line: &Line, zone: &TimeZone, lang: Lang) -> Vec<String> {
    let Measured { loss, round_trip, down, up } = line.measured;
    let names: Vec<&str> = line.failing.iter().map(crate::domain::CheckName::as_str).collect();
    let mut row = vec![
        stamp(line.from, zone),
        stamp(line.to, zone),
        line.length().as_secs().to_string(),
        words::entry(line.entry, lang).to_owned(),
        line.entry.cause().map_or("", |cause| words::cause(cause, lang)).to_owned(),
        words::yes(line.from_before, lang).to_owned(),
        words::yes(line.goes_on, lang).to_owned(),
        line.codes.join(" "),
        names.join(" "),
    ];
    row.extend([(loss, 4), (round_trip, 4), (down, 0), (up, 0)].map(|(value, places)| number(value, places)));
    row
}

fn of_slow(slow: &SlowHour, zone: &TimeZone, lang: Lang) -> Vec<String> {
    let mut row = vec![
        stamp(slow.begins, zone),
        stamp(hour_begins(hour_of(slow.begins) + 1), zone),
        HOUR.to_string(),
        words::slow(slow.figure, lang).to_owned(),
        slow.ours.map_or("", |cause| words::cause(cause, lang)).to_owned(),
    ];
    row.resize(11, String::new());
    let of = |figure| number((slow.figure == figure).then_some(slow.least), 0);
    row.extend([of(Figure::Down), of(Figure::Up)]);
    row
}

/// A moment on the room's clock, with its offset, to the second.
fn stamp(at: Timestamp, zone: &TimeZone) -> String {
    let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
    whole.display_with_offset(zone.to_offset(at)).to_string()
}

/// Decimal points, whatever the language: for programs.
fn number(value: Option<f64>, places: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.places$}"))
}

/// A record: fields with a comma, a quote or a line's end in them are quoted, quotes are doubled (§2.6, §2.7).
fn record(fields: &[String]) -> String {
    let quoted = fields.iter().map(|field| {
        if field.contains([',', '"', '\r', '\n']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.clone()
        }
    });
    quoted.collect::<Vec<_>>().join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_record_is_quoted() {
        let fields = ["a", "b,c", "say \"x\"", "two\r\nlines", ""].map(str::to_owned);
        assert_eq!(record(&fields), "a,\"b,c\",\"say \"\"x\"\"\",\"two\r\nlines\",\r\n");
    }

    #[test]
    fn numbers_are_for_programs() {
        assert_eq!([number(Some(0.01234), 4), number(Some(1.5e6), 0), number(None, 0)], ["0.0123", "1500000", ""]);
    }
}
