//! TLS on one TCP connection, as it can be seen without keys (RFC 8446, 5246, 6066, 7301).
//!
//! Bytes of both sides go in, in stream order and however they are cut; what was seen comes out as [`TlsFacts`].
//! - `connection` keeps both streams and writes the facts.
//! - `start` tells TLS from an HTTP CONNECT before it and from everything else.
//! - `record` reads record headers; bodies of plaintext handshake records go on to
//! - `handshake`, which cuts messages; tls-parser and x509-parser read them (`hello`, `certificate`).
//! - `finish` says what sizes and order of the encrypted records prove.
//!
//! tls-parser's record functions are not used: they take whole records with whole messages only, drop a message that
//! goes on in the next record, and read an encrypted alert as a row of plaintext ones.
//!
//! Caps: 64 KiB of one unfinished handshake message and 8 KiB of an HTTP head per side, 256 bytes of what is no TLS,
//! 12 encrypted records and 4 alerts a side. Application data is never kept.

mod certificate;
mod chains;
mod connection;
mod finish;
mod handshake;
pub mod hello;
pub mod peek;
pub(crate) mod record;
mod start;
mod text;

use crate::fact::tls::TlsFacts;
use crate::types::{Mark, Side};
pub use chains::Chains;
use connection::Connection;
use std::sync::LazyLock;

/// Watches one TCP connection. Two words in size until the first byte comes.
#[derive(Default)]
pub struct TlsObserver {
    state: State,
}

enum State {
    /// No byte came yet.
    Idle {
        midstream: bool,
        chains: Option<Chains>,
    },
    Begun(Box<Connection>),
}

impl Default for State {
    fn default() -> Self {
        Self::Idle {
            midstream: false,
            chains: None,
        }
    }
}

static NOTHING: LazyLock<TlsFacts> = LazyLock::new(TlsFacts::default);

impl TlsObserver {
    /// For a connection whose beginning is captured.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For one that was open when the capture began: "not TLS" is never claimed, and each side counts as not followed
    /// (`lost_track`) unless its first bytes are a hello.
    #[must_use]
    pub fn new_midstream() -> Self {
        let state = State::Idle {
            midstream: true,
            chains: None,
        };
        Self { state }
    }

    /// The same observer, before its first byte; it takes certificate chains that were seen before from `known`.
    #[must_use]
    pub fn with_chains(mut self, known: &Chains) -> Self {
        if let State::Idle { chains, .. } = &mut self.state {
            *chains = Some(known.clone());
        }
        self
    }

    /// The next bytes of `side`'s stream, of packet `mark`; any cut will do.
    pub fn data(&mut self, side: Side, bytes: &[u8], mark: Mark) {
        if !bytes.is_empty()
            && let Some(connection) = self.begin()
        {
            connection.data(side, bytes, mark);
        }
    }

    /// `missing` bytes of `side`'s stream come next and will never be seen (capture loss, snap length); `mark` is the
    /// packet that showed it.
    pub fn gap(&mut self, side: Side, missing: u64, mark: Mark) {
        if missing > 0
            && let Some(connection) = self.begin()
        {
            connection.gap(side, missing, mark);
        }
    }

    /// What was seen so far.
    #[must_use]
    pub fn facts(&self) -> &TlsFacts {
        self.connection().map_or(&NOTHING, |c| &c.facts)
    }

    /// What was seen, for keeping.
    #[must_use]
    pub fn into_facts(self) -> TlsFacts {
        match self.state {
            State::Begun(connection) => connection.facts,
            State::Idle { .. } => TlsFacts::default(),
        }
    }

    /// Nothing more is to be learnt about the handshake: it is over and both sides sent data after it, or neither side
    /// speaks TLS. From then on only the ends of records are followed, where [`Self::wants`] still says so.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.connection().is_some_and(|c| c.settled)
    }

    /// Any byte came, of either side.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.connection().is_some()
    }

    /// More bytes of that side tell something.
    #[must_use]
    pub fn wants(&self, side: Side) -> bool {
        self.connection()
            .is_none_or(|c| !c.settled || c.is_framed(side))
    }

    fn connection(&self) -> Option<&Connection> {
        match &self.state {
            State::Begun(connection) => Some(connection),
            State::Idle { .. } => None,
        }
    }

    /// The connection, from the first byte on; always there.
    fn begin(&mut self) -> Option<&mut Connection> {
        if let State::Idle { midstream, chains } = &mut self.state {
            let connection = Connection::new(*midstream, chains.take());
            self.state = State::Begun(Box::new(connection));
        }
        match &mut self.state {
            State::Begun(connection) => Some(connection),
            State::Idle { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
