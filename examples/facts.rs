//! Prints what the observers saw, one JSON object a line: for comparison with another dissector.
//!
//! `cargo run --example facts -- FILE…` reads each file by itself, whatever the target. A line is a TCP or QUIC flow
//! (`"kind": "tcp"` or `"quic"`) or a DNS question (`"kind": "dns"`). `stream` is Wireshark's `tcp.stream` or
//! `udp.stream`; `completeness` is the sum that Wireshark calls `tcp.completeness` (SYN 1, SYN-ACK 2, ACK 4, data 8,
//! FIN 16, RST 32), where ACK is the client's acknowledgement of the SYN-ACK as the numbers prove it.

use serde_json::{Value, json};
use shakedown::engine::{Engine, Limits};
use shakedown::fact::dns::{Lookup, qtype_name, rcode_name};
use shakedown::fact::tcp::TcpFacts;
use shakedown::flow::FlowView;
use shakedown::source::{self, Source};
use shakedown::target::Target;
use shakedown::types::Side;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut failed = false;
    for path in std::env::args_os().skip(1).map(PathBuf::from) {
        if let Err(error) = print(&path, &mut out) {
            eprintln!("{}: {error}", path.display());
            failed = true;
        }
    }
    ExitCode::from(u8::from(failed || out.flush().is_err()))
}

/// Writes the facts of one capture, a line each.
///
/// # Errors
/// If it is no capture, or `out` takes nothing.
pub fn print(path: &PathBuf, out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let mut captures = source::open(std::slice::from_ref(path))?;
    let mut engine = Engine::new(Target::everything(), Limits::default());
    while let Some(frame) = captures.next_frame() {
        engine.handle_frame(&frame);
    }
    engine.finish();
    let name = path.display().to_string();
    for flow in engine.flows() {
        writeln!(out, "{}", describe_flow(&name, &flow))?;
    }
    for lookup in engine.dns().lookups() {
        writeln!(out, "{}", describe_lookup(&name, lookup))?;
    }
    Ok(())
}

fn describe_flow(capture: &str, flow: &FlowView<'_>) -> Value {
    let mut line = json!({
        "kind": if flow.quic.is_some() { "quic" } else { "tcp" },
        "capture": capture,
        "stream": flow.stream,
        "client": flow.client.to_string(),
        "server": flow.server.to_string(),
        "frame": flow.first.frame.0,
        "packets": flow.packets.0,
        "sni": flow.sni(),
        "alpn": flow.hello().map(|hello| &hello.alpn),
    });
    if let Some(tcp) = flow.tcp.as_deref() {
        for (key, value) in bits(tcp) {
            line[key] = value.into();
        }
        line["completeness"] = completeness(tcp).into();
        line["established"] = tcp.established().into();
        line["midstream"] = tcp.midstream.into();
        for side in [Side::Client, Side::Server] {
            let half = &tcp.half[side];
            let key = ["from_client", "from_server"][side.index()];
            line[key] = json!({
                "data": half.data_segments, "retransmitted": half.retransmitted, "reordered": half.reordered,
                "lost": half.lost, "copies": half.copies, "keep_alives": half.keep_alives, "bytes": half.sent,
                "unseen": half.all_unseen(), "hole_at": half.hole_at,
            });
        }
    }
    if let Some(tls) = flow.tls {
        let alert = |alert: &shakedown::fact::tls::Alert| json!({"from": side(alert.from), "level": alert.level, "description": alert.name(), "frame": alert.mark.frame.0});
        line["alerts"] = tls.alerts.iter().map(alert).collect();
        line["alpn_chosen"] = tls.alpn().into();
        line["version"] = tls.version_name().into();
    }
    if let Some(quic) = flow.quic {
        line["version"] = quic.version_name().into();
    }
    line
}

fn bits(tcp: &TcpFacts) -> [(&'static str, bool); 6] {
    let any = |f: fn(&shakedown::fact::tcp::Half) -> bool| tcp.half.0.iter().any(f);
    [
        ("syn", tcp.syn.count > 0),
        ("synack", tcp.syn_ack.count > 0),
        ("ack", tcp.ack.is_some()),
        ("data", any(|half| half.first_data.is_some())),
        ("fin", any(|half| half.fin.is_some())),
        ("rst", tcp.reset_count > 0),
    ]
}

fn completeness(tcp: &TcpFacts) -> u32 {
    let bits = bits(tcp).into_iter().enumerate();
    bits.map(|(n, (_, set))| u32::from(set) << n).sum()
}

fn describe_lookup(capture: &str, lookup: &Lookup) -> Value {
    json!({
        "kind": "dns",
        "capture": capture,
        "client": lookup.client.to_string(),
        "resolver": lookup.resolver.to_string(),
        "frame": lookup.first().map(|mark| mark.frame.0),
        "name": lookup.name,
        "type": qtype_name(lookup.qtype),
        "type_number": lookup.qtype,
        "tries": lookup.try_count,
        "rcode": lookup.answered().map(|reply| rcode_name(reply.rcode)),
        "rcode_number": lookup.answered().map(|reply| reply.rcode),
        "addresses": lookup.answered().map(|reply| reply.addresses.iter().map(ToString::to_string).collect::<Vec<_>>()),
    })
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}
