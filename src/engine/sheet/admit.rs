//! What may be written into a sheet, and what not.

use jiff::Timestamp;

use super::{overridden, points, trials};
use crate::domain::plain::{is_blank, is_unseen};
use crate::domain::sheet::{
    Entry, Item, LONGEST_FINDINGS, LONGEST_NAME, LONGEST_REASON, MOST_ENTRIES, SheetAct, SheetWish, Unwritten, What,
};
use crate::domain::{Booking, Session, Verdict, passcode};

/// What a wish comes to at `now`, or why it is not written.
///
/// # Errors
/// What is missing or makes no sense first, then what the session is, then what stands on its sheet.
pub fn admit(
    wish: &SheetWish,
    session: &Session,
    items: &[Item],
    entries: &[Entry],
    now: Timestamp,
) -> Result<What, Unwritten> {
    if !is_line(&wish.by, LONGEST_NAME) {
        return Err(Unwritten::NoName);
    }
    let texts = match &wish.act {
        SheetAct::EndTrial { findings } => [&wish.by, findings],
        SheetAct::Override { reason, .. } | SheetAct::EndOverride { reason } => [&wish.by, reason],
        _ => [&wish.by, &wish.by],
    };
    if texts.into_iter().any(|text| passcode::is_said(text)) {
        return Err(Unwritten::Passcode);
    }
    if session.booking == Booking::Cancelled {
        return Err(Unwritten::Cancelled);
    }
    // A trial that was forgotten can be ended still.
    if now >= session.end && !matches!(wish.act, SheetAct::EndTrial { .. }) {
        return Err(Unwritten::Over);
    }
    if super::of(entries, session).count() >= MOST_ENTRIES {
        return Err(Unwritten::Full);
    }
    match &wish.act {
        SheetAct::Tick { item } | SheetAct::Untick { item } => {
            let all = points(items, session, entries, now);
            let Some(point) = all.iter().find(|point| *point.name == **item) else {
                return Err(Unwritten::NoItem(all.iter().map(|point| point.name.to_string()).collect()));
            };
            let item = std::sync::Arc::clone(&point.name);
            Ok(match wish.act {
                SheetAct::Tick { .. } => {
                    What::Tick { item, until: now.saturating_add(point.item.holds).unwrap_or(Timestamp::MAX) }
                }
                _ => What::Untick { item },
            })
        }
        SheetAct::BeginTrial if now >= session.start => Err(Unwritten::Begun),
        SheetAct::BeginTrial if under_way(session, entries) => Err(Unwritten::TrialUnderWay),
        SheetAct::BeginTrial => Ok(What::TrialBegins),
        SheetAct::EndTrial { .. } if !under_way(session, entries) => Err(Unwritten::NoTrial),
        SheetAct::EndTrial { findings } => {
            let findings = kept(findings);
            if findings.chars().count() > LONGEST_FINDINGS {
                return Err(Unwritten::Long);
            }
            Ok(What::TrialEnds { findings })
        }
        SheetAct::Override { verdict: Verdict::Unknown, .. } => Err(Unwritten::Verdict),
        SheetAct::Override { reason, .. } | SheetAct::EndOverride { reason } if !is_line(reason, LONGEST_REASON) => {
            Err(Unwritten::NoReason)
        }
        SheetAct::Override { until, .. } if *until <= now => Err(Unwritten::Until),
        SheetAct::Override { until, .. } if *until > session.end => Err(Unwritten::AfterEnd(session.end)),
        SheetAct::Override { verdict, reason, until } => {
            Ok(What::Override { verdict: *verdict, reason: reason.trim().to_owned(), until: *until })
        }
        SheetAct::EndOverride { .. } if overridden(session, entries, now).is_none() => Err(Unwritten::NoOverride),
        SheetAct::EndOverride { reason } => Ok(What::OverrideEnds { reason: reason.trim().to_owned() }),
    }
}

/// Whether it is so already, said by the same person, so that nothing is written: an override that holds, a check that was never
/// made. A tick that is made again holds longer, and is another.
pub fn same(what: &What, by: &str, session: &Session, entries: &[Entry], now: Timestamp) -> bool {
    match what {
        What::Untick { item } => {
            let newest = super::of(entries, session).rfind(
                |entry| matches!(&entry.what, What::Tick { item: of, .. } | What::Untick { item: of } if of == item),
            );
            newest.is_none_or(|entry| matches!(entry.what, What::Untick { .. }))
        }
        What::Override { verdict, reason, until } => overridden(session, entries, now).is_some_and(|holds| {
            (holds.verdict, &*holds.by, &holds.reason, holds.until) == (*verdict, by, reason, *until)
        }),
        _ => false,
    }
}

fn under_way(session: &Session, entries: &[Entry]) -> bool {
    trials(session, entries).last().is_some_and(|trial| trial.to.is_none())
}

/// One line with something in it.
fn is_line(text: &str, longest: usize) -> bool {
    !is_blank(text) && text.chars().count() <= longest && !text.contains(is_unseen)
}

/// A text of several lines, without what no text has in it.
fn kept(text: &str) -> String {
    let plain: String = text.chars().filter(|c| *c == '\n' || !is_unseen(*c)).collect();
    plain.trim().to_owned()
}
