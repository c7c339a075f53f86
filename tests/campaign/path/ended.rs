//! A meeting that is called off while it lasts: it was held, so that it ends, has its report, and nobody hears that it was cancelled.

use serde_json::json;
use siaga::domain::{Booking, Granted, Phase, Wish};

use super::house::{House, paused};

#[test]
fn a_meeting_that_is_called_off_in_its_middle_ends_and_has_its_report() {
    let (told, report, phases) = paused(async {
        let mut house = House::begin(-160).await;
        let answer = house.confirm(&house.meeting("a", 0)).await;
        house.book("a", 0, Some(answer)).await;
        house.pass_until(-60).await;
        house.tick_all().await;
        house.pass_until(35).await;
        let granted = house.wish(Wish::Cancel { id: "a".into() }, None).await;
        let Granted::Kept { session, .. } = granted else { panic!("{granted:?}") };
        assert_eq!(session.booking, Booking::Booked);
        let ended = house.phase();
        house.restart().await;
        house.hear_later().await;
        house.pass_until(75).await;
        let (report, _) = house.report("a").await;
        let told =
            house.told().iter().map(|(receiver, word)| format!("{receiver}: {}", word["event"].as_str().unwrap()));
        let all = (told.collect::<Vec<_>>(), report, [ended, house.phase()]);
        house.end().await;
        all
    });
    assert_eq!(told, ["operator: session_preflight", "jadwal: session_reported"]);
    assert_eq!(
        json!([report["session"]["cancelled"], report["session"]["end"], report["complete"], report["held"]["ready"]]),
        json!([false, "2026-12-02T10:35:00+07:00", true, 2100])
    );
    assert_eq!(phases, [Phase::WrapUp, Phase::Idle]);
}
