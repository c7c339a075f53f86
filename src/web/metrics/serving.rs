//! How the server itself is: who is connected, who had to make room, and until when its certificate is good.

use super::super::State;
use super::super::crowd::FROM;
use super::family::{Family, Samples};
use super::room::{count, unix};

pub(super) static CERTIFICATE: Family = Family::gauge(
    "siaga_web_certificate_expiry_timestamp_seconds",
    &[],
    "When the first certificate of the chain that the server shows ceases to be valid; absent without TLS.",
);
pub(super) static CONNECTIONS: Family =
    Family::gauge("siaga_web_connections", &["from"], "Connections that are open, from elsewhere and on this machine.");
pub(super) static CUT: Family = Family::counter(
    "siaga_web_connections_cut_total",
    &["from"],
    "Connections that had to make room for others since the process began.",
);
pub(super) static REFUSED: Family = Family::counter(
    "siaga_web_connections_refused_total",
    &["from"],
    "Connections for which there was no room since the process began.",
);
pub(super) static LARGE: Family = Family::counter(
    "siaga_web_large_answers_turned_away_total",
    &["how"],
    "Answers over 64 KiB that were cut to make room for another, or refused for want of it, since the process began.",
);
pub(super) static UNMET: Family = Family::counter(
    "siaga_web_handshakes_failed_total",
    &["reason"],
    "Handshakes over TLS that came to nothing since the process began: too slow, or anything else.",
);

/// All series of the server.
pub(super) fn add(out: &mut Samples, state: &State) {
    if let Some(expires_at) = state.tls.borrow().as_ref().and_then(|tls| tls.expires_at) {
        out.add(&CERTIFICATE, &[], unix(expires_at));
    }
    let counts = state.crowd.counts();
    for (at, from) in FROM.into_iter().enumerate() {
        out.add(&CONNECTIONS, &[from], count(counts.open[at] as u64));
        out.add(&CUT, &[from], count(counts.cut[at]));
        out.add(&REFUSED, &[from], count(counts.refused[at]));
    }
    for (how, times) in ["cut", "refused"].into_iter().zip(state.crowd.large.counts()) {
        out.add(&LARGE, &[how], count(times));
    }
    for (reason, times) in ["timeout", "other"].into_iter().zip(counts.unmet) {
        out.add(&UNMET, &[reason], count(times));
    }
}
