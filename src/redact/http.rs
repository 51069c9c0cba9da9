//! Heads of HTTP/1 messages and what may stay of contents.
//!
//! Methods, status, lengths and codings stay; hosts become their pseudonyms; of `Location`, `Server` and `Via` the part stays
//! by which the tables know a block page. Paths but those of portal probes, other values and other names of fields
//! become letters `x`.

use super::names::Names;
use crate::data::{self, Part};

/// Values that say nothing about anybody.
const KEPT: [&[u8]; 9] = [
    b"content-length",
    b"transfer-encoding",
    b"connection",
    b"proxy-connection",
    b"content-encoding",
    b"accept-ranges",
    b"retry-after",
    b"upgrade",
    b"keep-alive",
];
/// Names that may be read, with values filled.
const COMMON: [&[u8]; 26] = [
    b"accept",
    b"accept-encoding",
    b"accept-language",
    b"authorization",
    b"age",
    b"cache-control",
    b"content-type",
    b"cookie",
    b"date",
    b"dnt",
    b"etag",
    b"expires",
    b"if-modified-since",
    b"if-none-match",
    b"last-modified",
    b"origin",
    b"pragma",
    b"proxy-authorization",
    b"proxy-authenticate",
    b"range",
    b"referer",
    b"set-cookie",
    b"upgrade-insecure-requests",
    b"user-agent",
    b"vary",
    b"www-authenticate",
];

/// What a head may be judged by beside itself.
#[derive(Clone, Default, Debug)]
pub(super) struct Asked {
    /// Host of the request, as sent.
    pub(super) host: Vec<u8>,
    /// Its target.
    pub(super) path: Vec<u8>,
}

/// The redacted form of a head, as long as it, whole or cut.
pub(super) fn head(head: &[u8], names: &Names, asked: &Asked) -> Vec<u8> {
    let mut out = Vec::with_capacity(head.len());
    for (at, line) in head.split_inclusive(|b| *b == b'\n').enumerate() {
        let end = line
            .iter()
            .rposition(|b| !matches!(b, b'\r' | b'\n'))
            .map_or(0, |at| at + 1);
        let (text, newline) = line.split_at(end);
        if at == 0 {
            first_line(text, names, asked, &mut out);
        } else {
            field(text, names, asked, &mut out);
        }
        out.extend_from_slice(newline);
    }
    debug_assert_eq!(out.len(), head.len());
    out.resize(head.len(), 0);
    out
}

fn first_line(line: &[u8], names: &Names, asked: &Asked, out: &mut Vec<u8>) {
    let start = out.len();
    if line.starts_with(b"HTTP/") {
        // Version and status; the phrase is whatever the server likes.
        let kept = line.len().min(12);
        out.extend_from_slice(&line[..kept]);
        out.extend(
            line[kept..]
                .iter()
                .map(|b| if *b == b' ' { b' ' } else { b'x' }),
        );
        return;
    }
    let mut words = line.splitn(3, |b| *b == b' ');
    let method = words.next().unwrap_or_default();
    let target = words.next();
    let version = words.next();
    let known = method.iter().all(u8::is_ascii_uppercase) && method.len() <= 8;
    match known {
        true => out.extend_from_slice(method),
        false => out.extend(method.iter().map(|_| b'x')),
    }
    if let Some(target) = target {
        out.push(b' ');
        request_target(method, target, names, asked, out);
    }
    if let Some(version) = version {
        out.push(b' ');
        let fine = version.len() == 8 && version.starts_with(b"HTTP/");
        out.extend(version.iter().map(|b| if fine { *b } else { b'x' }));
    }
    debug_assert_eq!(out.len() - start, line.len());
}

fn request_target(method: &[u8], target: &[u8], names: &Names, asked: &Asked, out: &mut Vec<u8>) {
    if method == b"CONNECT" {
        return out.extend(authority(target, names));
    }
    let host = String::from_utf8_lossy(without_port(&asked.host)).into_owned();
    let probe = |path: &[u8]| {
        let path = path
            .split(|b| matches!(b, b'?' | b'#'))
            .next()
            .unwrap_or(path);
        let text = String::from_utf8_lossy(path);
        let probe = data::portal_probe(&host, &text)?;
        probe.is_path(&text).then_some(path.len())
    };
    let path = match target.strip_prefix(b"http://") {
        Some(rest) => {
            out.extend_from_slice(b"http://");
            let at = rest.iter().position(|b| *b == b'/').unwrap_or(rest.len());
            out.extend(authority(&rest[..at], names));
            &rest[at..]
        }
        None => target,
    };
    let kept = probe(path).unwrap_or(path.len().min(1));
    out.extend_from_slice(&path[..kept]);
    out.extend(path[kept..].iter().map(|_| b'x'));
}

fn field(line: &[u8], names: &Names, asked: &Asked, out: &mut Vec<u8>) {
    let Some(colon) = line.iter().position(|b| *b == b':') else {
        out.extend(line.iter().map(|_| b'x'));
        return;
    };
    let (name, value) = line.split_at(colon);
    let lower = name.to_ascii_lowercase();
    let is = |list: &[&[u8]]| list.contains(&&lower[..]);
    let special: [&[u8]; 4] = [b"host", b"location", b"server", b"via"];
    if is(&KEPT) || is(&COMMON) || is(&special) {
        out.extend_from_slice(name);
    } else {
        out.extend(name.iter().map(|_| b'x'));
    }
    let space = value[1..].iter().take_while(|b| **b == b' ').count() + 1;
    let (lead, value) = value.split_at(space);
    out.extend_from_slice(lead);
    match &lower[..] {
        b"host" => out.extend(authority(value, names)),
        b"location" => out.extend(location(value, names, asked)),
        b"server" => out.extend(listed(Part::Server, value).unwrap_or_else(|| filled(value))),
        b"via" => out.extend(listed(Part::Via, value).unwrap_or_else(|| filled(value))),
        _ if is(&KEPT) && value.len() <= 40 => out.extend_from_slice(value),
        _ => out.extend(filled(value)),
    }
}

fn filled(value: &[u8]) -> Vec<u8> {
    let one = |b: &u8| if *b == b' ' { b' ' } else { b'x' };
    value.iter().map(one).collect()
}

/// What a table knows of a text, in its place, between letters `x`; `None` where it knows nothing of it.
pub(super) fn listed(part: Part, value: &[u8]) -> Option<Vec<u8>> {
    let page = data::blockpage(part, value)?;
    let pattern = page.pattern.as_bytes();
    let at = value
        .windows(pattern.len().max(1))
        .position(|w| w == pattern)?;
    let mut out = filled(value);
    out[at..at + pattern.len()].copy_from_slice(pattern);
    let same = data::blockpage(part, &out).map(|p| p.source) == Some(page.source);
    same.then_some(out)
}

fn location(value: &[u8], names: &Names, asked: &Asked) -> Vec<u8> {
    let scheme = [&b"http://"[..], b"https://", b"//"]
        .into_iter()
        .find(|s| value.starts_with(s))
        .unwrap_or_default();
    let rest = &value[scheme.len()..];
    let end = |b: &u8| matches!(b, b'/' | b'?' | b'#');
    let at = match scheme {
        [] => 0,
        _ => rest.iter().position(end).unwrap_or(rest.len()),
    };
    let mut out = scheme.to_vec();
    out.extend(authority(&rest[..at], names));
    out.extend(rest[at..].iter().map(|b| if end(b) { *b } else { b'x' }));
    // That the page is told which host was asked for decides whether it leads away from it.
    let host = without_port(&asked.host);
    if !host.is_empty() {
        let new = names.text(host);
        let lower = value.to_ascii_lowercase();
        let asked = host.to_ascii_lowercase();
        let found = lower.windows(asked.len()).enumerate();
        for (at, _) in found.filter(|(_, window)| *window == asked) {
            out[at..at + new.len()].copy_from_slice(&new);
        }
    }
    if let Some(known) = listed(Part::Location, value) {
        let page = data::blockpage(Part::Location, value).map(|p| p.pattern.as_bytes());
        let pattern = page.unwrap_or_default();
        let place = known
            .windows(pattern.len().max(1))
            .position(|w| w == pattern);
        if let Some(at) = place {
            out[at..at + pattern.len()].copy_from_slice(pattern);
        }
    }
    out
}

/// Host and port.
pub(super) fn authority(text: &[u8], names: &Names) -> Vec<u8> {
    if let Some(inner) = text.strip_prefix(b"[")
        && let Some(end) = inner.iter().position(|b| *b == b']')
    {
        let mut out = vec![b'['];
        out.extend(names.text(&inner[..end]));
        out.push(b']');
        out.extend(port(&inner[end + 1..]));
        return out;
    }
    let host = without_port(text);
    // A user and a password may stand before it.
    let at = host.iter().rposition(|b| *b == b'@').map_or(0, |at| at + 1);
    let mut out: Vec<u8> = vec![b'x'; at];
    if at > 0 {
        out[at - 1] = b'@';
    }
    let (name, space) = host[at..].split_at(host[at..].trim_ascii_end().len());
    out.extend(names.text(name));
    out.extend_from_slice(space);
    out.extend(port(&text[host.len()..]));
    out
}

fn port(text: &[u8]) -> impl Iterator<Item = u8> {
    text.iter().map(|b| match b {
        b':' | b' ' | b'0'..=b'9' => *b,
        _ => b'x',
    })
}

fn without_port(host: &[u8]) -> &[u8] {
    if host.starts_with(b"[") {
        return host;
    }
    let at = host.iter().rposition(|b| *b == b'@').map_or(0, |at| at + 1);
    let end = host[at..].iter().position(|b| *b == b':');
    &host[..end.map_or(host.len(), |end| at + end)]
}
