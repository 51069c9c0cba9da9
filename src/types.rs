//! Small types with a meaning, used everywhere: time, frame numbers, addresses, sides.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// A point in time on the packets' own clock: nanoseconds since the Unix epoch, UTC. May be negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The earliest time there is.
    pub const MIN: Self = Self(i64::MIN);

    /// Time that passed from `earlier` to `self`; zero where the clock went backwards.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let nanos = self.0.saturating_sub(earlier.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }

    /// This time plus `span`, saturating.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)),
        )
    }

    /// This time minus `span`, saturating.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)),
        )
    }
}

/// A 1-based frame number, counted per capture file as Wireshark counts it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct FrameNumber(pub u32);

/// Which of the inputs a frame came from: the index into the report's `captures`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct CaptureId(pub u16);

/// Where and when something was seen: the reference that every fact carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Mark {
    /// Capture time of the frame.
    pub time: Timestamp,
    /// Its number in its file.
    pub frame: FrameNumber,
    /// Which file.
    pub capture: CaptureId,
}

/// An IP address in 16 bytes; IPv4 is kept as `::ffff:a.b.c.d`, which never appears on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Addr(pub u128);

impl Addr {
    const V4: u128 = 0xffff_0000_0000;

    /// From the four bytes of an IPv4 header field.
    #[must_use]
    pub const fn v4(bytes: [u8; 4]) -> Self {
        Self(Self::V4 | u32::from_be_bytes(bytes) as u128)
    }

    /// From the sixteen bytes of an IPv6 header field.
    #[must_use]
    pub const fn v6(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// True for an IPv4 address.
    #[must_use]
    pub const fn is_v4(self) -> bool {
        self.0 >> 32 == 0xffff
    }

    /// As the standard library's type.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn ip(self) -> IpAddr {
        if self.is_v4() {
            IpAddr::V4(Ipv4Addr::from(self.0 as u32))
        } else {
            IpAddr::V6(Ipv6Addr::from(self.0))
        }
    }
}

impl From<IpAddr> for Addr {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(a) => Self::v4(a.octets()),
            IpAddr::V6(a) => Self::v6(a.octets()),
        }
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

/// An address and a port. Displays as `1.2.3.4:443` or `[2001:db8::1]:443`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Endpoint {
    /// The address.
    pub addr: Addr,
    /// The TCP or UDP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.addr.ip(), self.port).fmt(f)
    }
}

/// The two ends of a flow: the one that opened it and the one it was opened to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// Opened the flow (sent the SYN, the ClientHello, the first Initial, the query).
    Client = 0,
    /// Was asked.
    Server = 1,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// Index for two-element arrays: client 0, server 1.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// One value for each side of a flow, indexed by [`Side`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Both<T>(pub [T; 2]);

impl<T> std::ops::Index<Side> for Both<T> {
    type Output = T;
    fn index(&self, side: Side) -> &T {
        &self.0[side.index()]
    }
}

impl<T> std::ops::IndexMut<Side> for Both<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        &mut self.0[side.index()]
    }
}

/// A link type as capture files number them (LINKTYPE_ values, tcpdump.org/linktypes).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct LinkType(pub u32);

/// One frame as it was captured. `data` is a slice of the source's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its number, time and file.
    pub mark: Mark,
    /// How to read the first byte.
    pub link: LinkType,
    /// Length on the wire as the file states it; larger than `data.len()` where the snap length cut it. A broken
    /// file may state less.
    pub original_len: u32,
    /// Direction as the file states it (pcapng flags, SLL packet type is decoded later).
    pub direction: Direction,
    /// The Android user id of the app it belongs to, where the capture says so (PCAPdroid's packet comment `u-10123`).
    pub uid: Option<i32>,
    /// The captured bytes.
    pub data: &'a [u8],
}

/// Which way a frame went past the capturing interface, where that is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Direction {
    /// Not stated.
    #[default]
    Unknown,
    /// Received by the capturing host.
    In,
    /// Sent by it.
    Out,
}
