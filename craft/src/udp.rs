//! UDP conversations: the base of DNS and QUIC, and of everything else that is bytes in datagrams.

use std::net::SocketAddr;

use crate::net::{Net, Side, addr, arriving_ttl};
use crate::packet::{self, Icmp, IpMeta, proto};
use crate::rng::Rng;

/// A pair of UDP ports.
#[derive(Clone)]
pub struct Udp {
    net: Net,
    /// The client's end.
    pub client: SocketAddr,
    /// The server's end.
    pub server: SocketAddr,
    /// Overrides the TTL of the server's packets.
    pub server_ttl: Option<u8>,
    ids: [u16; 2],
    label: u32,
    last: Vec<u8>,
}

impl Net {
    /// UDP between the client and `server` (port 443 if it names none). Nothing is sent yet.
    pub fn udp(&self, server: &str) -> Udp {
        let server = addr(server, 443);
        let client = self.client_for(server);
        let (a, b, label) = self.rng(|r| (r.next_u16(), r.next_u16(), r.next_u32()));
        Udp {
            net: self.clone(),
            client,
            server,
            server_ttl: None,
            ids: [a, b],
            label,
            last: Vec::new(),
        }
    }
}

impl Udp {
    /// Sends from the client, or lets arrive from the server, one datagram now.
    pub fn send(&mut self, from: Side, payload: &[u8]) {
        self.send_at(self.net.now_ns(), from, payload, true);
    }

    /// The same at `at` (nanoseconds since the start), `captured` or passing unseen.
    pub fn send_at(&mut self, at: u64, from: Side, payload: &[u8], captured: bool) {
        let meta = self.meta(from);
        self.send_with(at, from, payload, captured, meta);
    }

    /// The same with an IP header of the caller's.
    pub fn send_with(&mut self, at: u64, from: Side, payload: &[u8], captured: bool, meta: IpMeta) {
        let (src, dst) = match from {
            Side::Client => (self.client, self.server),
            Side::Server => (self.server, self.client),
        };
        let ip = packet::ip(
            src.ip(),
            dst.ip(),
            proto::UDP,
            meta,
            &packet::udp(src, dst, payload),
        );
        if from == Side::Client {
            self.last.clone_from(&ip);
        }
        self.net.send_ip_at(at, from, ip, captured);
    }

    /// The IP header the next packet of `from` gets: counting ids, a TTL that fits the distance.
    pub fn meta(&mut self, from: Side) -> IpMeta {
        let id = &mut self.ids[from as usize];
        *id = id.wrapping_add(1);
        let ttl = match from {
            Side::Client => 64,
            Side::Server => self.server_ttl.unwrap_or(arriving_ttl(self.server.ip())),
        };
        IpMeta {
            ttl,
            id: *id,
            df: true,
            flow_label: self.label >> from as u32,
        }
    }

    /// An ICMP error from `router` about the client's last datagram, arriving now.
    pub fn icmp(&self, router: &str, what: Icmp) {
        self.net.icmp(router, what, &self.last);
    }

    /// The client's last IP packet.
    pub fn last_packet(&self) -> &[u8] {
        &self.last
    }

    /// A number out of the network's generator.
    pub(crate) fn random_u16(&self) -> u16 {
        self.net.rng(Rng::next_u16)
    }

    /// The network it belongs to.
    pub fn net(&self) -> &Net {
        &self.net
    }
}
