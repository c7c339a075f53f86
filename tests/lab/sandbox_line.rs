//! What the unit as shipped lets the daemon do at the far end of the line: a resolver, a certificate, a TURN server and its ports, a
//! reflector, and a calendar that is followed there.

use crate::daemon::room;
use crate::guest::Lab;
use crate::image::found;

/// A certificate for the far end, and the authority that it is of.
pub(crate) const CERTIFICATE: &str = "
    cd /run
    new='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
    openssl req -x509 $new -days 30 -subj /CN=authority -keyout ca.key -out ca.pem 2>/dev/null
    openssl req $new -subj /CN=far -keyout far.key -out far.csr 2>/dev/null
    echo subjectAltName=IP:198.51.100.2 > far.ext
    openssl x509 -req -in far.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile far.ext -out far.pem 2>/dev/null";

/// What a web server, a TURN server at the port of a platform's media, and a reflector that knows one secret have at the far end; and
/// beside it what the daemon's own machine keeps of theirs.
const FAR: &str = "
    cd /run
    install -m 644 ca.pem /etc/siaga/ca.pem
    echo thirty-three-blind-mice > turn && echo sixteen-bytes-and-more > stamp && chmod 600 stamp
    install -m 600 turn stamp /etc/siaga/
    mkdir -p www";

/// The credentials are root's, and systemd hands them over.
const CREDENTIALS: &str = "[Service]\nLoadCredential=turn:/etc/siaga/turn\nLoadCredential=stamp:/etc/siaga/stamp\n";

const CALENDAR: &str = "
    [[calendar]]
    name = \"office\"
    url = \"http://198.51.100.2/room.ics\"
    interval = \"2s\"
";

/// What is said where packets would leave too late.
const BUSY: &str = "too busy to send in time";

/// One meeting, tomorrow, that nobody's summer time touches.
fn feed(lab: &Lab) -> String {
    let day = lab.sh("date -u -d @$(($(date +%s) + 86400)) +%Y%m%d");
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//lab//EN\r\nBEGIN:VEVENT\r\nUID:one\r\nDTSTAMP:{day}T000000Z\r\n\
         DTSTART:{day}T020000Z\r\nDTEND:{day}T030000Z\r\nSUMMARY:Rapat\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

#[test]
fn who_is_at_the_far_end_is_measured_through_the_sandbox() {
    let lab = Lab::start_system();
    lab.sh(CERTIFICATE);
    lab.sh(FAR);
    lab.push_file(&found("busybox", "busybox-static"), "busybox");
    let calendar = lab.push(feed(&lab).as_bytes(), "room.ics");
    lab.sh(&format!("cp {calendar} /run/www/room.ics"));
    for (name, command) in [
        ("httpd", "/share/busybox httpd -f -p 198.51.100.2:80 -h /run/www"),
        ("tls", "openssl s_server -quiet -accept 198.51.100.2:443 -cert /run/far.pem -key /run/far.key"),
        (
            "dnsmasq",
            "dnsmasq --keep-in-foreground --log-facility=- --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces \
             --listen-address=198.51.100.2 --host-record=meet.example.net,192.0.2.10",
        ),
        (
            "turn",
            "turnserver -n --realm=example.org --no-cli --log-file=stdout --listening-ip=198.51.100.2 --relay-ip=198.51.100.2 \
             --listening-port=10000 --lt-cred-mech --user=room:thirty-three-blind-mice --pidfile=/run/turn.pid --userdb=/run/turn.db",
        ),
        ("reflect", "/built/siaga reflect --listen 198.51.100.2:10862 --key-file /run/stamp"),
    ] {
        lab.spawn(name, &format!("ip netns exec wan {command}"));
    }
    // TCP of four of them; UDP is opened with it.
    for port in [80, 443, 53, 10000] {
        lab.wait_for(&format!("ip netns exec wan ss -Hltn 'sport = :{port}' | grep -q ."));
    }
    lab.wait_for("ip netns exec wan ss -Hlun 'sport = :10862' | grep -q .");
    let gap = "min_gap = \"3s\"\n";
    let config = room(
        &["internet"],
        &[
            ("dns", "query = \"meet.example.net\"\nresolver = \"198.51.100.2\"\n"),
            ("tls", "host = \"198.51.100.2\"\nca_file = \"ca.pem\"\n"),
            ("ports", "platforms = [\"jitsi\"]\nfar_end = \"198.51.100.2\"\ntcp_ports = [10000]\n"),
            (
                "relay",
                &format!(
                    "name = \"relay\"\nserver = \"198.51.100.2:10000\"\nusername = \"room\"\npassword_file = \"credential:turn\"\n\
                     tcp_ports = []\ntls_ports = []\n{gap}"
                ),
            ),
            ("stamp", &format!("reflector = \"198.51.100.2\"\nkey_file = \"credential:stamp\"\n{gap}")),
        ],
    );
    let service = lab.service_with(&format!("{config}{CALENDAR}"), CREDENTIALS);
    for check in ["dns", "tls", "ports"] {
        service.daemon.becomes(check, "ready");
    }
    // A whole call is more than an emulated processor sends in time: it says so, or what it has found. Either comes after the
    // credential was read.
    for (check, quantity) in [("relay", "relay_transport_works"), ("stamp", "stamp_rtt_seconds")] {
        let path = format!("/api/v1/checks/{check}");
        let begun = |body: &str| body.contains(quantity) || body.contains(BUSY);
        service.daemon.wait_for(&path, quantity, |_, body| begun(body));
    }
    service.daemon.wait_for("/api/v1/sessions", "the calendar's meeting", |_, body| body.contains("\"Rapat\""));
    assert_eq!(service.property("NRestarts"), "0");
    let journal = service.journal();
    assert!(!journal.contains("thirty-three") && !journal.contains("sixteen"), "{journal}");
}
