use std::str::FromStr;

use domain::base::iana::{Class, ExtendedErrorCode, OptRcode, Rcode, SvcParamKey};
use domain::base::message_builder::AnswerBuilder;
use domain::base::opt::exterr::ExtendedError;
use domain::base::rdata::UnknownRecordData;
use domain::base::{MessageBuilder, Name, Record, Rtype, Serial, Ttl};
use domain::rdata::svcb::UnknownSvcParam;
use domain::rdata::svcb::value::AlpnBuilder;
use domain::rdata::{A, Aaaa, Cname, Https, Soa, svcb::SvcParams};
use proptest::prelude::*;

use super::*;
use crate::fact::dns::{NOERROR, NXDOMAIN, Service, TYPE_A, TYPE_HTTPS};
use crate::fact::icmp::Quoted;
use crate::types::{Addr, CaptureId, FrameNumber, Timestamp};

type Builder = AnswerBuilder<Vec<u8>>;

const MS: i64 = 1_000_000;
const CLIENT: Addr = Addr::v4([10, 0, 0, 5]);
const RESOLVER: Addr = Addr::v4([10, 0, 0, 1]);
const WWW: &str = "www.example.com";

fn name(text: &str) -> Name<Vec<u8>> {
    Name::from_str(text).unwrap()
}

fn asking(id: u16, text: &str, qtype: Rtype) -> Vec<u8> {
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(id);
    builder.header_mut().set_rd(true);
    let mut builder = builder.question();
    builder.push((name(text), qtype)).unwrap();
    builder.finish()
}

fn query(id: u16) -> Vec<u8> {
    asking(id, WWW, Rtype::A)
}

fn reply_to(query: &[u8], rcode: Rcode) -> Builder {
    let query = domain::base::Message::from_octets(query).unwrap();
    let mut builder = MessageBuilder::new_vec()
        .start_answer(&query, rcode)
        .unwrap();
    builder.header_mut().set_ra(true);
    builder
}

fn a(owner: &str, last: u8) -> (Name<Vec<u8>>, Class, Ttl, A) {
    (
        name(owner),
        Class::IN,
        Ttl::from_secs(60),
        A::from_octets(192, 0, 2, last),
    )
}

fn cname(owner: &str, target: &str) -> Record<Name<Vec<u8>>, Cname<Name<Vec<u8>>>> {
    let data = Cname::new(name(target));
    Record::new(name(owner), Class::IN, Ttl::from_secs(300), data)
}

/// The answer of [`WWW`] with addresses 192.0.2.x.
fn answer(query: &[u8], last: &[u8]) -> Vec<u8> {
    let mut builder = reply_to(query, Rcode::NOERROR);
    last.iter()
        .for_each(|last| builder.push(a(WWW, *last)).unwrap());
    builder.finish()
}

fn addr(last: u8) -> Addr {
    Addr::v4([192, 0, 2, last])
}

/// An observer with a clock and a frame counter.
struct Bench {
    dns: DnsObserver,
    frame: u32,
    ip_id: u16,
}

impl Bench {
    fn new() -> Self {
        Self::with(DnsObserver::new(example()))
    }

    fn with(dns: DnsObserver) -> Self {
        Self {
            dns,
            frame: 0,
            ip_id: 0,
        }
    }

    fn carrier(&mut self, ms: i64, src: (Addr, u16), dst: (Addr, u16)) -> Carrier {
        self.frame += 1;
        self.ip_id += 1;
        let end = |(addr, port)| Endpoint { addr, port };
        let mark = Mark {
            time: Timestamp(ms * MS),
            frame: FrameNumber(self.frame),
            capture: CaptureId(0),
        };
        Carrier {
            src: end(src),
            dst: end(dst),
            ttl: 64,
            ip_id: self.ip_id,
            mark,
        }
    }

    fn ask(&mut self, ms: i64, port: u16, message: &[u8]) {
        let carrier = self.carrier(ms, (CLIENT, port), (RESOLVER, 53));
        self.dns
            .udp(&carrier, message, u32::try_from(message.len()).unwrap());
    }

    fn say(&mut self, ms: i64, port: u16, message: &[u8]) {
        self.say_cut(ms, port, message, message.len());
    }

    fn say_cut(&mut self, ms: i64, port: u16, message: &[u8], captured: usize) {
        let carrier = self.carrier(ms, (RESOLVER, 53), (CLIENT, port));
        self.dns.udp(
            &carrier,
            &message[..captured],
            u32::try_from(message.len()).unwrap(),
        );
    }

    /// One query, one reply.
    fn exchange(&mut self, query: &[u8], reply: &[u8]) {
        self.ask(0, 4000, query);
        self.say(10, 4000, reply);
    }

    fn only(&self) -> &Lookup {
        let [lookup] = self.dns.lookups() else {
            panic!("{} lookups", self.dns.lookups().len())
        };
        lookup
    }

    fn only_reply(&self) -> &Reply {
        let [reply] = &self.only().replies[..] else {
            panic!("{} replies", self.only().replies.len())
        };
        reply
    }

    fn names(&self, server: Addr) -> Vec<(&str, Via)> {
        let all = self
            .dns
            .names()
            .candidates(CLIENT, server, Timestamp(i64::MAX));
        all.map(|candidate| (candidate.name, candidate.via))
            .collect()
    }
}

fn example() -> Interest {
    Interest::new(false, |name| {
        name == "example.com" || name.ends_with(".example.com")
    })
}

#[test]
fn a_lookup_from_question_to_answer() {
    let mut bench = Bench::new();
    let query = asking(7, "WwW.eXample.COM", Rtype::A);
    let mut reply = reply_to(&query, Rcode::NOERROR);
    reply.push(a(WWW, 1)).unwrap();
    reply.push(a("WWW.EXAMPLE.com", 2)).unwrap();
    bench.exchange(&query, &reply.finish());
    let lookup = bench.only();
    assert_eq!(
        (
            lookup.name.as_str(),
            lookup.qtype,
            lookup.search_of.as_deref()
        ),
        (WWW, TYPE_A, None)
    );
    assert_eq!(
        (lookup.client.port, lookup.resolver.addr, lookup.transport),
        (4000, RESOLVER, DnsTransport::Udp)
    );
    assert_eq!(
        (lookup.tries.len(), lookup.try_count, lookup.replies.len()),
        (1, 1, 1)
    );
    assert_eq!(lookup.took(), Some(std::time::Duration::from_millis(10)));
    assert_eq!(lookup.first().unwrap().frame, FrameNumber(1));
    let reply = lookup.answered().unwrap();
    assert_eq!(reply.addresses, [addr(1), addr(2)]);
    assert_eq!(
        (reply.rcode, reply.min_ttl, reply.answer_count),
        (NOERROR, Some(60), 2)
    );
    assert_eq!(
        (reply.ip_ttl, reply.ip_id, reply.to_port, reply.id),
        (64, 2, 4000, 7)
    );
    assert!(
        reply.recursion_available && !reply.surplus && !reply.clipped && reply.is_address_answer()
    );
    assert_eq!(bench.names(addr(2)), [(WWW, Via::Question)]);
}

#[test]
fn an_unanswered_query_is_repeated_not_begun_anew() {
    let mut bench = Bench::new();
    bench.ask(0, 4000, &query(1));
    bench.ask(5_000, 4000, &query(1));
    bench.ask(10_000, 4001, &query(2));
    bench.ask(10_001, 4001, &asking(3, WWW, Rtype::AAAA));
    bench.ask(26_000, 4000, &query(4));
    let tries: Vec<_> = bench
        .dns
        .lookups()
        .iter()
        .map(|lookup| (lookup.qtype, lookup.try_count))
        .collect();
    assert_eq!(tries, [(1, 3), (28, 1), (1, 1)]);
    let stats = bench.dns.resolvers();
    assert_eq!(
        (stats[0].queries, stats[0].tries, stats[0].unanswered()),
        (3, 5, 3)
    );
}

#[test]
fn a_query_after_the_answer_is_a_new_lookup() {
    let mut bench = Bench::new();
    bench.exchange(&query(1), &answer(&query(1), &[1]));
    bench.ask(20, 4001, &query(2));
    assert_eq!(bench.dns.lookups().len(), 2);
    assert!(bench.dns.lookups()[1].replies.is_empty());
}

#[test]
fn another_resolver_is_another_lookup() {
    let mut bench = Bench::new();
    bench.ask(0, 4000, &query(1));
    let carrier = bench.carrier(1, (CLIENT, 4000), (Addr::v4([10, 0, 0, 2]), 53));
    bench.dns.udp(&carrier, &query(1), 33);
    assert_eq!(bench.dns.lookups().len(), 2);
}

#[test]
fn a_late_answer_finds_its_lookup() {
    let mut bench = Bench::new();
    bench.ask(0, 4000, &query(1));
    bench.ask(5000, 4001, &query(2));
    bench.say(5010, 4001, &answer(&query(2), &[1]));
    bench.ask(5020, 4002, &query(3));
    bench.say(5030, 4000, &answer(&query(1), &[2]));
    let [first, second] = bench.dns.lookups() else {
        panic!()
    };
    assert_eq!((first.replies.len(), second.replies.len()), (2, 0));
    assert_eq!(first.replies[1].addresses, [addr(2)]);
    assert!(
        first.replies.iter().all(|reply| !reply.surplus),
        "each try has one answer"
    );
    assert_eq!(first.disagreement(), None);
}

#[test]
fn replies_go_to_the_lookup_that_still_lacks_one() {
    let mut bench = Bench::new();
    bench.ask(0, 4000, &query(1));
    bench.ask(20_000, 4000, &query(1));
    bench.say(20_010, 4000, &answer(&query(1), &[1]));
    bench.say(20_020, 4000, &answer(&query(1), &[2]));
    let replies: Vec<_> = bench
        .dns
        .lookups()
        .iter()
        .map(|l| l.replies[0].addresses[0])
        .collect();
    assert_eq!(replies, [addr(2), addr(1)]);
}

#[test]
fn a_reply_with_a_foreign_transaction_id_is_no_answer() {
    let mut bench = Bench::new();
    bench.ask(0, 4000, &query(1));
    bench.say(10, 4000, &answer(&query(9), &[1]));
    let fault = bench.only_reply().malformed.as_deref();
    assert!(fault.is_some_and(|f| f.contains("transaction id")));
    // The right one may come behind it, with the same bytes otherwise; what then comes may answer a query that the
    // capture missed.
    bench.say(20, 4000, &answer(&query(1), &[1]));
    let answered = bench.only().answered().map(|r| r.id);
    assert_eq!(answered, Some(1));
    bench.say(30, 4000, &answer(&query(7), &[2]));
    assert_eq!(bench.dns.lookups().len(), 2);
}

#[test]
fn replies_without_queries_are_not_held_against_each_other() {
    let mut bench = Bench::new();
    bench.say(0, 4000, &answer(&query(1), &[1]));
    bench.say(
        1,
        4000,
        &reply_to(&asking(1, "a.example.com", Rtype::A), Rcode::NXDOMAIN).finish(),
    );
    let faults = bench
        .dns
        .lookups()
        .iter()
        .map(|l| l.replies[0].malformed.as_deref());
    assert_eq!(faults.collect::<Vec<_>>(), [None, None]);
}

#[test]
fn two_different_answers_to_one_query_are_both_kept() {
    let mut bench = Bench::new();
    bench.exchange(&query(1), &answer(&query(1), &[66]));
    bench.say(30, 4000, &answer(&query(1), &[1]));
    let (forged, real) = bench.only().disagreement().unwrap();
    assert_eq!(
        (&forged.addresses[..], &real.addresses[..]),
        (&[addr(66)][..], &[addr(1)][..])
    );
    assert!(real.surplus && forged.ip_id != real.ip_id && forged.mark < real.mark);
}

#[test]
fn two_answers_to_a_query_sent_twice_are_no_disagreement() {
    let mut bench = Bench::new();
    bench.ask(0, 4000, &query(1));
    bench.ask(5000, 4000, &query(1));
    bench.say(5010, 4000, &answer(&query(1), &[1]));
    bench.say(5020, 4000, &answer(&query(1), &[2]));
    assert_eq!(
        (bench.only().replies.len(), bench.only().disagreement()),
        (2, None)
    );
    let pause = |ms| std::time::Duration::from_millis(ms);
    assert_eq!(
        (
            bench.only().retries(pause(200)),
            bench.only().retries(pause(5001))
        ),
        (1, 0)
    );
    bench.say(5030, 4000, &answer(&query(1), &[3]));
    assert!(bench.only().disagreement().is_some());
}

#[test]
fn copies_are_only_counted() {
    let mut bench = Bench::new();
    bench.exchange(&query(1), &answer(&query(1), &[1, 2]));
    bench.say(11, 4000, &answer(&query(1), &[1, 2]));
    bench.say(12, 4000, &answer(&query(1), &[1, 2]));
    assert_eq!(
        (bench.only().replies.len(), bench.only().duplicate_replies),
        (1, 2)
    );
    bench.say(13, 4000, &answer(&query(1), &[2, 1]));
    assert_eq!(bench.only().replies.len(), 2);
    assert_eq!(
        bench.only().disagreement(),
        None,
        "another order is the same answer"
    );
}

#[test]
fn a_query_captured_twice_is_one_try() {
    let mut bench = Bench::new();
    bench.ask(0, 4000, &query(1));
    bench.ip_id -= 1;
    bench.ask(0, 4000, &query(1));
    assert_eq!(
        (bench.only().try_count, bench.only().duplicate_queries),
        (1, 1)
    );
    bench.ask(100, 4000, &query(1));
    assert_eq!(
        (bench.only().try_count, bench.only().duplicate_queries),
        (2, 1)
    );
}

#[test]
fn a_reply_without_its_query() {
    let mut bench = Bench::new();
    bench.say(0, 4000, &answer(&query(1), &[1]));
    bench.say(1, 4000, &answer(&query(1), &[1]));
    assert_eq!(
        (
            bench.only().tries.len(),
            bench.only().try_count,
            bench.only().duplicate_replies
        ),
        (0, 0, 1)
    );
    assert_eq!(
        (bench.only().took(), bench.only().first().unwrap().frame),
        (None, FrameNumber(1))
    );
    bench.ask(1000, 4000, &query(1));
    assert_eq!(bench.dns.lookups().len(), 2);
    let stats = bench.dns.resolvers();
    assert_eq!(
        (stats[0].queries, stats[0].answered, stats[0].unasked),
        (1, 0, 1)
    );
}

#[test]
fn a_query_that_the_capture_puts_behind_its_reply() {
    let mut bench = Bench::new();
    bench.say(1, 4000, &answer(&query(1), &[1]));
    bench.ask(0, 4000, &query(1));
    assert_eq!((bench.only().try_count, bench.only().replies.len()), (1, 1));
    let stats = bench.dns.resolvers();
    assert_eq!(
        (stats[0].queries, stats[0].answered, stats[0].unasked),
        (1, 1, 0)
    );
}

#[test]
fn the_cname_chain_in_any_order() {
    let mut bench = Bench::new();
    let mut reply = reply_to(&query(1), Rcode::NOERROR);
    reply.push(a("edge.cdn.test", 9)).unwrap();
    reply.push(a("other.test", 8)).unwrap();
    reply.push(cname("b.cdn.test", "edge.cdn.test")).unwrap();
    reply
        .push(cname("edge.cdn.test", "WWW.example.com"))
        .unwrap();
    reply.push(cname(WWW, "b.cdn.test")).unwrap();
    bench.exchange(&query(1), &reply.finish());
    let reply = bench.only_reply();
    assert_eq!(reply.cnames, ["b.cdn.test", "edge.cdn.test"]);
    assert_eq!(
        (&reply.addresses[..], reply.min_ttl),
        (&[addr(9)][..], Some(60))
    );
    assert_eq!(
        (bench.names(addr(9)), bench.names(addr(8))),
        (vec![(WWW, Via::Cname)], vec![])
    );
}

#[test]
fn a_name_that_leads_to_one_of_interest_is_kept() {
    let mut bench = Bench::new();
    let other = asking(1, "other.test", Rtype::A);
    bench.ask(0, 4000, &other);
    bench.ask(1, 4001, &query(2));
    bench.say(2, 4000, &{
        let mut reply = reply_to(&other, Rcode::NOERROR);
        reply.push(a("other.test", 66)).unwrap();
        reply.finish()
    });
    assert_eq!(bench.only().name, WWW);
    bench.say(3, 4000, &{
        let mut reply = reply_to(&other, Rcode::NOERROR);
        reply.push(cname("other.test", WWW)).unwrap();
        reply.push(a(WWW, 1)).unwrap();
        reply.finish()
    });
    let [late, early] = bench.dns.lookups() else {
        panic!()
    };
    assert_eq!(
        (late.name.as_str(), early.name.as_str()),
        ("other.test", WWW)
    );
    // What was answered before it was of interest is not remembered.
    assert_eq!((late.tries.len(), late.replies.len()), (1, 1));
}

#[test]
fn search_lists_are_seen_through() {
    let mut bench = Bench::new();
    bench.ask(0, 4000, &asking(1, "www.example.com.corp.test", Rtype::A));
    assert_eq!(bench.only().search_of.as_deref(), Some(WWW));
    assert_eq!(bench.only().name, "www.example.com.corp.test");
}

#[test]
fn names_are_escaped_as_in_zone_files() {
    let mut bench = Bench::with(DnsObserver::new(Interest::all()));
    bench.ask(0, 4000, &asking(1, "A\\.b\\032\\200\\\\-_x.Test", Rtype::A));
    bench.ask(0, 4000, &asking(2, ".", Rtype::NS));
    let names: Vec<_> = bench
        .dns
        .lookups()
        .iter()
        .map(|lookup| lookup.name.as_str())
        .collect();
    assert_eq!(names, ["a\\.b\\032\\200\\\\-_x.test", "."]);
}

#[test]
fn errors_and_empty_answers_are_told_apart() {
    let mut bench = Bench::new();
    let mut nxdomain = reply_to(&query(1), Rcode::NXDOMAIN).authority();
    let zero = Ttl::from_secs(0);
    let soa = Soa::new(
        name("ns.example.com"),
        name("h.example.com"),
        Serial::from(1),
        zero,
        zero,
        zero,
        zero,
    );
    nxdomain
        .push((name("Example.com"), Class::IN, Ttl::from_secs(900), soa))
        .unwrap();
    bench.exchange(&query(1), &nxdomain.finish());
    let reply = bench.only_reply();
    assert_eq!(
        (
            reply.rcode,
            reply.soa.as_deref(),
            reply.malformed.as_deref()
        ),
        (NXDOMAIN, Some("example.com"), None)
    );
    assert!(!reply.is_empty_answer());
    let mut bench = Bench::new();
    bench.exchange(&query(1), &answer(&query(1), &[]));
    assert!(bench.only_reply().is_empty_answer() && !bench.only_reply().is_address_answer());
    let mut bench = Bench::new();
    bench.exchange(&query(1), &reply_to(&query(1), Rcode::SERVFAIL).finish());
    let stats = bench.dns.resolvers();
    assert_eq!(
        (stats[0].answered, stats[0].failed, stats[0].median),
        (1, 1, Some(10.0))
    );
}

#[test]
fn extended_errors_and_response_codes() {
    let mut bench = Bench::new();
    let mut reply = reply_to(&query(1), Rcode::NOERROR).additional();
    let error =
        ExtendedError::<Vec<u8>>::new_with_str(ExtendedErrorCode::CENSORED, "by \u{1b}[31m order")
            .unwrap();
    reply
        .opt(|opt| {
            opt.set_rcode(OptRcode::BADVERS);
            opt.push(&error)
        })
        .unwrap();
    bench.exchange(&query(1), &reply.finish());
    let reply = bench.only_reply();
    assert_eq!(reply.ede, Some((16, "by \u{1b}[31m order".into())));
    assert_eq!(reply.rcode, 16);
}

#[test]
fn https_records_with_their_hints() {
    let mut bench = Bench::new();
    let query = asking(1, "_8443._https.www.example.com", Rtype::HTTPS);
    let mut reply = reply_to(&query, Rcode::NOERROR);
    let params = SvcParams::<Vec<u8>>::from_values(|builder| {
        let mut alpn = AlpnBuilder::<Vec<u8>>::empty();
        alpn.push(b"h3").unwrap();
        alpn.push(b"h\xff").unwrap();
        builder.push(&alpn.freeze())?;
        builder.port(8443)?;
        builder.push(&UnknownSvcParam::new(SvcParamKey::ECH, b"\0\x01x".as_slice()).unwrap())?;
        builder.ipv4hint([[192, 0, 2, 7].into()]).unwrap();
        builder.ipv6hint(["2001:db8::7".parse().unwrap()]).unwrap();
        Ok(())
    });
    let record = Https::new(1, name("Svc.example.net"), params.unwrap()).unwrap();
    reply
        .push((
            name("_8443._https.www.example.com"),
            Class::IN,
            Ttl::from_secs(9),
            record,
        ))
        .unwrap();
    bench.exchange(&query, &reply.finish());
    let v6: std::net::IpAddr = "2001:db8::7".parse().unwrap();
    assert_eq!(bench.only().qtype, TYPE_HTTPS);
    let service = Service {
        priority: 1,
        target: "svc.example.net".into(),
        alpn: vec!["h3".into(), "h\\xff".into()],
        port: Some(8443),
        hints: vec![addr(7), v6.into()],
        ech: true,
    };
    assert_eq!(bench.only_reply().services, [service]);
    assert!(bench.only_reply().is_address_answer() && !bench.only_reply().is_empty_answer());
    assert_eq!(bench.names(v6.into()), [(WWW, Via::Hint)]);
}

#[test]
fn a_clipped_reply_gives_what_stands_before_the_cut() {
    let reply = answer(&query(1), &[1, 2, 3]);
    let mut bench = Bench::new();
    bench.ask(0, 4000, &query(1));
    bench.say_cut(10, 4000, &reply, reply.len() - 40);
    let seen = bench.only_reply();
    assert!(seen.clipped && seen.malformed.is_none() && !seen.is_empty_answer());
    assert_eq!(
        (&seen.addresses[..], seen.answer_count),
        (&[addr(1)][..], 3)
    );
    // Nothing but the header: the transaction id still tells whose it is.
    let mut bench = Bench::new();
    bench.ask(0, 4000, &query(1));
    bench.say_cut(10, 4000, &reply, 20);
    assert!(bench.only_reply().clipped && bench.only_reply().malformed.is_none());
    bench.say_cut(11, 4000, &reply, 8);
    bench.say_cut(11, 4001, &reply, 20);
    assert_eq!(bench.only().replies.len(), 1);
}

fn fault_of(reply: &[u8]) -> Option<String> {
    let mut bench = Bench::new();
    bench.exchange(&query(1), reply);
    assert_eq!(
        bench.dns.resolvers()[0].malformed,
        u64::from(bench.only_reply().malformed.is_some())
    );
    bench.only_reply().malformed.clone()
}

#[test]
fn what_is_wrong_is_said_in_words() {
    let good = answer(&query(1), &[1, 2]);
    assert_eq!(fault_of(&good), None);
    let fault = |reply: &[u8]| fault_of(reply).unwrap();
    assert_eq!(fault(&good[..7]), "7 bytes are less than a DNS header");
    assert_eq!(
        fault(&good[..20]),
        "its question is broken: unexpected end of input"
    );
    assert_eq!(
        fault(&good[..40]),
        "its answer section is broken: unexpected end of input"
    );
    assert_eq!(fault(&query(1)), "it is marked as a query (QR bit 0)");
    let other = asking(1, "else.example.com", Rtype::AAAA);
    let other = reply_to(&other, Rcode::NOERROR).finish();
    assert_eq!(
        fault(&other),
        "it answers another question: else.example.com AAAA"
    );
    let mut unrelated = reply_to(&query(1), Rcode::NOERROR);
    unrelated.push(a("else.test", 1)).unwrap();
    assert_eq!(
        fault(&unrelated.finish()),
        "no record in its answer is about the name asked for"
    );
    let mut short = reply_to(&query(1), Rcode::NOERROR);
    let data = UnknownRecordData::from_octets(Rtype::A, vec![1, 2, 3]).unwrap();
    short
        .push((name(WWW), Class::IN, Ttl::from_secs(1), data))
        .unwrap();
    assert!(fault(&short.finish()).starts_with("a record of type A is broken"));
    let mut empty = MessageBuilder::new_vec();
    empty.header_mut().set_id(1);
    empty.header_mut().set_qr(true);
    assert_eq!(fault(empty.as_slice()), "it repeats no question");
    empty.header_mut().set_rcode(Rcode::FORMERR);
    assert_eq!(fault_of(empty.as_slice()), None);
}

#[test]
fn a_sound_reply_counts_behind_a_malformed_one() {
    let mut bench = Bench::new();
    bench.ask(0, 4000, &query(1));
    for length in 4..10 {
        bench.say(1, 4000, &answer(&query(1), &[1])[..length]);
    }
    bench.ask(500, 4000, &query(1));
    bench.say(510, 4000, &answer(&query(1), &[1]));
    assert_eq!(
        (bench.only().try_count, bench.only().replies.len()),
        (2, MAX_REPLIES_KEPT)
    );
    assert_eq!(bench.only().answered().unwrap().addresses, [addr(1)]);
    assert_eq!(bench.names(addr(1)).len(), 1);
}

const MAX_REPLIES_KEPT: usize = 4;

#[test]
fn a_truncated_reply_may_stop_anywhere() {
    let mut reply = answer(&query(1), &[1, 2]);
    reply[2] |= 2;
    reply.truncate(50);
    let mut bench = Bench::new();
    bench.exchange(&query(1), &reply);
    assert!(bench.only_reply().truncated && bench.only_reply().malformed.is_none());
}

#[test]
fn other_traffic_is_passed_over() {
    let mut bench = Bench::with(DnsObserver::new(Interest::all()));
    let mut notify = query(1);
    notify[2] |= 4 << 3;
    let mut chaos = query(2);
    *chaos.last_mut().unwrap() = 3;
    let transfer = asking(3, WWW, Rtype::AXFR);
    for message in [
        notify.as_slice(),
        &chaos,
        &transfer,
        b"",
        b"x",
        &[0; 11],
        &[0xff; 300],
    ] {
        bench.ask(0, 4000, message);
        bench.say(0, 4000, message);
    }
    let carrier = bench.carrier(0, (CLIENT, 5353), (RESOLVER, 5353));
    bench.dns.udp(&carrier, &query(4), 33);
    assert!(bench.dns.lookups().is_empty() && bench.dns.resolvers().is_empty());
}

#[test]
fn both_ports_may_be_53() {
    let mut bench = Bench::new();
    bench.ask(0, 53, &query(1));
    bench.say(9, 53, &answer(&query(1), &[1]));
    assert_eq!(
        (bench.only().client.addr, bench.only().replies.len()),
        (CLIENT, 1)
    );
}

#[test]
fn tcp_is_another_lookup() {
    let mut bench = Bench::new();
    bench.ask(0, 4000, &query(1));
    let there = bench.carrier(1, (CLIENT, 4000), (RESOLVER, 53));
    let back = bench.carrier(2, (RESOLVER, 53), (CLIENT, 4000));
    let mut stream = Vec::new();
    for message in [
        answer(&query(1), &[1]),
        answer(&asking(2, "a.example.com", Rtype::A), &[]),
    ] {
        stream.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        stream.extend(message);
    }
    bench.dns.tcp_message(&there, &query(1), false);
    let mut side = DnsStream::new();
    for byte in stream.chunks(1) {
        side.data(byte, &mut |message, clipped| {
            bench.dns.tcp_message(&back, message, clipped)
        });
    }
    let seen: Vec<_> = bench
        .dns
        .lookups()
        .iter()
        .map(|l| (l.transport, l.try_count, l.replies.len()))
        .collect();
    assert_eq!(
        seen,
        [
            (DnsTransport::Udp, 1, 0),
            (DnsTransport::Tcp, 1, 1),
            (DnsTransport::Tcp, 0, 1)
        ]
    );
}

fn icmp(port: u16, dst_port: u16) -> IcmpError {
    let quoted = Quoted {
        src: CLIENT,
        dst: RESOLVER,
        protocol: 17,
        src_port: port,
        dst_port,
        seq: None,
    };
    let (mark, from, to) = (Mark::default(), RESOLVER, CLIENT);
    IcmpError {
        mark,
        from,
        to,
        v6: false,
        kind: 3,
        code: 3,
        mtu: None,
        ttl: 64,
        quoted,
    }
}

#[test]
fn icmp_errors_go_to_open_lookups_of_their_port() {
    let mut bench = Bench::new();
    bench.exchange(
        &asking(9, "done.example.com", Rtype::A),
        &answer(&asking(9, "done.example.com", Rtype::A), &[]),
    );
    bench.ask(20, 4000, &query(1));
    bench.ask(20, 4000, &asking(2, WWW, Rtype::AAAA));
    for (port, dst_port) in [(4001, 53), (4000, 54)] {
        bench.dns.icmp(&icmp(port, dst_port));
    }
    let with_icmp = |bench: &Bench| {
        bench
            .dns
            .lookups()
            .iter()
            .map(|l| l.icmp.is_some())
            .collect::<Vec<_>>()
    };
    assert_eq!(with_icmp(&bench), [false, false, false]);
    bench.dns.icmp(&icmp(4000, 53));
    assert_eq!(with_icmp(&bench), [false, true, false]);
    bench.dns.icmp(&icmp(4000, 53));
    bench.dns.icmp(&icmp(4000, 53));
    assert_eq!(with_icmp(&bench), [false, true, true]);
}

#[test]
fn tables_are_bounded_and_the_oldest_goes() {
    let mut bench = Bench::with(DnsObserver::with_limits(Interest::all(), 10, 16));
    for n in 0..1000_u16 {
        let query = asking(n, &format!("n{n}.test"), Rtype::A);
        bench.ask(i64::from(n), 4000 + n % 50, &query);
        if n % 3 == 0 {
            bench.say(
                i64::from(n),
                4000 + n % 50,
                &reply_to(&query, Rcode::NOERROR).finish(),
            );
        }
        assert!(bench.dns.lookups().len() <= 16);
        assert!(bench.dns.flight.sizes().into_iter().all(|size| size <= 10));
    }
    let lookups = bench.dns.lookups();
    assert_eq!(
        (
            lookups.last().unwrap().name.as_str(),
            lookups.last().unwrap().replies.len()
        ),
        ("n999.test", 1)
    );
    assert_eq!(bench.dns.evicted() + lookups.len() as u64, 1000);
    assert_eq!(
        (
            bench.dns.resolvers()[0].queries,
            bench.dns.resolvers()[0].answered
        ),
        (1000, 334)
    );
    bench.ask(10_000_000, 1, &query(1));
    assert_eq!(
        bench.dns.flight.sizes(),
        [1, 1, 1],
        "time empties the tables"
    );
}

#[test]
fn many_tries_leave_nothing_behind() {
    let mut bench = Bench::with(DnsObserver::with_limits(example(), 10, 16));
    for n in 0..500 {
        bench.ask(i64::from(n), 4000 + n, &query(n));
    }
    assert_eq!(
        (bench.only().tries.len(), bench.only().try_count),
        (16, 500)
    );
    assert_eq!(bench.dns.flight.sizes(), [1, 1, 16]);
    bench.say(600, 4499, &answer(&query(499), &[1]));
    assert_eq!(bench.only().replies.len(), 1);
    bench.ask(1_000_000, 1, &asking(1, "x.test", Rtype::A));
    assert_eq!(bench.dns.flight.sizes(), [1, 1, 1]);
}

#[test]
fn a_late_find_far_back_goes_to_the_end() {
    let mut kept = Kept::new(10_000);
    let mut bench = Bench::new();
    bench.ask(0, 4000, &query(1));
    let blank = bench.only().clone();
    (10..3000).for_each(|id| assert_eq!(kept.insert(id, blank.clone()), (id, 0)));
    assert_eq!(kept.insert(2500 - 2499, blank.clone()), (2999, 1));
    assert_eq!(kept.insert(2, blank.clone()), (2999, 2));
    assert_eq!(kept.insert(3000, blank.clone()), (3000, 0));
    kept.get_mut((2999, 1)).unwrap().try_count = 77;
    assert_eq!(kept.lookups()[2990].try_count, 77);
}

/// All kinds of valid messages.
fn samples() -> Vec<Vec<u8>> {
    let https = asking(3, WWW, Rtype::HTTPS);
    let mut service = reply_to(&https, Rcode::NOERROR);
    let params = SvcParams::<Vec<u8>>::from_values(|builder| {
        let mut alpn = AlpnBuilder::<Vec<u8>>::empty();
        alpn.push(b"h3").unwrap();
        builder.push(&alpn.freeze())?;
        builder.port(443)?;
        builder.ipv4hint([[192, 0, 2, 7].into()]).unwrap();
        builder.ipv6hint(["2001:db8::7".parse().unwrap()]).unwrap();
        Ok(())
    });
    let record = Https::new(1, name(WWW), params.unwrap()).unwrap();
    service
        .push((name(WWW), Class::IN, Ttl::from_secs(9), record))
        .unwrap();
    let mut chain = reply_to(&query(1), Rcode::NOERROR);
    chain.push(cname(WWW, "b.example.com")).unwrap();
    chain.push(cname("b.example.com", "c.example.com")).unwrap();
    chain.push(a("c.example.com", 1)).unwrap();
    let v6 = Aaaa::new("2001:db8::1".parse().unwrap());
    chain
        .push((name("c.example.com"), Class::IN, Ttl::from_secs(1), v6))
        .unwrap();
    let mut chain = chain.additional();
    let error = ExtendedError::<Vec<u8>>::new_with_str(ExtendedErrorCode::BLOCKED, "no").unwrap();
    chain.opt(|opt| opt.push(&error)).unwrap();
    vec![
        query(1),
        https,
        service.finish(),
        chain.finish(),
        answer(&query(1), &[1, 2]),
    ]
}

#[test]
fn mutated_messages_do_no_harm() {
    let samples = samples();
    let mut bench = Bench::with(DnsObserver::with_limits(example(), 64, 64));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    };
    for round in 0..300_000 {
        let mut message = samples[next() % samples.len()].clone();
        for _ in 0..next() % 4 {
            let at = next() % message.len();
            message[at] = [0, 0xff, 0xc0, 12, 63, u8::try_from(next() % 256).unwrap()][next() % 6];
        }
        let captured = if next() % 4 == 0 {
            next() % message.len()
        } else {
            message.len()
        };
        bench.ip_id = 0;
        if next() % 2 == 0 {
            bench.ask(round / 100, 4000, &message[..captured]);
        } else {
            bench.say_cut(round / 100, 4000, &message, captured);
        }
    }
    assert!(bench.dns.evicted() > 0 && bench.dns.resolvers()[0].malformed > 0);
}

proptest! {
    #[test]
    fn any_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0..9_usize) {
        let mut bench = Bench::with(DnsObserver::new(Interest::all()));
        bench.ask(0, 4000, &bytes);
        bench.say(0, 4000, &bytes);
        let mut stream = DnsStream::new();
        let carrier = bench.carrier(0, (RESOLVER, 53), (CLIENT, 4000));
        for chunk in bytes.chunks(cut + 1) {
            stream.data(chunk, &mut |message, clipped| bench.dns.tcp_message(&carrier, message, clipped));
            if chunk[0] == 0 {
                stream.gap(Some(u64::from(chunk[chunk.len() - 1])), &mut |_, _| {});
            }
        }
    }
}
