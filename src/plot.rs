//! A quantity over time as a picture (SVG), drawn without any script or style sheet (what makes PDF of a page reads none in pictures):
//! the minutes' medians as a line, from the least to the greatest value as a band, and nothing where nothing was measured.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::record::Point;

/// Of the picture, in its own units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 110.0;
/// What is left for the labels at the left, above and below.
const LEFT: f64 = 74.0;
const TOP: f64 = 6.0;
const BOTTOM: f64 = 18.0;
/// At most so many marks of time.
const MARKS: i64 = 8;

/// What a picture shows.
pub struct Plot<'a> {
    /// What was measured, oldest first.
    pub points: &'a [Point],
    /// How long each point stands for, s. Two that are further apart than one and a half of it have nothing between them.
    pub step: i64,
    /// From when until when it reaches.
    pub span: (Timestamp, Timestamp),
    /// Moments that are marked: a meeting's begin and end.
    pub marks: &'a [Timestamp],
    /// When something was wrong: shaded.
    pub troubles: &'a [(Timestamp, Timestamp)],
    /// The zone in which times are told.
    pub zone: &'a TimeZone,
    /// How the language writes a time of day, as `strftime` has it.
    pub clock: &'a str,
    /// What it shows, for whoever does not see it.
    pub title: String,
    /// A value in people's units.
    pub value: &'a dyn Fn(f64) -> String,
}

impl Plot<'_> {
    /// The picture. All text in it is escaped.
    pub fn svg(&self) -> String {
        let low = self.points.iter().map(|point| point.min).fold(f64::INFINITY, f64::min).min(0.0);
        let high = self.points.iter().map(|point| point.max).fold(f64::NEG_INFINITY, f64::max);
        let high = if high > low { high } else { low + 1.0 };
        let (begin, end) = (self.span.0.as_second(), self.span.1.as_second().max(self.span.0.as_second() + 60));
        let x = |at: Timestamp| LEFT + share(at.as_second() - begin, end - begin) * (WIDTH - LEFT - 4.0);
        let y = |value: f64| TOP + (1.0 - (value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
        let title = escaped(&self.title);
        let mut out = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"10\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>"
        );
        for (from, to) in self.troubles {
            let (from, to) = (x((*from).max(self.span.0)), x((*to).min(self.span.1)));
            if to > from {
                _ = write!(
                    out,
                    "<rect fill=\"#f3c9cf\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                    to - from,
                    HEIGHT - TOP - BOTTOM
                );
            }
        }
        for (value, at) in [(high, TOP + 8.0), (low, HEIGHT - BOTTOM)] {
            let text = escaped(&(self.value)(value));
            _ = write!(out, "<text x=\"{:.1}\" y=\"{at:.1}\" text-anchor=\"end\">{text}</text>", LEFT - 5.0);
        }
        let step = ((end - begin) / MARKS).max(1).div_euclid(900).max(0) * 900 + 900;
        let mut mark = begin.div_euclid(step) * step + step;
        while mark < end {
            let at = Timestamp::from_second(mark).unwrap_or(self.span.0);
            let clock = at.to_zoned_datetime(self.zone.clone()).strftime(self.clock).to_string();
            _ = write!(out, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{clock}</text>", x(at), HEIGHT - 4.0);
            mark += step;
        }
        for at in self.marks.iter().copied() {
            if at >= self.span.0 && at <= self.span.1 {
                _ = write!(
                    out,
                    "<line stroke=\"#404040\" stroke-dasharray=\"3 2\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{TOP}\" y2=\"{1:.1}\"/>",
                    x(at),
                    HEIGHT - BOTTOM
                );
            }
        }
        let apart = self.step + self.step / 2;
        for run in self.points.chunk_by(|one, next| next.at.as_second() - one.at.as_second() <= apart) {
            let middle = |point: &Point| x(point.at) + share(self.step, 2 * (end - begin)) * (WIDTH - LEFT - 4.0);
            let pair = |point: &Point, value: f64| format!("{:.1},{:.1} ", middle(point), y(value));
            let upper: String = run.iter().map(|point| pair(point, point.max)).collect();
            let lower: String = run.iter().rev().map(|point| pair(point, point.min)).collect();
            let line: String = run.iter().map(|point| pair(point, point.p50)).collect();
            _ = write!(out, "<polygon fill=\"#9db8d9\" points=\"{upper}{}\"/>", lower.trim_end());
            _ = write!(
                out,
                "<polyline fill=\"none\" stroke=\"#123f73\" stroke-width=\"1.2\" points=\"{}\"/>",
                line.trim_end()
            );
            if let [only] = run {
                _ = write!(
                    out,
                    "<circle fill=\"#123f73\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"1.5\"/>",
                    middle(only),
                    y(only.p50)
                );
            }
        }
        out + "</svg>"
    }
}

#[allow(clippy::cast_precision_loss, reason = "seconds of some days")]
fn share(part: i64, whole: i64) -> f64 {
    part as f64 / whole as f64
}

/// Text as it may stand in XML, also within quotes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}
