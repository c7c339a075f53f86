//! What passes an interface and what this machine's TCP sends again, by the kernel's own counters: totals since the probe began,
//! rates between two looks, and whether packets come damaged or are dropped all the time.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::catalogue::{
    PASSED, RECEIVE_RATE, TCP_REPEATED, TCP_REPEATED_RATIO, TCP_SEGMENTS, TRANSMIT_RATE, UDP_RECEIVED, UDP_SENT,
};
use super::reasons;
use crate::domain::{Arg, Finding, Mono, Reading, Unit, Verdict};
use crate::probe::Roots;

/// The files of `/sys/class/net/*/statistics`, in the order of [`PASSED`].
const FILES: [&str; 8] =
    ["rx_bytes", "rx_packets", "rx_errors", "rx_dropped", "tx_bytes", "tx_packets", "tx_errors", "tx_dropped"];
const RX_BYTES: usize = 0;
const RX_PACKETS: usize = 1;
const TX_BYTES: usize = 4;
const TX_PACKETS: usize = 5;
/// Damaged, and dropped, both ways.
const DAMAGED: [usize; 2] = [2, 6];
const DROPPED: [usize; 2] = [3, 7];

/// A share of fewer packets says nothing.
const ENOUGH: u64 = 100;
/// Frames of a switch's own protocols that nobody here speaks are counted as dropped: a few a second are no fault.
const FRAMES_OF_SWITCHES: f64 = 5.0;

/// The kernel's counters, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Counts {
    interface: String,
    passed: [u64; 8],
    /// TCP segments sent and sent again, UDP datagrams received and sent: of the whole network namespace.
    programs: Option<[u64; 4]>,
}

impl Counts {
    /// Reads those of an interface; `None` where it has none (it has just gone).
    pub(super) fn read(roots: &Roots, interface: &str) -> Option<Self> {
        let folder = roots.sys.join("class/net").join(interface).join("statistics");
        let mut passed = [0; 8];
        for (count, file) in passed.iter_mut().zip(FILES) {
            *count = fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok()?;
        }
        Some(Self { interface: interface.to_owned(), passed, programs: programs(&roots.proc) })
    }

    /// Packets received and sent.
    pub(super) const fn packets(&self) -> [u64; 2] {
        [self.passed[RX_PACKETS], self.passed[TX_PACKETS]]
    }

    /// UDP datagrams received and sent.
    pub(super) fn datagrams(&self) -> Option<[u64; 2]> {
        self.programs.map(|[_, _, received, sent]| [received, sent])
    }

    pub(super) fn interface(&self) -> &str {
        &self.interface
    }

    /// As the kernel would have counted packets and datagrams, received and sent.
    #[cfg(test)]
    pub(super) fn of(interface: &str, packets: [u64; 2], [received, sent]: [u64; 2]) -> Self {
        let mut passed = [0; 8];
        (passed[RX_PACKETS], passed[TX_PACKETS]) = (packets[0], packets[1]);
        Self { interface: interface.to_owned(), passed, programs: Some([0, 0, received, sent]) }
    }
}

/// What is too much of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Share of packets.
    pub(super) damaged: f64,
    pub(super) dropped: f64,
    /// For how long.
    pub(super) lasting: Duration,
}

/// The counters of one interface, followed.
#[derive(Debug)]
pub(super) struct Traffic {
    at: Mono,
    seen: Counts,
    passed: [u64; 8],
    programs: Option<[u64; 4]>,
    /// Received and sent, bit/s, and the share of TCP that was sent again.
    rates: Option<[f64; 2]>,
    repeated: Option<f64>,
    damage: Fault,
    drops: Fault,
}

/// Something that is wrong with packets.
#[derive(Debug, Default)]
struct Fault {
    /// Since when it is beyond the limit.
    since: Option<Mono>,
    share: f64,
}

impl Traffic {
    /// Begins to follow.
    pub(super) fn new(seen: Counts, at: Mono) -> Self {
        let programs = seen.programs.map(|_| [0; 4]);
        let (damage, drops) = (Fault::default(), Fault::default());
        Self { at, seen, passed: [0; 8], programs, rates: None, repeated: None, damage, drops }
    }

    /// Whose counters they are.
    pub(super) fn interface(&self) -> &str {
        &self.seen.interface
    }

    /// Takes the next look. Of another interface it begins anew.
    pub(super) fn look(&mut self, seen: Counts, limits: &Limits, at: Mono) {
        let length = at.since(self.at);
        if seen.interface != self.seen.interface {
            *self = Self::new(seen, at);
            return;
        }
        if length.is_zero() {
            return;
        }
        let mut more = [0; 8];
        for (place, more) in more.iter_mut().enumerate() {
            *more = grown(self.seen.passed[place], seen.passed[place]);
            self.passed[place] = self.passed[place].saturating_add(*more);
        }
        self.rates = Some([RX_BYTES, TX_BYTES].map(|way| per_second(more[way], length) * 8.0));
        self.repeated = None;
        if let (Some(before), Some(now)) = (self.seen.programs, seen.programs) {
            let mut totals = self.programs.unwrap_or_default();
            let mut more = [0; 4];
            for (place, more) in more.iter_mut().enumerate() {
                *more = grown(before[place], now[place]);
                totals[place] = totals[place].saturating_add(*more);
            }
            self.programs = Some(totals);
            let sent = more[0].saturating_add(more[1]);
            self.repeated = (sent >= ENOUGH).then(|| ratio(more[1], sent));
        }
        let both = |[one, other]: [usize; 2]| more[one].saturating_add(more[other]);
        let (packets, damaged, dropped) = (both([RX_PACKETS, TX_PACKETS]), both(DAMAGED), both(DROPPED));
        self.damage.look(packets, damaged, limits.damaged, self.at);
        let many = if per_second(dropped, length) > FRAMES_OF_SWITCHES { dropped } else { 0 };
        self.drops.look(packets, many, limits.dropped, self.at);
        (self.seen, self.at) = (seen, at);
    }

    /// Adds the numbers, and what has been wrong for long enough.
    pub(super) fn tell(&self, limits: &Limits, reading: &mut Reading) {
        let interface = self.seen.interface.as_str();
        for (quantity, total) in PASSED.into_iter().zip(self.passed) {
            reading.measure_part(quantity, interface, number(total));
        }
        if let Some([received, sent]) = self.rates {
            reading.measure_part(&RECEIVE_RATE, interface, received);
            reading.measure_part(&TRANSMIT_RATE, interface, sent);
        }
        let programs = [&TCP_SEGMENTS, &TCP_REPEATED, &UDP_RECEIVED, &UDP_SENT];
        for (quantity, total) in programs.into_iter().zip(self.programs.into_iter().flatten()) {
            reading.measure(quantity, number(total));
        }
        if let Some(share) = self.repeated {
            reading.measure(&TCP_REPEATED_RATIO, share);
        }
        let faults = [
            (&self.damage, limits.damaged, &reasons::LINK_DAMAGED),
            (&self.drops, limits.dropped, &reasons::LINK_DROPPING),
        ];
        for (fault, limit, reason) in faults {
            if fault.since.is_some_and(|since| self.at.since(since) >= limits.lasting) {
                let finding = Finding::new(reason, Verdict::Degraded).with("interface", interface);
                let finding = finding.with("value", Arg::Number(fault.share, Unit::Ratio));
                reading.find(finding.with("limit", Arg::Number(limit, Unit::Ratio)));
            }
        }
    }
}

impl Fault {
    /// `faults` beside so many good `packets`, since `began`. Too few of both say nothing: what was said stands.
    fn look(&mut self, packets: u64, faults: u64, limit: f64, began: Mono) {
        let all = packets.saturating_add(faults);
        if all < ENOUGH {
            return;
        }
        self.share = ratio(faults, all);
        self.since = (self.share > limit).then(|| self.since.unwrap_or(began));
    }
}

/// By how much a counter has grown. One that is smaller than before has come round its 32 bits (`unsigned long` of a 32-bit kernel,
/// the registers of old cards), where it was near their end; else it began anew, at zero.
fn grown(before: u64, now: u64) -> u64 {
    const ROUND: u64 = 1 << 32;
    if now >= before {
        return now - before;
    }
    let came_round = (ROUND / 4 * 3..ROUND).contains(&before) && now < ROUND / 4;
    if came_round { now + ROUND - before } else { now }
}

/// TCP segments sent and sent again, UDP datagrams received and sent, of both families.
fn programs(proc: &Path) -> Option<[u64; 4]> {
    let text = fs::read_to_string(proc.join("net/snmp")).ok()?;
    let [sent, repeated] = columns(&text, "Tcp:", ["OutSegs", "RetransSegs"])?;
    let [received, gone] = columns(&text, "Udp:", ["InDatagrams", "OutDatagrams"])?;
    // A kernel without IPv6 has no such file.
    let six = fs::read_to_string(proc.join("net/snmp6")).unwrap_or_default();
    let six = |name: &str| {
        let mut lines = six.lines().filter_map(|line| line.split_once(char::is_whitespace));
        lines.find(|(known, _)| *known == name).and_then(|(_, value)| value.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    let (received_six, gone_six) = (six("Udp6InDatagrams"), six("Udp6OutDatagrams"));
    Some([sent, repeated, received.wrapping_add(received_six), gone.wrapping_add(gone_six)])
}

/// Columns of `/proc/net/snmp`, which has a line of names and one of values for each protocol.
fn columns<const N: usize>(text: &str, protocol: &str, wanted: [&str; N]) -> Option<[u64; N]> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(protocol));
    let (names, values) = (lines.next()?.split_ascii_whitespace(), lines.next()?.split_ascii_whitespace());
    let mut found = [None; N];
    for (name, value) in names.zip(values) {
        if let Some(place) = wanted.iter().position(|wanted| *wanted == name) {
            found[place] = value.parse().ok();
        }
    }
    let mut all = [0; N];
    for (one, found) in all.iter_mut().zip(found) {
        *one = found?;
    }
    Some(all)
}

#[allow(clippy::cast_precision_loss, reason = "exact for nine thousand terabytes")]
const fn number(count: u64) -> f64 {
    count as f64
}

fn ratio(part: u64, all: u64) -> f64 {
    number(part) / number(all)
}

/// So much of it a second.
pub(super) fn per_second(count: u64, length: Duration) -> f64 {
    number(count) / length.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::fixture::{Machine, value};

    const LIMITS: Limits = Limits { damaged: 0.001, dropped: 0.02, lasting: Duration::from_mins(2) };

    fn counts(passed: [u64; 8], programs: [u64; 4]) -> Counts {
        Counts { interface: "eth0".to_owned(), passed, programs: Some(programs) }
    }

    fn second(second: u64) -> Mono {
        Mono::from_elapsed(Duration::from_secs(second))
    }

    fn told(traffic: &Traffic) -> Reading {
        let mut reading = Reading::default();
        traffic.tell(&LIMITS, &mut reading);
        reading
    }

    fn codes(traffic: &Traffic) -> Vec<&'static str> {
        told(traffic).findings.iter().map(|finding| finding.reason.code).collect()
    }

    #[test]
    fn the_kernels_files_are_read_and_a_namespace_without_ipv6_too() {
        let machine = Machine::bare();
        for (number, file) in (1..).zip(FILES) {
            machine.write(&format!("sys/class/net/eth0/statistics/{file}"), format!("{number}00\n"));
        }
        assert_eq!(Counts::read(&machine.roots(), "eth1"), None);
        assert_eq!(Counts::read(&machine.roots(), "eth0").unwrap().programs, None, "an interface alone is something");
        machine.write(
            "proc/net/snmp",
            "Ip: Forwarding DefaultTTL\nIp: 2 64\nTcp: RtoAlgorithm OutSegs RetransSegs\nTcp: 1 500 7\n\
             Udp: InDatagrams NoPorts InErrors OutDatagrams\nUdp: 40 1 0 30\nUdpLite: InDatagrams OutDatagrams\nUdpLite: 9 9\n",
        );
        let read = || Counts::read(&machine.roots(), "eth0").unwrap();
        assert_eq!(read(), counts([100, 200, 300, 400, 500, 600, 700, 800], [500, 7, 40, 30]));
        machine.write("proc/net/snmp6", "Udp6InDatagrams                 \t2\nUdp6OutDatagrams                \t3\n");
        assert_eq!(read().datagrams(), Some([42, 33]));
    }

    #[test]
    fn rates_are_of_the_time_between_and_totals_only_grow() {
        let mut traffic = Traffic::new(counts([1000, 0, 0, 0, 5000, 0, 0, 0], [10, 10, 0, 0]), second(0));
        assert_eq!(value(&told(&traffic), "link_receive_bits_per_second", Some("eth0")), None, "nothing lies between");
        traffic.look(counts([31_000, 90, 0, 0, 65_000, 0, 0, 0], [200, 20, 6, 5]), &LIMITS, second(30));
        let now = told(&traffic);
        assert_eq!(value(&now, "link_receive_bits_per_second", Some("eth0")), Some(8000.0));
        assert_eq!(value(&now, "link_transmit_bits_per_second", Some("eth0")), Some(16_000.0));
        assert_eq!(value(&now, "link_receive_bytes_total", Some("eth0")), Some(30_000.0));
        assert_eq!(value(&now, "link_tcp_retransmitted_ratio", None), Some(0.05));
        assert_eq!(value(&now, "link_udp_received_total", None), Some(6.0));
        // The driver was loaded anew.
        traffic.look(counts([600, 2, 0, 0, 0, 0, 0, 0], [210, 20, 6, 5]), &LIMITS, second(60));
        let now = told(&traffic);
        assert_eq!(value(&now, "link_receive_bits_per_second", Some("eth0")), Some(160.0));
        assert_eq!(value(&now, "link_receive_bytes_total", Some("eth0")), Some(30_600.0));
        assert_eq!(value(&now, "link_tcp_retransmitted_ratio", None), None, "ten segments are no share");
        let other = Counts { interface: "wlan0".to_owned(), ..counts([7; 8], [220, 20, 6, 5]) };
        traffic.look(other, &LIMITS, second(90));
        let now = told(&traffic);
        assert_eq!(value(&now, "link_receive_bytes_total", Some("wlan0")), Some(0.0));
        assert_eq!(value(&now, "link_receive_bytes_total", Some("eth0")), None);
    }

    #[test]
    fn a_counter_comes_round_its_32_bits_or_begins_anew() {
        assert_eq!(grown(5, 12), 7);
        assert_eq!(grown((1 << 32) - 100, 50), 150, "round");
        assert_eq!(grown(1 << 20, 50), 50, "anew");
        assert_eq!(grown(1 << 40, 50), 50, "64 bits do not come round in a life");
        assert_eq!(grown((1 << 32) - 100, 1 << 31), 1 << 31, "too far for that");
    }

    #[test]
    fn damage_is_told_once_it_has_lasted_and_few_packets_say_nothing() {
        let mut passed = [0; 8];
        let mut traffic = Traffic::new(counts(passed, [0; 4]), second(0));
        let mut pass = |traffic: &mut Traffic, at, packets, damaged, dropped| {
            passed[RX_PACKETS] += packets;
            passed[2] += damaged;
            passed[7] += dropped;
            traffic.look(counts(passed, [0; 4]), &LIMITS, second(at));
        };
        for at in [30, 60, 90] {
            pass(&mut traffic, at, 1000, 5, 0);
            assert!(codes(&traffic).is_empty(), "not for long yet: {at}");
        }
        pass(&mut traffic, 105, 10, 0, 0);
        pass(&mut traffic, 120, 1000, 5, 0);
        assert_eq!(codes(&traffic), ["internet.link_damaged"], "what was nearly silent in between says nothing");
        pass(&mut traffic, 150, 1000, 1, 0);
        assert!(codes(&traffic).is_empty(), "one in a thousand is within the limit");
        // As many a second as a switch's own frames, on a quiet line, and then more.
        for at in [180, 210, 240, 270, 300] {
            pass(&mut traffic, at, 1000, 0, 60);
        }
        assert!(codes(&traffic).is_empty());
        for at in [330, 360, 390, 420] {
            pass(&mut traffic, at, 1000, 0, 300);
        }
        assert_eq!(codes(&traffic), ["internet.link_dropping"]);
    }
}
