//! What a decoded packet does: to its flow, to the lookups, to what is known of its client.

use super::conversation::{self, App, Detail, Flow, Stake};
use super::stake::is_elsewhere;
use super::{Engine, OPENING};
use crate::decode::{Datagram, Packet, Segment, TcpFlags, Transport};
use crate::fact::icmp::IcmpError;
use crate::flow::table::Key;
use crate::flow::tcp::IpFields;
use crate::observe::dns::Carrier;
use crate::observe::quic::{QuicObserver, looks_like_quic};
use crate::types::{Endpoint, Side};

impl Engine {
    pub(super) fn handle_packet(&mut self, packet: &Packet<'_>) {
        match &packet.transport {
            Transport::Tcp(segment) => self.tcp(packet, segment),
            Transport::Udp(datagram) => self.udp(packet, datagram),
            Transport::Icmp(error) => self.icmp(*error),
            Transport::Other(_) => {
                self.clients.heard(packet.dst, packet.mark);
                self.mattered = true;
            }
        }
    }

    fn tcp(&mut self, packet: &Packet<'_>, segment: &Segment<'_>) {
        let (src, dst) = ends(packet, segment.src_port, segment.dst_port);
        let (key, src_low) = Key::new(src, dst, 6);
        let (slot, new) = self
            .flows
            .slot(&key, || Flow::tcp(key, src_low, segment, packet));
        if new {
            self.opened(slot);
        } else if segment.flags.0 & (TcpFlags::SYN | TcpFlags::ACK | TcpFlags::RST) == TcpFlags::SYN
            && self
                .flows
                .at(slot)
                .is_another_syn(src_low, segment, packet.mark.time)
        {
            let again = Flow::tcp(key, src_low, segment, packet);
            let old = std::mem::replace(self.flows.at(slot), again);
            self.retire(old);
            self.opened(slot);
        }
        let flow = self.flows.at(slot);
        let side = flow.side(src_low);
        flow.note(side, packet);
        self.mattered = flow.packets.0.iter().sum::<u32>() <= OPENING;
        if side == Side::Server && flow.packets[Side::Server] == 1 {
            self.clients.answered(flow.client().addr, packet.mark);
        }
        flow.note_segment(side, segment);
        if flow.stake == Stake::None {
            return;
        }
        self.mattered = true;
        self.follow_tcp(slot, side, packet, segment);
    }

    /// A flow that may matter: its segments go through the tracker and the observers.
    fn follow_tcp(&mut self, slot: u32, side: Side, packet: &Packet<'_>, segment: &Segment<'_>) {
        let flow = self.flows.at(slot);
        if flow.detail.is_none() {
            let owned = packet.app.is_some() || self.uid.is_some();
            if flow.packets.0 == [1, 0] && flow.first_syn.is_some() && !owned {
                return; // a lone SYN is kept in the flow itself
            }
            if self.tracked >= self.limits.tracked {
                flow.stake = Stake::None;
                self.evicted.tracked += 1;
                return;
            }
            self.tracked += 1;
            let from_start = flow.first_syn.is_some() || segment.flags.has(TcpFlags::SYN);
            flow.detail = Some(Box::new(Detail::tcp(
                flow.first_syn,
                from_start,
                flow.first,
                flow.server().port,
                &self.chains,
            )));
            if flow.first_syn.is_some() && flow.packets.0 == [1, 0] {
                flow.note_owner(packet.app, self.uid);
                return;
            }
        }
        flow.note_owner(packet.app, self.uid);
        if flow.stake == Stake::Open
            && side == Side::Client
            && !segment.payload.is_empty()
            && is_elsewhere(&self.target, segment.payload)
        {
            flow.stake = Stake::None;
            flow.detail = None;
            self.tracked -= 1;
            return;
        }
        let (client, server) = (flow.client(), flow.server());
        let Some(detail) = flow.detail.as_deref_mut() else {
            return;
        };
        let Detail {
            tcp,
            app,
            http,
            transfer,
            ..
        } = detail;
        let Some(tcp) = tcp else { return };
        let half = &tcp.facts().half[side];
        let (sent, lost) = (half.sent, half.lost);
        let mut sink = conversation::Sink {
            app,
            http,
            dns: &mut self.dns,
            client,
            server,
            ip: IpFields::from(packet),
        };
        tcp.segment(
            side,
            segment,
            IpFields::from(packet),
            packet.mark,
            &mut sink,
        );
        if segment.payload_len > 0 {
            let half = &tcp.facts().half[side];
            transfer.add(side, sent, half.sent, half.lost > lost, packet.mark);
            if flow.stake == Stake::Open {
                self.decide(slot);
            }
        }
    }

    fn udp(&mut self, packet: &Packet<'_>, datagram: &Datagram<'_>) {
        let (src, dst) = ends(packet, datagram.src_port, datagram.dst_port);
        if src.port == 53 || dst.port == 53 {
            self.dns_datagram(src, dst, packet, datagram);
            return;
        }
        let (key, src_low) = Key::new(src, dst, 17);
        let (slot, new) = self
            .flows
            .slot(&key, || Flow::udp(key, src_low, datagram, packet));
        if new {
            self.opened(slot);
        } else if self.flows.at(slot).is_another_initial(
            src_low,
            datagram.payload,
            packet.mark.time,
        ) {
            let again = Flow::udp(key, src_low, datagram, packet);
            let mut old = std::mem::replace(self.flows.at(slot), again);
            old.replaced(packet.mark);
            self.retire(old);
            self.opened(slot);
        }
        let flow = self.flows.at(slot);
        if flow.is_undecided() {
            let quic = looks_like_quic(datagram.payload, datagram.dst_port, datagram.src_port);
            if quic && self.tracked < self.limits.tracked {
                self.tracked += 1;
                flow.detail = Some(Box::new(Detail::quic(QuicObserver::new())));
            } else if quic || !flow.may_still_be_quic() {
                flow.stake = Stake::None;
                self.evicted.tracked += u64::from(quic);
            }
        }
        let side = flow.side(src_low);
        flow.note(side, packet);
        if side == Side::Server && flow.packets[Side::Server] == 1 {
            self.clients.answered(flow.client().addr, packet.mark);
        }
        if flow.stake == Stake::None {
            return;
        }
        self.mattered = flow.detail.is_some() || flow.packets.0.iter().sum::<u32>() <= OPENING;
        flow.note_owner(packet.app, self.uid);
        if let Some(Detail {
            app: App::Quic(quic),
            transfer,
            ..
        }) = flow.detail.as_deref_mut()
        {
            quic.datagram(side, datagram.payload, datagram.payload_len, packet.mark);
            let side = if quic.facts().swapped {
                side.other()
            } else {
                side
            };
            transfer.add_datagram(side, datagram.payload, datagram.payload_len, packet.mark);
            if flow.stake == Stake::Open {
                self.decide(slot);
            }
        }
    }

    fn dns_datagram(
        &mut self,
        src: Endpoint,
        dst: Endpoint,
        packet: &Packet<'_>,
        datagram: &Datagram<'_>,
    ) {
        self.mattered = true;
        let carrier = Carrier {
            src,
            dst,
            ttl: packet.ttl,
            ip_id: packet.ip_id,
            mark: packet.mark,
        };
        if src.port == 53 {
            self.clients.answered(dst.addr, packet.mark);
        } else {
            self.clients.asked(src.addr, packet.mark.time);
        }
        self.dns
            .udp(&carrier, datagram.payload, datagram.payload_len);
    }

    fn icmp(&mut self, error: IcmpError) {
        self.mattered = true;
        let quoted = error.quoted;
        let src = Endpoint {
            addr: quoted.src,
            port: quoted.src_port,
        };
        let dst = Endpoint {
            addr: quoted.dst,
            port: quoted.dst_port,
        };
        self.clients.answered(quoted.src, error.mark);
        if quoted.protocol == 17 && quoted.dst_port == 53 {
            self.dns.icmp(&error);
            return;
        }
        let (key, _) = Key::new(src, dst, quoted.protocol);
        if let Some(flow) = self.flows.get_mut(&key) {
            self.tracked += usize::from(flow.icmp(error, &self.chains));
        }
    }
}

/// Source and destination.
fn ends(packet: &Packet<'_>, src_port: u16, dst_port: u16) -> (Endpoint, Endpoint) {
    let (addr, port) = (packet.src, src_port);
    let src = Endpoint { addr, port };
    let (addr, port) = (packet.dst, dst_port);
    (src, Endpoint { addr, port })
}
