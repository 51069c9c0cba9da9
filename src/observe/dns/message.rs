//! One DNS message: what its question, its answer section and its EDNS part say.
//!
//! Parsing is the `domain` crate's; it is lazy, so a message that the snap length cut still gives all that stands
//! before the cut. Own beside it: names as text ([`write_name`], because the crate's `Display` neither folds case nor
//! escapes a space as `\032`, and formats byte by byte), and the walk along a CNAME chain ([`Chain`], because
//! `canonical_name` gives only its end).

use domain::base::iana::{Class, Rtype};
use domain::base::message::RecordSection;
use domain::base::name::ParsedName;
use domain::base::opt::{Opt, OptRecord};
use domain::base::wire::ParseError;
use domain::base::{Message, ParseRecordData, ParsedRecord};
use domain::rdata::{A, Aaaa, Cname, Https, Svcb};

use crate::fact::dns::{Reply, Service};
use crate::types::Addr;

const MAX_ADDRESSES: usize = 32;
const MAX_CNAMES: usize = 16;
const MAX_SERVICES: usize = 8;
const MAX_HINTS: usize = 16;
const MAX_ALPN: usize = 16;
/// Records of one answer section that are looked at.
const MAX_RECORDS: usize = 256;
/// CNAME records of one answer section among which the chain is searched.
const MAX_LINKS: usize = 32;
/// Bytes of the text of an Extended DNS Error that are kept.
const MAX_EDE_TEXT: usize = 1024;

/// A message with a whole header; see [`Message`].
pub(super) type Wire = Message<[u8]>;
/// A name inside a message.
pub(super) type Name<'a> = ParsedName<&'a [u8]>;

/// The first entry of the question section.
pub(super) struct Question<'a> {
    pub(super) name: Name<'a>,
    pub(super) qtype: u16,
    /// Class IN; others (CHAOS `version.bind`) are no lookups of a host.
    pub(super) internet: bool,
}

impl Question<'_> {
    /// It asks about a host: class IN, and no zone transfer.
    pub(super) fn is_lookup(&self) -> bool {
        let transfer = [Rtype::AXFR, Rtype::IXFR].map(Rtype::to_int);
        self.internet && !transfer.contains(&self.qtype)
    }
}

/// The question of `message`; an error where it is cut or broken, `None` where the section is empty.
pub(super) fn question(message: &Wire) -> Option<Result<Question<'_>, ParseError>> {
    let first = message.question().next()?;
    Some(first.map(|question| Question {
        qtype: question.qtype().to_int(),
        internet: question.qclass() == Class::IN,
        name: question.into_qname(),
    }))
}

/// Writes a name as zone files have it (RFC 1035 section 5.1, RFC 4343 section 2.1): lower case, no final dot, `\.` and
/// `\\` for these bytes within a label, `\DDD` for every byte that is no visible ASCII. The root is `.`.
pub(super) fn write_name(name: &Name<'_>, out: &mut String) {
    out.clear();
    for label in name.iter().filter(|label| !label.is_root()) {
        if !out.is_empty() {
            out.push('.');
        }
        label
            .as_slice()
            .iter()
            .for_each(|byte| write_byte(*byte, out));
    }
    if out.is_empty() {
        out.push('.');
    }
}

fn write_byte(byte: u8, out: &mut String) {
    match byte {
        b'.' | b'\\' => out.extend(['\\', char::from(byte)]),
        0x21..=0x7e => out.push(char::from(byte.to_ascii_lowercase())),
        _ => {
            let digit = |divisor: u8| char::from(b'0' + byte / divisor % 10);
            out.extend(['\\', digit(100), digit(10), digit(1)]);
        }
    }
}

fn text(name: &Name<'_>) -> String {
    let mut out = String::with_capacity(48);
    write_name(name, &mut out);
    out
}

/// Fills `reply` from the header, and from the sections as far as they can be read. What is wrong with the answer
/// section goes to `malformed`, unless `reply.clipped` or the TC bit explains it. Errors in the authority and additional
/// sections only mean that what these would say stays absent: clients look at neither.
pub(super) fn read_reply(message: &Wire, asked: Option<&Name<'_>>, reply: &mut Reply) {
    let header = message.header();
    reply.id = header.id();
    reply.rcode = u16::from(header.rcode().to_int());
    reply.truncated = header.tc();
    reply.authoritative = header.aa();
    reply.recursion_available = header.ra();
    reply.answer_count = message.header_counts().ancount();
    if let Err(fault) = read_sections(message, asked, reply)
        && !reply.clipped
        && !reply.truncated
    {
        reply.malformed = Some(fault);
    }
}

/// What is wrong, in words.
type Fault = String;

fn read_sections(message: &Wire, asked: Option<&Name<'_>>, reply: &mut Reply) -> Result<(), Fault> {
    let answer = message
        .answer()
        .map_err(|error| format!("its question section is broken: {error}"))?;
    if let Some(asked) = asked {
        read_answer(answer, asked, reply)?;
    }
    read_rest(answer, reply);
    Ok(())
}

fn read_rest(answer: RecordSection<'_, [u8]>, reply: &mut Reply) {
    let Ok(Some(mut authority)) = answer.next_section() else {
        return;
    };
    let soa = authority
        .by_ref()
        .flatten()
        .find(|record| record.rtype() == Rtype::SOA);
    reply.soa = soa.map(|record| text(&record.owner()));
    let Ok(Some(mut additional)) = authority.next_section() else {
        return;
    };
    if let Some(record) =
        additional.find_map(|record| record.ok().filter(|r| r.rtype() == Rtype::OPT))
    {
        read_opt(&record, reply);
    }
}

/// EDNS (RFC 6891 section 6.1.3): the upper eight bits of the response code; RFC 8914: the extended error.
fn read_opt(record: &ParsedRecord<'_, [u8]>, reply: &mut Reply) {
    reply.rcode |= u16::try_from(record.ttl().as_secs() >> 24).unwrap_or(0) << 4;
    let Ok(Some(opt)) = record.to_record::<Opt<_>>() else {
        return;
    };
    let opt = OptRecord::from(opt);
    let error = opt.opt().extended_error();
    reply.ede = error.map(|error| {
        let text = error.text_slice().unwrap_or_default();
        let kept = &text[..text.len().min(MAX_EDE_TEXT)];
        let text = String::from_utf8_lossy(kept)
            .trim_end_matches(['\0', '\u{fffd}'])
            .to_owned();
        (error.code().to_int(), text)
    });
}

/// The names that answer a question: the one asked for and the CNAMEs that follow from it, in whatever order the
/// records stand.
struct Chain<'q, 'a> {
    asked: &'q Name<'q>,
    cnames: Vec<Name<'a>>,
}

impl<'q, 'a> Chain<'q, 'a> {
    fn follow(asked: &'q Name<'q>, links: &[(Name<'a>, Name<'a>)]) -> Self {
        let mut chain = Self {
            asked,
            cnames: Vec::new(),
        };
        while chain.cnames.len() < MAX_CNAMES {
            let next = links
                .iter()
                .find(|(owner, target)| chain.ends_with(owner) && !chain.holds(target));
            let Some((_, target)) = next else { break };
            chain.cnames.push(*target);
        }
        chain
    }

    fn ends_with(&self, name: &Name<'_>) -> bool {
        self.cnames
            .last()
            .map_or_else(|| self.asked == name, |last| last == name)
    }

    fn holds(&self, name: &Name<'_>) -> bool {
        self.asked == name || self.cnames.iter().any(|cname| cname == name)
    }
}

fn read_answer(
    answer: RecordSection<'_, [u8]>,
    asked: &Name<'_>,
    reply: &mut Reply,
) -> Result<(), Fault> {
    let mut links = Vec::new();
    let mut broken = None;
    for record in answer.take(MAX_RECORDS) {
        let Ok(record) = record.map_err(|error| broken = Some(error)) else {
            break;
        };
        let ttl = record.ttl().as_secs();
        reply.min_ttl = Some(reply.min_ttl.map_or(ttl, |least| least.min(ttl)));
        if record.rtype() == Rtype::CNAME && links.len() < MAX_LINKS {
            links.push((record.owner(), data::<Cname<_>>(&record)?.into_cname()));
        }
    }
    let chain = Chain::follow(asked, &links);
    reply.cnames = chain.cnames.iter().map(text).collect();
    let related = read_records(answer, &chain, reply)?;
    match broken {
        Some(error) => Err(format!("its answer section is broken: {error}")),
        None if !related && reply.answer_count > 0 => {
            Err("no record in its answer is about the name asked for".into())
        }
        None => Ok(()),
    }
}

/// Takes the data of the records that belong to the chain; false where none does.
fn read_records(
    answer: RecordSection<'_, [u8]>,
    chain: &Chain<'_, '_>,
    reply: &mut Reply,
) -> Result<bool, Fault> {
    let mut related = false;
    for record in answer.take(MAX_RECORDS).map_while(Result::ok) {
        if chain.holds(&record.owner()) {
            related = true;
            read_record(&record, reply)?;
        }
    }
    Ok(related)
}

fn read_record(record: &ParsedRecord<'_, [u8]>, reply: &mut Reply) -> Result<(), Fault> {
    match record.rtype() {
        Rtype::A => add_address(Addr::v4(data::<A>(record)?.addr().octets()), reply),
        Rtype::AAAA => add_address(Addr::v6(data::<Aaaa>(record)?.addr().octets()), reply),
        Rtype::HTTPS if reply.services.len() < MAX_SERVICES => {
            reply.services.push(service(&data::<Https<_, _>>(record)?));
        }
        Rtype::SVCB if reply.services.len() < MAX_SERVICES => {
            reply.services.push(service(&data::<Svcb<_, _>>(record)?));
        }
        _ => {}
    }
    Ok(())
}

fn add_address(addr: Addr, reply: &mut Reply) {
    if reply.addresses.len() < MAX_ADDRESSES {
        reply.addresses.push(addr);
    }
}

fn data<'a, D: ParseRecordData<'a, [u8]>>(record: &ParsedRecord<'a, [u8]>) -> Result<D, Fault> {
    match record.to_record::<D>() {
        Ok(Some(record)) => Ok(record.into_data()),
        Ok(None) => Err(format!("a record of type {} can't be read", record.rtype())),
        Err(error) => Err(format!(
            "a record of type {} is broken: {error}",
            record.rtype()
        )),
    }
}

/// The parameters of RFC 9460 section 14.3.2 that say where to connect; a parameter that can't be read is left out.
fn service<'a, V>(record: &domain::rdata::svcb::SvcbRdata<V, &'a [u8], Name<'a>>) -> Service {
    let params = record.params();
    let alpn = params.alpn();
    let v4 = params.ipv4hint();
    let v6 = params.ipv6hint();
    let v4 = v4
        .iter()
        .flat_map(|hint| hint.iter())
        .map(|ip| Addr::v4(ip.octets()));
    let v6 = v6
        .iter()
        .flat_map(|hint| hint.iter())
        .map(|ip| Addr::v6(ip.octets()));
    Service {
        priority: record.priority(),
        target: text(record.target()),
        alpn: alpn
            .iter()
            .flat_map(|list| list.iter())
            .take(MAX_ALPN)
            .map(protocol)
            .collect(),
        port: params.port().map(|port| port.port()),
        hints: v4.take(MAX_HINTS).chain(v6.take(MAX_HINTS)).collect(),
        ech: params.ech().is_some(),
    }
}

fn protocol(id: &[u8]) -> String {
    id.escape_ascii().to_string()
}
