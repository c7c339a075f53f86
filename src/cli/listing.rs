//! The room as a person reads it on a terminal: one dress for what this process has judged and for what a daemon answers.

use std::fmt::Write as _;

use serde::Deserialize;

use super::paint;
use crate::domain::snapshot::Judged;
use crate::domain::{CheckName, CheckSpec, Lang, Reason, Requirement, Snapshot, Verdict};
use crate::engine::reasons::NO_EVIDENCE;

/// The room. The fields have the names that the API gives them, so that its answer is read as it stands.
#[derive(Debug, Deserialize)]
pub struct Listing {
    room: String,
    /// Its name for people.
    #[serde(default)]
    room_title: Option<String>,
    profile: String,
    verdict: Verdict,
    /// When it was judged, in the daemon's words; now, where this process has judged.
    #[serde(default)]
    at: Option<String>,
    /// `outlook` where the window is too far away for what is measured now.
    #[serde(default)]
    basis: Option<String>,
    /// When to ask again.
    #[serde(default)]
    recheck_at: Option<String>,
    /// What the history says of such a window.
    #[serde(default)]
    outlook: Option<Past>,
    /// The room's own: that it starts, that others hold the slot.
    #[serde(default)]
    reasons: Vec<Why>,
    components: Vec<Part>,
    /// What was not looked at, in words; for a single round alone.
    #[serde(skip)]
    not_judged: Option<String>,
}

/// How much a single round has looked at: after it nobody waits for more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Once {
    /// All.
    Whole,
    /// The first look of what is quick.
    Quick {
        /// Whether loss would be judged otherwise.
        loss: bool,
        /// The active checks that were left out.
        left_out: Vec<CheckName>,
    },
    /// What a daemon that runs does not have to itself.
    Beside {
        /// The checks that were left to it.
        left_out: Vec<CheckName>,
    },
}

/// What the history says.
#[derive(Debug, Deserialize)]
struct Past {
    summary: String,
}

#[derive(Debug, Deserialize)]
struct Part {
    title: String,
    verdict: Verdict,
    requirement: Requirement,
    absent: bool,
    reasons: Vec<Why>,
    checks: Vec<Line>,
}

/// A check.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) verdict: Verdict,
    /// Whether it counts; an older daemon says it of the component alone.
    #[serde(default)]
    pub(super) requirement: Requirement,
    pub(super) reasons: Vec<Why>,
}

/// A reason.
#[derive(Debug, Deserialize)]
pub(super) struct Why {
    pub(super) verdict: Verdict,
    pub(super) message: String,
    #[serde(default)]
    pub(super) detail: Option<String>,
    pub(super) remedy: String,
    pub(super) blocked_by: Option<String>,
}

impl Listing {
    /// What was judged here, under the profile of that name; `None` if there is no such profile.
    pub fn of(snapshot: &Snapshot, profile: &str, lang: Lang) -> Option<Self> {
        Self::with(snapshot, profile, lang, |_, reason| reason.remedy(lang))
    }

    /// What a single round has found: no remedy of it is to wait, and what it left out is said.
    pub(super) fn once(snapshot: &Snapshot, profile: &str, lang: Lang, once: &Once) -> Option<Self> {
        let remedy = |spec: &CheckSpec, reason: &Reason| {
            if reason.def == &NO_EVIDENCE || spec.loss.is_some_and(|loss| reason.def == loss.undecided) {
                once.longer(lang).to_owned()
            } else {
                reason.remedy(lang)
            }
        };
        let listing = Self::with(snapshot, profile, lang, remedy)?;
        Some(Self { not_judged: once.not_judged(lang), ..listing })
    }

    fn with(
        snapshot: &Snapshot,
        profile: &str,
        lang: Lang,
        remedy: impl Fn(&CheckSpec, &Reason) -> String,
    ) -> Option<Self> {
        let view = snapshot.profile(profile)?;
        let line = |at: &usize| {
            let (check, judged): (_, &Judged) = (&snapshot.checks[*at].spec, &view.checks[*at]);
            Line {
                name: check.name.to_string(),
                kind: check.kind.to_string(),
                verdict: judged.verdict,
                requirement: check.requirement,
                reasons: judged.reasons.iter().map(|reason| Why::of(reason, lang, remedy(check, reason))).collect(),
            }
        };
        let part = |component: &crate::domain::snapshot::ComponentView| Part {
            title: component.component.title(lang).to_owned(),
            verdict: component.verdict,
            requirement: component.requirement,
            absent: component.absent,
            reasons: component.reasons.iter().map(|reason| Why::of(reason, lang, reason.remedy(lang))).collect(),
            checks: component.checks.iter().map(line).collect(),
        };
        Some(Self {
            room: snapshot.room.to_string(),
            room_title: None,
            profile: view.profile.name.to_string(),
            verdict: view.verdict,
            at: None,
            basis: None,
            recheck_at: None,
            outlook: None,
            // What is judged here is judged when its first round is over, and of no slot.
            reasons: Vec::new(),
            components: view.components.iter().map(part).collect(),
            not_judged: None,
        })
    }

    /// The same, under the room's name for people.
    #[must_use]
    pub fn titled(self, title: &str) -> Self {
        Self { room_title: Some(title.to_owned()), ..self }
    }

    /// The summary, a line: the room, its verdict, and what makes it so.
    pub fn summary(&self, lang: Lang, color: bool) -> String {
        let title = self.room_title.as_ref().unwrap_or(&self.room);
        let mut text = format!("{title}: {}", paint::verdict(self.verdict, lang, color));
        let all = self.components.iter().filter(|part| !part.absent && part.requirement == Requirement::Required);
        let counts = |line: &&Line| line.requirement == Requirement::Required;
        let parts =
            all.flat_map(|part| part.checks.iter().filter(counts).flat_map(|line| &line.reasons).chain(&part.reasons));
        let mut reasons = self.reasons.iter().chain(parts);
        let cause = reasons.find(|why| why.verdict == self.verdict && why.blocked_by.is_none());
        if let Some(why) = cause.filter(|_| self.verdict != Verdict::Ready) {
            _ = write!(text, " — {}", why.message);
        }
        let profile = word(lang, "profil", "profile");
        _ = write!(text, " ({profile} {}", self.profile);
        if let Some(at) = &self.at {
            _ = write!(text, ", {at}");
        }
        if let Some(not_judged) = &self.not_judged {
            _ = write!(text, "; {not_judged}");
        }
        text.push(')');
        text
    }

    /// All of it: the summary, then components, checks, reasons and remedies.
    pub fn text(&self, lang: Lang, color: bool) -> String {
        let mut out = self.summary(lang, color);
        out.push('\n');
        if self.basis.as_deref() == Some("outlook") {
            out.push_str(word(
                lang,
                "Prakiraan: hanya yang akan tetap begitu sampai ada yang bertindak",
                "An outlook: only what will stay so until somebody acts",
            ));
            if let Some(again) = &self.recheck_at {
                _ = write!(out, "; {} {again}", word(lang, "tanya lagi pada", "ask again at"));
            }
            out.push('\n');
            if let Some(past) = &self.outlook {
                _ = writeln!(out, "{}", past.summary);
            }
        }
        for why in &self.reasons {
            why.tell(&mut out, lang);
        }
        for part in &self.components {
            let note = match (part.absent, part.requirement) {
                (true, _) => word(lang, " (memang tidak ada)", " (deliberately absent)"),
                (_, requirement) => noted(requirement, lang),
            };
            if part.absent && part.checks.is_empty() {
                _ = writeln!(out, "\n{}{note}", part.title);
                continue;
            }
            _ = writeln!(out, "\n{}: {}{note}", part.title, paint::verdict(part.verdict, lang, color));
            part.reasons.iter().for_each(|why| why.tell(&mut out, lang));
            for line in &part.checks {
                out.push_str(&line.text(lang, color));
            }
        }
        out
    }
}

impl Once {
    /// What to do where nothing is known yet.
    const fn longer(&self, lang: Lang) -> &'static str {
        match self {
            Self::Whole => word(
                lang,
                "Jalankan siaga check lagi; siaga run memeriksa terus-menerus",
                "Run siaga check again; siaga run goes on looking",
            ),
            Self::Quick { .. } => word(
                lang,
                "Jalankan siaga check tanpa --quick: pemeriksaannya lebih lama",
                "Run siaga check without --quick: it looks longer",
            ),
            Self::Beside { .. } => word(
                lang,
                "Lihat siaga status: siaga run sedang berjalan dan mengujinya sendiri; siaga test memintanya menguji sekarang",
                "See siaga status: siaga run is at work and tests this itself; siaga test has it test now",
            ),
        }
    }

    fn not_judged(&self, lang: Lang) -> Option<String> {
        let (loss, left_out) = match self {
            Self::Whole => return None,
            Self::Quick { loss, left_out } => (*loss, left_out),
            Self::Beside { left_out } => (false, left_out),
        };
        let loss = loss.then(|| word(lang, "kehilangan paket", "packet loss").to_owned());
        let all: Vec<_> = loss.into_iter().chain(left_out.iter().map(ToString::to_string)).collect();
        let lead = match self {
            Self::Beside { .. } => word(
                lang,
                "diserahkan kepada siaga run yang sedang berjalan (siaga status, siaga test)",
                "left to the running daemon (siaga status, siaga test)",
            ),
            _ => word(lang, "--quick: tidak dinilai", "--quick: not judged"),
        };
        (!all.is_empty()).then(|| format!("{lead}: {}", all.join(", ")))
    }
}

impl Line {
    /// The check with its reasons and remedies.
    pub(super) fn text(&self, lang: Lang, color: bool) -> String {
        let (verdict, note) = (paint::verdict(self.verdict, lang, color), noted(self.requirement, lang));
        let mut out = format!("  {} [{}]: {verdict}{note}\n", self.name, self.kind);
        self.reasons.iter().for_each(|why| why.tell(&mut out, lang));
        out
    }
}

impl Why {
    fn of(reason: &Reason, lang: Lang, remedy: String) -> Self {
        Self {
            verdict: reason.verdict,
            message: reason.message(lang),
            detail: reason.detail().map(str::to_owned),
            remedy,
            blocked_by: reason.blocked_by.as_ref().map(ToString::to_string),
        }
    }

    fn tell(&self, out: &mut String, lang: Lang) {
        _ = writeln!(out, "    {}", self.message);
        if let Some(detail) = &self.detail {
            _ = writeln!(out, "      {}: {detail}", word(lang, "rincian teknis", "technical detail"));
        }
        match &self.blocked_by {
            // A note asks nobody to do anything.
            _ if self.verdict == Verdict::Ready => {}
            Some(cause) => _ = writeln!(out, "      → {} {cause}", word(lang, "akibat dari", "because of")),
            None => _ = writeln!(out, "      → {}", self.remedy),
        }
    }
}

/// What stands behind the verdict of something that does not count.
const fn noted(requirement: Requirement, lang: Lang) -> &'static str {
    match requirement {
        Requirement::Required => "",
        Requirement::Advisory => word(lang, " (tidak wajib)", " (advisory)"),
    }
}

const fn word(lang: Lang, id: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Id => id,
        Lang::En => en,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_count_says_so_and_is_no_cause() {
        let room = |requirement: &str| -> Listing {
            let check = |name: &str, requirement: &str| {
                serde_json::json!({
                    "name": name, "kind": "camera", "verdict": "not_ready", "requirement": requirement,
                    "reasons": [{"verdict": "not_ready", "message": name, "remedy": "-", "blocked_by": null}]
                })
            };
            serde_json::from_value(serde_json::json!({
                "room": "r", "profile": "p", "verdict": "not_ready",
                "components": [{
                    "title": "Video", "verdict": "not_ready", "requirement": "required", "absent": false, "reasons": [],
                    "checks": [check("spare", requirement), check("camera", "required")]
                }]
            }))
            .unwrap()
        };
        let said = |lang| room("advisory").text(lang, false);
        let (id, en) = (said(Lang::Id), said(Lang::En));
        assert!(id.contains("spare [camera]: Tidak siap (tidak wajib)\n"), "{id}");
        assert!(en.contains("spare [camera]: Not ready (advisory)\n") && en.matches("(advisory)").count() == 1, "{en}");
        assert!(en.starts_with("r: Not ready — camera"), "{en}");
        assert!(room("required").text(Lang::En, false).starts_with("r: Not ready — spare"));
    }
}
