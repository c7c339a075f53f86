//! `ports`: whether the UDP ports that a platform's media use get through, as far as a far end answers there.
//!
//! Whether UDP reaches a stranger's port nobody can tell but who answers at it, and platforms answer nobody without a meeting.
//! So a far end of the room's own is asked at the platform's ports; a firewall that looks at ports holds back both, one that
//! looks at addresses may not.

mod catalogue;
mod config;
mod knock;
pub mod platforms;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::{join, join_all};

pub use self::catalogue::{ERRORS, QUANTITIES, REASONS};
pub use self::config::Config;
use self::knock::Word;
use self::platforms::Transport;
use super::egress::Egress;
use super::lookup::Lookup;
use super::{Context, Defaults, far_end_is_self};
use crate::domain::{ErrorKind, Finding, Observation, ProbeError, Reading, Verdict};

/// A few small packets a minute. A second look must confirm the first, as its hold is a little longer than the interval.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_mins(1),
    fresh_for: Duration::from_secs(200),
    bad_for: Duration::from_secs(65),
    good_for: Duration::from_secs(65),
    active: false,
};

/// What was asked and what it said, or what kept this machine from asking there.
type Words = BTreeMap<(Transport, u16), Result<Word, ProbeError>>;

/// A looker at ports.
pub struct Probe {
    config: Config,
    context: Context,
    lookup: Lookup,
    ticker: Option<tokio::time::Interval>,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        let lookup = Lookup::new(&config.far_end, context.egress.clone());
        Self { config, context, lookup, ticker: None }
    }

    /// Waits until the next look is due and looks.
    pub async fn next(&mut self) -> Observation {
        self.ticker.get_or_insert_with(|| self.context.ticker()).tick().await;
        let began = self.context.clock.mono();
        match self.look().await {
            Ok(reading) => self.context.read(began, reading),
            Err(error) => {
                self.lookup.target_failed();
                self.context.failed(began, error, &ERRORS)
            }
        }
    }

    async fn look(&mut self) -> Result<Reading, ProbeError> {
        let ip = self.lookup.address_of_today(self.context.clock).await?;
        let words = ask(&self.config, &self.context.egress, ip).await;
        let mut reading = judge(&self.config, &words)?;
        let today = jiff::tz::Offset::UTC.to_datetime(self.context.clock.now().wall).date();
        for platform in &self.config.platforms {
            if let Some(day) = platform.check_by().filter(|day| today > *day) {
                let finding = Finding::new(&catalogue::LIST_OLD, Verdict::Ready);
                reading.find(finding.with("platform", platform.title.as_str()).with("day", day.to_string()));
            }
        }
        if let Some(finding) = far_end_is_self(ip) {
            reading.find(finding);
        }
        Ok(reading)
    }
}

/// Asks all ports at once. What one of them comes to is no other's.
async fn ask(config: &Config, egress: &Egress, ip: IpAddr) -> Words {
    let limit = config.timeout.0;
    let at = |port| SocketAddr::new(ip, port);
    let udp = config
        .udp()
        .into_iter()
        .map(|port| async move { ((Transport::Udp, port), knock::udp(egress, at(port), limit).await) });
    let tcp = config
        .tcp()
        .into_iter()
        .map(|port| async move { ((Transport::Tcp, port), knock::tcp(egress, at(port), limit).await) });
    let (udp, tcp) = join(join_all(udp), join_all(tcp)).await;
    udp.into_iter().chain(tcp).collect()
}

/// What the words say, and no more: a port that does not let through is held back only if the far end is known to be there.
fn judge(config: &Config, asked: &Words) -> Result<Reading, ProbeError> {
    let words: BTreeMap<_, _> = asked.iter().filter_map(|(port, word)| Some((port, *word.as_ref().ok()?))).collect();
    let held = [Word::Silence, Word::NoWay];
    let listed = |wanted: &[Word]| {
        let all = words.iter().filter(|(_, word)| wanted.contains(word));
        let all: Vec<_> = all.map(|((transport, port), _)| format!("{transport} {port}")).collect();
        if all.is_empty() { "–".to_owned() } else { all.join(", ") }
    };
    if words.values().all(|word| *word != Word::Answer) {
        if let Some(error) = asked.values().find_map(|word| word.as_ref().err()) {
            return Err(error.clone());
        }
        let all = |wanted: Word| words.values().all(|word| *word == wanted);
        let kind = match () {
            () if all(Word::Nobody) => ErrorKind::Refused,
            () if all(Word::NoWay) => ErrorKind::Unreachable,
            () => ErrorKind::Timeout,
        };
        let [silent, no_way, closed] = [Word::Silence, Word::NoWay, Word::Nobody].map(|word| listed(&[word]));
        return Err(ProbeError::new(kind, format!("silent: {silent}; no way to: {no_way}; closed: {closed}")));
    }
    let mut reading = Reading::default();
    for ((transport, port), word) in words.iter().filter(|(_, word)| **word != Word::Nobody) {
        let label = format!("{transport} {port}").to_lowercase();
        reading.measure_part(&catalogue::REACHED, &label, f64::from(u8::from(*word == Word::Answer)));
    }
    for platform in &config.platforms {
        let heard = config.media(platform).into_iter().filter_map(|port| words.get(&(Transport::Udp, port)));
        let known: Vec<_> = heard.filter(|word| **word != Word::Nobody).collect();
        if !known.is_empty() {
            let blocked = known.iter().any(|word| held.contains(word));
            reading.measure_part(&catalogue::UDP_BLOCKED, &platform.name, f64::from(u8::from(blocked)));
        }
    }
    let seen = Finding::new(&catalogue::SEEN, Verdict::Ready).with("server", config.far_end.as_str());
    reading.find(seen.with("reached", listed(&[Word::Answer])).with("silent", listed(&held)));
    if words.iter().any(|((transport, _), word)| *transport == Transport::Udp && *word == Word::Nobody) {
        let unheard = Finding::new(&catalogue::UNHEARD, Verdict::Ready).with("server", config.far_end.as_str());
        reading.find(unheard.with("ports", listed(&[Word::Nobody])));
    }
    let untried = asked.iter().filter_map(|((transport, port), word)| Some((transport, port, word.as_ref().err()?)));
    let untried: Vec<_> =
        untried.map(|(transport, port, why)| format!("{transport} {port} ({})", why.detail)).collect();
    if !untried.is_empty() {
        reading.find(Finding::new(&catalogue::UNTRIED, Verdict::Unknown).with("ports", untried.join(", ")));
    }
    Ok(reading)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Transport::{Tcp, Udp};
    use Word::{Answer, NoWay, Nobody, Silence};

    /// Which platforms are blocked, and the findings' codes.
    type Told = (Vec<(String, f64)>, Vec<&'static str>);

    fn told(words: &[(Transport, u16, Word)]) -> Result<Told, ErrorKind> {
        heard(&words.iter().map(|(transport, port, word)| ((*transport, *port), Ok(*word))).collect())
    }

    fn heard(words: &Words) -> Result<Told, ErrorKind> {
        let config: Config = toml::from_str("platforms = ['zoom', 'jitsi']\nfar_end = 'far.example'").unwrap();
        let reading = judge(&config, words).map_err(|error| error.kind)?;
        let blocked = reading.measurements.iter().filter(|one| one.quantity == &catalogue::UDP_BLOCKED);
        let blocked = blocked.map(|one| (one.part.as_deref().unwrap().to_owned(), one.value)).collect();
        Ok((blocked, reading.findings.iter().map(|finding| finding.reason.code).collect()))
    }

    fn of(zoom: Option<f64>, jitsi: Option<f64>) -> Vec<(String, f64)> {
        let all = [("zoom", zoom), ("jitsi", jitsi)];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    #[test]
    fn a_silent_port_is_blocked_only_where_the_far_end_is_known_to_be_there() {
        let seen = vec!["internet.ports_seen"];
        let all = |word| [(Udp, 3478, word), (Udp, 3479, word), (Udp, 8801, word), (Udp, 10000, word)];
        assert_eq!(told(&all(Answer)), Ok((of(Some(0.0), Some(0.0)), seen.clone())));
        // By TCP alone.
        let tcp = [&all(Silence)[..], &[(Tcp, 443, Answer)]].concat();
        assert_eq!(told(&tcp), Ok((of(Some(1.0), Some(1.0)), seen.clone())));
        // By another UDP port, and only the platform whose port it is.
        let one = [(Udp, 3478, Answer), (Udp, 3479, Answer), (Udp, 8801, Answer), (Udp, 10000, Silence)];
        assert_eq!(told(&one), Ok((of(Some(0.0), Some(1.0)), seen)));
        // Nothing answers: of ports nothing is known.
        let dead = [&all(Silence)[..], &[(Tcp, 443, Silence)]].concat();
        assert_eq!(told(&dead), Err(ErrorKind::Timeout));
        assert_eq!(told(&[&all(Silence)[..], &[(Tcp, 443, Nobody)]].concat()), Err(ErrorKind::Timeout));
        assert_eq!(told(&all(Nobody)), Err(ErrorKind::Refused));
        assert_eq!(told(&all(NoWay)), Err(ErrorKind::Unreachable));
    }

    #[test]
    fn a_port_that_is_rejected_is_held_back_and_one_that_cannot_be_asked_hides_no_other() {
        let seen = "internet.ports_seen";
        let mut words: Words = [(3478, Answer), (3479, Answer), (8801, NoWay), (10000, Answer)]
            .map(|(port, word)| ((Udp, port), Ok(word)))
            .into();
        assert_eq!(heard(&words), Ok((of(Some(1.0), Some(0.0)), vec![seen])));
        let untried = || Err(ProbeError::new(ErrorKind::Permission, "not by this program"));
        words.insert((Udp, 10000), untried());
        assert_eq!(heard(&words), Ok((of(Some(1.0), None), vec![seen, "siaga.ports_untried"])));
        let none: Words = [((Udp, 3478), Ok(Silence)), ((Udp, 8801), untried())].into();
        assert_eq!(heard(&none), Err(ErrorKind::Permission));
    }

    #[test]
    fn a_port_at_which_nobody_listens_says_nothing_of_the_way_there() {
        let words = [(Udp, 3478, Answer), (Udp, 3479, Nobody), (Udp, 8801, Nobody), (Udp, 10000, Nobody)];
        let codes = vec!["internet.ports_seen", "internet.ports_nobody_listens"];
        assert_eq!(told(&words), Ok((of(Some(0.0), None), codes)));
    }
}
