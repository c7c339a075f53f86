//! How much a feed's text becomes in memory, reckoned before anything is made of it: whoever serves it chooses the text, and of a
//! short one a parser can make very much.
//!
//! A line becomes an entry, and what `,` and `;` set apart in it become values and parameters, however short they are: of
//! `CATEGORIES:,,,` each comma is an empty text of 56 bytes. And for each value of a parameter its name is copied.

/// So many parts a feed may have at most: its lines, and what is set apart in them.
///
/// At 500 bytes each they become 125 MB at the very most, of one feed at a time. The unit allows 256 MB (`MemoryMax=`), of which the
/// daemon itself takes some 20, and the texts of those that are being read 8 MiB each. A meeting as Google sends it has about fifteen
/// parts.
pub const MOST_PARTS: usize = 250_000;

/// What becomes of a part at most, bytes, with what is made of it here and while lists grow. Run at the limit, with what
/// `/proc/self/status` said of it: events of three lines 490 a line, lines of one value (an entry of 72, room for four values of 56,
/// its name and its text) 390, additions to a series (`RDATE`) 220, `CATEGORIES:,,,` 100.
const OF_A_PART: usize = 500;

/// How many parts a text has; what is copied counts as if it were parts of its own.
pub(super) fn parts(text: &str) -> usize {
    let separators = text.bytes().filter(|byte| matches!(byte, b'\n' | b',' | b';')).count();
    separators + lines(text).map(copied).sum::<usize>() / OF_A_PART
}

/// The lines as they were before they were folded (RFC 5545 §3.1).
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut ends = rest.match_indices('\n').map(|(at, _)| at + 1);
        let end = ends.find(|end| !rest[*end..].starts_with([' ', '\t'])).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after;
        (!line.is_empty()).then_some(line)
    })
}

/// How much of a line is copied at most, bytes: what stands before its value, for each value of a parameter in it.
fn copied(line: &str) -> usize {
    let (mut quoted, mut values) = (false, 0);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => values += 1,
            b':' if !quoted => return at * values,
            // What is escaped may be any of these: all of it is reckoned.
            b'\\' => break,
            _ => {}
        }
    }
    line.len() * line.matches(',').count()
}

#[cfg(test)]
mod tests {
    use calcard::icalendar::{ICalendar, ICalendarComponent, ICalendarEntry, ICalendarParameter, ICalendarValue};

    use super::*;

    fn feed(lines: &str) -> String {
        format!("BEGIN:VCALENDAR\n{lines}\nEND:VCALENDAR\n")
    }

    #[test]
    fn no_more_is_made_of_a_text_than_was_reckoned() {
        let shapes = [
            "CATEGORIES:,,,,,,,,",
            "X;A=,,,,;B=a,b;C:,",
            "A:B\nC;D:E\n\n;\n:\nRDATE:20260601,20260602",
            "BEGIN:VEVENT\nDTSTART:20260601\nEND:VEVENT",
            "ATTENDEE;ROLE=CHAIR;CN=\"A, B: C\":mailto:a@example.org",
        ];
        for shape in shapes {
            let text = feed(shape);
            let feed = ICalendar::parse(&text).unwrap();
            let made = feed.components.iter().map(|one| {
                1 + one.entries.iter().map(|entry| 1 + entry.params.len() + entry.values.len()).sum::<usize>()
            });
            // A line's one value is in what is reckoned for the line.
            let lines = text.lines().count();
            let (made, reckoned) = (made.sum::<usize>(), parts(&text));
            assert!(made <= reckoned + lines, "{shape:?}: {made} of {reckoned}");
        }
    }

    #[test]
    fn what_is_reckoned_for_a_part_is_what_it_takes() {
        let sizes = [
            size_of::<ICalendarValue>(),
            size_of::<ICalendarEntry>(),
            size_of::<ICalendarParameter>(),
            size_of::<ICalendarComponent>(),
        ];
        assert_eq!(sizes, [56, 72, 72, 72], "what a part takes must be reckoned anew");
    }

    #[test]
    fn the_name_of_a_parameter_counts_for_each_of_its_values() {
        let name = "X".repeat(100_000);
        // A thousand times 100 kB.
        let values = ",".repeat(1000);
        assert!(parts(&feed(&format!("SUMMARY;{name}={values}:a"))) > 100_000_000 / OF_A_PART);
        assert!(parts(&feed(&format!("SUMMARY;{name}\\:={values}:a"))) > 100_000_000 / OF_A_PART);
        assert!(parts(&feed(&format!("SUMMARY;\n {name}\n =\n\t{values}:a"))) > 100_000_000 / OF_A_PART);
        // A value has no copies, nor has what is quoted.
        assert_eq!(parts(&feed(&format!("SUMMARY:{name}{values}"))), 1003);
        assert_eq!(parts(&feed(&format!("SUMMARY;A=\"{name}:{values}\":a"))), 1004);
    }
}
