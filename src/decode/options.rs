//! TCP options (RFC 9293 section 3.1, RFC 7323, RFC 2018).
//!
//! etherparse decodes each option. The walk from one to the next is our own: its iterator ends at the first kind that it
//! does not know, which hides what stands behind Fast Open or MPTCP.

use super::Segment;
use etherparse::{TcpOptionElement, TcpOptionsIterator};

/// Options that etherparse knows, in order. Others are stepped over; a nonsense length ends the walk.
#[derive(Clone, Copy, Debug)]
struct Known<'a>(&'a [u8]);

impl Iterator for Known<'_> {
    type Item = TcpOptionElement;

    fn next(&mut self) -> Option<TcpOptionElement> {
        loop {
            match self.0 {
                [] | [0, ..] => return None,
                [1, rest @ ..] => self.0 = rest,
                [_, len, ..] if usize::from(*len) >= 2 => {
                    let (option, rest) = self.0.split_at_checked(usize::from(*len))?;
                    self.0 = rest;
                    if let Some(Ok(known)) = TcpOptionsIterator::from_slice(option).next() {
                        return Some(known);
                    }
                }
                _ => return None,
            }
        }
    }
}

impl Segment<'_> {
    /// Maximum segment size in bytes; only SYN segments should carry it.
    #[must_use]
    pub fn mss(&self) -> Option<u16> {
        Known(self.options).find_map(|option| match option {
            TcpOptionElement::MaximumSegmentSize(mss) => Some(mss),
            _ => None,
        })
    }

    /// Window scale as a shift count, at most 14 (RFC 7323 section 2.3); only SYN segments should carry it.
    #[must_use]
    pub fn window_scale(&self) -> Option<u8> {
        Known(self.options).find_map(|option| match option {
            TcpOptionElement::WindowScale(shift) => Some(shift.min(14)),
            _ => None,
        })
    }

    /// Timestamp value and echo reply (TSval, TSecr; RFC 7323 section 3.2).
    #[must_use]
    pub fn timestamps(&self) -> Option<(u32, u32)> {
        // Nearly all stacks send exactly two no-ops and the option.
        if let Some(&[1, 1, 8, 10, a, b, c, d, e, f, g, h]) = self.options.first_chunk() {
            return Some((
                u32::from_be_bytes([a, b, c, d]),
                u32::from_be_bytes([e, f, g, h]),
            ));
        }
        Known(self.options).find_map(|option| match option {
            TcpOptionElement::Timestamp(value, echo) => Some((value, echo)),
            _ => None,
        })
    }

    /// SACK is permitted (RFC 2018 section 2); only SYN segments should carry it.
    #[must_use]
    pub fn sack_permitted(&self) -> bool {
        Known(self.options)
            .any(|option| option == TcpOptionElement::SelectiveAcknowledgementPermitted)
    }

    /// SACK blocks as (left edge, right edge), in order, at most four (RFC 2018 section 3).
    pub fn sack_blocks(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let blocks = Known(self.options).find_map(|option| match option {
            TcpOptionElement::SelectiveAcknowledgement(first, rest) => {
                Some([Some(first), rest[0], rest[1], rest[2]])
            }
            _ => None,
        });
        blocks.unwrap_or_default().into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Segment, TcpFlags};

    fn segment(options: &[u8]) -> Segment<'_> {
        Segment {
            src_port: 1,
            dst_port: 2,
            seq: 0,
            ack: 0,
            flags: TcpFlags::default(),
            window: 0,
            options,
            payload: &[],
            payload_len: 0,
        }
    }

    #[test]
    fn reads_the_options_of_a_syn() {
        let options = [
            2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9, 1, 3, 3, 7,
        ];
        let syn = segment(&options);
        assert_eq!(syn.mss(), Some(1460));
        assert_eq!(syn.window_scale(), Some(7));
        assert_eq!(syn.timestamps(), Some((7, 9)));
        assert!(syn.sack_permitted());
        assert_eq!(syn.sack_blocks().count(), 0);
    }

    #[test]
    fn steps_over_kinds_it_does_not_know() {
        // Fast Open cookie (34), then MPTCP (30), then the MSS and a scale of 200.
        let options = [34, 4, 1, 2, 30, 3, 0, 2, 4, 1, 0, 3, 3, 200];
        assert_eq!(segment(&options).mss(), Some(256));
        assert_eq!(segment(&options).window_scale(), Some(14));
    }

    #[test]
    fn a_wrong_size_hides_only_that_option() {
        let options = [2, 3, 9, 3, 3, 5];
        assert_eq!(segment(&options).mss(), None);
        assert_eq!(segment(&options).window_scale(), Some(5));
    }

    #[test]
    fn a_nonsense_length_ends_the_walk() {
        for options in [
            &[8, 0, 2, 4, 1, 0][..],
            &[8, 1],
            &[2, 4, 1],
            &[5],
            &[5, 250, 1],
        ] {
            assert_eq!(segment(options).mss(), None);
            assert_eq!(segment(options).sack_blocks().count(), 0);
        }
    }

    #[test]
    fn reads_sack_blocks_in_order() {
        let mut options = vec![1, 1, 5, 18];
        for edge in [100u32, 200, 300, 400] {
            options.extend(edge.to_be_bytes());
        }
        let blocks: Vec<_> = segment(&options).sack_blocks().collect();
        assert_eq!(blocks, [(100, 200), (300, 400)]);
        options.truncate(12);
        assert_eq!(segment(&options).sack_blocks().count(), 0);
    }

    #[test]
    fn timestamps_in_the_usual_place() {
        let options = [1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0];
        assert_eq!(segment(&options).timestamps(), Some((256, 512)));
    }
}
