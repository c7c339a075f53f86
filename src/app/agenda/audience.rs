//! Who is told of a meeting: the receivers that its crew names, as far as the config has them, and the agenda's in the place of one that
//! it has no more, so that no call is made to nobody.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::Config;
use crate::domain::Session;
use crate::engine::agenda::Agenda;

/// The agenda's receivers: all, unless the config names some.
pub(super) fn office(config: &Config) -> Vec<Arc<str>> {
    config.agenda.receivers.clone().unwrap_or_else(|| all(config))
}

/// Those of these receivers of a crew that the config has, and the agenda's too where it lacks one; the agenda's where none is named.
pub(super) fn crew<'a>(config: &Config, named: impl IntoIterator<Item = &'a str>) -> Vec<Arc<str>> {
    in_place_of_lost(&all(config), &office(config), named)
}

fn all(config: &Config) -> Vec<Arc<str>> {
    config.receivers.iter().map(|receiver| Arc::clone(&receiver.name)).collect()
}

fn in_place_of_lost<'a>(
    known: &[Arc<str>],
    office: &[Arc<str>],
    named: impl IntoIterator<Item = &'a str>,
) -> Vec<Arc<str>> {
    let named: BTreeSet<&str> = named.into_iter().collect();
    let is_known = |name: &str| known.iter().any(|known| **known == *name);
    let is_whole = !named.is_empty() && named.iter().all(|name| is_known(name));
    let there = named.iter().filter(|name| is_known(name)).map(|name| Arc::from(*name));
    let office = office.iter().filter(|_| !is_whole).cloned();
    there.chain(office).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The receivers that meetings name and the config has not, as far as that is in the log.
#[derive(Debug, Default)]
pub struct Lost(BTreeSet<Arc<str>>);

impl Lost {
    /// Says of each once that it is lost; again where it was there meanwhile.
    pub(super) fn look(&mut self, agenda: &Agenda, config: &Config, now: Timestamp) {
        let to_come = agenda.booked().filter(|session| now < session.end);
        for (receiver, session) in self.news(to_come, &all(config)) {
            tracing::warn!(
                %receiver,
                session,
                "a booked meeting names a receiver that the config has not; the agenda's receivers are told instead"
            );
        }
    }

    fn news<'a>(
        &mut self,
        to_come: impl Iterator<Item = &'a Arc<Session>>,
        known: &[Arc<str>],
    ) -> Vec<(Arc<str>, &'a str)> {
        self.0.retain(|lost| !known.contains(lost));
        let mut news = Vec::new();
        for session in to_come {
            for name in session.crew_by_receiver().into_keys() {
                if !known.iter().any(|known| **known == *name) && self.0.insert(name.into()) {
                    news.push((name.into(), &*session.id));
                }
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Booking;
    use crate::domain::session::{Details, Member, SCHEDULER};

    fn names(all: &[&str]) -> Vec<Arc<str>> {
        all.iter().map(|name| Arc::from(*name)).collect()
    }

    #[test]
    fn in_the_place_of_a_receiver_that_is_lost_the_office_is_told() {
        let (known, office) = (names(&["desk", "kamera", "ruang"]), names(&["desk"]));
        let told = |named: &[&str]| in_place_of_lost(&known, &office, named.iter().copied());
        assert_eq!(told(&["ruang", "kamera"]), names(&["kamera", "ruang"]));
        assert_eq!(told(&[]), office);
        assert_eq!(told(&["dulu"]), office);
        assert_eq!(told(&["dulu", "kamera"]), names(&["desk", "kamera"]));
        assert_eq!(told(&["desk", "dulu"]), office);
        assert_eq!(in_place_of_lost(&[], &[], ["dulu"]), names(&[]), "where there is nobody");
    }

    #[test]
    fn that_a_receiver_is_lost_is_said_once_until_it_was_there_again() {
        let member = |receiver: &str| Member { person: "Sari".to_owned(), receiver: Some(receiver.to_owned()) };
        let session = |id: &str| {
            Arc::new(Session {
                id: id.into(),
                revision: 1,
                booking: Booking::Booked,
                title: "Rapat".to_owned(),
                profile: "zoom_group_720".into(),
                start: Timestamp::UNIX_EPOCH,
                end: Timestamp::MAX,
                source: SCHEDULER.into(),
                details: Details {
                    crew: [("kamera".to_owned(), member("dulu")), ("ruang".to_owned(), member("desk"))].into(),
                    ..Details::default()
                },
            })
        };
        let booked = [session("a"), session("b")];
        let mut lost = Lost::default();
        let mut looked = |known: &[&str]| {
            let news = lost.news(booked.iter(), &names(known));
            news.into_iter().map(|(receiver, session)| format!("{receiver} {session}")).collect::<Vec<_>>()
        };
        assert_eq!(looked(&["desk"]), ["dulu a"]);
        assert!(looked(&["desk"]).is_empty());
        assert!(looked(&["desk", "dulu"]).is_empty());
        assert_eq!(looked(&["desk"]), ["dulu a"]);
    }
}
