//! A meeting whose crew names a receiver that the config has no more: the agenda's receivers are told instead, of the call and of the
//! sheet, and nothing is told to nobody.

use siaga::domain::{Granted, Wish};

use super::house::{House, paused};

#[test]
fn what_a_receiver_that_is_gone_was_to_hear_the_office_hears() {
    let told = paused(async {
        let mut house = House::begin(-160).await;
        let mut session = house.meeting("a", 0);
        session.details.crew.values_mut().for_each(|member| member.receiver = Some("dulu".to_owned()));
        let granted = house.wish(Wish::Book(Box::new(session)), None).await;
        assert!(matches!(granted, Granted::Kept { .. }), "{granted:?}");
        house.pass_until(-20).await;
        house.tick_all().await;
        house.pass_until(-10).await;
        let told = house.told().iter().map(|(receiver, word)| {
            let (event, tasks) = (word["event"].as_str().unwrap(), &word["session"]["tasks"]);
            format!("{receiver}: {event} {tasks}")
        });
        let told = told.collect::<Vec<_>>();
        house.end().await;
        told
    });
    assert_eq!(
        told,
        ["jadwal: session_preflight []", "jadwal: session_late [\"ruang\"]", "jadwal: session_made_up [\"ruang\"]",]
    );
}
