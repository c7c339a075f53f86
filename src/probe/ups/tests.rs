//! The `ups` check's config and catalogue.

use super::*;
use crate::domain::Verdict;

fn config(text: &str) -> Result<Config, String> {
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

#[test]
fn an_empty_config_is_the_default() {
    let config = config("").unwrap();
    assert_eq!(config, Config::default());
    assert_eq!((config.server.as_str(), config.ups.as_str()), ("127.0.0.1:3493", "auto"));
    assert_eq!(config.battery_max_age.to_string(), "1095d");
}

#[test]
fn a_bad_key_is_told_with_what_would_do() {
    let table = [
        (r#"server = "127.0.0.1""#, "is not host:port; write \"127.0.0.1:3493\""),
        (r#"server = "2001:db8::1:3493""#, "is not host:port"),
        (r#"server = "upsd.example.net:0""#, "is not host:port"),
        (r#"server = ":3493""#, "is not host:port"),
        (r#"ups = "rack ups""#, "is not a UPS's name"),
        ("ups = \"lab\\nFSD lab\"", "is not a UPS's name"),
        (r#"ups = """#, "is not a UPS's name"),
        ("usable_share = 0.0", "write a number above 0 and up to 1"),
        ("usable_share = 80.0", "write a number above 0 and up to 1"),
        ("usable_share = nan", "write a number above 0 and up to 1"),
        (r#"timeout = "2""#, "allowed are ms, s, m, h, d"),
        (r#"sever = "127.0.0.1:3493""#, "unknown field `sever`"),
    ];
    for (text, expected) in table {
        let error = config(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
    for server in ["[::1]:3493", "upsd.example.net:3493", "192.0.2.7:3493"] {
        assert_eq!(config(&format!("server = {server:?}")).unwrap().server, server);
    }
}

#[test]
fn quantities_follow_their_units() {
    for quantity in QUANTITIES {
        let suffix = quantity.unit.suffix().unwrap_or_default();
        assert!(quantity.name.starts_with("ups_") && quantity.name.ends_with(suffix), "{}", quantity.name);
    }
}

#[test]
fn codes_are_unique_and_rules_use_what_is_declared() {
    let mut codes: Vec<_> = REASONS.iter().map(|reason| reason.code).collect();
    codes.sort_unstable();
    let count = codes.len();
    codes.dedup();
    assert_eq!(codes.len(), count);
    for rule in Config::default().rules() {
        assert!(QUANTITIES.contains(&rule.quantity) && REASONS.contains(&rule.reason));
        for text in [rule.reason.message.id, rule.reason.message.en] {
            assert!(text.contains("{value}") && text.contains("{limit}"), "{text}");
        }
    }
}

#[test]
fn only_the_battery_part_of_the_runtime_rule_makes_not_ready() {
    for rule in Config::default().rules() {
        assert_eq!(rule.not_ready != Limit::None, rule.part == Some("battery"), "{}", rule.reason.code);
    }
    assert!(ERRORS.rows.iter().all(|(_, verdict, reason)| *verdict == Verdict::Unknown && REASONS.contains(reason)));
}
