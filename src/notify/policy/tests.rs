//! The policy over virtual moments: who is told what, and why somebody is not.

use jiff::tz::TimeZone;

use super::*;
use crate::domain::{Reason, ReasonDef, Text, Verdict};
use crate::notify::routes::Route;

pub(super) static LOSS: ReasonDef = ReasonDef::new("internet.loss_high", Text::new("x", "x"), Text::new("x", "x"));
pub(super) static DOWN: ReasonDef = ReasonDef::new("internet.down", Text::new("x", "x"), Text::new("x", "x"));

fn room() -> Room {
    Room { name: "room".into(), title: "Room".into() }
}

pub(super) fn incident(verdict: Verdict, reasons: &[&'static ReasonDef]) -> Incident {
    let at = Timestamp::UNIX_EPOCH;
    let reason = |def: &&'static ReasonDef| Reason { def, verdict, args: vec![], since: at, blocked_by: None };
    Incident {
        id: "internet-1".to_owned(),
        component: Component::Internet,
        worst: verdict,
        verdict,
        reasons: reasons.iter().map(reason).collect(),
        opened_at: at,
        closed_at: None,
        settling: false,
    }
}

pub(super) fn house(config: &str) -> House {
    #[derive(serde::Deserialize)]
    struct Read {
        #[serde(default)]
        route: Vec<Route>,
        #[serde(default)]
        maintenance: Vec<crate::notify::routes::Maintenance>,
        roll_call: Option<crate::notify::RollCall>,
        inbound: Option<crate::notify::Inbound>,
    }
    let Read { route: routes, maintenance, roll_call, inbound } = toml::from_str(config).unwrap();
    let receivers = vec![("desk".into(), Lang::Id), ("noc".into(), Lang::En)];
    House {
        room: room(),
        zone: TimeZone::UTC,
        receivers,
        rooms: Vec::new(),
        stands_for: BTreeMap::new(),
        instead: BTreeMap::new(),
        routes,
        maintenance,
        roll_call,
        inbound,
    }
}

fn policy(open: &[Incident]) -> Policy {
    Policy::new(house(""), Left { open: open.to_vec(), ..Left::default() })
}

/// How many are told, or why nobody is.
fn decide(policy: &mut Policy, change: Change<'_>, settling: bool) -> Result<usize, Withheld> {
    let decided = policy.decide(change, settling, Timestamp::UNIX_EPOCH);
    if decided.notifications.is_empty() {
        Err(*decided.withheld.first().unwrap())
    } else {
        Ok(decided.notifications.len())
    }
}

#[test]
fn an_incident_is_told_to_everybody_from_beginning_to_end_each_in_their_language() {
    let mut policy = policy(&[]);
    let bad = incident(Verdict::NotReady, &[&DOWN]);
    let begun = policy.decide(Change::Opened(&bad), false, Timestamp::UNIX_EPOCH).notifications;
    let to: Vec<_> = begun.iter().map(|one| &*one.receiver).collect();
    assert_eq!(to, ["desk", "noc"]);
    assert!(begun[0].payload.contains(r#""lang":"id""#) && begun[1].payload.contains(r#""lang":"en""#));
    assert!(begun.iter().all(|one| one.incident.as_deref() == Some("internet-1")));
    let milder = incident(Verdict::Degraded, &[&LOSS]);
    assert_eq!(decide(&mut policy, Change::Changed(&milder), false), Err(Withheld::Passing));
    assert!(told(&policy.tick(false, at(119))).is_empty(), "it recovers in steps, perhaps");
    assert_eq!(told(&policy.tick(false, at(120))), ["desk changed", "noc changed"]);
    assert_eq!(decide(&mut policy, Change::Changed(&bad), false), Ok(2), "what is worse is told at once");
    assert_eq!(decide(&mut policy, Change::Closed(&incident(Verdict::Ready, &[&LOSS])), false), Ok(2));
}

#[test]
fn keys_are_unique_even_within_one_moment() {
    let mut policy = policy(&[]);
    let mut keys = std::collections::HashSet::new();
    for verdict in [Verdict::Degraded, Verdict::Unknown, Verdict::NotReady] {
        let bad = incident(verdict, &[&DOWN]);
        for one in policy.decide(Change::Changed(&bad), false, Timestamp::UNIX_EPOCH).notifications {
            assert!(keys.insert(one.key.clone()), "{} twice", one.key);
        }
    }
    assert_eq!(keys.len(), 6);
}

#[test]
fn what_was_found_at_a_start_is_not_announced_and_its_end_is() {
    let mut policy = policy(&[]);
    let found = Incident { settling: true, ..incident(Verdict::NotReady, &[&DOWN]) };
    assert_eq!(decide(&mut policy, Change::Opened(&found), true), Err(Withheld::Settling));
    // It lasts beyond the settling: whoever hears of it for the first time hears of its beginning.
    let lasting = Incident { settling: false, id: "internet-2".to_owned(), ..found.clone() };
    let told = policy.decide(Change::Changed(&lasting), false, Timestamp::UNIX_EPOCH).notifications;
    assert!(told[0].payload.contains("incident_opened"), "{}", told[0].payload);
    assert_eq!(decide(&mut policy, Change::Changed(&lasting), false), Err(Withheld::NoNews));
    assert_eq!(decide(&mut policy, Change::Closed(&found), false), Ok(2));
    // Came and went within one start.
    assert_eq!(decide(&mut policy, Change::Opened(&found), true), Err(Withheld::Settling));
    assert_eq!(decide(&mut policy, Change::Closed(&found), true), Err(Withheld::Settling));
    // Told before the restart: its end is told although the daemon is settling.
    assert_eq!(decide(&mut policy, Change::Closed(&incident(Verdict::Ready, &[])), true), Ok(2));
}

#[test]
fn what_an_open_incident_looks_like_at_a_start_is_not_told_and_what_it_is_after_it_is() {
    let open = incident(Verdict::NotReady, &[&DOWN]);
    let mut policy = policy(std::slice::from_ref(&open));
    let first_look = incident(Verdict::Unknown, &[&LOSS]);
    assert_eq!(decide(&mut policy, Change::Changed(&first_look), true), Err(Withheld::Settling));
    assert_eq!(decide(&mut policy, Change::Changed(&open), true), Err(Withheld::Settling));
    assert_eq!(decide(&mut policy, Change::Changed(&open), false), Err(Withheld::NoNews), "as before the restart");
    assert_eq!(decide(&mut policy, Change::Changed(&first_look), false), Err(Withheld::Passing));
    assert_eq!(told(&policy.tick(false, at(120))), ["desk changed", "noc changed"]);
}

#[test]
fn a_change_that_says_nothing_new_is_withheld_over_a_restart_too() {
    let both = incident(Verdict::NotReady, &[&DOWN, &LOSS]);
    let mut policy = policy(std::slice::from_ref(&both));
    assert_eq!(decide(&mut policy, Change::Changed(&both), false), Err(Withheld::NoNews));
    let fewer = incident(Verdict::NotReady, &[&DOWN]);
    assert_eq!(decide(&mut policy, Change::Changed(&fewer), false), Err(Withheld::NoNews));
    for (milder, moment) in [(incident(Verdict::Degraded, &[&DOWN]), 0), (incident(Verdict::Degraded, &[&LOSS]), 200)] {
        assert!(told(&policy.decide(Change::Changed(&milder), false, at(moment))).is_empty());
        assert_eq!(told(&policy.tick(false, at(moment + 120))).len(), 2, "another verdict, then another reason");
    }
}

#[test]
fn without_receivers_that_is_the_reason() {
    let mut policy = Policy::new(House { receivers: vec![], ..house("") }, Left::default());
    let bad = incident(Verdict::NotReady, &[&DOWN]);
    assert_eq!(decide(&mut policy, Change::Opened(&bad), false), Err(Withheld::NoReceiver));
    assert_eq!(policy.test("desk", Timestamp::UNIX_EPOCH), None);
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// Who is told what: `receiver event`, in order.
pub(super) fn told(decided: &Decided) -> Vec<String> {
    let event = |one: &Notification| {
        let document: serde_json::Value = serde_json::from_str(&one.payload).unwrap();
        document["event"].as_str().unwrap().trim_start_matches("incident_").to_owned()
    };
    decided.notifications.iter().map(|one| format!("{} {}", one.receiver, event(one))).collect()
}

#[test]
fn routes_lead_by_component_verdict_and_hour_and_what_was_told_is_followed_to_its_end() {
    let config = "[[route]]\nreceivers = ['desk']\nverdicts = ['not_ready']\nhours = '07:00-17:00'\n\
                  [[route]]\nreceivers = ['noc']\ncomponents = ['power']";
    let mut policy = Policy::new(house(config), Left::default());
    let mild = incident(Verdict::Degraded, &[&LOSS]);
    let night = policy.decide(Change::Opened(&mild), false, at(0));
    assert_eq!((told(&night), night.withheld), (vec![], [Withheld::NoRoute].into()));
    let bad = incident(Verdict::NotReady, &[&DOWN]);
    assert!(told(&policy.decide(Change::Changed(&bad), false, at(60))).is_empty(), "it is night");
    assert!(told(&policy.tick(false, at(7 * 3600 - 1))).is_empty());
    assert_eq!(told(&policy.tick(false, at(7 * 3600))), ["desk opened"], "what lasts is told when the hours begin");
    assert!(told(&policy.tick(false, at(7 * 3600 + 20))).is_empty(), "once");
    // What was told is followed, whatever it becomes and whenever.
    assert!(told(&policy.decide(Change::Changed(&mild), false, at(20 * 3600))).is_empty(), "it may be over soon");
    assert_eq!(told(&policy.tick(false, at(20 * 3600 + 120))), ["desk changed"]);
    let over = Incident { verdict: Verdict::Ready, worst: Verdict::NotReady, ..incident(Verdict::Ready, &[]) };
    assert_eq!(told(&policy.decide(Change::Closed(&over), false, at(21 * 3600))), ["desk closed"]);
    assert_eq!(policy.next_look(), None);
}

#[test]
fn a_route_of_a_phase_leads_in_that_phase_and_what_lasts_is_told_when_it_begins() {
    let config = "[[route]]\nreceivers = ['desk']\nphases = ['preflight', 'live']\n\
                  [[route]]\nreceivers = ['noc']\nphases = ['idle', 'wrap_up']\nremind_every = '5m'";
    let mut policy = Policy::new(house(config), Left::default());
    let bad = incident(Verdict::NotReady, &[&DOWN]);
    assert_eq!(told(&policy.decide(Change::Opened(&bad), false, at(0))), ["noc opened"]);
    assert!(told(&policy.tick(false, at(20))).is_empty());
    policy.enter(Phase::Preflight);
    assert_eq!(told(&policy.tick(false, at(40))), ["desk opened"]);
    policy.enter(Phase::Live);
    assert!(told(&policy.tick(false, at(60))).is_empty(), "once");
    // Whoever was told hears more of it in every phase, but is reminded in theirs alone.
    assert!(told(&policy.tick(false, at(600))).is_empty());
    let mild = incident(Verdict::Degraded, &[&LOSS]);
    assert!(told(&policy.decide(Change::Changed(&mild), false, at(620))).is_empty(), "it may be over soon");
    assert_eq!(told(&policy.tick(false, at(740))), ["desk changed", "noc changed"]);
    policy.enter(Phase::WrapUp);
    assert_eq!(told(&policy.tick(false, at(1040))), ["noc reminder"]);
    let over = Incident { worst: Verdict::NotReady, ..incident(Verdict::Ready, &[]) };
    assert_eq!(told(&policy.decide(Change::Closed(&over), false, at(1060))), ["desk closed", "noc closed"]);
}

#[test]
fn silence_and_maintenance_keep_the_beginning_back_and_never_the_end() {
    let config = "[[maintenance]]\nname = 'line'\ncomponents = ['internet']\nhours = '01:00-02:00'";
    let bad = incident(Verdict::NotReady, &[&DOWN]);
    let over = Incident { worst: Verdict::NotReady, ..incident(Verdict::Ready, &[]) };
    let mut policy = Policy::new(house(config), Left::default());
    let begun = policy.decide(Change::Opened(&bad), false, at(3600));
    assert_eq!((told(&begun), begun.withheld), (vec![], [Withheld::Maintenance].into()));
    assert_eq!(told(&policy.decide(Change::Closed(&over), false, at(4000))), ["desk closed", "noc closed"]);
    policy.decide(Change::Opened(&bad), false, at(5000));
    assert_eq!(told(&policy.tick(false, at(7200))), ["desk opened", "noc opened"], "it lasts beyond the window");

    let mut policy = Policy::new(house(""), Left::default());
    let silence = |component, until| Silence {
        id: "s1".into(),
        component,
        reason: "known".into(),
        from: at(0),
        until: at(until),
    };
    policy.silence(silence(Some(Component::Power), 100));
    assert_eq!(told(&policy.decide(Change::Opened(&bad), false, at(1))).len(), 2, "another component");
    policy.silence(silence(None, 200));
    let worse = incident(Verdict::Degraded, &[&LOSS]);
    assert_eq!(policy.decide(Change::Changed(&worse), false, at(2)).withheld, [Withheld::Silenced].into());
    assert!(told(&policy.tick(false, at(199))).is_empty());
    assert_eq!(told(&policy.tick(false, at(200))), ["desk changed", "noc changed"]);
    assert_eq!(policy.silences(at(200)).count(), 0);
}

#[test]
fn what_nobody_sees_to_is_said_again_and_to_others_until_somebody_does() {
    let config = "[[route]]\nreceivers = ['desk']\nremind_every = '10m'\nescalate_after = '5m'\nescalate_to = ['noc']";
    let mut policy = Policy::new(house(config), Left::default());
    let bad = incident(Verdict::NotReady, &[&DOWN]);
    let begun = policy.decide(Change::Opened(&bad), false, at(0));
    assert_eq!(told(&begun), ["desk opened"]);
    assert!(told(&policy.tick(false, at(299))).is_empty());
    assert_eq!(policy.handling().of("internet-1"), Handled::default());
    assert_eq!(told(&policy.tick(false, at(300))), ["noc opened"]);
    let reminded = policy.tick(false, at(600));
    assert_eq!(told(&reminded), ["desk reminder"]);

    // A process that takes over knows all of it.
    let kept = reminded.kept.iter().map(|(id, kept)| (id.clone(), kept.clone().unwrap())).collect();
    let mut policy = Policy::new(house(config), Left { open: vec![bad.clone()], kept, ..Left::default() });
    assert!(told(&policy.tick(false, at(899))).is_empty());
    assert_eq!(told(&policy.tick(false, at(900))), ["noc reminder"]);
    assert!(!policy.open()[0].1, "nobody sees to it yet");
    assert_eq!(policy.handling().of("internet-1").escalated_at, Some(at(300)));
    let seen_to = policy.acknowledge("internet-1", at(901)).unwrap();
    assert_eq!(told(&seen_to), ["desk acknowledged", "noc acknowledged"]);
    assert!(told(&policy.acknowledge("internet-1", at(902)).unwrap()).is_empty(), "once");
    let handled = Handled { acknowledged_at: Some(at(901)), escalated_at: Some(at(300)) };
    assert_eq!(policy.handling().of("internet-1"), handled);
    assert_eq!(policy.acknowledge("internet-2", at(902)), None);
    assert!(told(&policy.tick(false, at(90_000))).is_empty());
    let over = Incident { worst: Verdict::NotReady, ..incident(Verdict::Ready, &[]) };
    assert_eq!(told(&policy.decide(Change::Closed(&over), false, at(90_001))), ["desk closed", "noc closed"]);
}

#[test]
fn somebody_who_sees_to_it_in_time_keeps_it_from_others() {
    let config = "[[route]]\nreceivers = ['desk']\nescalate_after = '5m'\nescalate_to = ['noc']";
    let mut policy = Policy::new(house(config), Left::default());
    policy.decide(Change::Opened(&incident(Verdict::NotReady, &[&DOWN])), false, at(0));
    policy.acknowledge("internet-1", at(299)).unwrap();
    assert!(told(&policy.tick(false, at(301))).is_empty());
}

#[test]
fn who_hears_late_of_what_somebody_sees_to_hears_that_too() {
    let mut policy = policy(&[]);
    let found = Incident { settling: true, ..incident(Verdict::NotReady, &[&DOWN]) };
    assert_eq!(decide(&mut policy, Change::Opened(&found), true), Err(Withheld::Settling));
    assert!(told(&policy.acknowledge("internet-1", at(5)).unwrap()).is_empty(), "nobody has heard of it yet");
    let lasts = policy.decide(Change::Changed(&Incident { settling: false, ..found }), false, at(15));
    assert_eq!(told(&lasts), ["desk opened", "desk acknowledged", "noc opened", "noc acknowledged"]);
    assert!(told(&policy.acknowledge("internet-1", at(20)).unwrap()).is_empty(), "once");
}

/// An incident of its own each time, a minute bad and a minute good.
pub(super) fn to_and_fro(policy: &mut Policy, times: i64) -> Vec<String> {
    let mut all = Vec::new();
    for time in 0..times {
        let id = format!("internet-{time}");
        let bad = Incident { id: id.clone(), opened_at: at(time * 120), ..incident(Verdict::NotReady, &[&DOWN]) };
        let over = Incident { verdict: Verdict::Ready, ..bad.clone() };
        for (change, moment) in [(Change::Opened(&bad), time * 120), (Change::Closed(&over), time * 120 + 60)] {
            all.extend(told(&policy.decide(change, false, at(moment))));
            all.extend(told(&policy.tick(false, at(moment + 30))));
        }
    }
    all.retain(|line| line.starts_with("desk"));
    all
}

#[test]
fn what_goes_to_and_fro_is_said_to_and_then_the_state_in_which_it_rests() {
    let mut policy = policy(&[]);
    let all = to_and_fro(&mut policy, 100);
    assert_eq!(all, ["desk opened", "desk closed", "desk opened", "desk closed", "desk opened", "desk unstable"]);
    let rest = (0..200).map(|minute| told(&policy.tick(false, at(12_000 + minute * 60)))).find(|told| !told.is_empty());
    assert_eq!(rest.unwrap(), ["desk closed", "noc closed"]);
    assert_eq!(policy.next_look(), None);

    // It comes to rest while it is bad.
    let mut policy = self::policy(&[]);
    to_and_fro(&mut policy, 10);
    let bad = Incident { id: "internet-last".to_owned(), ..incident(Verdict::NotReady, &[&DOWN]) };
    let begun = policy.decide(Change::Opened(&bad), false, at(1200));
    assert_eq!((told(&begun), begun.withheld), (vec![], [Withheld::Flapping].into()));
    let rest = (0..200).map(|minute| told(&policy.tick(false, at(1200 + minute * 60)))).find(|told| !told.is_empty());
    assert_eq!(rest.unwrap(), ["desk changed", "noc changed"]);
}

#[test]
fn a_silence_keeps_back_how_it_comes_to_rest_while_it_is_bad_and_its_end_tells_it() {
    let mut policy = policy(&[]);
    to_and_fro(&mut policy, 10);
    let bad = Incident { id: "internet-last".to_owned(), ..incident(Verdict::NotReady, &[&DOWN]) };
    policy.decide(Change::Opened(&bad), false, at(1200));
    let (component, reason) = (Some(Component::Internet), "kabel diganti".to_owned());
    policy.silence(Silence { id: "s".into(), component, reason, from: at(1260), until: at(9000) });
    let kept_back = (0..120).flat_map(|minute| told(&policy.tick(false, at(1260 + minute * 60))));
    assert_eq!(kept_back.collect::<Vec<_>>(), [""; 0]);
    assert_eq!(told(&policy.tick(false, at(9000))), ["desk changed", "noc changed"]);
    assert!(told(&policy.tick(false, at(9020))).is_empty(), "once");
}

#[test]
fn a_restart_forgets_neither_that_it_goes_to_and_fro_nor_that_its_rest_is_owed() {
    let (mut before, mut kept, mut last) = (policy(&[]), HashMap::new(), None);
    let follow = |kept: &mut HashMap<String, String>, decided: &Decided| {
        for (id, state) in decided.kept.clone() {
            match state {
                Some(state) => kept.insert(id, state),
                None => kept.remove(&id),
            };
        }
    };
    for time in 0..5 {
        let id = format!("internet-{time}");
        let bad = Incident { id, opened_at: at(time * 120), ..incident(Verdict::NotReady, &[&DOWN]) };
        let over = Incident { verdict: Verdict::Ready, ..bad.clone() };
        follow(&mut kept, &before.decide(Change::Opened(&bad), false, at(time * 120)));
        follow(&mut kept, &before.decide(Change::Closed(&over), false, at(time * 120 + 60)));
        last = Some(over);
    }
    let left = |kept: &HashMap<String, String>| Left {
        closed: last.iter().filter(|over| kept.contains_key(&over.id)).cloned().collect(),
        kept: kept.clone(),
        ..Left::default()
    };
    assert_eq!(left(&kept).closed.len(), 1, "of those that closed only the last is kept: {kept:?}");
    let mut after = Policy::new(house(""), left(&kept));
    let again = Incident { id: "internet-again".to_owned(), ..incident(Verdict::NotReady, &[&DOWN]) };
    let begun = after.clone().decide(Change::Opened(&again), false, at(700));
    assert_eq!((told(&begun), begun.withheld), (vec![], [Withheld::Flapping].into()), "it was told before the restart");
    // It came to rest while nobody watched: that is told, once the daemon knows what it sees.
    assert!(told(&after.tick(true, at(9000))).is_empty());
    let rest = after.tick(false, at(9020));
    assert_eq!(told(&rest), ["desk closed", "noc closed"]);
    follow(&mut kept, &rest);
    assert_eq!(left(&kept).closed.len(), 0);
    assert!(told(&Policy::new(house(""), left(&kept)).tick(false, at(9040))).is_empty(), "once");
}

/// A UPS whose driver loses its evidence for half a minute every few minutes would else be told of all day, to everybody.
#[test]
fn what_is_not_known_again_and_again_goes_to_and_fro_too() {
    let mut policy = policy(&[]);
    let mut all = Vec::new();
    for time in 0..50 {
        let blind = Incident { id: format!("internet-{time}"), ..incident(Verdict::Unknown, &[&DOWN]) };
        let over = Incident { verdict: Verdict::Ready, ..blind.clone() };
        all.extend(policy.decide(Change::Opened(&blind), false, at(time * 120)).notifications);
        all.extend(policy.decide(Change::Closed(&over), false, at(time * 120 + 30)).notifications);
    }
    let last = all.last().unwrap().payload.clone();
    assert!(last.contains("cannot be seen again and again"), "it did not fail: {last}");
    let all = told(&Decided { notifications: all, ..Decided::default() });
    let desk: Vec<_> = all.into_iter().filter(|line| line.starts_with("desk")).collect();
    assert_eq!(desk, ["desk opened", "desk closed", "desk opened", "desk closed", "desk opened", "desk unstable"]);
    // What fails for certain meanwhile is no part of that, until it goes to and fro itself.
    let mut desk = Vec::new();
    for time in 50..60 {
        let down = Incident { id: format!("internet-{time}"), ..incident(Verdict::NotReady, &[&DOWN]) };
        let over = Incident { verdict: Verdict::Ready, ..down.clone() };
        for (change, moment) in [(Change::Opened(&down), time * 120), (Change::Closed(&over), time * 120 + 30)] {
            desk.extend(told(&policy.decide(change, false, at(moment))));
            desk.extend(told(&policy.tick(false, at(moment + 20))));
        }
    }
    desk.retain(|line| line.starts_with("desk"));
    assert_eq!(desk, ["desk opened", "desk closed", "desk opened", "desk closed", "desk opened", "desk unstable"]);

    // Within an incident that lasts, too.
    let mut policy = self::policy(&[]);
    let mut all = told(&policy.decide(Change::Opened(&incident(Verdict::Degraded, &[&LOSS])), false, at(0)));
    for time in 1..100 {
        let verdict = if time % 2 == 0 { Verdict::Degraded } else { Verdict::Unknown };
        let changed = policy.decide(Change::Changed(&incident(verdict, &[&LOSS])), false, at(time * 60));
        all.extend(told(&changed));
    }
    all.retain(|line| line.starts_with("desk"));
    assert_eq!(all, ["desk opened", "desk changed", "desk unstable"]);
}

#[test]
fn what_is_told_in_spite_of_a_component_that_goes_to_and_fro_is_a_fault_as_any_other() {
    let config = "[[route]]\nreceivers = ['desk']\nverdicts = ['not_ready']\nescalate_after = '5m'\n\
                  escalate_to = ['noc']\nremind_every = '10m'";
    let mut policy = Policy::new(house(config), Left::default());
    policy.house.instead = [("desk".into(), vec!["noc".into()])].into();
    for time in 0..8 {
        let blind = Incident { id: format!("internet-{time}"), ..incident(Verdict::Unknown, &[&DOWN]) };
        let over = Incident { verdict: Verdict::Ready, ..blind.clone() };
        assert_eq!(told(&policy.decide(Change::Opened(&blind), false, at(time * 120))), [""; 0]);
        policy.decide(Change::Closed(&over), false, at(time * 120 + 30));
    }
    let down = Incident { id: "internet-9".to_owned(), ..incident(Verdict::NotReady, &[&DOWN]) };
    assert_eq!(told(&policy.decide(Change::Opened(&down), false, at(1000))), ["desk opened"]);
    let unsaid = Unsaid { receiver: "desk".into(), incident: "internet-9".to_owned() };
    assert_eq!(told(&policy.clone().tell_instead(&unsaid, at(1060))), ["noc opened"]);
    assert_eq!(told(&policy.tick(false, at(1300))), ["noc opened"], "nobody sees to it");
    assert_eq!(told(&policy.tick(false, at(1600))), ["desk reminder"]);
    let over = Incident { verdict: Verdict::Ready, ..down };
    let closed = policy.decide(Change::Closed(&over), false, at(1610));
    assert_eq!(told(&closed), ["desk closed", "noc closed"]);
}
