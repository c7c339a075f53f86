//! A receiver that is Prometheus' Alertmanager: an alert with its start and its end (API v2, `POST /api/v2/alerts`), so that
//! its routes, silences and groups hold for the room too.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Client, Url};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::document::{Document, Event};
use super::error::{DeliveryError, Failure, SetupError};
use super::http;
use crate::clock::Clock;
use crate::domain::{Incident, Notification, Period, SecretFile, Verdict, hex};

/// The shortest time that an alert may stand whose end is never told.
const SHORTEST: Duration = Duration::from_hours(1);

/// What belongs to an Alertmanager.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AlertmanagerReceiver")]
pub struct Config {
    /// Its address, as `http://alertmanager.example.org:9093`.
    #[serde(deserialize_with = "super::url::base")]
    #[schemars(with = "String", url)]
    pub url: Url,
    /// A file with a bearer token, where a proxy before it asks for one; read at each delivery.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub token_file: Option<SecretFile>,
    /// How long an alert stands whose end is never told. The end is told when it comes; this is for a machine that is
    /// gone for good: a week, if left out, and an hour at least.
    #[serde(default = "stands_for")]
    pub stands_for: Period,
}

const fn stands_for() -> Period {
    Period(Duration::from_hours(7 * 24))
}

impl Config {
    /// The secrets that it names, by key.
    pub fn secrets(&mut self) -> impl Iterator<Item = (&'static str, &mut SecretFile)> {
        self.token_file.iter_mut().map(|file| ("token_file", file))
    }

    /// What does not fit together: the key, and why.
    pub const fn misfit(&self) -> Option<(&'static str, &'static str)> {
        // Each time that it is told again is one more notification that is kept.
        if self.stands_for.0.as_secs() < SHORTEST.as_secs() {
            return Some(("stands_for", "stands_for is at least 1h: what lasts is told again four times within it"));
        }
        None
    }
}

/// An Alertmanager, ready to be told. It was not contacted yet.
#[derive(Clone, Debug)]
pub struct Ready {
    config: Config,
    client: Client,
    clock: OnceLock<Clock>,
}

/// One alert. Its labels are who it is: the same from beginning to end.
#[derive(Serialize)]
struct Alert {
    labels: BTreeMap<&'static str, String>,
    annotations: BTreeMap<&'static str, String>,
    #[serde(rename = "startsAt")]
    starts_at: String,
    #[serde(rename = "endsAt")]
    ends_at: String,
}

impl Ready {
    /// Makes one ready.
    ///
    /// # Errors
    /// If the system's certificates cannot be loaded.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        Ok(Self { config: config.clone(), client: http::client()?, clock: OnceLock::new() })
    }

    /// Begins, before the first attempt: what ends by itself ends by this clock.
    pub fn begin(&self, clock: Clock) {
        _ = self.clock.set(clock);
    }

    /// Makes one attempt.
    ///
    /// # Errors
    /// Why it has not arrived, and whether another attempt makes sense.
    pub async fn deliver(&self, notification: &Notification) -> Result<(), DeliveryError> {
        let document = Document::of(notification)?;
        let url = self.config.url.join("./api/v2/alerts");
        let url = url.map_err(|error| DeliveryError::new(Failure::Connect, error.to_string()))?;
        let made_at = notification.created_at;
        // Not by when it was made: what comes late has ended before it began, and nobody is told of that.
        let now = self.clock.get().map_or(made_at, |clock| clock.now().wall.max(made_at));
        let alert = alert(&document, made_at, now, self.config.stands_for);
        let request = http::with_token(self.client.post(url).json(&[alert]), self.config.token_file.as_ref()).await?;
        let response = http::send(request).await?;
        http::judge(response.status(), response.headers())
    }
}

fn alert(document: &Document, made_at: Timestamp, now: Timestamp, stands_for: Period) -> Alert {
    let mut labels = BTreeMap::from([("room", document.room.clone())]);
    let mut annotations = BTreeMap::from([("summary", document.subject()), ("description", document.body())]);
    // Of what has become no incident yet nobody tells the end.
    let known = document.incident.as_ref().filter(|incident| !incident.id.ends_with(Incident::NOT_YET));
    let Some(incident) = known else {
        // Neither a meeting's name nor its id is a label: they would make a series of each.
        let (name, severity, stands) = match (&document.session, &document.incident) {
            (Some(session), _) => ("SiagaSession", severity(session.verdict), Duration::from_mins(15)),
            (None, Some(fault)) => {
                labels.insert("component", fault.component.as_str().to_owned());
                ("SiagaRollCall", severity(fault.verdict), Duration::from_mins(15))
            }
            (None, None) if document.event == Event::RollCall => ("SiagaRollCall", "info", Duration::from_mins(1)),
            (None, None) => ("SiagaTest", "info", Duration::from_mins(1)),
        };
        labels.insert("alertname", name.to_owned());
        labels.insert("severity", severity.to_owned());
        if document.session.is_some() {
            // Two words at once are two alerts; without it the second would take the first one's place.
            let word = hex(&digest(&SHA256, document.id.as_bytes()).as_ref()[..6]);
            labels.insert("word", word);
        }
        // A test ends by itself, and word of a meeting is told once.
        return Alert { labels, annotations, starts_at: made_at.to_string(), ends_at: later(now, stands) };
    };
    // A name of its own, so that no route of theirs takes it for what is really wrong.
    let name = if document.drill { "SiagaDrill" } else { "SiagaRoomComponent" };
    labels.insert("alertname", name.to_owned());
    labels.insert("component", incident.component.as_str().to_owned());
    // A label is part of who the alert is: what may change while it stands is told beside it, and the incident too. Of one whose end is
    // withheld, because the component goes to and fro, nobody tells the end: the next one of the component takes its alert over.
    annotations.insert("incident", incident.id.clone());
    annotations.insert("severity", severity(incident.worst).to_owned());
    annotations.insert("verdict", incident.verdict.as_str().to_owned());
    let codes: Vec<_> = incident.reasons.iter().map(|reason| reason.code.as_str()).collect();
    annotations.insert("reasons", codes.join(" "));
    // That it goes to and fro is mostly seen at an end, and is none.
    let is_over = document.event == Event::Closed || incident.closed_at.is_some() && document.event != Event::Unstable;
    let (starts_at, ends_at) = if is_over {
        let ends_at = past(incident.closed_at.as_deref().unwrap_or_default(), made_at);
        (past(&incident.since, ends_at.parse().unwrap_or(made_at)), ends_at)
    } else {
        (past(&incident.since, made_at), later(now, stands_for.0))
    };
    Alert { labels, annotations, starts_at, ends_at }
}

/// A moment as it is told, or `now` where it lies in the future of that: of a wall clock that was set back meanwhile. An alert that ends in
/// the future fires until then, and one that ends before it begins is refused (400).
fn past(told: &str, now: Timestamp) -> String {
    match told.parse::<Timestamp>() {
        Ok(at) if at <= now => told.to_owned(),
        _ => now.to_string(),
    }
}

fn later(from: Timestamp, by: Duration) -> String {
    from.saturating_add(by).unwrap_or(Timestamp::MAX).to_string()
}

const fn severity(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotReady => "critical",
        Verdict::Degraded | Verdict::Unknown => "warning",
        Verdict::Ready => "info",
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::domain::{Component, Lang};
    use crate::notify::payload::{Addressed, Letter};

    #[test]
    fn an_incident_takes_over_the_alert_of_the_one_before_it() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let alert_of = |id: &str, event, opened_at, closed_at: Option<i64>| {
            let incident = Incident {
                id: id.to_owned(),
                component: Component::Video,
                worst: Verdict::NotReady,
                verdict: if closed_at.is_some() { Verdict::Ready } else { Verdict::NotReady },
                reasons: Vec::new(),
                opened_at: at(opened_at),
                closed_at: closed_at.map(at),
                settling: false,
            };
            let letter = Letter {
                id: "k",
                event,
                room: Addressed { name: "room", title: "Ruang" },
                at: at(closed_at.unwrap_or(opened_at)),
                zone: &TimeZone::UTC,
                lang: Lang::Id,
                incident: Some(&incident),
                alert: None,
            };
            let document: Document = serde_json::from_str(&letter.json()).unwrap();
            let made_at = at(closed_at.unwrap_or(opened_at));
            alert(&document, made_at, made_at, stands_for())
        };
        // The first one's end was withheld.
        let first = alert_of("video-100", Event::Opened, 100, None);
        let second = alert_of("video-300", Event::Opened, 300, None);
        let over = alert_of("video-300", Event::Closed, 300, Some(400));
        assert_eq!((&first.labels, &second.labels), (&over.labels, &over.labels));
        assert_eq!(
            (first.annotations["incident"].as_str(), over.annotations["incident"].as_str()),
            ("video-100", "video-300")
        );
        assert_eq!(over.ends_at.parse::<Timestamp>().unwrap(), at(400));
        // That it goes to and fro was seen at an end: what fires goes on.
        let unstable = alert_of("video-300", Event::Unstable, 300, Some(400));
        assert_eq!(unstable.labels, over.labels);
        assert!(unstable.annotations["summary"].ends_with(" – Tidak stabil"), "{:?}", unstable.annotations);
        assert!(!unstable.annotations["description"].contains("Sampai"), "{:?}", unstable.annotations);
        assert_eq!(unstable.ends_at.parse::<Timestamp>().unwrap(), at(400) + Duration::from_hours(7 * 24));
    }

    #[test]
    fn what_a_roll_call_finds_and_is_no_incident_yet_ends_by_itself() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let alert_of = |id: &str, component| {
            let incident = Incident {
                id: id.to_owned(),
                component,
                worst: Verdict::NotReady,
                verdict: Verdict::NotReady,
                reasons: Vec::new(),
                opened_at: at(100),
                closed_at: None,
                settling: false,
            };
            let letter = Letter {
                id: "k",
                event: Event::RollCall,
                room: Addressed { name: "room", title: "Ruang" },
                at: at(200),
                zone: &TimeZone::UTC,
                lang: Lang::Id,
                incident: Some(&incident),
                alert: None,
            };
            alert(&serde_json::from_str(&letter.json()).unwrap(), at(200), at(200), stands_for())
        };
        let (video, audio) = (alert_of("video-not-yet", Component::Video), alert_of("audio-not-yet", Component::Audio));
        assert_eq!((&*video.labels["alertname"], &*video.labels["severity"]), ("SiagaRollCall", "critical"));
        assert_ne!(video.labels, audio.labels);
        assert_eq!(video.ends_at.parse::<Timestamp>().unwrap(), at(200 + 900));
        let incident = alert_of("video-100", Component::Video);
        assert_eq!(incident.labels["alertname"], "SiagaRoomComponent");
        assert_eq!(incident.ends_at.parse::<Timestamp>().unwrap(), at(200) + Duration::from_hours(7 * 24));
    }

    #[test]
    fn each_word_about_a_meeting_is_an_alert_that_stands_from_when_it_comes() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let word = |id: &str, attempt| {
            let session = serde_json::json!({
                "id": "rapat-17", "title": "Rapat", "profile": "", "start": "", "end": "", "before_seconds": null,
                "verdict": "ready", "verdict_title": "Siap", "summary": "", "reasons": [], "confirmed_verdict": null,
                "confirmed_reasons": [], "evidence_id": null, "tasks": [],
            });
            let document = serde_json::json!({
                "version": 1, "id": id, "event": "session_cancelled", "room": "room", "room_title": "Ruang", "at": "",
                "lang": "id", "text": "", "incident": null, "session": session,
            });
            alert(&serde_json::from_value(document).unwrap(), at(100), at(attempt), stands_for())
        };
        // Alertmanager was away for an hour.
        let (first, again, other) = (word("a", 101), word("a", 3700), word("b", 101));
        assert_eq!((&first.labels, &first.starts_at), (&again.labels, &again.starts_at));
        assert_eq!(again.ends_at.parse::<Timestamp>().unwrap(), at(3700 + 900));
        assert_ne!(first.labels, other.labels);
        assert!(!first.labels.values().any(|label| label.contains("apat")), "{:?}", first.labels);
    }

    #[test]
    fn what_lies_in_the_future_of_a_clock_that_was_set_back_is_of_now() {
        let now: Timestamp = "2026-11-24T01:30:00.250Z".parse().unwrap();
        let told = |text: &str| past(text, now);
        assert_eq!(told("2026-11-24T08:00:00.000+07:00"), "2026-11-24T08:00:00.000+07:00");
        assert_eq!(told("2026-11-24T08:30:00.250+07:00"), "2026-11-24T08:30:00.250+07:00", "the same moment");
        assert_eq!(told("2026-11-24T09:00:00.000+07:00"), "2026-11-24T01:30:00.25Z");
        assert_eq!(told(""), "2026-11-24T01:30:00.25Z", "it is over, and nobody says since when");
    }
}
