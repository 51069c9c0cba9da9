//! Two `quinn_proto` endpoints, a wire between them and a clock that jumps from event to event.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn_proto::{
    ClientConfig, Connection, ConnectionHandle, DatagramEvent, Dir, Endpoint, EndpointConfig,
    Incoming, ServerConfig,
};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;

use crate::types::{CaptureId, FrameNumber, Mark, Side, Timestamp};

pub const NAME: &str = "www.example.org";
const TRIP: Duration = Duration::from_millis(10);

/// What the server does with a new connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Server {
    Accepts,
    Retries,
    Refuses,
    Absent,
}

pub struct Packet {
    pub side: Side,
    pub payload: Vec<u8>,
    pub mark: Mark,
}

struct Node {
    endpoint: Endpoint,
    connection: Option<(ConnectionHandle, Connection)>,
    inbox: VecDeque<Vec<u8>>,
}

pub struct Pair {
    start: Instant,
    now: Instant,
    nodes: [Node; 2],
    server: Server,
    client_config: ClientConfig,
    pub wire: Vec<Packet>,
}

fn address(side: Side) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1 + side.index() as u8], 443))
}

impl Pair {
    /// ALPN of both; versions that the server speaks.
    pub fn new(
        server: Server,
        client_alpn: &[String],
        server_alpn: &str,
        versions: &[u32],
    ) -> Self {
        let (client_config, server_config) = configs(client_alpn, server_alpn);
        let mut config = EndpointConfig::default();
        config.supported_versions(versions.to_vec());
        let config = [Arc::new(EndpointConfig::default()), Arc::new(config)];
        let [a, b] = config;
        let node = |endpoint| Node {
            endpoint,
            connection: None,
            inbox: VecDeque::new(),
        };
        let client = Endpoint::new(a, None, false, Some([1; 32]));
        let server_endpoint = Endpoint::new(b, Some(server_config), false, Some([2; 32]));
        #[allow(clippy::disallowed_methods)] // quinn wants an Instant to count from
        let start = Instant::now();
        Self {
            start,
            now: start,
            nodes: [node(client), node(server_endpoint)],
            server,
            client_config,
            wire: Vec::new(),
        }
    }

    pub fn simple(server: Server) -> Self {
        Self::new(server, &["h3".into()], "h3", &[1])
    }

    pub fn connect(&mut self, version: u32) {
        let mut config = self.client_config.clone();
        config.version(version);
        let client = &mut self.nodes[0];
        let made = client
            .endpoint
            .connect(self.now, config, address(Side::Server), NAME);
        client.connection = Some(made.unwrap());
    }

    /// Writes some bytes on a new stream of that side.
    pub fn write(&mut self, side: Side, bytes: &[u8]) {
        let (_, connection) = self.nodes[side.index()].connection.as_mut().unwrap();
        let stream = connection.streams().open(Dir::Uni).unwrap();
        connection.send_stream(stream).write(bytes).unwrap();
    }

    /// Runs until nothing more happens within `span` from now.
    pub fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let moved = [Side::Client, Side::Server].map(|side| {
                self.receive(side);
                self.send(side)
            });
            if moved.contains(&true) {
                self.now += TRIP;
                continue;
            }
            let timers = self
                .nodes
                .iter_mut()
                .filter_map(|n| n.connection.as_mut()?.1.poll_timeout());
            let Some(next) = timers.min().filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            for (_, connection) in self.nodes.iter_mut().filter_map(|n| n.connection.as_mut()) {
                connection.handle_timeout(self.now);
            }
        }
    }

    fn send(&mut self, side: Side) -> bool {
        let mut moved = false;
        let mut buffer = Vec::new();
        let now = self.now;
        while let Some((_, connection)) = &mut self.nodes[side.index()].connection
            && connection.poll_transmit(now, 1, &mut buffer).is_some()
        {
            self.put(side, std::mem::take(&mut buffer));
            moved = true;
        }
        let node = &mut self.nodes[side.index()];
        if let Some((handle, connection)) = &mut node.connection {
            while let Some(event) = connection.poll_endpoint_events() {
                if let Some(event) = node.endpoint.handle_event(*handle, event) {
                    connection.handle_event(event);
                }
            }
        }
        moved || !self.nodes[0].inbox.is_empty() || !self.nodes[1].inbox.is_empty()
    }

    fn put(&mut self, side: Side, payload: Vec<u8>) {
        let time = Timestamp((self.now - self.start).as_nanos() as i64);
        let frame = FrameNumber(self.wire.len() as u32 + 1);
        let mark = Mark {
            time,
            frame,
            capture: CaptureId(0),
        };
        self.wire.push(Packet {
            side,
            payload: payload.clone(),
            mark,
        });
        if self.server != Server::Absent {
            self.nodes[side.other().index()].inbox.push_back(payload);
        }
    }

    fn receive(&mut self, side: Side) {
        while let Some(payload) = self.nodes[side.index()].inbox.pop_front() {
            let mut buffer = Vec::new();
            let node = &mut self.nodes[side.index()];
            let from = address(side.other());
            let data = payload[..].into();
            match node
                .endpoint
                .handle(self.now, from, None, None, data, &mut buffer)
            {
                Some(DatagramEvent::NewConnection(incoming)) => self.incoming(incoming),
                Some(DatagramEvent::ConnectionEvent(_, event)) => {
                    if let Some((_, connection)) = &mut node.connection {
                        connection.handle_event(event);
                    }
                }
                Some(DatagramEvent::Response(_)) => self.put(side, buffer),
                None => {}
            }
        }
    }

    fn incoming(&mut self, incoming: Incoming) {
        let mut buffer = Vec::new();
        let endpoint = &mut self.nodes[1].endpoint;
        match self.server {
            Server::Retries if !incoming.remote_address_validated() => {
                _ = endpoint.retry(incoming, &mut buffer).unwrap();
            }
            Server::Refuses => _ = endpoint.refuse(incoming, &mut buffer),
            _ => {
                let accepted = endpoint.accept(incoming, self.now, &mut buffer, None);
                self.nodes[1].connection = accepted.ok();
            }
        }
        if !buffer.is_empty() {
            self.put(Side::Server, buffer);
        }
    }
}

fn configs(client_alpn: &[String], server_alpn: &str) -> (ClientConfig, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(default_provider());
    let versions = [&rustls::version::TLS13];
    let mut client = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = client_alpn
        .iter()
        .map(|alpn| alpn.clone().into_bytes())
        .collect();
    let mut server = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    server.alpn_protocols = vec![server_alpn.into()];
    let client = QuicClientConfig::try_from(client).unwrap();
    let server = QuicServerConfig::try_from(server).unwrap();
    (
        ClientConfig::new(Arc::new(client)),
        Arc::new(ServerConfig::with_crypto(Arc::new(server))),
    )
}
