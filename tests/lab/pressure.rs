//! Work that waits: for memory that the kernel must win back first, and for the processor. Both are made by a control group's own limits
//! (the kernel's `Documentation/admin-guide/cgroup-v2.rst`), so that the kernel tells of them without the machine being full.

use crate::daemon::room;
use crate::guest::Lab;

/// The guest is small, emulated and in nobody's meeting: of its processor and memory only the pressure is judged.
const COMPUTER: &str = "cpu_degraded = 1.0\ncpu_pressure_degraded = 0.7\nmemory_pressure_degraded = 0.3\n\
    memory_degraded = \"20 MB\"\nmemory_not_ready = \"10 MB\"\ndisk_degraded = \"10 MB\"\ndisk_not_ready = \"1 MB\"\n\
    interval = \"500ms\"\n";

/// A control group that may keep 4 MB, and run for a hundredth of the time.
const TIGHT: &str = "mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
    echo '+cpu +memory' > /sys/fs/cgroup/cgroup.subtree_control
    mkdir /sys/fs/cgroup/kept /sys/fs/cgroup/slow
    echo 4M > /sys/fs/cgroup/kept/memory.high
    echo '1000 100000' > /sys/fs/cgroup/slow/cpu.max
    mkdir -p /hoard
    mount -t tmpfs hoard /hoard";

/// Wants more than its group may keep, and there is nowhere to swap it to: each further page makes it wait.
const HOARDS: &str =
    "sh -c 'echo $$ > /sys/fs/cgroup/kept/cgroup.procs; exec head -c 100000000 /dev/zero > /hoard/full'";

/// Could always run, and may not.
const SPINS: &str = "sh -c 'echo $$ > /sys/fs/cgroup/slow/cgroup.procs; while :; do :; done'";

#[test]
fn work_that_waits_for_memory_or_for_the_processor_is_told_and_so_is_its_end() {
    let lab = Lab::start();
    lab.sh(TIGHT);
    // As timesyncd does when its server has answered.
    lab.sh("mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized");
    let daemon = lab.daemon(&room(&["computer"], &[("computer", COMPUTER)]));
    daemon.ready();
    let hoarder = lab.spawn("hoarder", HOARDS);
    daemon.only("computer", "degraded", &["computer.memory_pressure_high"]);
    lab.sh(&format!("kill -9 {hoarder}"));
    daemon.ready();
    let spinners = [0, 1].map(|number| lab.spawn(&format!("spinner{number}"), SPINS));
    daemon.only("computer", "degraded", &["computer.cpu_pressure_high"]);
    for spinner in spinners {
        lab.sh(&format!("kill -9 {spinner}"));
    }
    daemon.ready();
}
