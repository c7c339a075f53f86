//! The service that hangs, dies, is stopped, reloaded and told secrets, under the guest's systemd.

use crate::daemon::room;
use crate::equipment::Camera;
use crate::guest::Lab;
use crate::waiting::until;

const LOOK: &str = "interval = \"500ms\"\nrequery = \"1s\"\n";

#[test]
fn a_daemon_that_hangs_is_restarted_and_keeps_its_evidence() {
    let lab = Lab::start_system();
    lab.far();
    let page =
        "name = \"page\"\nurl = \"http://198.51.100.2/\"\ninterval = \"1s\"\ntimeout = \"5m\"\nfresh_for = \"1h\"\n";
    let service = lab.service(&room(&["internet"], &[("http", page)]));
    service.daemon.stands_at("page", "ready", "");
    // From here on no observation ends: what is told after the restart is what was known before it.
    lab.wan().loss(100);
    let stuck = lab.sh("cut -d. -f1 /proc/uptime");
    // By the guest's own clock: longer than between two writings of the store (10 s).
    lab.wait_for(&format!("[ $(($(cut -d. -f1 /proc/uptime) - {stuck})) -ge 15 ]"));
    lab.sh(&format!("kill -STOP {}", service.process()));
    service.restarted(1);
    assert!(service.journal().contains("Watchdog timeout (limit 30s)!"), "{}", service.journal());
    let body = service.check("page");
    assert_eq!(body["verdict"], "ready", "{body}");
    let age = body["evidence"]["age_seconds"].as_f64().unwrap();
    let since: f64 = lab.sh(&format!("echo $(($(cut -d. -f1 /proc/uptime) - {stuck}))")).parse().unwrap();
    assert!(age >= 30.0 && age <= since + 30.0, "{age} s of age, {since} s after it was stopped: {body}");
}

#[test]
fn a_child_that_hangs_trips_no_watchdog_and_delays_no_end() {
    let lab = Lab::start_system();
    lab.card().mute(false);
    lab.sh("mv /usr/bin/amixer /usr/bin/amixer.real
         printf '#!/bin/sh\n[ -e /run/hang ] && exec sleep infinity\nexec amixer.real \"$@\"\n' > /usr/bin/amixer
         chmod 755 /usr/bin/amixer");
    let service = lab.service(&room(&["audio"], &[("audio", &format!("card = \"Dummy\"\n{LOOK}"))]));
    service.daemon.stands_at("audio", "ready", "");
    lab.sh("touch /run/hang");
    service.daemon.stands_at("audio", "degraded", "audio.card_unanswering");
    // By the guest's own clock: longer than the watchdog waits (30 s).
    let begun = lab.sh("cut -d. -f1 /proc/uptime");
    lab.wait_for(&format!("[ $(($(cut -d. -f1 /proc/uptime) - {begun})) -ge 40 ]"));
    service.daemon.stands_at("audio", "degraded", "audio.card_unanswering");
    assert_eq!(service.property("NRestarts"), "0");
    lab.wait_for("grep -qx sleep /proc/[0-9]*/comm");
    lab.sh("systemctl stop siaga.service");
    assert_eq!((service.property("Result"), service.property("ActiveState")), ("success".into(), "inactive".into()));
    assert_eq!(lab.run("grep -lx sleep /proc/[0-9]*/comm 2>/dev/null").text(), "", "no child is left");
    let journal = service.journal();
    assert!(journal.contains("told to end") && !journal.contains("not everything ended in time"), "{journal}");
}

#[test]
fn a_child_that_wants_more_memory_than_the_unit_may_have_ends_alone() {
    let lab = Lab::start_system();
    lab.card().mute(false);
    // What has no line's end is kept until there is one.
    lab.sh("mv /usr/bin/amixer /usr/bin/amixer.real
         printf '#!/bin/sh\n[ -e /run/hoard ] && exec tail -n 1 /dev/zero\nexec amixer.real \"$@\"\n' > /usr/bin/amixer
         chmod 755 /usr/bin/amixer");
    // Of the unit's own ceiling an emulated processor fills only a part before the daemon has lost its patience with the child.
    let service = lab.service_with(
        &room(&["audio"], &[("audio", &format!("card = \"Dummy\"\n{LOOK}"))]),
        "[Service]\nMemoryMax=64M\n",
    );
    let (daemon, process) = (&service.daemon, service.process());
    daemon.stands_at("audio", "ready", "");
    lab.sh("touch /run/hoard");
    // Who ended it, by the kernel; and that systemd knows of it.
    lab.wait_for("grep -q '^oom_kill [1-9]' /sys/fs/cgroup/system.slice/siaga.service/memory.events");
    lab.wait_for("journalctl --no-pager --unit=siaga.service | grep -q 'killed by the OOM killer'");
    daemon.becomes("audio", "unknown");
    let stands = |name: &str| service.property(name);
    assert_eq!((stands("ActiveState"), stands("SubState")), ("active".into(), "running".into()));
    lab.sh("rm /run/hoard");
    daemon.stands_at("audio", "ready", "");
    assert_eq!((service.process(), stands("NRestarts")), (process, "0".into()), "{}", service.journal());
}

#[test]
fn a_good_config_is_taken_at_a_reload_and_a_bad_one_is_not() {
    let lab = Lab::start_system();
    let service = lab.service(&room(&["video"], &[("camera", LOOK)]));
    let (daemon, process) = (&service.daemon, service.process());
    daemon.ready();
    service.configure(&room(&["video"], &[("camera", &format!("name = \"other\"\n{LOOK}"))]));
    lab.sh("systemctl reload siaga.service");
    daemon.stands_at("other", "ready", "");
    assert_eq!(daemon.stands().len(), 1, "{:?}", daemon.stands());
    service.configure("nonsense = 1");
    assert_ne!(lab.run("systemctl reload siaga.service").code, 0, "whoever asks is told");
    let failed = |_, body: &str| body.contains("\nsiaga_config_last_reload_successful 0\n");
    daemon.wait_for("/metrics", "the bad config is refused", failed);
    assert!(service.journal().contains("nonsense"), "the log says what is wrong: {}", service.journal());
    daemon.stands_at("other", "ready", "");
    assert_eq!((service.process(), service.property("ActiveState")), (process, "active".into()));
    lab.sh("systemctl restart siaga.service || true");
    assert_ne!(service.property("ActiveState"), "active", "at a start a bad config is fatal");
}

#[test]
fn a_killed_daemon_comes_back_and_tells_nothing_twice() {
    const SECRET: &str = "what only the desk knows";
    let lab = Lab::start_system();
    let far = lab.far();
    let camera = lab.camera(Camera::Vivid(0));
    lab.sh(&format!("umask 077 && printf '{SECRET}\n' > /etc/siaga/desk.secret"));
    let receiver = "[[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://198.51.100.2/desk\"\n\
                    secret_file = \"credential:desk\"\n";
    let config = format!("{}\n{receiver}", room(&["video"], &[("camera", LOOK)]));
    let service = lab.service_with(&config, "[Service]\nLoadCredential=desk:/etc/siaga/desk.secret\n");
    let daemon = &service.daemon;
    let told = |count: usize| {
        until(
            &format!("message {count}"),
            || Some(far.requests()).filter(|all| all.len() >= count),
            || format!("{:?}\n{}", far.requests(), service.journal()),
        )
    };
    daemon.ready();
    camera.unplug();
    told(1);
    lab.sh(&format!("kill -KILL {}", service.process()));
    service.restarted(1);
    daemon.stands_at("camera", "not_ready", "video.no_camera");
    camera.replug();
    daemon.ready();
    let all = told(2);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let mut events = Vec::new();
    for request in &all {
        let signed = ring::hmac::sign(&key, request.body.as_bytes());
        let hex = signed.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        assert_eq!(
            (request.line.as_str(), request.header("x-siaga-signature")),
            ("POST /desk", &*format!("sha256={hex}"))
        );
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        events.push((body["event"].as_str().unwrap().to_owned(), body["incident"]["id"].as_str().unwrap().to_owned()));
    }
    let id = events[0].1.clone();
    assert_eq!(events, [("incident_opened".to_owned(), id.clone()), ("incident_closed".to_owned(), id)]);
}

#[test]
fn short_messages_reach_the_spool_that_the_unit_is_let_write_to() {
    let lab = Lab::start_system();
    lab.sh("groupadd --system gammu && install -d -m 2770 -g gammu /var/spool/gammu/outbox");
    let receiver = "[[receiver]]\nname = \"phones\"\nkind = \"sms\"\nto = [\"+62561700001\"]\n";
    let service = lab.service(&format!("{}\n{receiver}", room(&["video"], &[("camera", LOOK)])));
    let test = || lab.run("siaga --lang en alert test 2>&1");
    let shut = test();
    assert!(shut.code == 2 && shut.text().contains("/var/spool/gammu/outbox"), "{}", shut.text());
    // As config/siaga.toml says.
    lab.sh("printf '[Service]\nReadWritePaths=/var/spool/gammu/outbox\nSupplementaryGroups=gammu\n' \
         >/etc/systemd/system/siaga.service.d/sms.conf && systemctl daemon-reload && systemctl restart siaga.service");
    service.daemon.first_round();
    let open = test();
    assert_eq!(open.code, 0, "{}", open.text());
    assert!(lab.sh("ls /var/spool/gammu/outbox").starts_with("OUTC"));
}
