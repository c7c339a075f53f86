//! What a `link` probe measures.

use crate::domain::{Quantity, Unit};

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[
    &UP,
    &SPEED,
    &ADDRESSES,
    &GATEWAY,
    &WIFI_SIGNAL,
    PASSED[0],
    PASSED[1],
    PASSED[2],
    PASSED[3],
    PASSED[4],
    PASSED[5],
    PASSED[6],
    PASSED[7],
    &RECEIVE_RATE,
    &TRANSMIT_RATE,
    &TCP_SEGMENTS,
    &TCP_REPEATED,
    &TCP_REPEATED_RATIO,
    &UDP_RECEIVED,
    &UDP_SENT,
    &CALL_TRAFFIC,
];

/// The label of what is an interface's own.
const INTERFACE: &str = "interface";

pub(super) static UP: Quantity =
    Quantity::gauge("link_up", Unit::Flag, "Whether the interface has carrier and may carry traffic.")
        .by(INTERFACE)
        .called("Kabel atau Wi-Fi terhubung", "Cable or Wi-Fi connected");
pub(super) static SPEED: Quantity = Quantity::gauge(
    "link_speed_bits_per_second",
    Unit::BitsPerSecond,
    "The speed that the interface negotiated with its peer, where its driver tells.",
)
.by(INTERFACE)
.called("Kecepatan kabel", "Speed of the cable");
pub(super) static ADDRESSES: Quantity = Quantity::gauge(
    "link_addresses",
    Unit::Count,
    "Usable addresses on the interface: none that are link-local, tentative or failed duplicate detection.",
)
.by("family")
.called("Alamat jaringan", "Network addresses");
pub(super) static GATEWAY: Quantity =
    Quantity::gauge("link_gateway", Unit::Flag, "Whether a default route leaves by the interface.")
        .by("family")
        .called("Jalan keluar lewat sini", "The way out is by this");
pub(super) static WIFI_SIGNAL: Quantity =
    Quantity::gauge("link_wifi_signal_dbm", Unit::DecibelMilliwatts, "Signal level of the Wi-Fi network in use.")
        .by(INTERFACE)
        .called("Kuat sinyal Wi-Fi", "Signal of the Wi-Fi");

/// What passed the interface, in the order of the kernel's files that `traffic` reads.
pub(super) const PASSED: [&Quantity; 8] = [
    &RECEIVED_BYTES,
    &RECEIVED_PACKETS,
    &RECEIVE_ERRORS,
    &RECEIVE_DROPPED,
    &TRANSMITTED_BYTES,
    &TRANSMITTED_PACKETS,
    &TRANSMIT_ERRORS,
    &TRANSMIT_DROPPED,
];

static RECEIVED_BYTES: Quantity =
    Quantity::counter("link_receive_bytes_total", Unit::Bytes, "Bytes that the interface received while watched.")
        .by(INTERFACE)
        .called("Data masuk", "Data received");
static RECEIVED_PACKETS: Quantity =
    Quantity::counter("link_receive_packets_total", Unit::Count, "Packets that the interface received while watched.")
        .by(INTERFACE)
        .called("Paket masuk", "Packets received");
static RECEIVE_ERRORS: Quantity = Quantity::counter(
    "link_receive_errors_total",
    Unit::Count,
    "Packets that came damaged to the interface while watched.",
)
.by(INTERFACE)
.called("Paket masuk yang rusak", "Packets received damaged");
static RECEIVE_DROPPED: Quantity = Quantity::counter(
    "link_receive_dropped_total",
    Unit::Count,
    "Packets that came whole and were dropped while watched; those of protocols that nobody here speaks are among them.",
)
.by(INTERFACE).called("Paket masuk yang dibuang", "Packets received and dropped");
static TRANSMITTED_BYTES: Quantity =
    Quantity::counter("link_transmit_bytes_total", Unit::Bytes, "Bytes that the interface sent while watched.")
        .by(INTERFACE)
        .called("Data keluar", "Data sent");
static TRANSMITTED_PACKETS: Quantity =
    Quantity::counter("link_transmit_packets_total", Unit::Count, "Packets that the interface sent while watched.")
        .by(INTERFACE)
        .called("Paket keluar", "Packets sent");
static TRANSMIT_ERRORS: Quantity = Quantity::counter(
    "link_transmit_errors_total",
    Unit::Count,
    "Packets that the interface could not send while watched.",
)
.by(INTERFACE)
.called("Paket yang gagal dikirim", "Packets that could not be sent");
static TRANSMIT_DROPPED: Quantity = Quantity::counter(
    "link_transmit_dropped_total",
    Unit::Count,
    "Packets that were dropped instead of sent while watched.",
)
.by(INTERFACE)
.called("Paket keluar yang dibuang", "Packets dropped instead of sent");

pub(super) static RECEIVE_RATE: Quantity = Quantity::gauge(
    "link_receive_bits_per_second",
    Unit::BitsPerSecond,
    "What the interface received between the two newest looks, frames of Ethernet as the kernel counts them.",
)
.by(INTERFACE)
.called("Laju masuk", "Received");
pub(super) static TRANSMIT_RATE: Quantity = Quantity::gauge(
    "link_transmit_bits_per_second",
    Unit::BitsPerSecond,
    "What the interface sent between the two newest looks, frames of Ethernet as the kernel counts them.",
)
.by(INTERFACE)
.called("Laju keluar", "Sent");

pub(super) static TCP_SEGMENTS: Quantity = Quantity::counter(
    "link_tcp_segments_total",
    Unit::Count,
    "TCP segments that this machine sent by any interface while watched, without those sent again (RFC 4022, OutSegs).",
)
.called("Segmen TCP yang dikirim", "TCP segments sent");
pub(super) static TCP_REPEATED: Quantity = Quantity::counter(
    "link_tcp_retransmitted_total",
    Unit::Count,
    "TCP segments that this machine sent again by any interface while watched (RFC 4022, RetransSegs).",
)
.called("Segmen TCP yang dikirim ulang", "TCP segments sent again");
pub(super) static TCP_REPEATED_RATIO: Quantity = Quantity::gauge(
    "link_tcp_retransmitted_ratio",
    Unit::Ratio,
    "Share of this machine's TCP segments that were sent again, between the two newest looks; missing where few were sent.",
).called("Bagian TCP yang dikirim ulang", "Share of TCP sent again");
pub(super) static UDP_RECEIVED: Quantity = Quantity::counter(
    "link_udp_received_total",
    Unit::Count,
    "UDP datagrams that programs of this machine were given, from anywhere, while watched.",
)
.called("Paket UDP masuk ke komputer ini", "UDP datagrams received by this machine");
pub(super) static UDP_SENT: Quantity = Quantity::counter(
    "link_udp_sent_total",
    Unit::Count,
    "UDP datagrams that programs of this machine sent, to anywhere, while watched.",
)
.called("Paket UDP keluar dari komputer ini", "UDP datagrams sent by this machine");
pub(super) static CALL_TRAFFIC: Quantity = Quantity::gauge(
    "link_call_traffic",
    Unit::Flag,
    "Whether UDP goes both ways without a pause, as in a call, and is not Siaga's own.",
)
.called("Lalu lintas seperti panggilan", "Traffic as of a call");
