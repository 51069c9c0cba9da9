//! Where the layers of one frame lie: what whoever rewrites frames needs to know beside the packet.
//!
//! Noted on the long way only; the fast path has no part in it.

use std::cell::RefCell;

/// What begins at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Layer {
    /// Ethernet header: two addresses and a type.
    Ethernet,
    /// Linux cooked header.
    Sll,
    /// The same, version 2.
    Sll2,
    /// 802.11 header.
    Wifi,
    /// Header of a subframe in an A-MSDU: two addresses and a length.
    Subframe,
    /// Bytes that lead nowhere.
    Nothing,
    /// Prism header.
    Prism,
    /// PPI header with its fields.
    Ppi,
    /// Apple's PKTAP header.
    Pktap,
    /// Attribute of a netfilter log.
    Attribute,
    /// ARP packet.
    Arp,
    /// IPv4 header.
    V4,
    /// IPv6 header.
    V6,
    /// IPv6 extension header of the common shape, of this length.
    Extension(usize),
    /// IPv6 fragment header.
    FragmentHeader,
    /// Authentication header, of this length.
    Authentication(usize),
    /// What an IP fragment holds.
    Fragment,
    /// TCP segment.
    Tcp,
    /// UDP datagram.
    Udp,
    /// ICMP message.
    Icmp,
    /// ICMPv6 message.
    Icmp6,
}

/// One layer of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Note {
    /// What it is.
    pub(crate) layer: Layer,
    /// Its first byte, from the start of the frame.
    pub(crate) at: usize,
    /// Captured bytes of it and of all that it holds; padding behind it is left out where it is known.
    pub(crate) len: usize,
}

/// Collects notes on the way down.
#[derive(Debug)]
pub(super) struct Trace(RefCell<Vec<Note>>);

impl Trace {
    /// An empty one, in the memory of an earlier one.
    pub(super) fn new(mut notes: Vec<Note>) -> Self {
        notes.clear();
        Self(RefCell::new(notes))
    }

    pub(super) fn push(&self, layer: Layer, at: usize, len: usize) {
        self.0.borrow_mut().push(Note { layer, at, len });
    }

    pub(super) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    pub(super) fn truncate(&self, len: usize) {
        self.0.borrow_mut().truncate(len);
    }

    pub(super) fn into_notes(self) -> Vec<Note> {
        self.0.into_inner()
    }
}
