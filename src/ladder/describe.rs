//! One line for one packet.

use super::stream::{Direction, Trouble};
use crate::decode::{Datagram, Segment, TcpFlags};
use crate::fact::icmp::IcmpError;
use crate::fact::quic::version_name;
use crate::observe::quic::header::{Kind, Packet};
use crate::observe::quic::looks_like_quic;
use crate::snapshot::clean::clean;

/// QUIC packets of one datagram that are named.
const MAX_COALESCED: usize = 4;

/// A TCP segment in words, and its place in the stream.
pub(super) fn tcp(segment: &Segment<'_>, direction: &mut Direction) -> (String, Trouble) {
    let (trouble, carries) = direction.segment(segment);
    let flags = flags(segment.flags);
    let size = segment.payload_len;
    let mut what = match (carries, size) {
        (Some(carries), _) => carries,
        (None, 0) if segment.flags.has(TcpFlags::SYN) && direction.syns > 1 => {
            format!("{flags} try {}", direction.syns)
        }
        (None, 0) if trouble == Trouble::KeepAlive => "keep-alive".to_owned(),
        (None, 0) => flags.to_owned(),
        (None, _) => text_line(segment.payload).unwrap_or_else(|| format!("{size} bytes")),
    };
    if size > 0
        && segment
            .flags
            .has(TcpFlags::FIN | TcpFlags::RST | TcpFlags::SYN)
    {
        what = format!("{flags}: {what}");
    }
    (what, trouble)
}

fn flags(flags: TcpFlags) -> &'static str {
    let set = flags.0 & (TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST | TcpFlags::ACK);
    match set {
        TcpFlags::SYN => "SYN",
        0x12 => "SYN-ACK",
        TcpFlags::RST | 0x14 => "RST",
        TcpFlags::FIN | 0x11 => "FIN",
        TcpFlags::ACK => "ACK",
        0 => "no flags",
        _ => "odd flags",
    }
}

/// The first line of plain HTTP (or of a proxy's answer), without the query.
fn text_line(payload: &[u8]) -> Option<String> {
    const STARTS: [&[u8]; 8] = [
        b"GET ",
        b"POST ",
        b"HEAD ",
        b"PUT ",
        b"OPTIONS ",
        b"CONNECT ",
        b"HTTP/1.",
        b"PRI * ",
    ];
    STARTS.iter().find(|start| payload.starts_with(start))?;
    let line = payload.split(|b| matches!(b, b'\r' | b'\n')).next()?;
    // What follows a question mark may be a secret, and ladders are pasted into tickets.
    let line = line.split_inclusive(|b| *b == b'?').next()?;
    Some(clean(&String::from_utf8_lossy(
        &line[..line.len().min(120)],
    )))
}

/// A UDP datagram in words; `known` says that it belongs to a QUIC connection.
pub(super) fn udp(datagram: &Datagram<'_>, known: bool) -> String {
    let (src, dst) = (datagram.src_port, datagram.dst_port);
    let size = datagram.payload_len;
    if src == 53 || dst == 53 {
        return format!("DNS, {size} bytes");
    }
    quic(datagram, known).unwrap_or_else(|| format!("UDP, {size} bytes"))
}

fn quic(datagram: &Datagram<'_>, known: bool) -> Option<String> {
    let size = datagram.payload_len;
    let mut rest = datagram.payload;
    let first = *rest.first()?;
    let long = first & 0x80 != 0;
    let quic = known || (long && looks_like_quic(rest, datagram.dst_port, datagram.src_port));
    if !quic {
        return None;
    }
    let cut = rest.len() < size as usize;
    let mut names: Vec<String> = Vec::new();
    while let Some(packet) = Packet::read(rest, cut) {
        let name = packet_name(&packet);
        if names.last() != Some(&name) {
            names.push(name);
        }
        rest = packet.rest;
        if rest.is_empty() || names.len() >= MAX_COALESCED || packet.kind == Kind::Short {
            break;
        }
    }
    (!names.is_empty()).then(|| format!("{}, {size} bytes", names.join(" + ")))
}

fn packet_name(packet: &Packet<'_>) -> String {
    match packet.kind {
        Kind::Initial => format!("Initial {}", version_name(packet.version)),
        Kind::ZeroRtt => "0-RTT".to_owned(),
        Kind::Handshake => "Handshake".to_owned(),
        Kind::Retry => "Retry".to_owned(),
        Kind::VersionNegotiation => {
            let offered: Vec<String> = packet
                .versions()
                .take(4)
                .map(|v| version_name(v).into_owned())
                .collect();
            format!("Version Negotiation ({})", offered.join(", "))
        }
        Kind::Short => "1-RTT".to_owned(),
        Kind::Opaque => format!("QUIC version {:#x}", packet.version),
    }
}

/// An ICMP error in words.
pub(super) fn icmp(error: &IcmpError) -> String {
    let family = if error.v6 { "ICMPv6" } else { "ICMP" };
    if error.is_too_big() {
        let mtu = error.mtu.map(|m| format!(", MTU {m}")).unwrap_or_default();
        return format!("{family} packet too big{mtu}");
    }
    let what = match (error.v6, error.kind, error.code) {
        (false, 11, _) | (true, 3, _) => "time exceeded",
        (false, 3, 0) | (true, 1, 0) => "network unreachable",
        (false, 3, 1) | (true, 1, 3) => "host unreachable",
        (false, 3, 3) | (true, 1, 4) => "port unreachable",
        _ if error.is_admin_prohibited() => "prohibited by a filter",
        _ if error.is_unreachable() => "unreachable",
        _ => return format!("{family} type {} code {}", error.kind, error.code),
    };
    format!("{family} {what}")
}
