//! A single segment described by hand.

use crate::packet::flag;

/// A segment for [`super::Tcp::raw_segment`]; `None` means: as the sender's state has it.
#[derive(Clone, Debug, Default)]
pub struct Seg {
    /// Flag bits, see [`flag`].
    pub flags: u8,
    /// Sequence number.
    pub seq: Option<u32>,
    /// Added to the sequence number.
    pub seq_offset: i32,
    /// Acknowledgment number.
    pub ack: Option<u32>,
    /// Window field as written.
    pub window: Option<u16>,
    /// TTL or hop limit.
    pub ttl: Option<u8>,
    /// IPv4 identification.
    pub ip_id: Option<u16>,
    /// IPv4 "don't fragment".
    pub df: Option<bool>,
    /// All TCP options.
    pub options: Option<Vec<u8>>,
    /// Data.
    pub payload: Vec<u8>,
    /// From the server: not in the capture.
    pub lost: bool,
    /// Wrong TCP checksum.
    pub bad_checksum: bool,
}

impl Seg {
    /// A segment with these flags.
    pub fn new(flags: u8) -> Self {
        Self {
            flags,
            ..Self::default()
        }
    }

    /// A reset as middleboxes forge it: no options, and whatever else is chosen with the setters below.
    pub fn forged_rst() -> Self {
        Self {
            options: Some(Vec::new()),
            ..Self::new(flag::RST)
        }
    }

    /// The same with ACK set.
    pub fn forged_rst_ack() -> Self {
        Self {
            options: Some(Vec::new()),
            ..Self::new(flag::RST | flag::ACK)
        }
    }

    /// PSH, ACK and these bytes.
    pub fn data(payload: &[u8]) -> Self {
        Self {
            payload: payload.to_vec(),
            ..Self::new(flag::PSH | flag::ACK)
        }
    }

    /// Sequence number.
    #[must_use]
    pub fn seq(mut self, seq: u32) -> Self {
        self.seq = Some(seq);
        self
    }

    /// Added to the sequence number.
    #[must_use]
    pub fn seq_offset(mut self, by: i32) -> Self {
        self.seq_offset = by;
        self
    }

    /// Acknowledgment number.
    #[must_use]
    pub fn ack(mut self, ack: u32) -> Self {
        self.ack = Some(ack);
        self
    }

    /// Window field as written.
    #[must_use]
    pub fn window(mut self, window: u16) -> Self {
        self.window = Some(window);
        self
    }

    /// TTL or hop limit as captured.
    #[must_use]
    pub fn ttl(mut self, ttl: u8) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// IPv4 identification.
    #[must_use]
    pub fn ip_id(mut self, id: u16) -> Self {
        self.ip_id = Some(id);
        self
    }

    /// Clears IPv4 "don't fragment".
    #[must_use]
    pub fn no_df(mut self) -> Self {
        self.df = Some(false);
        self
    }

    /// Wrong TCP checksum.
    #[must_use]
    pub fn bad_checksum(mut self) -> Self {
        self.bad_checksum = true;
        self
    }
}
