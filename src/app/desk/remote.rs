//! What people order over HTTP: the same as over the control socket, by the same code, with the same rows in the audit.

use std::collections::HashMap;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::Desk;
use super::hush::{self, Done, Unmet};
use crate::control::Words;
use crate::control::order::Word;
use crate::domain::{Actor, Component, Lang, Silence, acknowledgement, in_full};
use crate::store::SeenTo;
use crate::web::acts::{Acknowledgement, Acts, Attempt, Choices, Declined, How, Line, NotReloaded, Ordered, Waiting};

/// Words of a test message's way that wait: of each receiver one, of more than a house has.
const WORDS: usize = 256;

impl Acts for Desk {
    fn acknowledge(
        &self,
        who: Actor,
        incident: String,
        How { radio, by }: How,
        lang: Lang,
    ) -> BoxFuture<'_, Result<(), Declined>> {
        Box::pin(async move {
            let mut act = self.acknowledgement(&who, Some(&incident), radio, by, lang).await;
            confirmed(self.acknowledge_written(&mut act, incident).await, lang).map(drop)
        })
    }

    fn silence(
        &self,
        who: Actor,
        component: Option<Component>,
        reason: String,
        until: Timestamp,
        lang: Lang,
    ) -> BoxFuture<'_, Result<(Silence, bool), Declined>> {
        Box::pin(async move {
            let _turn = self.wish.lock().await;
            let held = self.holding_same(component, &reason, until).await.map_err(|not| declined(&not, lang))?;
            if let Some(silence) = held {
                // It holds already, and nothing happens; whether the disk has it by now is to be said all the same.
                return confirmed(Ok(Done { what: (silence, false), on_disk: self.is_on_disk() }), lang);
            }
            let kept = hush::kept(&reason);
            let what = component.map_or("all", Component::as_str);
            let mut act = self.act(&who, "silence", &format!("{what} until {until:.0}: {kept}"));
            let silence = confirmed(self.silence_written(&mut act, component, &reason, until).await, lang)?;
            Ok((silence, true))
        })
    }

    fn end_silence(&self, who: Actor, id: String, lang: Lang) -> BoxFuture<'_, Result<(), Declined>> {
        Box::pin(async move {
            let mut act = self.act(&who, "end_silence", &id);
            act.key = super::same(&["end_silence", &who.name, &id]);
            confirmed(self.end_silence_written(&mut act, &id).await, lang)
        })
    }

    fn evaluate(
        &self,
        who: Actor,
        session: String,
        text: String,
        by: Option<String>,
        lang: Lang,
    ) -> BoxFuture<'_, Result<i64, Declined>> {
        Box::pin(async move {
            let mut act = self.act(&who, "evaluate", &session);
            confirmed(self.evaluate_written(&mut act, &session, &text, by.as_deref()).await, lang)
        })
    }

    fn test_alert(&self, who: Actor, receivers: Vec<String>, lang: Lang) -> BoxFuture<'_, Vec<Attempt>> {
        Box::pin(async move {
            let (words, mut said) = mpsc::channel(WORDS);
            self.test_alert(&who, &receivers, lang, &Words::to(words)).await;
            let mut attempts = Vec::new();
            while let Ok(word) = said.try_recv() {
                attempts.extend(match word {
                    Word::Told { receiver, failed, again, .. } => {
                        Some(Attempt { receiver: Some(receiver), failed, again })
                    }
                    Word::Refused { check, message } => {
                        Some(Attempt { receiver: check, failed: Some(message), again: false })
                    }
                    _ => None,
                });
            }
            attempts
        })
    }

    fn carry_out(&self, who: Actor, order: Ordered, lang: Lang) -> BoxFuture<'_, Vec<Line>> {
        Box::pin(self.carry_out_at_page(who, order, lang))
    }

    fn choices(&self, lang: Lang) -> Choices {
        self.choices_at_page(lang)
    }

    fn turn_away(&self, who: Actor, action: &'static str, subject: String) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.note_stranger(&who, action, &subject).await })
    }

    fn reload(&self, who: Option<Actor>) -> BoxFuture<'_, Result<Waiting, NotReloaded>> {
        Box::pin(async move {
            match who {
                Some(who) => self.reload_written(&who).await.0,
                None => self.reload_unnamed().await,
            }
        })
    }

    fn acknowledged(
        &self,
        incidents: Vec<String>,
    ) -> BoxFuture<'_, Result<HashMap<String, Vec<Acknowledgement>>, String>> {
        Box::pin(async move {
            let found = self.store.acknowledged(incidents).await.map_err(|error| in_full(&error))?;
            let told = found.into_iter().map(|(incident, rows)| {
                let told = rows.into_iter().map(|SeenTo { asked: row, is_outgrown }| {
                    let (radio, said_by) = acknowledgement::told(&row.subject, &incident);
                    Acknowledgement {
                        at: row.at,
                        said_by: said_by.map(str::to_owned),
                        radio,
                        how: row.subject.trim_start_matches(&incident).trim_start_matches([' ', ',']).to_owned(),
                        by: row.actor,
                        is_outgrown,
                    }
                });
                let told = told.collect();
                (incident, told)
            });
            Ok(told.collect())
        })
    }

    fn authors(&self, silences: Vec<String>) -> BoxFuture<'_, Result<HashMap<String, String>, String>> {
        Box::pin(async move { self.store.actors(silences).await.map_err(|error| in_full(&error)) })
    }
}

/// What is done, where the disk has it: what it has not taken holds, and is not confirmed.
fn confirmed<T>(done: Result<Done<T>, Unmet>, lang: Lang) -> Result<T, Declined> {
    match done {
        Ok(Done { what, on_disk: true }) => Ok(what),
        Ok(Done { on_disk: false, .. }) => Err(Declined::NotKept(hush::NOT_YET.in_lang(lang).to_owned())),
        Err(not) => Err(declined(&not, lang)),
    }
}

fn declined(not: &Unmet, lang: Lang) -> Declined {
    let told = not.no(lang).told;
    match not {
        Unmet::NothingOpen | Unmet::NoSilence(_) | Unmet::NoReport(_) => Declined::NotThere { told, there: Vec::new() },
        Unmet::NotOpen(open) | Unmet::Which(open) => Declined::NotThere { told, there: open.clone() },
        Unmet::Length | Unmet::NoReason | Unmet::NoName | Unmet::NoText | Unmet::Passcode | Unmet::Full => {
            Declined::Wrong(told)
        }
        // Drills are not ordered this way.
        Unmet::NotWritten | Unmet::Ended | Unmet::Unread(_) | Unmet::Drill(_) => Declined::Unable(told),
    }
}
