//! ICMP and ICMPv6 errors (RFC 792, 1122, 1812, 4443) and the packet that they quote.

use crate::types::{Addr, Mark};
use std::net::IpAddr;

/// An ICMP or ICMPv6 error message, bound to what it quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IcmpError {
    /// The packet that carried it.
    pub mark: Mark,
    /// Who sent it: a router, a firewall, the host itself.
    pub from: Addr,
    /// Who received it.
    pub to: Addr,
    /// True for ICMPv6.
    pub v6: bool,
    /// ICMP type.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// Next-hop MTU in bytes of a "fragmentation needed" or "packet too big" message.
    pub mtu: Option<u32>,
    /// Hop limit or TTL of the ICMP packet itself.
    pub ttl: u8,
    /// The flow that it quotes.
    pub quoted: Quoted,
}

/// The head of the packet that an ICMP error quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quoted {
    /// Sender of the quoted packet.
    pub src: Addr,
    /// Destination of the quoted packet.
    pub dst: Addr,
    /// IP protocol number (6 TCP, 17 UDP).
    pub protocol: u8,
    /// Source port of the quoted packet.
    pub src_port: u16,
    /// Destination port of the quoted packet.
    pub dst_port: u16,
    /// TCP sequence number, where the quote reaches that far.
    pub seq: Option<u32>,
}

impl IcmpError {
    /// Destination unreachable or time exceeded: the quoted packet did not arrive. "Too big" is not among them.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        if self.v6 {
            matches!(self.kind, 1 | 3)
        } else {
            (self.kind == 3 && self.code != 4) || self.kind == 11
        }
    }

    /// A filter says so itself: IPv4 codes 9, 10, 13; IPv6 codes 1, 5, 6.
    #[must_use]
    pub fn is_admin_prohibited(&self) -> bool {
        if self.v6 {
            self.kind == 1 && matches!(self.code, 1 | 5 | 6)
        } else {
            self.kind == 3 && matches!(self.code, 9 | 10 | 13)
        }
    }

    /// It comes from the network of the one who gets it: its own system, its gateway, or another host there. That is the
    /// same /24 of private IPv4 addresses, the same /64 of IPv6, a link-local address.
    #[must_use]
    pub fn is_from_nearby(&self) -> bool {
        let client = self.quoted.src;
        match (self.from.ip(), client.ip()) {
            (IpAddr::V4(from), IpAddr::V4(client)) => {
                from.is_loopback()
                    || (client.is_private() && from.octets()[..3] == client.octets()[..3])
            }
            (IpAddr::V6(from), IpAddr::V6(client)) => {
                from.is_loopback()
                    || from.is_unicast_link_local()
                    || from.octets()[..8] == client.octets()[..8]
            }
            _ => false,
        }
    }

    /// "Fragmentation needed" (IPv4) or "packet too big" (IPv6).
    #[must_use]
    pub fn is_too_big(&self) -> bool {
        if self.v6 {
            self.kind == 2
        } else {
            self.kind == 3 && self.code == 4
        }
    }
}
