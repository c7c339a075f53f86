//! What a browser counts of its call (`getStats`, W3C webrtc-stats), over a span.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one end saw, by its own browser's count.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct End {
    /// How long it was watched, s.
    pub(crate) seconds: f64,
    /// RTP packets of sound and picture that came, and those that did not. Repeats go by another stream, by which the browser also tries
    /// how much the line carries: they are counted as received and never as lost, so they are left out.
    pub(crate) received: f64,
    pub(crate) lost: f64,
    /// The round trip of what it sent, by RTCP, s: the least and the median; none was told of, if missing.
    pub(crate) least_rtt: Option<f64>,
    pub(crate) rtt: Option<f64>,
    /// The median interarrival jitter of the sound (RFC 3550), s.
    pub(crate) jitter: f64,
    /// The share of sound that was made up.
    pub(crate) concealed: f64,
    /// Pictures a second that came out.
    pub(crate) frames: f64,
    /// Pictures a second that its own camera gave: fewer than asked for is this machine's doing.
    pub(crate) filmed: f64,
    pub(crate) freezes: f64,
    /// How long the picture stood, s.
    pub(crate) frozen: f64,
    /// What it sent without repeats and headers, bit/s.
    pub(crate) sent: f64,
    /// The share of pictures' packets that it sent again.
    pub(crate) repeated: f64,
    /// What its browser thought that the way out carries, at the end, bit/s.
    pub(crate) room: f64,
    /// The lines of the picture that came, at the end.
    pub(crate) height: f64,
    /// How coarse the picture that came was: VP8's quantizer, 0 to 127, on average.
    pub(crate) quantizer: f64,
    /// For how long its browser held the picture back for want of processor time, s.
    pub(crate) starved: f64,
}

/// One look.
pub(super) struct Stats(Vec<Value>);

impl Stats {
    pub(super) fn new(told: Value) -> Self {
        let Value::Array(reports) = told else { panic!("no list of reports: {told}") };
        Self(reports)
    }

    /// How much later than another look this one is, s.
    pub(super) fn since(&self, before: &Self) -> f64 {
        (self.number("transport", "", "timestamp") - before.number("transport", "", "timestamp")) / 1000.0
    }

    fn report(&self, kind: &str, of: &str) -> Option<&Value> {
        self.0.iter().find(|report| report["type"] == kind && (of.is_empty() || report["kind"] == of))
    }

    /// What was not counted yet is none.
    fn number(&self, kind: &str, of: &str, name: &str) -> f64 {
        self.report(kind, of).and_then(|report| report[name].as_f64()).unwrap_or(0.0)
    }

    fn both(&self, kind: &str, name: &str) -> f64 {
        self.number(kind, "audio", name) + self.number(kind, "video", name)
    }

    /// The pair of addresses by which it goes.
    fn pair(&self) -> &Value {
        let chosen = &self.report("transport", "").expect("a transport")["selectedCandidatePairId"];
        self.0.iter().find(|report| report["id"] == *chosen).unwrap_or(&Value::Null)
    }

    fn starved(&self) -> f64 {
        let held = self.report("outbound-rtp", "video").map(|report| &report["qualityLimitationDurations"]["cpu"]);
        held.and_then(Value::as_f64).unwrap_or(0.0)
    }

    fn rtt(&self) -> Option<f64> {
        self.report("remote-inbound-rtp", "video")?["roundTripTime"].as_f64()
    }
}

impl End {
    pub(super) fn of(series: &[Stats]) -> Self {
        let (first, last) = (&series[0], &series[series.len() - 1]);
        let seconds = last.since(first);
        let grown = |of: &dyn Fn(&Stats) -> f64| of(last) - of(first);
        let both = |kind, name| grown(&|stats: &Stats| stats.both(kind, name));
        let of = |kind, of, name| grown(&|stats: &Stats| stats.number(kind, of, name));
        let came = |name| of("inbound-rtp", "video", name);
        Self {
            seconds,
            received: both("inbound-rtp", "packetsReceived") - both("inbound-rtp", "retransmittedPacketsReceived"),
            lost: both("inbound-rtp", "packetsLost"),
            least_rtt: series.iter().filter_map(Stats::rtt).min_by(f64::total_cmp),
            rtt: median(series.iter().filter_map(Stats::rtt)),
            jitter: median(series.iter().map(|stats| stats.number("inbound-rtp", "audio", "jitter"))).unwrap_or(0.0),
            concealed: of("inbound-rtp", "audio", "concealedSamples")
                / of("inbound-rtp", "audio", "totalSamplesReceived").max(1.0),
            frames: came("framesDecoded") / seconds,
            filmed: of("media-source", "video", "frames") / seconds,
            freezes: came("freezeCount"),
            frozen: came("totalFreezesDuration"),
            sent: (both("outbound-rtp", "bytesSent") - both("outbound-rtp", "retransmittedBytesSent")) * 8.0 / seconds,
            repeated: of("outbound-rtp", "video", "retransmittedPacketsSent")
                / of("outbound-rtp", "video", "packetsSent").max(1.0),
            room: last.pair()["availableOutgoingBitrate"].as_f64().unwrap_or(0.0),
            height: last.number("inbound-rtp", "video", "frameHeight"),
            quantizer: came("qpSum") / came("framesDecoded").max(1.0),
            starved: grown(&Stats::starved),
        }
    }

    /// The share of packets that did not come.
    pub(crate) fn loss(&self) -> f64 {
        self.lost / (self.lost + self.received).max(1.0)
    }
}

/// The middle one; none of none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
