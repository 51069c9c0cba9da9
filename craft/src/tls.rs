//! Real TLS: a rustls client and server in memory, whose flights are sent through a [`crate::tcp::Tcp`].

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

use crate::net::{Net, Side};
use crate::tcp::Tcp;
use crate::time::Ms;

mod cert;
mod config;
pub mod hello;
mod keylog;
mod pq;
pub mod record;
mod trust;

pub use cert::Cert;
pub use config::{Client, Server};
pub use keylog::KeyStore;
pub use trust::Reject;

/// How a handshake ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Both ends are through.
    Done,
    /// The client gave up (its words).
    ClientFailed(String),
    /// The server gave up (its words).
    ServerFailed(String),
    /// Neither, so far.
    Open,
}

/// A TLS connection of two real stacks. [`Session::flight`] hands out what one of them has to send.
pub struct Session {
    client: Connection,
    server: Connection,
    configs: (Arc<ClientConfig>, Arc<ServerConfig>, ServerName<'static>),
    failed: Option<Outcome>,
    host: String,
}

impl Session {
    /// A connection about to begin. Its secrets go to `net`'s key log.
    pub fn new(net: &Net, client: Client, server: Server) -> Self {
        let name = client.server_name();
        let host = client.host().to_owned();
        let keys = Arc::new(net.keys());
        let client = Arc::new(client.build(keys));
        Self::from_configs((client, Arc::new(server.build()), name), host)
    }

    fn from_configs(
        configs: (Arc<ClientConfig>, Arc<ServerConfig>, ServerName<'static>),
        host: String,
    ) -> Self {
        let mut client = ClientConnection::new(configs.0.clone(), configs.2.clone()).unwrap();
        let mut server = ServerConnection::new(configs.1.clone()).unwrap();
        client.set_buffer_limit(None);
        server.set_buffer_limit(None);
        Self {
            client: client.into(),
            server: server.into(),
            configs,
            failed: None,
            host,
        }
    }

    /// Another connection of the same client and server: it resumes if this one got tickets.
    #[must_use]
    pub fn again(&self) -> Self {
        Self::from_configs(self.configs.clone(), self.host.clone())
    }

    /// What one end sends next, all of it that is ready; `None` when both wait. The other end has taken it when
    /// this returns, so its answer is the next flight.
    pub fn flight(&mut self) -> Option<(Side, Vec<u8>)> {
        let side = [Side::Client, Side::Server]
            .into_iter()
            .find(|s| self.conn(*s).wants_write())?;
        let bytes = self.drain(side);
        self.deliver(side.peer(), &bytes);
        Some((side, bytes))
    }

    /// All flights of the handshake to its end.
    pub fn flights(&mut self) -> VecDeque<(Side, Vec<u8>)> {
        std::iter::from_fn(|| self.flight()).collect()
    }

    /// Application data of `side` as records; the other end has taken it when this returns. Large ones are hollow:
    /// see [`record::hollow`].
    ///
    /// # Panics
    /// If the handshake is not over.
    pub fn send(&mut self, side: Side, plain: &[u8]) -> Vec<u8> {
        assert!(
            !self.conn(side).is_handshaking(),
            "application data before the handshake is over"
        );
        self.conn_mut(side).writer().write_all(plain).unwrap();
        let mut bytes = self.drain(side);
        self.deliver(side.peer(), &bytes);
        record::hollow(&mut bytes);
        bytes
    }

    /// The close_notify record of `side`.
    pub fn close_notify(&mut self, side: Side) -> Vec<u8> {
        self.conn_mut(side).send_close_notify();
        self.drain(side)
    }

    /// How it stands.
    pub fn outcome(&self) -> Outcome {
        match &self.failed {
            Some(f) => f.clone(),
            None if self.client.is_handshaking() || self.server.is_handshaking() => Outcome::Open,
            None => Outcome::Done,
        }
    }

    /// The protocol both agreed on, such as `h2`.
    pub fn alpn(&self) -> Option<String> {
        self.client
            .alpn_protocol()
            .map(|p| String::from_utf8_lossy(p).into_owned())
    }

    /// The name the client asks for.
    pub fn host(&self) -> &str {
        &self.host
    }

    fn conn(&self, side: Side) -> &Connection {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    fn conn_mut(&mut self, side: Side) -> &mut Connection {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn drain(&mut self, side: Side) -> Vec<u8> {
        let conn = self.conn_mut(side);
        let mut out = Vec::new();
        while conn.wants_write() {
            conn.write_tls(&mut out).unwrap();
        }
        out
    }

    fn deliver(&mut self, to: Side, mut bytes: &[u8]) {
        let mut scratch = vec![0; 1 << 16];
        while !bytes.is_empty() {
            let conn = self.conn_mut(to);
            if conn.read_tls(&mut bytes).is_err() {
                return;
            }
            if let Err(e) = conn.process_new_packets() {
                let outcome = match to {
                    Side::Client => Outcome::ClientFailed(e.to_string()),
                    Side::Server => Outcome::ServerFailed(e.to_string()),
                };
                self.failed.get_or_insert(outcome);
                return;
            }
            while matches!(conn.reader().read(&mut scratch), Ok(n) if n > 0) {}
        }
    }
}

/// TLS through TCP.
impl Tcp {
    /// The whole handshake (or what becomes of it), acknowledged, at the pace of the round trip.
    pub fn tls(&mut self, session: &mut Session) -> Outcome {
        self.tls_flights(session, usize::MAX);
        session.outcome()
    }

    /// At most `n` flights of the handshake: 1 is the ClientHello, 2 adds the server's flight.
    pub fn tls_flights(&mut self, session: &mut Session, n: usize) {
        for _ in 0..n {
            let Some((side, bytes)) = session.flight() else {
                return;
            };
            self.think(side, 1.4);
            self.data(side, &bytes);
        }
    }

    /// A request of about `request` bytes and its response of about `response`, both as HTTP of the protocol
    /// agreed on.
    pub fn app(&mut self, session: &mut Session, request: usize, response: usize) {
        let h2 = session.alpn().as_deref() == Some("h2");
        let (host, path) = (session.host().to_owned(), "/api/recommend/item_list/");
        let (ask, reply) = if h2 {
            (
                crate::http::h2_request(&host, path, request),
                crate::http::h2_response(200, response),
            )
        } else {
            (
                crate::http::request(&host, path, request),
                crate::http::response(200, response),
            )
        };
        self.app_data(session, Side::Client, &ask);
        self.app_data(session, Side::Server, &reply);
    }

    /// Application data of one side.
    pub fn app_data(&mut self, session: &mut Session, side: Side, plain: &[u8]) {
        let bytes = session.send(side, plain);
        self.think(side, 3.5);
        self.data(side, &bytes);
    }

    /// close_notify of `first`, then [`Tcp::close`] begun by it.
    pub fn tls_close(&mut self, session: &mut Session, first: Side) {
        let bytes = session.close_notify(first);
        self.send(first, &bytes);
        self.close(first);
    }

    /// Time a stack takes before it sends.
    fn think(&self, side: Side, server: impl Ms) {
        match side {
            Side::Client => self.net().wait(0.5),
            Side::Server => self.net().wait(server),
        }
    }
}
