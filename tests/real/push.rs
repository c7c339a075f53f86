//! Telegram and ntfy at the wire: what is sent, as their documentation has it. Neither service has a part to be had here.

use std::fs;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use siaga::domain::{Component, Incident, Lang, Verdict};
use siaga::notify::Policy;
use siaga::notify::policy::{Change, House, Left, Room};
use siaga::store::Batch;

use super::webhook::{Far, Rig, loopback, receiver_of};

#[tokio::test]
async fn a_chat_and_a_topic_are_told_in_their_own_shape() {
    let folder = tempfile::tempdir().unwrap();
    let (far, token) = (Far::default(), folder.path().join("token"));
    fs::write(&token, "123456:AAE-x_y\n").unwrap();
    let (at, _server) = far.serve(loopback());
    let token_file = format!("token_file = '{}'\n", token.display());
    let receivers = vec![
        receiver_of("chat", "telegram", &format!("url = 'http://{at}/tg'\nchat = '-1001'\n{token_file}")),
        receiver_of("topic", "ntfy", &format!("url = 'http://{at}'\ntopic = 'room_a'\n{token_file}")),
    ];
    let rig = Rig::start(&folder.path().join("state"), receivers).await;
    let room = Room { name: "room_a".into(), title: "Ruang A".into() };
    let audience = ["chat", "topic"].map(|name| (name.into(), Lang::En)).to_vec();
    let house = House {
        room,
        zone: TimeZone::UTC,
        receivers: audience,
        rooms: Vec::new(),
        stands_for: std::collections::BTreeMap::new(),
        instead: std::collections::BTreeMap::new(),
        routes: vec![],
        maintenance: vec![],
        roll_call: None,
        inbound: None,
    };
    let mut policy = Policy::new(house, Left::default());
    let opened_at: Timestamp = "2026-11-24T01:30:00.250Z".parse().unwrap();
    let incident = Incident {
        id: "power-1".to_owned(),
        component: Component::Power,
        worst: Verdict::NotReady,
        verdict: Verdict::NotReady,
        reasons: Vec::new(),
        opened_at,
        closed_at: None,
        settling: false,
    };
    let notifications = policy.decide(Change::Opened(&incident), false, opened_at).notifications;
    rig.store.record(Batch { notifications, ..Batch::default() }).await.unwrap();
    rig.poke.poke();
    rig.drained().await;

    let seen = far.seen();
    let of =
        |path: &str| seen.iter().find(|arrival| arrival.path == path).unwrap_or_else(|| panic!("{path}: {seen:?}"));
    let body = |path: &str| serde_json::from_slice::<Value>(&of(path).body).unwrap();
    let text = "Ruang A: UPS and stabilizer – Not ready.\n\nSince: 24 November 2026 at 01:30 UTC";
    let chat = json!({ "chat_id": "-1001", "text": text, "disable_notification": false });
    assert_eq!(body("/tg/bot123456:AAE-x_y/sendMessage"), chat);
    let topic = json!({
        "topic": "room_a",
        "title": "Ruang A: UPS and stabilizer – Not ready",
        "message": text,
        "priority": 5,
    });
    assert_eq!(body("/"), topic);
    assert_eq!(of("/").authorization.as_deref(), Some("Bearer 123456:AAE-x_y"));
    rig.stop().await;
}
