//! What a session looks like in requests and answers, and what of a request is refused.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::plain::{is_blank, is_unseen};
use crate::domain::session::{FARTHEST_AHEAD, LONGEST_MEETING, Member, SCHEDULER, Venue};
use crate::domain::{Booking, Details, Notice, Occasion, Session, Verdict, instant, passcode};

use super::problem::Problem;
use super::{Voice, given};

/// The longest text of one field, characters.
const LONGEST: usize = 200;
/// The most entries of a list.
const MOST: usize = 100;

/// A session as it is booked. No passcode is taken, under whatever name, and no field that is not here.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct SessionWish {
    /// What it is called.
    pub title: String,
    /// The kind of meeting: the name of a profile.
    pub profile: String,
    /// When it begins, RFC 3339 with offset: at most 400 days from now.
    #[schema(format = DateTime)]
    pub start: String,
    /// When it ends.
    #[schema(format = DateTime)]
    pub end: String,
    /// The office that asks.
    pub office: Option<String>,
    /// The number of the request letter.
    pub letter: Option<String>,
    /// On which platform it is held.
    pub platform: Option<String>,
    /// Where, if not in this room.
    pub venue: Option<Venue>,
    /// The offices that are expected to take part.
    #[serde(default)]
    pub sites: Vec<String>,
    /// Who was assigned to which task; `receiver` is one of the config's.
    #[serde(default)]
    pub crew: BTreeMap<String, Member>,
    /// How the applicant is reached.
    pub contact: Option<String>,
}

/// Another time for a session. What is not given stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct SessionMove {
    /// When it begins then, RFC 3339 with offset: at most 400 days from now.
    #[schema(format = DateTime)]
    pub start: Option<String>,
    /// When it ends then.
    #[schema(format = DateTime)]
    pub end: Option<String>,
}

/// A session as it is answered.
#[derive(Serialize, ToSchema)]
pub struct SessionBody {
    /// The scheduler's own id.
    pub id: String,
    /// Whether it takes place.
    pub state: Booking,
    /// What it is called.
    pub title: String,
    /// The kind of meeting.
    pub profile: String,
    /// When it begins.
    #[schema(format = DateTime)]
    pub start: String,
    /// When it ends.
    #[schema(format = DateTime)]
    pub end: String,
    /// Who said so: `scheduler`, or a calendar's name.
    pub source: String,
    /// What else is known of it. Names of people and the contact are told only to who may book.
    #[serde(flatten)]
    pub details: Details,
    /// What was found when it was booked or moved to its hour.
    pub confirmed: Option<FoundBody>,
    /// What was found since, the newest last.
    pub rechecks: Vec<FoundBody>,
}

/// What was found of a session at one moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundBody {
    /// How long before the meeting it was to be looked at, s; null at the confirmation and when preflight opened.
    pub before_seconds: Option<u64>,
    /// When it was.
    #[schema(format = DateTime)]
    pub at: String,
    /// What was said of the room.
    pub verdict: Verdict,
    /// Why: the codes of what counts.
    pub reasons: Vec<String>,
    /// Under which it can be looked up.
    pub evidence_id: Option<String>,
}

/// Who holds a slot.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HolderBody {
    /// The session's id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// The office that asked for it.
    pub office: Option<String>,
    /// When it begins.
    #[schema(format = DateTime)]
    pub start: String,
    /// When it ends.
    #[schema(format = DateTime)]
    pub end: String,
}

impl HolderBody {
    /// What is told of who holds a slot.
    pub fn of(session: &Session, voice: &Voice) -> Self {
        Self {
            id: session.id.to_string(),
            title: session.title.clone(),
            office: session.details.office.clone(),
            start: voice.stamp(session.start),
            end: voice.stamp(session.end),
        }
    }
}

impl SessionBody {
    /// A session for a reader, with what was found of it; people's names only where `named`.
    pub fn of(session: &Session, notices: &[Notice], named: bool, voice: &Voice) -> Self {
        let mut details = session.details.clone();
        if !named {
            details.contact = None;
            details.crew.clear();
        }
        let found = |notice: &Notice| FoundBody {
            before_seconds: match notice.occasion {
                Occasion::Before(ahead) => Some(ahead.as_secs()),
                _ => None,
            },
            at: voice.stamp(notice.at),
            verdict: notice.verdict,
            reasons: notice.codes.clone(),
            evidence_id: notice.evidence.clone(),
        };
        let (confirmed, mut since): (Vec<&Notice>, Vec<_>) = notices
            .iter()
            .filter(|notice| notice.occasion.is_a_look())
            .partition(|notice| notice.occasion == Occasion::Confirmed);
        since.sort_by_key(|notice| notice.at);
        Self {
            id: session.id.to_string(),
            state: session.booking,
            title: session.title.clone(),
            profile: session.profile.to_string(),
            start: voice.stamp(session.start),
            end: voice.stamp(session.end),
            source: session.source.to_string(),
            details,
            confirmed: confirmed.into_iter().next().map(found),
            rechecks: since.into_iter().map(found).collect(),
        }
    }
}

/// Reads a body of JSON. A passcode is refused first: whoever sends one must hear that, and not that a field is unknown.
///
/// # Errors
/// What is no JSON, gives a passcode away, or is no `T`.
pub(super) fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, Problem> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| Problem::body(format!("no JSON: {error}")))?;
    refuse_passcodes(&value, "")?;
    if given::is_array(bytes) {
        return Err(Problem::body(given::ARRAY));
    }
    // From the text and not the value, so that the error has its place.
    serde_json::from_slice(bytes).map_err(|error| Problem::body(error.to_string()))
}

fn refuse_passcodes(value: &Value, at: &str) -> Result<(), Problem> {
    match value {
        Value::String(text) if passcode::is_said(text) => {
            Err(Problem::passcode(format!("{at} looks as if a passcode stood in it; leave it out, siaga takes none")))
        }
        Value::Array(list) => list.iter().try_for_each(|value| refuse_passcodes(value, at)),
        Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            if passcode::is_key_for_one(key) || passcode::is_said(key) {
                let key: String = key.chars().take(32).collect();
                return Err(Problem::passcode(format!("the field {key:?} is not taken: siaga keeps no passcode")));
            }
            refuse_passcodes(value, key)
        }),
        _ => Ok(()),
    }
}

impl SessionWish {
    /// The session that is wished for under an id.
    ///
    /// # Errors
    /// A time that makes no sense, a receiver that the config does not name, a text that is none.
    pub(super) fn session(
        self,
        id: &str,
        receivers: &[std::sync::Arc<str>],
        now: Timestamp,
    ) -> Result<Session, Problem> {
        let (start, end) = slot(moment("start", &self.start)?, moment("end", &self.end)?, now)?;
        for (task, member) in &self.crew {
            text("crew", task)?;
            text("crew", &member.person)?;
            if let Some(receiver) = &member.receiver
                && !receivers.iter().any(|known| **known == **receiver)
            {
                let detail = format!("the config names no receiver {:?}", short(receiver));
                return Err(Problem::value(detail).allowing(receivers));
            }
        }
        if self.sites.len() > MOST || self.crew.len() > MOST {
            return Err(Problem::value(format!("sites and crew have at most {MOST} entries each")));
        }
        text("title", &self.title)?;
        let some = [
            ("office", &self.office),
            ("letter", &self.letter),
            ("platform", &self.platform),
            ("contact", &self.contact),
        ];
        for (field, value) in some {
            value.as_deref().map_or(Ok(()), |value| text(field, value))?;
        }
        self.sites.iter().try_for_each(|site| text("sites", site))?;
        if let Some(venue) = &self.venue {
            text("venue.name", &venue.name)?;
            venue.survey.as_deref().map_or(Ok(()), |survey| text("venue.survey", survey))?;
        }
        let Self { title, profile, office, letter, platform, venue, sites, crew, contact, .. } = self;
        let details = Details { office, letter, platform, venue, sites, crew, contact };
        Ok(Session {
            id: identity(id)?.into(),
            revision: 0,
            booking: Booking::Booked,
            title,
            profile: profile.into(),
            start,
            end,
            source: SCHEDULER.into(),
            details,
        })
    }
}

impl SessionMove {
    /// The time that is wished for a session that stands at another.
    ///
    /// # Errors
    /// None that is given; one that makes no sense.
    pub(super) fn slot(
        &self,
        (start, end): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> Result<(Timestamp, Timestamp), Problem> {
        if self.start.is_none() && self.end.is_none() {
            return Err(Problem::body("to when? give start, end, or both"));
        }
        let or = |field, said: Option<&String>, stands| said.map_or(Ok(stands), |said| moment(field, said));
        slot(or("start", self.start.as_ref(), start)?, or("end", self.end.as_ref(), end)?, now)
    }
}

/// A moment that somebody writes into a field.
fn moment(field: &str, said: &str) -> Result<Timestamp, Problem> {
    // As exact as rows are, so that the same wish is the same.
    let cut = |moment: Timestamp| Timestamp::from_microsecond(moment.as_microsecond()).unwrap_or(moment);
    instant(said).map(cut).map_err(|why| Problem::value(format!("{field} is {:?}; {why}", short(said))))
}

/// The time of a meeting that has not ended.
fn slot(start: Timestamp, end: Timestamp, now: Timestamp) -> Result<(Timestamp, Timestamp), Problem> {
    if end <= start {
        return Err(crate::engine::slot::Refusal::Reversed { start, end }.into());
    }
    if end <= now {
        return Err(crate::engine::slot::Refusal::Past { end, now }.into());
    }
    if end.duration_since(start) > LONGEST_MEETING {
        return Err(Problem::value(format!("from {start} until {end} is longer than 31 days")));
    }
    Ok((start, end))
}

/// That a meeting begins soon enough to be booked. One that stands there already, as an older version took it, may be said again and
/// changed otherwise.
pub(super) fn within_reach(start: Timestamp, stands: Option<&Session>, now: Timestamp) -> Result<(), Problem> {
    let stands = stands.is_some_and(|known| known.booking == Booking::Booked && known.start == start);
    if stands || start.duration_since(now) <= FARTHEST_AHEAD {
        return Ok(());
    }
    let days = FARTHEST_AHEAD.as_hours() / 24;
    Err(Problem::value(format!("start is {start}; a meeting begins at most {days} days ahead, and it is {now:.0} now")))
}

/// An id that paths, rows and messages can have in them.
pub(super) fn identity(id: &str) -> Result<&str, Problem> {
    if id.is_empty()
        || id.len() > LONGEST
        || id.contains(|c: char| is_unseen(c) || c.is_whitespace())
        || matches!(id, "." | "..")
    {
        return Err(Problem::value(format!(
            "an id has 1 to {LONGEST} bytes, neither blanks nor control characters, and is not a path's . or .."
        )));
    }
    if passcode::is_said(id) {
        return Err(Problem::passcode("the id looks as if a passcode stood in it".to_owned()));
    }
    Ok(id)
}

fn text(field: &str, value: &str) -> Result<(), Problem> {
    if is_blank(value) || value.contains(is_unseen) || value.chars().count() > LONGEST {
        let detail = format!("{field} is one line of 1 to {LONGEST} characters");
        return Err(Problem::value(detail));
    }
    Ok(())
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_meeting_begins_at_most_400_days_ahead_but_where_it_stands_so_already() {
        let now: Timestamp = "2026-11-30T00:00:00Z".parse().unwrap();
        let wish = |start: Timestamp| {
            let end = start.checked_add(SignedDuration::from_hours(1)).unwrap();
            let body = format!(r#"{{"title": "Rapat", "profile": "webex_hd", "start": "{start}", "end": "{end}"}}"#);
            read::<SessionWish>(body.as_bytes()).unwrap().session("a", &[], now).unwrap()
        };
        let last = now.checked_add(SignedDuration::from_hours(400 * 24)).unwrap();
        within_reach(last, None, now).unwrap();
        let beyond = last.checked_add(SignedDuration::from_secs(1)).unwrap();
        let typed: Timestamp = "2926-12-01T00:00:00Z".parse().unwrap();
        for far in [beyond, typed] {
            let told = within_reach(far, None, now).unwrap_err().detail;
            assert!(told.contains("at most 400 days ahead") && told.contains("2026-11-30T00:00:00Z"), "{told}");
        }
        // As an older version has stored it: said again, with another end, or moved nearer.
        let stored = wish(typed);
        within_reach(typed, Some(&stored), now).unwrap();
        within_reach(last, Some(&stored), now).unwrap();
        within_reach(beyond, Some(&stored), now).unwrap_err();
        let cancelled = Session { booking: Booking::Cancelled, ..stored };
        within_reach(typed, Some(&cancelled), now).unwrap_err();
    }
}
