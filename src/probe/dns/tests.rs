//! Which answer counts of several resolvers, and of whom a failure speaks.

use std::fs;
use std::path::Path;

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::{RData, Record};

use super::*;
use crate::named_file::tests::leaves_the_thread;
use crate::probe::fixture::Machine;

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

fn asked(resolver: &str, outcome: Result<(ResponseCode, u32), ErrorKind>) -> Asked {
    let outcome = outcome
        .map(|(code, answers)| vec![(RecordType::A, Reply { code, answers, addresses: Vec::new() })])
        .map_err(|kind| ProbeError::new(kind, "as told"));
    Asked { resolver: at(resolver), took: Duration::from_millis(7), outcome }
}

fn judged(asked: &[Asked]) -> Result<Vec<&'static str>, ErrorKind> {
    let resolvers = Resolvers { addresses: asked.iter().map(|one| one.resolver).collect(), assumed: false };
    let reading = judge("meet.example.net", &resolvers, asked).map_err(|error| error.kind)?;
    Ok(reading.findings.iter().map(|finding| finding.reason.code).collect())
}

const ONE: &str = "192.0.2.1:53";
const TWO: &str = "192.0.2.2:53";

#[test]
fn one_living_resolver_is_enough_but_a_dead_one_is_told() {
    let good = || asked(ONE, Ok((ResponseCode::NoError, 2)));
    assert_eq!(judged(&[good()]), Ok(vec![]));
    assert_eq!(judged(&[asked(TWO, Err(ErrorKind::Timeout)), good()]), Ok(vec!["internet.resolver_partly"]));
    assert_eq!(judged(&[good(), asked(TWO, Ok((ResponseCode::ServFail, 0)))]), Ok(vec!["internet.resolver_partly"]));
}

#[test]
fn without_a_good_answer_the_most_telling_one_counts() {
    let fails = || asked(ONE, Ok((ResponseCode::Refused, 0)));
    assert_eq!(judged(&[fails()]), Ok(vec!["internet.resolver_failing"]));
    assert_eq!(judged(&[fails(), asked(TWO, Ok((ResponseCode::NXDomain, 0)))]), Ok(vec!["internet.name_unknown"]));
    assert_eq!(judged(&[asked(ONE, Ok((ResponseCode::NoError, 0)))]), Ok(vec!["internet.name_empty"]));
    assert_eq!(judged(&[asked(ONE, Err(ErrorKind::Timeout)), fails()]), Ok(vec!["internet.resolver_failing"]));
}

#[test]
fn of_both_records_one_is_enough_and_a_silent_question_beside_it_is_none() {
    let reply = |wanted, code, answers| Ok((wanted, Reply { code, answers, addresses: Vec::new() }));
    let silent = || Err(ProbeError::new(ErrorKind::Timeout, "as told"));
    let (a, aaaa) = (RecordType::A, RecordType::AAAA);
    let kept = |replies| together(replies).map(|kept| kept.len()).map_err(|error| error.kind);
    assert_eq!(kept(vec![reply(a, ResponseCode::NoError, 1), silent()]), Ok(1));
    assert_eq!(kept(vec![silent(), reply(aaaa, ResponseCode::NoError, 1)]), Ok(1));
    assert_eq!(kept(vec![reply(a, ResponseCode::NoError, 1), reply(aaaa, ResponseCode::NoError, 0)]), Ok(2));
    // Without an address the silent one might have had it.
    assert_eq!(kept(vec![reply(a, ResponseCode::NoError, 0), silent()]), Err(ErrorKind::Timeout));
    assert_eq!(kept(vec![silent(), silent()]), Err(ErrorKind::Timeout));
}

#[test]
fn silence_speaks_of_the_resolver_and_our_own_faults_of_us() {
    let both = [asked(ONE, Err(ErrorKind::Permission)), asked(TWO, Err(ErrorKind::Refused))];
    assert_eq!(judged(&both), Err(ErrorKind::Refused));
    assert_eq!(judged(&both[..1]), Err(ErrorKind::Permission));
    assert_eq!(ERRORS.judge(ErrorKind::Refused).0, Verdict::NotReady);
    assert_eq!(ERRORS.judge(ErrorKind::Permission).0, Verdict::Unknown);
}

#[test]
fn resolv_conf_is_read_as_the_c_library_does() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("class/net/eth0")).unwrap();
    fs::write(folder.path().join("class/net/eth0/ifindex"), "7\n").unwrap();
    let file = folder.path().join("resolv.conf");
    let list = |text: &str| {
        fs::write(&file, text).unwrap();
        Resolver::Auto.list(&file, folder.path()).unwrap()
    };
    let found = list(
        "# nameserver 192.0.2.9\nsearch example.net\nnameserver\t192.0.2.1\nnameserver nonsense\n  nameserver 2001:db8::1\n",
    );
    assert_eq!(found.addresses, [at("192.0.2.1:53"), at("[2001:db8::1]:53")]);
    let of_link = list("nameserver fe80::1%eth0\n");
    assert!(matches!(of_link.addresses[..], [SocketAddr::V6(address)] if address.scope_id() == 7), "{of_link:?}");
    let four = list(&"nameserver 192.0.2.1\n".repeat(4));
    assert_eq!(four.addresses.len(), 3);
    let none = list("search example.net\n");
    assert_eq!((none.addresses, none.assumed), (vec![at("127.0.0.1:53")], true));
    let missing = Resolver::Auto.list(Path::new("/nonexistent/resolv.conf"), folder.path()).unwrap();
    assert!(missing.assumed);
}

#[test]
fn the_file_that_names_resolvers_is_read_while_others_go_on() {
    let context = Machine::bare().context();
    assert!(leaves_the_thread(|file| async move {
        let config = toml::from_str(&format!("query = 'meet.example.net'\nresolv_conf = '{}'", file.display()));
        Probe::new(config.unwrap(), context).resolvers().await
    }));
}

#[test]
fn a_resolver_is_written_with_or_without_a_port() {
    assert_eq!("auto".parse(), Ok(Resolver::Auto));
    assert_eq!("192.0.2.53".parse(), Ok(Resolver::Named(at("192.0.2.53:53"))));
    assert_eq!("[2001:db8::53]:5353".parse(), Ok(Resolver::Named(at("[2001:db8::53]:5353"))));
    for bad in ["", "dns.example.net", "192.0.2.53:", "192.0.2.256"] {
        assert!(bad.parse::<Resolver>().is_err(), "{bad:?}");
    }
}

#[tokio::test]
async fn a_question_that_is_lost_is_sent_again_and_the_resolver_is_not_called_silent() {
    let resolver = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = resolver.local_addr().unwrap();
    // The first packet counts as lost; what comes then is repeated as it is, with an answer.
    let answers = async {
        let mut heard = Vec::new();
        let mut buffer = [0; 512];
        loop {
            let (length, from) = resolver.recv_from(&mut buffer).await.unwrap();
            heard.push(buffer[..length].to_vec());
            if heard.len() > 1 {
                let mut message = Message::from_vec(&buffer[..length]).unwrap();
                message.metadata.message_type = MessageType::Response;
                let name = message.queries[0].name().clone();
                message.add_answer(Record::from_rdata(
                    name,
                    60,
                    RData::A(std::net::Ipv4Addr::new(192, 0, 2, 7).into()),
                ));
                resolver.send_to(&message.to_vec().unwrap(), from).await.unwrap();
                assert!(heard.windows(2).all(|two| two[0] == two[1]), "another question");
            }
        }
    };
    let config = format!("query = 'meet.example.net'\nresolver = '{address}'");
    let probe = Probe::new(toml::from_str(&config).unwrap(), Machine::bare().context());
    let reading = tokio::select! {
        reading = probe.run() => reading.unwrap(),
        () = answers => unreachable!(),
    };
    assert_eq!(reading.findings.iter().map(|one| one.reason.code).collect::<Vec<_>>(), ["internet.resolver_is_self"]);
}
