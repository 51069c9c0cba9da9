//! What the layers hand to each other on the long way.

use super::bytes::Bytes;
use super::trace::{Layer, Trace};
use super::{AppTag, Arp, DecodeError, Packet, Transport};
use crate::types::{Addr, Direction, Frame, LinkType, Mark};

/// Layers that may be nested, link layers and IP headers counted alike: about eight tunnels.
pub(super) const MAX_DEPTH: u8 = 16;

/// What has been learnt on the way down and goes into the packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) mark: Mark,
    pub(super) direction: Direction,
    pub(super) app: Option<AppTag<'a>>,
    pub(super) tunnelled: bool,
    /// The first fragment of a packet is decoded alone: lengths in it speak of more than is there.
    pub(super) partial: bool,
    /// Notes where the layers lie, for whoever rewrites the frame.
    trace: Option<&'a Trace>,
    depth: u8,
}

impl<'a> Context<'a> {
    pub(super) fn new(frame: &Frame<'a>) -> Self {
        Self {
            mark: frame.mark,
            direction: frame.direction,
            app: None,
            tunnelled: false,
            partial: false,
            trace: None,
            depth: 0,
        }
    }

    /// The same with a trace of the layers.
    pub(super) fn traced(frame: &Frame<'a>, trace: &'a Trace) -> Self {
        Self {
            trace: Some(trace),
            ..Self::new(frame)
        }
    }

    /// A layer begins here.
    #[inline]
    pub(super) fn note(&self, layer: Layer, at: &Bytes<'_>) {
        if let Some(trace) = self.trace {
            trace.push(layer, at.offset, at.data.len());
        }
    }

    /// Layers noted so far, for [`Context::forget`].
    pub(super) fn noted(&self) -> usize {
        self.trace.map_or(0, Trace::len)
    }

    /// What was noted since turned out to be no such thing.
    pub(super) fn forget(&self, noted: usize) {
        if let Some(trace) = self.trace {
            trace.truncate(noted);
        }
    }

    /// One layer deeper. Bounds the recursion, which hostile frames could else drive by their length.
    pub(super) fn enter(&mut self, at: &Bytes<'_>) -> Result<(), DecodeError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(at.bad("nesting", usize::from(MAX_DEPTH), usize::from(self.depth)));
        }
        Ok(())
    }

    /// The packet, complete.
    pub(super) fn finish(self, header: Header, transport: Transport<'a>) -> Walk<'a> {
        Walk::Packet(Packet {
            mark: self.mark,
            src: header.src,
            dst: header.dst,
            ttl: header.ttl,
            ip_id: header.ip_id,
            dont_fragment: header.dont_fragment,
            direction: self.direction,
            tunnelled: self.tunnelled,
            app: self.app,
            transport,
        })
    }
}

/// The IP header's fields that go into the packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) v6: bool,
    pub(super) src: Addr,
    pub(super) dst: Addr,
    pub(super) ttl: u8,
    pub(super) ip_id: u16,
    pub(super) dont_fragment: bool,
}

/// One IP fragment on its way to the pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) ctx: Context<'a>,
    pub(super) header: Header,
    /// IPv4 protocol, or the next header of the IPv6 fragment header (only the first fragment's counts there).
    pub(super) protocol: u8,
    /// IPv4 or IPv6 identification.
    pub(super) id: u32,
    /// In units of eight bytes.
    pub(super) offset: u16,
    pub(super) more: bool,
    pub(super) body: Bytes<'a>,
}

/// Where the way down ended well.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::large_enum_variant)] // lives for a moment on the stack
pub(super) enum Walk<'a> {
    Packet(Packet<'a>),
    Fragment(Piece<'a>),
}

/// Why it ended early.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stop {
    NotIp,
    Arp(Arp),
    UnknownLink(LinkType),
    Malformed(DecodeError),
}

impl From<DecodeError> for Stop {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

/// The result of layers above the link.
pub(super) type Walked<'a> = Result<Walk<'a>, Stop>;

/// The result of a link layer: the IP packet in it.
pub(super) type Found<'a> = Result<Bytes<'a>, Stop>;
