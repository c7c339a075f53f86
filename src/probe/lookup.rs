//! A name's addresses, asked for again and again in the probe's own task: never at construction, never on the way of a
//! request, and a resolver that is away takes no target with it whose address is already known.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::select_ok;
use futures_util::stream::FuturesUnordered;
use hickory_proto::rr::{Name, RecordType};

use super::dns::query::{self, Reply};
use super::egress::Egress;
use crate::clock::Clock;
use crate::domain::{ErrorKind, Mono, ProbeError};

/// How long an answer is believed.
const AGAIN: Duration = Duration::from_mins(1);

/// How soon a failure (of the name, or of the target behind it) leads to another question.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// How long a look-up may take before the address of before is used, or it is told that there is none yet.
const FIRST: Duration = Duration::from_secs(2);

type Answer = io::Result<Vec<IpAddr>>;

/// How long whoever asks at each of its tests alone waits: a nameserver that is dead costs the system 5 s (`resolv.conf(5)`), and then the
/// next one is asked.
const TODAY: Duration = Duration::from_secs(6);

/// How long a resolver that is asked over an uplink may take for each kind of address: a packet is lost now and then, so it is asked
/// twice.
const OVER_UPLINK: [Duration; 2] = [Duration::from_millis(1500), Duration::from_millis(2500)];

/// How long IPv6 is waited for once there are addresses of IPv4: some never answer for it (RFC 4074 §4.1). IPv4 is asked for to its end:
/// it may be all that the uplink carries.
const OTHER_KIND: Duration = Duration::from_millis(500);

/// A name's addresses, asked for once, doubles dropped: of the system, in its order (RFC 6724); over an uplink with a question of
/// our own to its resolvers, which knows neither /etc/hosts nor search domains, IPv4 first.
///
/// # Errors
/// What the resolver said, or that none has answered.
pub(super) async fn addresses(egress: &Egress, host: &str) -> Answer {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let found: Vec<IpAddr> = match egress.resolvers()? {
        // The port is of no interest.
        None => tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect(),
        Some(resolvers) => ask(egress, &resolvers, host).await?,
    };
    let mut all: Vec<IpAddr> = Vec::new();
    for address in found {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    Ok(all)
}

/// Asks all these resolvers; the first that knows the name is believed.
async fn ask(egress: &Egress, resolvers: &[SocketAddr], host: &str) -> Answer {
    let mut name = Name::from_utf8(host).map_err(io::Error::other)?;
    name.set_fqdn(true);
    let types: &[RecordType] = match egress.fixed_source() {
        Some(IpAddr::V4(_)) => &[RecordType::A],
        Some(IpAddr::V6(_)) => &[RecordType::AAAA],
        None => &[RecordType::A, RecordType::AAAA],
    };
    let one = |resolver: &SocketAddr| {
        let (name, resolver) = (name.clone(), *resolver);
        Box::pin(async move {
            let mut asked: FuturesUnordered<_> =
                types.iter().map(|wanted| one_kind(egress, resolver, &name, *wanted)).collect();
            let (mut found, mut failure): (Vec<IpAddr>, _) = (Vec::new(), None);
            loop {
                let patience = if found.iter().any(IpAddr::is_ipv4) { OTHER_KIND } else { Duration::MAX };
                match tokio::time::timeout(patience, asked.next()).await {
                    Ok(Some(Ok(reply))) => found.extend(reply.addresses),
                    Ok(Some(Err(why))) => failure = failure.or(Some(why)),
                    Ok(None) | Err(_) => break,
                }
            }
            found.sort_by_key(IpAddr::is_ipv6);
            let unknown = || failure.unwrap_or_else(|| format!("{resolver} knows no address"));
            if found.is_empty() { Err(io::Error::other(unknown())) } else { Ok(found) }
        })
    };
    select_ok(resolvers.iter().map(one)).await.map(|(found, _)| found)
}

/// The addresses of one kind that a resolver knows; or what happened, in words.
async fn one_kind(egress: &Egress, resolver: SocketAddr, name: &Name, wanted: RecordType) -> Result<Reply, String> {
    for patience in OVER_UPLINK {
        let asked = query::ask(egress, resolver, name, wanted, Duration::MAX);
        if let Ok(reply) = tokio::time::timeout(patience, asked).await {
            return reply.map_err(|error| error.to_string());
        }
    }
    Err(format!("{resolver} does not answer"))
}

/// A host as the config names it, and what is known of its addresses.
pub(super) struct Lookup {
    name: String,
    egress: Egress,
    addresses: Addresses,
    pending: Option<Pin<Box<dyn Future<Output = Answer> + Send>>>,
    asked: Option<Mono>,
    due: Mono,
    trouble: Option<String>,
}

impl Lookup {
    /// A host that is looked up when it is first needed; an IP address needs no question.
    pub(super) fn new(host: &str, egress: Egress) -> Self {
        let fixed = host.trim_matches(['[', ']']).parse().ok();
        Self {
            name: host.to_owned(),
            egress,
            addresses: Addresses { all: fixed.into_iter().collect(), place: 0 },
            pending: None,
            asked: None,
            due: if fixed.is_some() { Mono::NEVER } else { Mono::ZERO },
            trouble: None,
        }
    }

    /// A name whose addresses are known, and asked for no more.
    #[cfg(test)]
    pub(super) fn known(host: &str, all: Vec<IpAddr>) -> Self {
        let addresses = Addresses { all, place: 0 };
        Self { addresses, due: Mono::NEVER, ..Self::new(host, Egress::default()) }
    }

    /// The address to use now.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.addresses.current()
    }

    /// Why there is no address: what the resolver said last, or that it has said nothing.
    pub(super) fn trouble(&self) -> String {
        let trouble = self.trouble.as_deref().unwrap_or("the resolver has not answered yet");
        format!("{:?}: {trouble}", self.name)
    }

    /// Asks, if a question is due. The resolver's own deadline ends it; a second question is never started meanwhile.
    pub(super) fn ask_when_due(&mut self, now: Mono) {
        if self.pending.is_some() || now < self.due {
            return;
        }
        let (name, egress) = (self.name.clone(), self.egress.clone());
        self.asked = Some(now);
        self.pending = Some(Box::pin(async move { addresses(&egress, &name).await }));
    }

    /// Waits for the answer under way and takes it; for ever while nothing is asked. Safe to drop and call again.
    pub(super) async fn answered(&mut self) {
        match &mut self.pending {
            Some(pending) => {
                let answer = pending.as_mut().await;
                self.pending = None;
                self.take(answer);
            }
            None => std::future::pending().await,
        }
    }

    /// The address to use now, after the first answer or a while without one. For who takes [`Lookup::answered`] between its looks.
    ///
    /// # Errors
    /// There is none yet.
    pub(super) async fn address_in_time(&mut self, clock: Clock) -> Result<IpAddr, ProbeError> {
        let began = clock.mono();
        self.ask_when_due(began);
        if self.address().is_none() {
            tokio::select! {
                () = self.answered() => {}
                () = clock.sleep_until(began.after(FIRST)) => {}
            }
        }
        self.found()
    }

    /// The same, after the answer to a question that is due: for who asks at each of its tests and waits for nothing in between. A
    /// resolver that is away costs a test some seconds, and the address of before is used.
    ///
    /// # Errors
    /// There is none yet.
    pub(super) async fn address_of_today(&mut self, clock: Clock) -> Result<IpAddr, ProbeError> {
        let began = clock.mono();
        let answered = async {
            loop {
                self.ask_when_due(began);
                if self.pending.is_none() {
                    break;
                }
                // To what an earlier test asked, perhaps: then it is asked again.
                self.answered().await;
            }
        };
        tokio::select! {
            () = answered => {}
            () = clock.sleep_until(began.after(TODAY)) => {}
        }
        self.found()
    }

    fn found(&self) -> Result<IpAddr, ProbeError> {
        self.address().ok_or_else(|| ProbeError::new(ErrorKind::Dns, self.trouble()))
    }

    /// The target behind the current address failed: another of the name's addresses is used, and the name is asked
    /// again soon.
    pub(super) fn target_failed(&mut self) {
        self.addresses.turn();
        if let Some(asked) = self.asked.filter(|_| self.due != Mono::NEVER) {
            self.due = self.due.min(asked.after(AFTER_FAILURE));
        }
    }

    /// When [`Lookup::ask_when_due`] would next ask.
    pub(super) fn next_deadline(&self) -> Mono {
        if self.pending.is_some() { Mono::NEVER } else { self.due }
    }

    fn take(&mut self, answer: Answer) {
        let asked = self.asked.unwrap_or_default();
        match answer {
            Ok(all) if !all.is_empty() => {
                self.addresses.update(those_with_a_route(all));
                self.due = asked.after(AGAIN);
                self.trouble = None;
            }
            failed => {
                self.trouble = Some(failed.err().map_or_else(|| "it has no address".to_owned(), |e| e.to_string()));
                self.due = asked.after(AFTER_FAILURE);
            }
        }
    }
}

/// Those of a name's addresses to which this machine has a route at all, where there are some: a server's IPv6 address is no second one
/// for a machine that has only IPv4, and each try of it would be a failure more. A datagram socket that is connected sends nothing.
fn those_with_a_route(all: Vec<IpAddr>) -> Vec<IpAddr> {
    let has_route = |to: &IpAddr| {
        let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        UdpSocket::bind((any, 0)).and_then(|socket| socket.connect((*to, 9))).is_ok()
    };
    let reached: Vec<IpAddr> = all.iter().copied().filter(has_route).collect();
    if reached.is_empty() { all } else { reached }
}

/// A name's addresses and the one in use.
#[derive(Debug, Default)]
struct Addresses {
    all: Vec<IpAddr>,
    place: usize,
}

impl Addresses {
    fn current(&self) -> Option<IpAddr> {
        self.all.get(self.place).copied()
    }

    /// Takes a new list. The address in use stays in use while the list names it: names with many addresses come in
    /// another order each time, and each change would begin the statistics anew.
    fn update(&mut self, all: Vec<IpAddr>) {
        let current = self.current();
        self.place = all.iter().position(|address| Some(*address) == current).unwrap_or(0);
        self.all = all;
    }

    fn turn(&mut self) {
        if !self.all.is_empty() {
            self.place = (self.place + 1) % self.all.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_that_no_route_leads_to_is_none_where_there_is_another() {
        // Nobody's socket may be connected to that one (socket(7), SO_BROADCAST), whatever routes there are.
        let (here, nowhere) = (ip("127.0.0.1"), ip("255.255.255.255"));
        assert_eq!(those_with_a_route(vec![nowhere, here]), [here]);
        assert_eq!(those_with_a_route(vec![nowhere]), [nowhere], "what is known of it is all there is");
    }

    #[test]
    fn an_address_is_never_asked_for() {
        let mut lookup = Lookup::new("[2001:db8::1]", Egress::default());
        assert_eq!(lookup.address(), Some(ip("2001:db8::1")));
        lookup.ask_when_due(Mono::ZERO);
        lookup.target_failed();
        assert!(lookup.pending.is_none());
        assert_eq!(lookup.next_deadline(), Mono::NEVER);
        assert_eq!(lookup.address(), Some(ip("2001:db8::1")));
    }

    #[tokio::test]
    async fn a_name_is_asked_when_needed_and_again_on_a_timer() {
        let at = |seconds| Mono::from_elapsed(Duration::from_secs(seconds));
        let mut lookup = Lookup::new("localhost", Egress::default());
        assert_eq!(lookup.address(), None);
        lookup.ask_when_due(at(1));
        assert_eq!(lookup.next_deadline(), Mono::NEVER);
        lookup.answered().await;
        assert!(lookup.address().is_some_and(|address| address.is_loopback()));
        assert_eq!(lookup.next_deadline(), at(61));
        lookup.target_failed();
        assert_eq!(lookup.next_deadline(), at(6));
    }

    #[tokio::test]
    async fn who_asks_for_the_address_at_each_test_gets_the_one_of_today() {
        let clock = Clock::start();
        let mut lookup = Lookup::new("localhost", Egress::default());
        // As it was a while ago.
        lookup.take(Ok(vec![ip("192.0.2.1")]));
        lookup.due = clock.mono();
        assert!(lookup.address_of_today(clock).await.unwrap().is_loopback());
        assert!(lookup.pending.is_none() && lookup.due > clock.mono());
    }

    #[tokio::test(start_paused = true)]
    async fn a_resolver_that_hangs_keeps_nobody_from_the_address_of_before() {
        let clock = Clock::on_tokio_time(jiff::Timestamp::UNIX_EPOCH);
        let mut lookup = Lookup::new("far.example", Egress::default());
        lookup.take(Ok(vec![ip("192.0.2.1")]));
        lookup.pending = Some(Box::pin(std::future::pending()));
        let began = clock.mono();
        // Who looks often, and takes answers in between, waits for none.
        assert_eq!(lookup.address_in_time(clock).await.unwrap(), ip("192.0.2.1"));
        assert_eq!(clock.mono(), began);
        assert_eq!(lookup.address_of_today(clock).await.unwrap(), ip("192.0.2.1"));
        assert_eq!(clock.mono().since(began), TODAY);
    }

    /// A resolver that loses the first question for IPv4, and answers for IPv6 or never does; what is found by it.
    async fn found_by_one_that_loses_a_packet(knows_ipv6: bool) -> Vec<IpAddr> {
        use hickory_proto::op::{Message, MessageType};
        use hickory_proto::rr::{RData, Record};

        let resolver = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let uplink = crate::domain::Uplink {
            name: "backup".into(),
            interface: Some("none0".into()),
            source: None,
            resolvers: vec![resolver.local_addr().unwrap()],
            backup: None,
            metered: false,
            daily_budget: None,
        };
        let answers = async {
            let (mut buffer, mut lost) = ([0; 512], false);
            loop {
                let (length, from) = resolver.recv_from(&mut buffer).await.unwrap();
                let mut message = Message::from_vec(&buffer[..length]).unwrap();
                let query = message.queries[0].clone();
                let data = match query.query_type() {
                    RecordType::A if lost => RData::A(std::net::Ipv4Addr::new(192, 0, 2, 7).into()),
                    RecordType::AAAA if knows_ipv6 => RData::AAAA("2001:db8::7".parse().unwrap()),
                    kind => {
                        lost |= kind == RecordType::A;
                        continue;
                    }
                };
                message.metadata.message_type = MessageType::Response;
                message.add_answer(Record::from_rdata(query.name().clone(), 60, data));
                resolver.send_to(&message.to_vec().unwrap(), from).await.unwrap();
            }
        };
        let egress = Egress::by(Some(std::sync::Arc::new(uplink)));
        tokio::select! {
            found = addresses(&egress, "far.example") => found.unwrap(),
            () = answers => unreachable!(),
        }
    }

    #[tokio::test]
    async fn a_packet_that_is_lost_is_sent_again_whatever_becomes_of_the_other_kind() {
        let (alone, both) = (found_by_one_that_loses_a_packet(false), found_by_one_that_loses_a_packet(true));
        let (alone, both) = tokio::join!(alone, both);
        assert_eq!(alone, [ip("192.0.2.7")]);
        assert_eq!(both, [ip("192.0.2.7"), ip("2001:db8::7")]);
    }

    #[tokio::test]
    async fn an_answer_that_nobody_has_waited_for_is_none_of_today() {
        let clock = Clock::start();
        let failed = || io::Error::other("SERVFAIL");
        for (known, answer) in [(Some(ip("192.0.2.1")), Ok(vec![ip("192.0.2.2")])), (None, Err(failed()))] {
            let mut lookup = Lookup::new("localhost", Egress::default());
            lookup.addresses.update(known.into_iter().collect());
            lookup.asked = Some(clock.mono().before(Duration::from_hours(6)));
            lookup.pending = Some(Box::pin(std::future::ready(answer)));
            assert!(lookup.address_of_today(clock).await.unwrap().is_loopback());
        }
    }

    #[test]
    fn a_failure_keeps_the_address_and_leads_to_a_question_soon() {
        let mut lookup = Lookup::new("far.example", Egress::default());
        lookup.take(Ok(vec![ip("192.0.2.1")]));
        lookup.take(Err(io::Error::other("SERVFAIL")));
        assert_eq!(lookup.address(), Some(ip("192.0.2.1")));
        assert_eq!(lookup.next_deadline(), Mono::ZERO.after(AFTER_FAILURE));
        assert_eq!(lookup.trouble(), "\"far.example\": SERVFAIL");
    }

    #[test]
    fn the_address_in_use_survives_another_order_and_turns_after_failure() {
        let (a, b, c) = (ip("192.0.2.1"), ip("192.0.2.2"), ip("192.0.2.3"));
        let mut addresses = Addresses::default();
        addresses.update(vec![a, b]);
        assert_eq!(addresses.current(), Some(a));
        addresses.update(vec![b, a]);
        assert_eq!(addresses.current(), Some(a));
        addresses.update(vec![b, c]);
        assert_eq!(addresses.current(), Some(b));
        addresses.turn();
        assert_eq!(addresses.current(), Some(c));
        addresses.turn();
        assert_eq!(addresses.current(), Some(b));
    }
}
