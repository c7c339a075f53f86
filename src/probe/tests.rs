//! The catalogue is closed, whole and consistent.

use std::collections::{BTreeSet, HashMap};

use super::*;
use crate::domain::{Component, Lang};

#[test]
fn every_reason_speaks_both_languages_and_says_what_to_do() {
    for reason in all_reasons() {
        let (group, what) = reason.code.split_once('.').unwrap_or_else(|| panic!("{} has no component", reason.code));
        let known = Component::ALL.map(Component::as_str).contains(&group) || ["siaga", "agenda"].contains(&group);
        assert!(known, "{} is of no component", reason.code);
        assert!(what.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", reason.code);
        for text in [reason.message.id, reason.message.en, reason.remedy.id, reason.remedy.en] {
            assert!(
                !text.contains("{detail}"),
                "{}: English for IT staff stands apart, not in a sentence",
                reason.code
            );
            assert!(text.len() > 8, "{}: {text:?} says nothing", reason.code);
            assert!(
                !text.ends_with('.'),
                "{}: {text:?} ends in a full stop; who shows it adds what follows",
                reason.code
            );
            assert_eq!(text.trim(), text, "{}", reason.code);
        }
        let names = |text: &'static str| -> BTreeSet<&str> {
            text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name)).collect()
        };
        assert_eq!(names(reason.message.id), names(reason.message.en), "{}", reason.code);
        assert_eq!(names(reason.remedy.id), names(reason.remedy.en), "{}", reason.code);
    }
}

#[test]
fn a_code_means_one_thing() {
    let mut known: HashMap<&str, &'static ReasonDef> = HashMap::new();
    for reason in all_reasons() {
        let first = known.entry(reason.code).or_insert(reason);
        assert!(std::ptr::eq(*first, reason), "{} is declared twice", reason.code);
    }
}

/// Two of one kind that are called the same are told apart by nobody.
#[test]
fn whatever_is_measured_has_a_name_for_people_and_no_other_of_its_kind_has_it() {
    for kind in Kind::ALL {
        for lang in [Lang::Id, Lang::En] {
            let mut called = std::collections::BTreeSet::new();
            for quantity in quantities(kind) {
                assert!(quantity.title.is_some(), "{}: call it something (.called)", quantity.name);
                assert!(called.insert(quantity.title(lang)), "{}: {}", quantity.name, quantity.title(lang));
            }
        }
    }
}

#[test]
fn quantities_are_named_as_metrics_are() {
    let mut names = BTreeSet::new();
    for kind in Kind::ALL {
        for quantity in quantities(kind) {
            let name = quantity.name;
            assert!(names.insert(name), "{name} is declared twice");
            assert!(name.starts_with(&format!("{kind}_")), "{name} does not begin with its kind");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{name}");
            let base = name.strip_suffix("_total");
            assert_eq!(base.is_some(), quantity.counter, "{name}: counters, and only they, end in _total");
            if let Some(suffix) = quantity.unit.suffix() {
                assert!(base.unwrap_or(name).ends_with(suffix), "{name} does not end in {suffix}");
            }
            assert!(quantity.help.ends_with('.') && quantity.help.len() > 10, "{name}: {:?}", quantity.help);
            assert!(quantity.part != Some("check"), "{name}: the label \"check\" is taken");
        }
    }
}

#[test]
fn what_a_table_of_errors_says_is_in_the_catalogue() {
    for kind in Kind::ALL {
        let table = errors(kind);
        let listed = |reason: &ReasonDef| all_reasons().any(|known| std::ptr::eq(known, reason));
        assert!(listed(table.otherwise), "{kind}: {}", table.otherwise.code);
        for (failure, verdict, reason) in table.rows {
            assert!(listed(reason), "{kind}: {}", reason.code);
            assert_ne!(*verdict, Verdict::Ready, "{kind}: {failure} is never fine");
        }
        for failure in crate::domain::ErrorKind::ALL {
            let rows = table.rows.iter().filter(|(row, ..)| *row == failure).count();
            assert!(rows <= 1, "{kind}: {failure} stands twice");
        }
        let (verdict, _) = table.judge(crate::domain::ErrorKind::Internal);
        assert_eq!(verdict, Verdict::Unknown, "{kind}: our own fault says nothing of the equipment");
    }
}

#[test]
fn a_check_is_observed_more_often_than_its_evidence_expires() {
    for kind in Kind::ALL {
        let defaults = defaults(kind);
        assert!(defaults.fresh_for > defaults.interval, "{kind}");
    }
}
