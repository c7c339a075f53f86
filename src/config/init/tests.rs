//! Every platform and language, and what is not there.

use proptest::prelude::*;

use super::super::{Config, Errors, Source};
use super::*;
use crate::domain::{Kind, Level};
use crate::probe::ports::platforms::platforms;

/// The keys that name somebody.
const WHOM: [&str; 9] = ["reflector", "target", "url", "server", "host", "query", "resolver", "down_url", "up_url"];

fn answers(platform: &Platform) -> Answers {
    Answers {
        language: Lang::Id,
        name: "media_center".into(),
        title: "Ruang Media Center".into(),
        time_zone: "Asia/Pontianak".into(),
        platform: platform.clone(),
        server: platform.web.is_empty().then(|| "meet.example.org".into()),
        far_ends: vec!["192.0.2.1".into(), "198.51.100.1".into(), "stun:stun.example.net:3478".into()],
        gateway: Some("auto".into()),
        resolvers: vec!["auto".into()],
        bandwidth: Some("http://speed.example.net:10154".into()),
        stamp: Some("far.example.net".into()),
        upsd: Some("127.0.0.1:3493".into()),
        display: true,
        tried: true,
        radio: true,
        webhook: Some("https://alert.example.org/siaga".into()),
    }
}

fn parse(answers: &Answers) -> Result<Config, Errors> {
    Config::parse(&Source::new("init.toml", render(answers)))
}

#[test]
fn what_it_writes_is_read_without_errors_for_every_platform_and_language() {
    for platform in platforms() {
        for language in [Lang::Id, Lang::En] {
            let answers = Answers { language, ..answers(platform) };
            let config = parse(&answers).unwrap_or_else(|errors| panic!("{}: {errors}", platform.name));
            let plan = &config.plan;
            assert_eq!(*plan.profiles[plan.default_profile].name, *platform.profile);
            assert_eq!(config.room.language, language);
            assert_eq!(config.receivers.len(), 1);
            assert!(plan.absent.is_empty());
            let group = |name: &str| plan.checks[plan.check(&name.into()).unwrap()].group.clone();
            assert_eq!(group("far_end_3").unwrap().need, 2);
        }
    }
}

#[test]
fn what_is_not_there_is_said_to_be_absent_and_not_watched() {
    let all = platforms();
    let least = Answers {
        far_ends: vec![],
        gateway: None,
        resolvers: vec![],
        bandwidth: None,
        stamp: None,
        upsd: None,
        display: false,
        tried: false,
        radio: false,
        webhook: None,
        ..answers(&all[0])
    };
    let plan = parse(&least).unwrap().plan;
    assert_eq!(plan.absent.len(), 2);
    assert!(plan.checks.iter().all(|check| check.group.is_none()));
    assert!(plan.checks.iter().all(|check| check.kind != Kind::Bandwidth));
    let text = render(&least);
    assert!(text.contains("siaga init --bandwidth"), "what is not looked at is said: {text}");
    let told: Vec<_> = left_out(&least).into_iter().map(|sentence| sentence.en).collect();
    for flag in ["--far-end", "--bandwidth", "--stamp", "--try-devices", "--webhook", "--gateway", "--resolver"] {
        assert_eq!(told.iter().filter(|sentence| sentence.contains(flag)).count(), 1, "{flag}: {told:?}");
    }
    assert!(told.iter().all(|sentence| !sentence.contains("--server")), "zoom has a name: {told:?}");
    // An own server that nobody named: nothing of the platform is looked at, nor any name.
    let jitsi = all.iter().find(|platform| platform.name == "jitsi").unwrap();
    let nameless = Answers { server: None, far_ends: vec!["192.0.2.1".into()], ..answers(jitsi) };
    let told: Vec<_> = left_out(&nameless).into_iter().map(|sentence| sentence.en).collect();
    for words in
        ["meeting server answers (--server)", "no name to ask for (--server NAME)", "fewer than three far ends"]
    {
        assert_eq!(told.iter().filter(|sentence| sentence.contains(words)).count(), 1, "{words}: {told:?}");
    }
    let kinds: Vec<_> = parse(&nameless).unwrap().plan.checks.iter().map(|check| check.kind).collect();
    assert!(![Kind::Dns, Kind::Http, Kind::Tls].iter().any(|kind| kinds.contains(kind)), "{kinds:?}");
    assert!(left_out(&answers(&all[0])).is_empty());
    let elsewhere = Answers { server: Some("meet.example.org:8443".into()), ..answers(jitsi) };
    assert!(left_out(&elsewhere).is_empty());
    let text = render(&elsewhere);
    for line in ["url = \"https://meet.example.org:8443/\"", "port = 8443", "host = \"meet.example.org\""] {
        assert!(text.lines().any(|other| other == line), "{line}: {text}");
    }
    parse(&elsewhere).unwrap();
    assert!(left_out(&answers(&all[0])).is_empty());
}

#[test]
fn no_far_end_is_this_machine() {
    for platform in platforms() {
        let config = parse(&answers(platform)).unwrap();
        for (probe, check) in config.probes.iter().zip(&config.plan.checks) {
            assert!(!probe.is_against_self(), "{} of {}", check.name, platform.name);
        }
    }
}

#[test]
fn of_several_resolvers_one_will_do() {
    let all = platforms();
    let resolvers = vec!["192.0.2.53".into(), "[2001:db8::53]:53".into()];
    let plan = parse(&Answers { resolvers, ..answers(&all[0]) }).unwrap().plan;
    let mut groups =
        plan.checks.iter().filter(|check| check.kind == Kind::Dns).map(|check| check.group.clone().unwrap());
    assert!(groups.by_ref().take(2).all(|group| (&*group.name, group.need) == ("resolvers", 1)));
    assert!(groups.next().is_none());
}

#[test]
fn where_things_stand_in_the_tree_follows_from_what_they_are() {
    let all = platforms();
    for (platform, gateway) in [(0, "auto"), (6, "192.0.2.1")] {
        let plan = parse(&Answers { gateway: Some(gateway.into()), ..answers(&all[platform]) }).unwrap().plan;
        let level = |name: &str| plan.checks[plan.check(&name.into()).unwrap()].level;
        assert_eq!((level("gateway"), level("platform")), (Level::Gateway, Level::Platform));
    }
}

#[test]
fn it_names_nobody_who_was_not_answered_or_is_not_the_platform() {
    let all = platforms();
    let least =
        Answers { far_ends: vec![], server: None, bandwidth: None, stamp: None, webhook: None, ..answers(&all[4]) };
    let text = render(&least);
    let values = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    for (key, value) in values.filter(|(key, _)| WHOM.contains(key)) {
        assert!(["\"auto\"", "\"127.0.0.1:3493\""].contains(&value), "{key} = {value}");
    }
}

proptest! {
    #[test]
    fn what_is_answered_stands_in_the_file_as_it_was_said(title in any::<String>()) {
        let all = platforms();
        let text = render(&Answers { title: title.clone(), ..answers(&all[0]) });
        let tables: toml::Table = text.parse().unwrap();
        prop_assert_eq!(tables["room"]["title"].as_str(), Some(&*title));
    }
}
