//! A screen that is pulled out and put back, at a connector of a real driver of the kernel's.

use crate::daemon::room;
use crate::guest::Lab;

/// So rarely looked at by itself that only the kernel's word can bring the news in time.
const DISPLAY: &str = "interval = \"1h\"\n";

#[test]
fn a_screen_pulled_out_is_missed_by_the_kernels_word_and_one_that_says_nothing_is_a_cable_fault() {
    let lab = Lab::start();
    let display = lab.display();
    display.attach();
    let daemon = lab.daemon(&room(&["video"], &[("display", DISPLAY), ("camera", "interval = \"500ms\"\n")]));
    daemon.ready();
    display.unplug();
    daemon.only("display", "not_ready", &["video.display_disconnected"]);
    display.replug();
    daemon.ready();
    display.mute();
    daemon.only("display", "degraded", &["video.display_no_edid"]);
    display.replug();
    daemon.ready();
}
