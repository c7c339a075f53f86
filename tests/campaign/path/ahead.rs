//! A clock that is ahead when the daemon begins, as that of a machine whose battery is empty: what is made of meetings that are to come
//! stands in nobody's way once the clock is right.

use serde_json::json;
use siaga::domain::Granted;

use super::house::{House, paused};

#[test]
fn the_report_that_a_clock_ahead_made_of_a_meeting_to_come_is_withdrawn_and_its_own_is_made_in_its_time() {
    paused(async {
        // By a clock that has been right for a day.
        let mut house = House::begin(-1900).await;
        house.pass_until(-1890).await;
        house.off_until(-300).await;
        let granted = house.book("a", 0, None).await;
        assert!(matches!(granted, Granted::Kept { .. }), "{granted:?}");
        // Seven hours ahead: a clock that keeps local time, and is read as one of UTC.
        house.off_until(120).await;
        house.pass_until(124).await;
        let (early, _) = house.report("a").await;
        assert_eq!(json!([early["kept"]["intact"], early["held"]["ready"]]), json!([true, 0]));
        // Set right, five hours before it begins; and begun anew, since a withdrawal is made once.
        house.off_until(-295).await;
        house.pass_until(-290).await;
        house.restart().await;
        house.pass_until(95).await;
        let (report, _) = house.report("a").await;
        assert_eq!(
            json!([report["complete"], report["kept"]["intact"], report["held"]["ready"]]),
            json!([true, true, 3600])
        );
        assert_ne!(report["kept"]["sha256"], early["kept"]["sha256"]);
        house.end().await;
    });
}
