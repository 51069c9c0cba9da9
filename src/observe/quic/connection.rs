//! Finds the keys that open an Initial.
//!
//! Keys come from the DCID of the client's first Initial and stay when later Initials carry the server's choice.
//! They change when the client starts anew: after Retry (DCID is the Retry's SCID), after Version Negotiation, or
//! when it makes another connection from the same port. A server that changes the version compatibly (RFC 9368)
//! keeps the DCID and takes the other version's salt. None of that needs to be believed from headers: a packet is
//! opened with the keys that are known, then with those that its own header would explain, and the tag decides.

use quinn_proto::ConnectionId;

use super::crypto::CryptoStream;
use super::header::Packet;
use super::keys::{InitialKeys, Opened};
use super::version::{self, Suite};
use crate::types::{Both, Side};

/// Starts of connections kept; the oldest gives way.
const MAX_CONNECTIONS: usize = 4;
/// Packets in a row that no key opened, after which trying ends: they are not going to be readable.
const MAX_FAILURES: u8 = 32;

/// One start of a connection: one set of Initial keys and what they opened.
pub struct Connection {
    version: u32,
    dcid: ConnectionId,
    suite: &'static Suite,
    keys: Both<Option<Box<InitialKeys>>>,
    /// CRYPTO data of each side.
    pub crypto: Both<CryptoStream>,
    numbers: u128,
}

impl Connection {
    fn new(version: u32, dcid: ConnectionId, suite: &'static Suite) -> Self {
        Self {
            version,
            dcid,
            suite,
            keys: Both::default(),
            crypto: Both::default(),
            numbers: 0,
        }
    }

    fn open(&mut self, packet: &Packet<'_>, sender: Side) -> Option<Opened> {
        let keys = &mut self.keys[sender];
        if keys.is_none() {
            *keys = InitialKeys::derive(self.suite, &self.dcid, sender).map(Box::new);
        }
        keys.as_ref()?.open(packet.bytes, packet.body)
    }

    /// Version and first destination connection id: what its keys are made from.
    #[must_use]
    pub fn id(&self) -> (u32, ConnectionId) {
        (self.version, self.dcid)
    }

    /// Seals a packet anew that these keys opened; see [`InitialKeys::seal`].
    pub fn seal(&self, sender: Side, packet: &mut [u8], body: usize, number: u32) -> Option<()> {
        self.keys[sender].as_ref()?.seal(packet, body, number)
    }

    /// Notes a packet number of the client; true where it was there before (told for the first 128).
    pub fn is_duplicate(&mut self, number: u32) -> bool {
        let bit = 1u128.checked_shl(number).unwrap_or(0);
        let known = self.numbers & bit != 0;
        self.numbers |= bit;
        known
    }
}

/// What opened a packet.
pub struct Found {
    /// Whose keys did: normally the side that the packet came from.
    pub sender: Side,
    /// The packet.
    pub opened: Opened,
    /// Index of the connection for [`Connections::get`].
    pub index: usize,
    /// It is the first packet of another connection: its DCID is new among other connections'.
    pub another: bool,
}

/// All starts of connections on one flow.
#[derive(Default)]
pub struct Connections {
    list: Vec<Connection>,
    failures: u8,
}

impl Connections {
    /// Nothing was opened so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// So many packets in a row could not be opened that no more are tried.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.failures >= MAX_FAILURES
    }

    /// The connection that a packet was found to belong to.
    pub fn get(&mut self, found: &Found) -> Option<&mut Connection> {
        self.list.get_mut(found.index)
    }

    /// Opens a whole Initial that came from `side`.
    pub fn open(&mut self, packet: &Packet<'_>, side: Side) -> Option<Found> {
        if self.failures >= MAX_FAILURES || version::suites(packet.version).is_empty() {
            return None;
        }
        let found = self
            .open_known(packet, side)
            .or_else(|| self.open_new(packet, side));
        let found = found.or_else(|| self.open_swapped(packet, side));
        self.failures = found.as_ref().map_or(self.failures + 1, |_| 0);
        found
    }

    fn open_known(&mut self, packet: &Packet<'_>, sender: Side) -> Option<Found> {
        let same = self
            .list
            .iter_mut()
            .enumerate()
            .filter(|(_, c)| c.version == packet.version);
        for (index, connection) in same {
            if let Some(opened) = connection.open(packet, sender) {
                return Some(Found {
                    sender,
                    opened,
                    index,
                    another: false,
                });
            }
        }
        None
    }

    /// Keys not tried yet: those of the client's own DCID, and those of known DCIDs with the packet's version.
    fn open_new(&mut self, packet: &Packet<'_>, sender: Side) -> Option<Found> {
        let own = (sender == Side::Client).then_some(packet.dcid);
        let others = self
            .list
            .iter()
            .filter(|c| c.version != packet.version)
            .map(|c| c.dcid);
        let candidates: Vec<_> = own.into_iter().chain(others).collect();
        candidates
            .into_iter()
            .find_map(|dcid| self.open_by(packet, dcid, sender))
    }

    /// A client's first Initial that came from the side that was taken for the server.
    fn open_swapped(&mut self, packet: &Packet<'_>, side: Side) -> Option<Found> {
        let possible = side == Side::Server && self.is_empty();
        possible.then(|| self.open_by(packet, packet.dcid, Side::Client))?
    }

    fn open_by(&mut self, packet: &Packet<'_>, dcid: ConnectionId, sender: Side) -> Option<Found> {
        let known = |c: &Connection| c.version == packet.version && c.dcid == dcid;
        if self.list.iter().any(known) {
            return None;
        }
        let suites = version::suites(packet.version);
        let (connection, opened) = suites.iter().find_map(|suite| {
            let mut connection = Connection::new(packet.version, dcid, suite);
            let opened = connection.open(packet, sender)?;
            Some((connection, opened))
        })?;
        let another = !self.is_empty() && self.list.iter().all(|c| c.dcid != dcid);
        if self.list.len() >= MAX_CONNECTIONS {
            self.list.remove(0);
        }
        self.list.push(connection);
        Some(Found {
            sender,
            opened,
            index: self.list.len() - 1,
            another,
        })
    }
}
