//! The far end as the service that is shipped, with tokens in its own folder: root makes them, and its short-lived user reads them.

use ring::digest::{SHA256, digest};
use siaga::probe::stamp::codec::{Key, Request, read_reply, write_request};
use siaga::probe::stamp::moment::{Estimate, Stamp};

use crate::guest::Lab;

const UNIT: &str = include_str!("../../systemd/siaga-reflect.service");

#[test]
fn the_far_end_takes_tokens_that_root_makes_while_it_runs() {
    let lab = Lab::start_system();
    // As somebody does who takes these lines out of their comments.
    let unit = UNIT
        .replace("\n#StateDirectory", "\nStateDirectory")
        // Longer than the emulated processor ever stands still.
        .replace("\nWatchdogSec=30s", "\nWatchdogSec=6s")
        .replace("\n#Environment=SIAGA_REFLECT_TOKENS", "\nEnvironment=SIAGA_REFLECT_TOKENS");
    let unit = lab.push(unit.as_bytes(), "unit");
    lab.sh(&format!(
        "mount --bind /built/siaga /usr/bin/siaga
         install -m 644 {unit} /etc/systemd/system/siaga-reflect.service
         systemctl daemon-reload
         systemctl start siaga-reflect.service"
    ));
    let property = |name: &str| lab.sh(&format!("systemctl show --property={name} --value siaga-reflect.service"));
    let process = property("MainPID");
    let journal = "journalctl --no-pager --output=cat --unit=siaga-reflect.service";
    assert!(lab.sh(journal).contains("nobody is answered: /var/lib/siaga-reflect/tokens.toml"), "{}", lab.sh(journal));
    let token = "siaga token --tokens /var/lib/siaga-reflect/tokens.toml";
    lab.sh(&format!("{token} add Aula --scope reflect --expires 365d > /run/token && grep -q ^siaga_ /run/token"));
    lab.wait_for(&format!("{journal} | grep -q 'read anew known=1'"));
    // From the other side of the line, by the shell's own sockets: whoever has the token is answered, through all that the unit forbids.
    let key = Key::new(digest(&SHA256, lab.sh("cat /run/token").trim_end().as_bytes()).as_ref());
    let asked = Request { sequence: 7, sent: Stamp(1 << 40), estimate: Estimate::OURS, session: 3 };
    let mut packet = [0; 160];
    write_request(&mut packet, &asked, Some(&key)).unwrap();
    let packet = lab.push(&packet, "packet");
    lab.sh(&format!(
        "ip netns exec wan bash -c 'exec 3<>/dev/udp/198.51.100.1/10862; cat {packet} >&3; timeout 60 dd bs=2048 count=1 <&3 >/share/answer'"
    ));
    let answer = lab.bytes("answer");
    assert_eq!(answer.len(), 160, "as long as what was asked");
    let reply = read_reply(&answer, Some(&key)).unwrap();
    assert_eq!((reply.request, reply.sequence, reply.ttl), (asked, 0, 64));
    assert!(reply.received.0 > asked.sent.0 && reply.sent.0 >= reply.received.0, "{reply:?}");
    assert_eq!((property("MainPID"), property("NRestarts")), (process.clone(), "0".to_owned()));
    let user = lab.sh(&format!("stat -c %u /proc/{process}"));
    assert_eq!(lab.sh("stat -c '%a %u' /var/lib/siaga-reflect/tokens.toml"), format!("600 {user}"));
    assert_ne!(user, "0");
    lab.sh(&format!("{token} revoke Aula"));
    lab.wait_for(&format!("{journal} | grep -q 'read anew known=0'"));
    lab.sh("systemctl reload siaga-reflect.service");
    lab.wait_for(&format!("[ \"$({journal} | grep -c 'read anew known=0')\" = 2 ]"));
    assert_eq!((property("MainPID"), property("NRestarts")), (process.clone(), "0".to_owned()));
    // It goes on living while nobody asks, and what stands still is started anew.
    lab.sh(&format!("kill -STOP {process}"));
    lab.wait_for("[ \"$(systemctl show --property=NRestarts --value siaga-reflect.service)\" = 1 ]");
    assert_ne!(property("MainPID"), process);
    assert!(!lab.sh(journal).contains("Aula"));
}
