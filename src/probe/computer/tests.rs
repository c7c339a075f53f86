//! The `computer` probe over procfs files that the tests write themselves, and over this machine.

use super::*;
use crate::probe::fixture::{Machine, found, value};

const ROOT: &str = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n";

/// A machine whose clock says what `clock` says, in timedated's words.
fn room(mountinfo: &str) -> Machine {
    let machine = Machine::bare();
    machine.write("proc/self/mountinfo", mountinfo);
    machine.write("proc/pressure/cpu", "some avg10=12.50 avg60=0.00 avg300=0.00 total=1\n");
    // A bus, so that the clock's service is asked.
    machine.write("run/dbus/system_bus_socket", "");
    machine
}

fn probe(machine: &Machine, config: &str, clock: &str) -> Probe {
    let mut probe = Probe::new(toml::from_str(config).unwrap(), machine.context());
    probe.run = machine.path("run");
    // Arguments after the script are its own, and unused.
    probe.timedatectl = Program::other("/bin/sh", &["-c", &format!("echo {clock}")]);
    probe
}

async fn see(machine: &Machine, config: &str) -> Observation {
    probe(machine, config, "yes").next().await
}

#[tokio::test]
async fn a_healthy_machine_has_numbers_and_nothing_to_say() {
    let machine = room(ROOT);
    let mut probe = probe(&machine, "", "yes");
    probe.context.interval = sysinfo::MINIMUM_CPU_UPDATE_INTERVAL * 2;
    let first = probe.next().await;
    assert_eq!(found(&first), []);
    assert_eq!(
        value(&first.reading, "computer_cpu_ratio", None),
        None,
        "usage is a difference, and there was nothing before"
    );
    assert_eq!(value(&first.reading, "computer_pressure_ratio", Some("cpu")), Some(0.125));
    assert_eq!(
        value(&first.reading, "computer_pressure_ratio", Some("io")),
        None,
        "what the kernel does not tell is missing"
    );
    assert!(value(&first.reading, "computer_memory_available_bytes", None).unwrap() > 1e6);
    assert!(value(&first.reading, "computer_disk_free_bytes", Some("/")).unwrap() > 0.0);
    let inodes = value(&first.reading, "computer_disk_inodes_free_ratio", Some("/"));
    assert!(inodes.is_none_or(|share| (0.0..=1.0).contains(&share)), "{inodes:?}");
    assert_eq!(value(&first.reading, "computer_clock_synchronised", None), Some(1.0));
    assert_eq!(value(&first.reading, "computer_restart_pending", None), Some(0.0));
    let cpu = value(&probe.next().await.reading, "computer_cpu_ratio", None).unwrap();
    assert!((0.0..=1.0).contains(&cpu), "{cpu}");
}

#[tokio::test]
async fn a_disk_that_fails_is_remounted_read_only_and_told() {
    let machine = room(&ROOT.replace("/dev/sda1 rw", "/dev/sda1 ro,errors=remount-ro"));
    let seen = see(&machine, "").await;
    assert_eq!(found(&seen), [("computer.disk_read_only", Verdict::NotReady)]);
    assert_eq!(value(&seen.reading, "computer_disk_read_only", Some("/")), Some(1.0));
}

#[tokio::test]
async fn a_named_mount_that_is_absent_is_told_and_one_that_is_not_named_is_not_asked() {
    let far = format!("{ROOT}26 22 0:40 / /far rw - nfs4 filer.example.org:/room rw,hard\n");
    let machine = room(&far);
    assert_eq!(found(&see(&machine, "").await), []);
    let seen = see(&machine, "mounts = [\"/\", \"/recordings\"]").await;
    assert_eq!(found(&seen), [("computer.mount_missing", Verdict::Degraded)]);
    assert_eq!(found(&see(&machine, "mounts = []").await), []);
}

#[tokio::test]
async fn a_mount_of_another_machine_is_never_asked_for_space() {
    let machine = room(&format!("{ROOT}26 22 0:40 / /far ro - nfs4 filer.example.org:/room rw,hard\n"));
    let seen = see(&machine, "mounts = [\"/far\"]").await;
    let both = [("computer.disk_read_only", Verdict::NotReady), ("computer.mount_remote", Verdict::Ready)];
    assert_eq!(found(&seen), both);
    assert_eq!(value(&seen.reading, "computer_disk_free_bytes", Some("/far")), None);
}

#[tokio::test]
async fn a_clock_is_synchronised_or_free_or_cannot_be_seen() {
    let machine = room(ROOT);
    let mut free = probe(&machine, "", "no");
    let seen = free.next().await;
    assert_eq!(found(&seen), [("computer.clock_unsynchronised", Verdict::Degraded)]);
    assert_eq!(value(&seen.reading, "computer_clock_synchronised", None), Some(0.0));
    machine.write("run/systemd/timesync/synchronized", "");
    assert_eq!(found(&free.next().await), [], "timesyncd has spoken since");

    let machine = room(ROOT);
    let mut blind = probe(&machine, "", "yes");
    blind.timedatectl = Program::other("/nonexistent/timedatectl", &[]);
    let seen = blind.next().await;
    assert_eq!(found(&seen), [("siaga.clock_unseen", Verdict::Ready)]);
    assert_eq!(value(&seen.reading, "computer_clock_synchronised", None), None);
}

#[tokio::test]
async fn a_clock_that_is_right_is_asked_for_seldom() {
    let machine = room(ROOT);
    let asked = machine.path("asked");
    let mut probe = probe(&machine, "", &format!("yes; echo once >> {}", asked.display()));
    for _ in 0..3 {
        probe.context.interval = Duration::from_millis(1);
        probe.ticker = None;
        assert_eq!(found(&probe.next().await), []);
    }
    assert_eq!(std::fs::read_to_string(&asked).unwrap(), "once\n");
    assert!(again(&Clock::Synchronised) >= Duration::from_mins(10) && again(&Clock::Free) <= Duration::from_mins(1));
}

#[tokio::test]
async fn a_machine_that_was_too_hot_is_not_cool_because_its_sensor_hangs() {
    type Sensors = fn() -> Vec<(String, f32)>;
    fn hangs() -> Vec<(String, f32)> {
        loop {
            std::thread::park();
        }
    }
    let cool: Sensors = || vec![("k10temp Tctl".to_owned(), 41.0)];
    let hot: Sensors = || vec![("k10temp Tctl".to_owned(), 95.0)];
    for (before, told) in [(cool, &[][..]), (hot, &[("siaga.computer_unreadable", Verdict::Unknown)][..])] {
        let machine = room(ROOT);
        machine.write("run/systemd/timesync/synchronized", "");
        let mut probe = probe(&machine, "mounts = []", "yes");
        probe.sensors = before;
        assert_eq!(found(&probe.next().await), [], "a limit is the judge's");
        (probe.sensors, probe.ticker) = (hangs, None);
        // Nobody waits for it in vain.
        tokio::time::pause();
        assert_eq!(found(&probe.next().await), told);
        tokio::time::resume();
    }
}

#[test]
fn a_disk_without_room_for_another_file_is_full_however_much_space_it_has() {
    let of = |files, left| {
        let mut space = rustix::fs::statvfs("/").unwrap();
        (space.f_files, space.f_favail) = (files, left);
        inodes(&space)
    };
    assert_eq!(of(0, 0), None, "as btrfs says it");
    let rules = Config::default().rules();
    let rule = rules.iter().find(|rule| rule.quantity.name == "computer_disk_inodes_free_ratio").unwrap();
    let (Limit::Fixed(few), Limit::Fixed(none)) = (rule.degraded, rule.not_ready) else { panic!("{rule:?}") };
    for (files, left, is_low, is_none) in
        [(1000, 11, false, false), (1000, 9, true, false), (u32::MAX.into(), 1, true, false), (1000, 0, true, true)]
    {
        let share = of(files, left).unwrap();
        assert_eq!((share < few, share < none), (is_low, is_none), "{left} of {files}");
    }
}

#[tokio::test]
async fn what_only_a_service_may_not_write_is_no_fault_of_the_disk() {
    let machine = room("22 1 8:1 / / ro,relatime shared:1 - ext4 /dev/sda1 rw\n");
    machine.write("proc/1/mountinfo", ROOT);
    assert_eq!(found(&see(&machine, "").await), []);
}

#[tokio::test]
async fn a_pending_restart_is_a_note() {
    let machine = room(ROOT);
    machine.write("run/reboot-required", "");
    assert_eq!(found(&see(&machine, "").await), [("computer.restart_pending", Verdict::Ready)]);
}

#[tokio::test]
async fn a_machine_that_cannot_be_read_is_our_blindness() {
    let seen = see(&Machine::bare(), "").await;
    assert_eq!(found(&seen), [("siaga.computer_unreadable", Verdict::Unknown)]);
    assert!(seen.error.unwrap().detail.contains("mountinfo"));
}

#[test]
fn limits_come_from_the_config_in_base_units() {
    let config: Config = toml::from_str("memory_degraded = \"2 GB\"\ncpu_degraded = 0.5").unwrap();
    let rules = config.rules();
    let limit = |name| rules.iter().find(|rule| rule.quantity.name == name).unwrap().degraded;
    assert_eq!(limit("computer_memory_available_bytes"), Limit::Fixed(2e9));
    assert_eq!(limit("computer_cpu_ratio"), Limit::Fixed(0.5));
    assert!(toml::from_str::<Config>("memory = \"2 GB\"").unwrap_err().to_string().contains("unknown field"));
}

#[tokio::test]
async fn a_sensor_that_is_left_out_is_not_told() {
    let machine = room(ROOT);
    let read = |config: &str| {
        let mut probe = probe(&machine, config, "yes");
        probe.sensors = || vec![("nct6779 CPUTIN".to_owned(), 109.0), ("k10temp Tctl".to_owned(), 41.0)];
        async move { probe.next().await.reading }
    };
    let of = |reading: &Reading, sensor| value(reading, "computer_temperature_celsius", Some(sensor));
    let told = read("").await;
    assert_eq!((of(&told, "nct6779 CPUTIN"), of(&told, "k10temp Tctl")), (Some(109.0), Some(41.0)));
    let told = read("sensors_left_out = [\"nct6779 CPUTIN\"]").await;
    assert_eq!((of(&told, "nct6779 CPUTIN"), of(&told, "k10temp Tctl")), (None, Some(41.0)));
}

#[test]
fn an_input_to_which_nothing_is_connected_reads_nothing() {
    let of = |celsius: &[f32]| hottest(celsius.iter().map(|celsius| ("it8728 temp2".to_owned(), *celsius)).collect());
    for impossible in [127.0, -128.0, 3_892_314.0, f32::NAN] {
        assert!(of(&[impossible]).is_empty(), "{impossible}");
        assert_eq!(of(&[41.0, impossible, 38.0]).into_values().collect::<Vec<_>>(), [41.0]);
    }
    assert_eq!(of(&[112.0, -20.0]).into_values().collect::<Vec<_>>(), [112.0], "a computer that burns");
}
