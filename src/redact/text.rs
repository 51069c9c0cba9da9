//! What text looks like, without what it says.

/// Beginnings by which anybody knows a protocol.
const KNOWN: [&[u8]; 6] = [b"SSH-2.0-", b"220 ", b"+OK ", b"* OK ", b"<html", b"<!doc"];

/// As many bytes: letters where text was, white space in its place, zeros where no text was. `begins`: it is the
/// beginning of a stream, which may tell its protocol.
pub(super) fn look(bytes: &[u8], begins: bool) -> Vec<u8> {
    let one = |b: &u8| match b {
        b'\r' | b'\n' | b'\t' | b' ' => *b,
        0x21..=0x7e => b'x',
        0x80.. => 0x80,
        _ => 0,
    };
    let mut out: Vec<u8> = bytes.iter().map(one).collect();
    let start = bytes.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let text = &bytes[start..];
    let known = |k: &&[u8]| {
        text.get(..k.len())
            .is_some_and(|t| t.eq_ignore_ascii_case(k))
    };
    if let Some(known) = KNOWN.into_iter().find(known).filter(|_| begins) {
        out[start..start + known.len()].copy_from_slice(&text[..known.len()]);
    }
    out
}
