//! What an attempt's packets say, as lines of a name and a value; and the same beside the packets that say it.

use super::collect::Seen;
use crate::engine::Engine;
use crate::fact::dns::{Lookup, Reply, ede_name, qtype_name, rcode_name};
use crate::fact::quic::QuicFacts;
use crate::fact::tcp::TcpFacts;
use crate::fact::tls::{
    Certificate, ClientHello, ServerHello, TlsFacts, alert_name, cipher_name, group_name,
    version_name,
};
use crate::flow::FlowView;
use crate::snapshot::clean::clean;
use crate::types::{CaptureId, FrameNumber, Mark, Side};
use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

/// Most groups that are made.
const MAX_GROUPS: usize = 64;

/// Facts about one lookup or one connection. All text is clean.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FactGroup {
    /// What they are about.
    pub title: String,
    /// Names and values, in the order in which things happen.
    pub lines: Vec<(&'static str, String)>,
}

impl FactGroup {
    fn new(title: String) -> Self {
        let lines = Vec::new();
        Self { title, lines }
    }

    fn add(&mut self, name: &'static str, value: impl AsRef<str>) {
        let value: String = value.as_ref().split_inclusive(' ').map(clean).collect();
        if !value.is_empty() {
            self.lines.push((name, value));
        }
    }

    fn add_some(&mut self, name: &'static str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }
}

/// Everything that `engine` has seen, lookups first.
pub(super) fn of(engine: &Engine) -> Vec<FactGroup> {
    let lookups = engine.dns().lookups().iter().map(lookup);
    let flows = engine.flows();
    lookups
        .chain(flows.iter().map(flow))
        .take(MAX_GROUPS)
        .collect()
}

fn ms(span: Duration) -> String {
    format!("{:.1} ms", span.as_secs_f64() * 1000.0)
}

fn joined<T>(items: impl IntoIterator<Item = T>, name: impl Fn(T) -> String) -> String {
    items.into_iter().map(name).collect::<Vec<_>>().join(", ")
}

fn lookup(lookup: &Lookup) -> FactGroup {
    let question = clean(&lookup.name);
    let kind = qtype_name(lookup.qtype);
    let mut group = FactGroup::new(format!("DNS {kind} {question}"));
    group.add("asked", format!("{} by {}", lookup.resolver, lookup.client));
    group.add("tries", lookup.try_count.to_string());
    group.add_some("search list of", lookup.search_of.as_deref());
    group.add_some("answered after", lookup.took().map(ms));
    for reply in &lookup.replies {
        group.add(
            "answer",
            format!("frame {}: {}", reply.mark.frame.0, answer(reply)),
        );
        if !reply.cnames.is_empty() {
            group.add(
                "alias chain",
                joined(&reply.cnames, String::clone).replace(", ", " → "),
            );
        }
        for service in &reply.services {
            let ech = if service.ech { ", ECH" } else { "" };
            let alpn = joined(&service.alpn, String::clone);
            group.add("service", format!("{} alpn {alpn}{ech}", service.target));
        }
        group.add_some("SOA", reply.soa.as_deref());
        let ede = reply.ede.as_ref();
        group.add_some(
            "extended error",
            ede.map(|(code, text)| format!("{} {text}", ede_name(*code))),
        );
        group.add_some("malformed", reply.malformed.as_deref());
    }
    group
}

/// A reply in a few words: its code, its addresses.
fn answer(reply: &Reply) -> String {
    let mut text = rcode_name(reply.rcode).into_owned();
    let shown = reply.addresses.iter().take(4);
    for address in shown {
        let _ = write!(text, " {address}");
    }
    if reply.addresses.len() > 4 {
        let _ = write!(text, " and {} more", reply.addresses.len() - 4);
    }
    if reply.addresses.is_empty() && reply.rcode == 0 && reply.services.is_empty() {
        text.push_str(" without an address");
    }
    if reply.truncated {
        text.push_str(" truncated");
    }
    text
}

fn flow(flow: &FlowView<'_>) -> FactGroup {
    let kind = if flow.quic.is_some() { "QUIC" } else { "TCP" };
    let mut group = FactGroup::new(format!("{kind} {} → {}", flow.client, flow.server));
    let packets = flow.packets.0;
    group.add(
        "packets",
        format!("{} sent, {} received", packets[0], packets[1]),
    );
    group.add_some("app", flow.app.as_deref());
    if let Some(tcp) = flow.tcp.as_deref() {
        self::tcp(tcp, &mut group);
    }
    if let Some(tls) = flow.tls {
        self::tls(tls, &mut group);
    }
    if let Some(quic) = flow.quic {
        self::quic(quic, &mut group);
    }
    group
}

fn tcp(tcp: &TcpFacts, group: &mut FactGroup) {
    if tcp.syn.count > 0 {
        group.add("SYNs", tcp.syn.count.to_string());
    }
    group.add_some("round trip", tcp.rtt().map(ms));
    for reset in &tcp.resets {
        let by = side(reset.from);
        group.add(
            "reset",
            format!(
                "frame {} by the {by}, TTL {}",
                reset.mark.frame.0, reset.ttl
            ),
        );
    }
    for error in &tcp.icmp {
        group.add(
            "ICMP",
            format!("frame {} from {}", error.mark.frame.0, error.from),
        );
    }
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

fn tls(tls: &TlsFacts, group: &mut FactGroup) {
    if let Some(hello) = tls.hello.as_deref() {
        client_hello(hello, group);
    }
    if let Some(retry) = tls.retry_request.as_deref() {
        group.add("retry request", group_of(retry.group));
    }
    if let Some(hello) = tls.server_hello.as_deref() {
        server_hello(hello, group);
    }
    if let Some(chain) = tls.certificate.as_deref() {
        for (place, certificate) in chain.certificates.iter().enumerate() {
            self::certificate(place, certificate, group);
        }
    }
    for alert in &tls.alerts {
        let level = if alert.level == 2 { "fatal" } else { "warning" };
        let (by, frame) = (side(alert.from), alert.mark.frame.0);
        group.add(
            "alert",
            format!("frame {frame}: {level} {} by the {by}", alert.name()),
        );
    }
}

fn named(code: u16, name: Option<&'static str>) -> String {
    name.map_or_else(|| format!("{code:#06x}"), str::to_owned)
}

fn group_of(code: Option<u16>) -> String {
    code.map(|c| named(c, group_name(c))).unwrap_or_default()
}

fn client_hello(hello: &ClientHello, group: &mut FactGroup) {
    group.add("SNI", hello.sni.as_deref().unwrap_or("(none)"));
    group.add("ALPN offered", joined(&hello.alpn, String::clone));
    group.add(
        "versions offered",
        joined(&hello.versions, |&v| named(v, version_name(v))),
    );
    group.add(
        "key shares",
        joined(&hello.key_shares, |&g| named(g, group_name(g))),
    );
    group.add("JA4", hello.ja4.to_string());
    let packets = if hello.packets > 1 {
        format!(" in {} packets", hello.packets)
    } else {
        String::new()
    };
    group.add("ClientHello", format!("{} bytes{packets}", hello.length));
    if hello.ech {
        let kind = match hello.ech_grease {
            Some(true) => "extension there, as GREASE",
            Some(false) => "used: the real name is inside",
            None => "extension there, maybe GREASE",
        };
        group.add("ECH", kind);
    }
    if hello.offers_resumption {
        group.add(
            "resumption",
            if hello.early_data {
                "offered, with 0-RTT"
            } else {
                "offered"
            },
        );
    }
}

fn server_hello(hello: &ServerHello, group: &mut FactGroup) {
    group.add(
        "version chosen",
        named(hello.version, version_name(hello.version)),
    );
    group.add("cipher", named(hello.cipher, cipher_name(hello.cipher)));
    group.add("key share chosen", group_of(hello.group));
    group.add_some("ALPN chosen", hello.alpn.as_deref());
    if hello.resumed {
        group.add("resumed", "yes");
    }
}

fn certificate(place: usize, certificate: &Certificate, group: &mut FactGroup) {
    let which = if place == 0 {
        "certificate"
    } else {
        "issued by"
    };
    group.add(which, &certificate.subject);
    if place == 0 {
        let names = joined(certificate.names.iter().take(8), String::clone);
        group.add("valid for", names);
    }
    let day = |seconds: i64| {
        let time = jiff::Timestamp::from_second(seconds);
        time.map_or_else(|_| seconds.to_string(), |t| t.to_string())
    };
    let (from, to) = (day(certificate.not_before), day(certificate.not_after));
    group.add("valid", format!("{from} to {to}"));
    group.add("issuer", &certificate.issuer);
}

fn quic(quic: &QuicFacts, group: &mut FactGroup) {
    group.add("version", quic.version_name());
    group.add("Initials", quic.client_initial_count.to_string());
    group.add_some("round trip", quic.rtt().map(ms));
    if let Some((mark, versions)) = &quic.version_negotiation {
        let offered = joined(versions, |&v| {
            crate::fact::quic::version_name(v).into_owned()
        });
        group.add("negotiation", format!("frame {}: {offered}", mark.frame.0));
    }
    if !quic.retries.is_empty() {
        group.add("Retry packets", quic.retries.len().to_string());
    }
    if let Some(hello) = quic.hello.as_deref() {
        client_hello(hello, group);
    }
    if let Some(hello) = quic.server_hello.as_deref() {
        server_hello(hello, group);
    }
    for close in &quic.closes {
        let alert = close.alert().map(alert_name).unwrap_or_default();
        let (by, frame, name) = (side(close.from), close.mark.frame.0, close.name());
        group.add(
            "close",
            format!("frame {frame} by the {by}: {name} {alert} {}", close.reason),
        );
    }
}

/// Puts what only the observers can read (DNS messages, QUIC Initials) into the packets' lines.
pub(super) fn annotate(engine: &Engine, packets: &mut [Seen]) {
    let mut notes: HashMap<(CaptureId, FrameNumber), String> = HashMap::new();
    let mut note = |mark: Mark, text: String| {
        notes.entry((mark.capture, mark.frame)).or_insert(text);
    };
    for lookup in engine.dns().lookups() {
        let kind = qtype_name(lookup.qtype);
        for (number, &mark) in (1..).zip(&lookup.tries) {
            let again = if number > 1 {
                format!(" try {number}")
            } else {
                String::new()
            };
            note(mark, format!("{kind}? {}{again}", lookup.name));
        }
        for reply in &lookup.replies {
            note(reply.mark, format!("{kind}: {}", answer(reply)));
        }
    }
    for flow in engine.flows() {
        let Some(quic) = flow.quic else { continue };
        for close in &quic.closes {
            let alert = close.alert().map(|a| format!(" {}", alert_name(a)));
            note(
                close.mark,
                format!("CLOSE {}{}", close.name(), alert.unwrap_or_default()),
            );
        }
        if let Some(hello) = quic.hello.as_deref() {
            let name = hello.sni.as_deref().unwrap_or_default();
            note(hello.mark, format!("Initial ClientHello {name}"));
        }
        if let Some(hello) = quic.server_hello.as_deref() {
            note(hello.mark, "Initial ServerHello".to_owned());
        }
    }
    for packet in packets {
        if let Some(text) = notes.remove(&(packet.mark.capture, packet.mark.frame)) {
            packet.bad |= text.starts_with("CLOSE");
            packet.what = clean(&text);
        }
    }
}
