//! What the unit as shipped lets the daemon tell, and by which way: a web server over TLS, a server of letters, a program and a modem's
//! outbox of this machine, a Prometheus that is pushed to, the radio. Each is shown by who was told.

use crate::daemon::room;
use crate::guest::Lab;
use crate::image::found;
use crate::radio::{LINES, RTS};
use crate::sandbox_line::CERTIFICATE;

const UPS: (&str, &str) = ("ups", "interval = \"500ms\"\n");

/// Who is told at the far end of the line, with the authority that the machine trusts; and a modem's outbox and a program of the room's
/// own, which tells too what it may not write.
const FAR: &str = "
    cd /run
    cat ca.pem >> /etc/ssl/certs/ca-certificates.crt
    echo a-token-of-the-desk > hook && install -m 600 hook /etc/siaga/hook
    groupadd --system gammu
    install -d -m 2770 -g gammu /var/spool/gammu/outbox
    mkdir -p web prometheus
    printf '#!/bin/sh\\ncat >>/run/siaga/told\\necho \"$SIAGA_EVENT $1\" >>/run/siaga/told\\n{ echo x >/var/lib/elsewhere; } 2>>/run/siaga/told\\ntrue\\n' >/usr/local/bin/tell
    chmod 755 /usr/local/bin/tell";

/// Writes down what it is sent: the body is read only to be passed on.
const NGINX: &str = "daemon off; master_process off; pid /run/web/pid; error_log stderr warn;
    events { worker_connections 16; }
    http {
        client_body_temp_path /run/web/body; proxy_temp_path /run/web/proxy; fastcgi_temp_path /run/web/fastcgi;
        uwsgi_temp_path /run/web/uwsgi; scgi_temp_path /run/web/scgi;
        client_body_buffer_size 256k;
        log_format told escape=none '$http_x_siaga_signature $request_body';
        server {
            listen 198.51.100.2:443 ssl; ssl_certificate /run/far.pem; ssl_certificate_key /run/far.key;
            access_log /run/web/told told;
            location / { proxy_pass http://127.0.0.1:81; }
        }
        server { listen 127.0.0.1:81; access_log off; return 204; }
    }";

const RECEIVERS: &str = "
    [[receiver]]
    name = \"hook\"
    kind = \"webhook\"
    url = \"https://198.51.100.2/siaga\"
    secret_file = \"credential:hook\"
    [[receiver]]
    name = \"letters\"
    kind = \"email\"
    server = \"198.51.100.2\"
    port = 25
    security = \"none\"
    from = \"Siaga <siaga@example.org>\"
    to = [\"it@example.org\"]
    [[receiver]]
    name = \"phones\"
    kind = \"sms\"
    to = [\"+6281200000001\"]
    outbox = \"/var/spool/gammu/outbox\"
    [[receiver]]
    name = \"program\"
    kind = \"command\"
    command = [\"/usr/local/bin/tell\", \"desk\"]
    [remote_write]
    url = \"http://198.51.100.2:9090/api/v1/write\"
    interval = \"5s\"
";

/// As the shipped config says it of the outbox.
const DROP_IN: &str = "[Service]\nLoadCredential=hook:/etc/siaga/hook\nReadWritePaths=/var/spool/gammu/outbox\n\
                       SupplementaryGroups=gammu\n";

#[test]
fn whoever_is_told_in_writing_is_told_through_the_sandbox() {
    let lab = Lab::start_system();
    lab.sh(CERTIFICATE);
    lab.sh(FAR);
    lab.push_file(&found("busybox", "busybox-static"), "busybox");
    let (nginx, prometheus) = (lab.bring("nginx", "nginx"), lab.bring("prometheus", "prometheus"));
    let (web, scrapes) = (lab.push(NGINX.as_bytes(), "nginx.conf"), lab.push(b"", "prometheus.yml"));
    for (name, command) in [
        ("web", format!("{nginx} -p /run/web -c {web}")),
        ("letters", "msmtpd --interface=198.51.100.2 --port=25 --command='cat >>/run/letters #'".to_owned()),
        (
            "pushed",
            format!(
                "{prometheus} --config.file={scrapes} --storage.tsdb.path=/run/prometheus --web.enable-remote-write-receiver \
                 --web.listen-address=198.51.100.2:9090"
            ),
        ),
    ] {
        lab.spawn(name, &format!("ip netns exec wan {command}"));
    }
    for port in [443, 25, 9090] {
        lab.wait_for(&format!("ip netns exec wan ss -Hltn 'sport = :{port}' | grep -q ."));
    }
    let service = lab.service_with(&format!("{}{RECEIVERS}", room(&["power"], &[UPS])), DROP_IN);
    service.daemon.stands_at("ups", "ready", "");
    lab.ups().battery_low();
    service.daemon.check("ups", "not_ready", "power.battery_low");
    for (who, told) in [
        // A signed document.
        ("web/told", "^sha256=[0-9a-f]\\{64\\} {.*power.battery_low"),
        ("letters", "^Subject: "),
        ("siaga/told", "power.battery_low"),
        ("siaga/told", "incident_opened desk"),
        // What it may not write is refused, and that is all.
        ("siaga/told", "Read-only file system"),
    ] {
        lab.wait_for(&format!("grep -q '{told}' /run/{who}"));
    }
    lab.wait_for("grep -qs 'Tidak siap' /var/spool/gammu/outbox/*");
    // What the pushed one knows without ever having asked.
    lab.wait_for(
        "/share/busybox wget -qO- 'http://198.51.100.2:9090/api/v1/query?query=siaga_check_state{check=\"ups\",state=\"not_ready\"}' \
         | grep -q '\"value\":\\[[0-9.]*,\"1\"\\]'",
    );
    assert_eq!(service.property("NRestarts"), "0");
    assert!(!service.journal().contains("a-token-of-the-desk"));
}

/// What an owner of a serial adapter adds (`systemd/radio.conf`), of a UART.
const KEY: &str = "[Service]\nDeviceAllow=/dev/ttyS0 rw\nSupplementaryGroups=dialout\n";

#[test]
fn the_radio_is_keyed_and_a_message_without_clips_is_spoken_on_it_through_the_sandbox() {
    let lab = Lab::start_system();
    let radio = format!(
        "[[receiver]]\nname = \"channel\"\nkind = \"radio\"\nfrequency = \"162.475 MHz\"\nlicence = \"01234567-000SU/2020262031\"\n\
         station = \"Media Center\"\nplay = \"plughw:CARD=Loop,DEV=0\"\n{RTS}"
    );
    lab.spawn("heard", "arecord -q -D hw:Loop,1,0 -f S16_LE -c 2 -r 48000 --buffer-time=4000000 --period-time=500000 -t raw /tmp/heard.raw");
    lab.wait_for("grep -q RUNNING /proc/asound/Loop/pcm1c/sub0/status");
    let service = lab.service_with(&format!("{}{radio}", room(&["power"], &[UPS])), KEY);
    service.daemon.stands_at("ups", "ready", "");
    // The guard lets it go as soon as it has it.
    lab.wait_for(&format!("! {LINES} | grep -q RTS"));
    lab.ups().battery_low();
    lab.wait_for(&format!("{LINES} | grep -q RTS && grep -q RUNNING /proc/asound/Loop/pcm0p/sub0/status"));
    let arrived = "siaga_notifications_delivered_total{receiver=\"channel\"} 1";
    service.daemon.wait_for("/metrics", arrived, |_, body| body.contains(arrived));
    lab.wait_for(&format!("! {LINES} | grep -q RTS"));
    lab.sh("killall -INT arecord; cp /tmp/heard.raw /share");
    let loud = lab
        .bytes("heard.raw")
        .chunks_exact(2)
        .filter(|sample| i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() > 1000)
        .count();
    // A second of it, in two channels, is less than any sentence has.
    assert!(loud > 2 * 48_000, "{loud} samples; {}", service.journal());
    assert_eq!(service.property("NRestarts"), "0");
}

/// The far end is reached by nothing but the second line: the first one's routes come before it.
#[test]
fn a_check_leaves_by_the_interface_of_its_uplink_through_the_sandbox() {
    let lab = Lab::start_system();
    lab.sh("ip -n wan address add 198.18.0.1/32 dev lo");
    let uplink = "[[uplink]]\nname = \"second\"\ninterface = \"line0\"\n";
    let target = "target = \"198.18.0.1\"\ninterval = \"500ms\"\n";
    let service = lab.service(&format!(
        "{}{uplink}",
        room(
            &["internet"],
            &[
                ("icmp", &format!("name = \"first\"\n{target}")),
                ("icmp", &format!("name = \"second\"\n{target}uplink = \"second\"\n")),
            ],
        )
    ));
    service.daemon.stands_at("second", "ready", "");
    service.daemon.becomes("first", "not_ready");
    service.daemon.stands_at("second", "ready", "");
    assert_eq!(service.property("NRestarts"), "0");
}
