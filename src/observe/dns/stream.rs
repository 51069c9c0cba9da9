//! DNS over TCP: messages cut out of one direction's bytes (RFC 1035 section 4.2.2, RFC 7766 section 8).

/// One direction of one DNS-over-TCP connection. Bytes go in as they come in order, whole messages come out.
///
/// Holds at most one message: 65,537 bytes. A message that lies whole in one segment is not copied.
#[derive(Debug, Default)]
pub struct DnsStream {
    /// The begun message, its two length bytes included.
    begun: Vec<u8>,
    /// Bytes of a message that is already given out, still to be passed over.
    skip: usize,
    /// Where the next message begins is not known any more.
    lost: bool,
}

impl DnsStream {
    /// A direction at its first byte.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes of the stream. `message` gets each message that they complete, without its length bytes, and
    /// whether bytes are missing at its end.
    pub fn data(&mut self, bytes: &[u8], message: &mut dyn FnMut(&[u8], bool)) {
        if self.lost {
            return;
        }
        let passed = self.skip.min(bytes.len());
        self.skip -= passed;
        let rest = self.complete(&bytes[passed..], message);
        let rest = whole_messages(rest, message);
        self.begun.extend_from_slice(rest);
    }

    /// `missing` bytes of the stream will never come (`None`: nobody knows how many). A begun message is given out as
    /// far as it goes. Where the gap ends inside of it, the stream goes on behind it; otherwise it is lost for good,
    /// because nothing marks where a message begins.
    pub fn gap(&mut self, missing: Option<u64>, message: &mut dyn FnMut(&[u8], bool)) {
        if self.lost {
            return;
        }
        let open = self.open();
        if self.begun.len() > 2 {
            message(&self.begun[2..], true);
        }
        self.begun.clear();
        let missing = missing.and_then(|bytes| usize::try_from(bytes).ok());
        match open.zip(missing) {
            Some((open, missing)) if missing <= open => self.skip = open - missing,
            _ => self.lost = true,
        }
    }

    /// Bytes that the begun message still wants, where its length is known.
    fn open(&self) -> Option<usize> {
        match length(&self.begun) {
            Some(length) => Some(length + 2 - self.begun.len()),
            None if self.skip > 0 => Some(self.skip),
            None => None,
        }
    }

    /// Adds to the begun message, gives it out when it is whole, and returns what follows.
    fn complete<'a>(
        &mut self,
        mut bytes: &'a [u8],
        message: &mut dyn FnMut(&[u8], bool),
    ) -> &'a [u8] {
        while !self.begun.is_empty() && !bytes.is_empty() {
            let wanted = length(&self.begun).map_or(1, |length| length + 2 - self.begun.len());
            let (now, later) = bytes.split_at(wanted.min(bytes.len()));
            self.begun.extend_from_slice(now);
            bytes = later;
            if length(&self.begun).is_some_and(|length| length + 2 == self.begun.len()) {
                message(&self.begun[2..], false);
                self.begun.clear();
            }
        }
        bytes
    }
}

fn length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.first_chunk::<2>()?;
    Some(usize::from(u16::from_be_bytes(*head)))
}

/// Gives out the whole messages at the start of `bytes`, and returns the rest.
fn whole_messages<'a>(mut bytes: &'a [u8], message: &mut dyn FnMut(&[u8], bool)) -> &'a [u8] {
    while let Some(body) = length(bytes).and_then(|length| bytes.get(2..length + 2)) {
        message(body, false);
        bytes = &bytes[body.len() + 2..];
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(messages: &[&[u8]]) -> Vec<u8> {
        let frame = |message: &&[u8]| {
            let length = u16::try_from(message.len()).unwrap().to_be_bytes();
            [length.as_slice(), message].concat()
        };
        messages.iter().flat_map(frame).collect()
    }

    fn feed(stream: &mut DnsStream, bytes: &[u8]) -> Vec<(Vec<u8>, bool)> {
        let mut out = Vec::new();
        stream.data(bytes, &mut |message, clipped| {
            out.push((message.to_vec(), clipped))
        });
        out
    }

    #[test]
    fn messages_come_out_however_the_bytes_are_cut() {
        let long = vec![7; 65_535];
        let bytes = framed(&[b"first", b"", b"second", &long, b"x"]);
        let whole = feed(&mut DnsStream::new(), &bytes);
        assert_eq!(
            whole
                .iter()
                .map(|(message, _)| message.len())
                .collect::<Vec<_>>(),
            [5, 0, 6, 65_535, 1]
        );
        for size in [1, 2, 3, 5, 1460] {
            let mut stream = DnsStream::new();
            let cut: Vec<_> = bytes
                .chunks(size)
                .flat_map(|chunk| feed(&mut stream, chunk))
                .collect();
            assert!(cut == whole, "in pieces of {size}");
            assert!(stream.begun.is_empty());
        }
    }

    #[test]
    fn a_gap_inside_a_message_costs_only_that_message() {
        let bytes = framed(&[b"0123456789", b"next"]);
        let mut stream = DnsStream::new();
        assert!(feed(&mut stream, &bytes[..6]).is_empty());
        let mut cut = Vec::new();
        stream.gap(Some(4), &mut |message, clipped| {
            cut.push((message.to_vec(), clipped))
        });
        assert_eq!(cut, [(b"0123".to_vec(), true)]);
        assert_eq!(feed(&mut stream, &bytes[10..11]), []);
        assert_eq!(feed(&mut stream, &bytes[11..]), [(b"next".to_vec(), false)]);
    }

    #[test]
    fn two_gaps_in_one_message() {
        let bytes = framed(&[b"0123456789", b"next"]);
        let mut stream = DnsStream::new();
        feed(&mut stream, &bytes[..4]);
        stream.gap(Some(2), &mut |_, _| {});
        feed(&mut stream, &bytes[6..8]);
        stream.gap(Some(4), &mut |_, _| panic!("already given out"));
        assert_eq!(feed(&mut stream, &bytes[12..]), [(b"next".to_vec(), false)]);
    }

    #[test]
    fn a_gap_over_a_boundary_ends_it() {
        for missing in [Some(9), None, Some(u64::MAX)] {
            let bytes = framed(&[b"0123456789", b"next"]);
            let mut stream = DnsStream::new();
            feed(&mut stream, &bytes[..6]);
            stream.gap(missing, &mut |_, _| {});
            assert_eq!(feed(&mut stream, &bytes), []);
        }
        let mut stream = DnsStream::new();
        stream.gap(Some(1), &mut |_, _| panic!("nothing was begun"));
        assert_eq!(feed(&mut stream, &framed(&[b"x"])), []);
    }
}
