//! TCP (RFC 9293 section 3.1) and UDP (RFC 768) headers.
//!
//! By hand because both ways through the decoder share it, and because etherparse's slices end at the captured bytes:
//! the length on the wire and headers cut within their options are needed here.

use super::bytes::Bytes;
use super::{Datagram, DecodeError, Segment, TcpFlags};

const TCP_MIN: usize = 20;
const UDP_LEN: usize = 8;

/// A TCP segment. The 20 fixed bytes must have been captured; options and payload may be cut.
#[inline]
pub(super) fn tcp(b: Bytes<'_>) -> Result<Segment<'_>, DecodeError> {
    let Some(h) = b.data.first_chunk::<TCP_MIN>() else {
        return Err(b.short("tcp", TCP_MIN));
    };
    let header_len = usize::from(h[12] >> 4) * 4;
    if header_len < TCP_MIN {
        return Err(b.bad("tcp", TCP_MIN, header_len));
    }
    if header_len > b.wire {
        return Err(b.bad("tcp", header_len, b.wire));
    }
    let body = header_len.min(b.data.len());
    Ok(Segment {
        src_port: u16::from_be_bytes([h[0], h[1]]),
        dst_port: u16::from_be_bytes([h[2], h[3]]),
        seq: u32::from_be_bytes([h[4], h[5], h[6], h[7]]),
        ack: u32::from_be_bytes([h[8], h[9], h[10], h[11]]),
        flags: TcpFlags(h[13]),
        window: u16::from_be_bytes([h[14], h[15]]),
        options: &b.data[TCP_MIN..body],
        payload: &b.data[body..],
        payload_len: length(b.wire - header_len),
    })
}

/// A UDP datagram. `partial`: only its first fragment is there, so that its length may exceed what IP carries.
#[inline]
pub(super) fn udp(b: Bytes<'_>, partial: bool) -> Result<Datagram<'_>, DecodeError> {
    let Some(h) = b.data.first_chunk::<UDP_LEN>() else {
        return Err(b.short("udp", UDP_LEN));
    };
    let stated = usize::from(u16::from_be_bytes([h[4], h[5]]));
    let wire = match stated {
        0 => b.wire, // a jumbogram (RFC 2675) or a segment that the card has yet to cut
        1..UDP_LEN => return Err(b.bad("udp", UDP_LEN, stated)),
        _ if partial => stated,
        _ => stated.min(b.wire),
    };
    Ok(Datagram {
        src_port: u16::from_be_bytes([h[0], h[1]]),
        dst_port: u16::from_be_bytes([h[2], h[3]]),
        payload: &b.data[UDP_LEN..wire.min(b.data.len())],
        payload_len: length(wire - UDP_LEN),
    })
}

fn length(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
