//! How far a path got, read from its facts: no judgement, only milestones.

use crate::fact::quic::QuicFacts;
use crate::fact::tcp::TcpFacts;
use crate::fact::tls::{TlsFacts, is_tls13};
use crate::flow::FlowView;
use crate::types::{Mark, Side, Timestamp};

/// Bytes that no server sends in a TLS handshake: its flight is a certificate chain, a few thousand bytes long.
const HANDSHAKE: u64 = 16_384;

/// The furthest milestone of a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Reach {
    /// The client asked; nothing usable came back.
    #[default]
    Asked,
    /// TCP handshake done, or the QUIC server answered at all.
    Connected,
    /// TLS ClientHello sent on a connection that stands.
    Greeted,
    /// The server took part in the TLS or QUIC handshake.
    Answered,
    /// The handshake is over on both sides, as far as it can be seen.
    Secured,
    /// Data came from the server after the handshake (or, without TLS, after the request).
    Through,
}

/// Milestones of a path with the packets that show them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// The furthest.
    pub reach: Reach,
    /// TCP handshake done, or first QUIC datagram of the server.
    pub connected: Option<Mark>,
    /// ClientHello complete.
    pub greeted: Option<Mark>,
    /// First handshake bytes of the server.
    pub answered: Option<Mark>,
    /// Handshake over.
    pub secured: Option<Mark>,
    /// First request-sized data of the client after that.
    pub requested: Option<Mark>,
    /// First data of the server after that.
    pub through: Option<Mark>,
    /// First sign that the path is over: RST or FIN of either side, CONNECTION_CLOSE.
    pub ended: Option<Mark>,
}

impl Progress {
    /// Reads the milestones of one conversation.
    #[must_use]
    pub fn of(flow: &FlowView<'_>) -> Self {
        let mut progress = match (&flow.tcp, flow.quic) {
            (Some(tcp), _) => Self::of_tcp(tcp, flow.tls),
            (None, Some(quic)) => Self::of_quic(quic),
            (None, None) => Self::default(),
        };
        progress.reach = progress.furthest();
        progress
    }

    /// When the path was settled as a success.
    #[must_use]
    pub fn succeeded(&self) -> Option<Timestamp> {
        let at = match self.reach {
            Reach::Secured => self.secured,
            Reach::Through => self.secured.or(self.through),
            _ => None,
        };
        at.map(|m| m.time)
    }

    fn furthest(&self) -> Reach {
        if self.through.is_some() {
            Reach::Through
        } else if self.secured.is_some() {
            Reach::Secured
        } else if self.answered.is_some() {
            Reach::Answered
        } else if self.greeted.is_some() && self.connected.is_some() {
            Reach::Greeted
        } else if self.connected.is_some() {
            Reach::Connected
        } else {
            Reach::Asked
        }
    }

    fn of_tcp(tcp: &TcpFacts, tls: Option<&TlsFacts>) -> Self {
        let server = &tcp.half[Side::Server];
        let connected = if tcp.established() {
            tcp.ack.or(server.first)
        } else {
            None
        };
        let mut progress = Self {
            connected,
            ended: tcp_end(tcp),
            ..Self::default()
        };
        let hidden = !tcp.midstream && tcp.half.0.iter().any(|half| half.clipped);
        match tls {
            Some(tls) if tls.hello_begun.is_some() || tls.hello.is_some() => {
                progress.add_tls(tcp, tls)
            }
            _ if !hidden => progress.add_plain(tcp),
            _ => {}
        }
        if hidden {
            progress.add_hidden(tcp);
        }
        progress
    }

    fn add_tls(&mut self, tcp: &TcpFacts, tls: &TlsFacts) {
        self.greeted = tls.hello.as_ref().map(|h| h.mark).or(tls.hello_begun);
        self.answered = tls
            .server_hello
            .as_ref()
            .map(|h| h.mark)
            .or_else(|| tls.retry_request.as_ref().map(|h| h.mark));
        self.secured = tls_secured(tcp, tls);
        if self.secured.is_some() {
            self.requested = tls.client_data;
            self.through = tls.server_data;
        }
    }

    /// No TLS: data both ways is all there is to see. A stream joined in the middle counts the same.
    fn add_plain(&mut self, tcp: &TcpFacts) {
        let (client, server) = (&tcp.half[Side::Client], &tcp.half[Side::Server]);
        self.requested = client.first_data;
        if let (Some(_), Some(response)) = (client.first_data, server.first_data) {
            self.through = Some(response);
        }
    }

    /// The snap length hides what it was: it may be a TLS handshake that failed, unless it is more than any handshake
    /// is.
    fn add_hidden(&mut self, tcp: &TcpFacts) {
        let (client, server) = (&tcp.half[Side::Client], &tcp.half[Side::Server]);
        if server.sent > HANDSHAKE && client.data_segments > 2 {
            self.through = self.through.or(server.first_data);
        }
    }

    fn of_quic(quic: &QuicFacts) -> Self {
        let server_initial = quic
            .server_initial
            .or(quic.handshake[Side::Server])
            .or(quic.one_rtt[Side::Server]);
        let mut progress = Self {
            connected: quic.server_first,
            greeted: quic.hello.as_ref().map(|h| h.mark),
            answered: server_initial,
            ended: quic.closes.first().map(|c| c.mark),
            ..Self::default()
        };
        if quic.handshake_complete() {
            progress.secured = quic.one_rtt[Side::Client]
                .or(quic.handshake[Side::Client])
                .or(quic.one_rtt[Side::Server]);
            progress.requested = quic.one_rtt[Side::Client];
            // Not the server's first 1-RTT packet, which it may send before the client has finished.
            progress.through = quic.confirmed;
        }
        progress
    }
}

/// First FIN or RST.
fn tcp_end(tcp: &TcpFacts) -> Option<Mark> {
    tcp.half
        .0
        .iter()
        .filter_map(|h| h.fin)
        .chain(tcp.resets.iter().map(|r| r.mark))
        .min_by_key(|m| (m.time, m.frame))
}

/// The packet with which the TLS handshake was over. TLS 1.2 shows both Finished messages. In TLS 1.3 the
/// client's Finished shows by its size; that the server took it shows by a record that only comes afterwards,
/// or by its acknowledgement without any refusal.
fn tls_secured(tcp: &TcpFacts, tls: &TlsFacts) -> Option<Mark> {
    let client = tls.client_finished?;
    if let Some(server) = tls.server_finished {
        return Some(if server.time > client.time {
            server
        } else {
            client
        });
    }
    if !tls.version().is_some_and(is_tls13) {
        return None;
    }
    if tls.server_data.is_some() {
        return Some(client);
    }
    let acked = tcp.half[Side::Client].acked_at?;
    let refused = tls.last_record[Side::Server].is_some() || tcp.reset_from(Side::Server).is_some();
    (acked.time >= client.time && tcp.half[Side::Client].outstanding() == 0 && !refused)
        .then_some(client)
}
