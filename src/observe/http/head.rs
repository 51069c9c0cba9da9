//! Heads of HTTP/1 messages: the few fields that say who was asked, what came back and how long it is.

/// Longest method, host, path and field value that are kept.
const MAX_METHOD: usize = 16;
const MAX_HOST: usize = 255;
const MAX_TEXT: usize = 512;

/// Methods that begin a request here. CONNECT is the TLS observer's: it opens a tunnel.
pub const METHODS: [&[u8]; 8] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"OPTIONS ",
    b"DELETE ",
    b"PATCH ",
    b"TRACE ",
];

/// What a request's head says. Texts are untrusted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestHead {
    /// Method.
    pub method: String,
    /// Host of the absolute target, else of the `Host` field; without port, lower case.
    pub host: Option<String>,
    /// Path and query.
    pub path: String,
    /// Length of the content; `None` where it is chunked.
    pub length: Option<u64>,
}

/// What a response's head says. Texts are untrusted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ResponseHead {
    /// Status code.
    pub status: u16,
    /// `Location`.
    pub location: Option<String>,
    /// `Server`.
    pub server: Option<String>,
    /// `Via`.
    pub via: Option<String>,
    /// Length of the content; `None` where it is chunked or ends with the connection.
    pub length: Option<u64>,
}

/// Do these bytes begin a request of HTTP/1?
#[must_use]
pub fn begins_request(bytes: &[u8]) -> bool {
    let method = METHODS.iter().any(|m| bytes.starts_with(m));
    method && (bytes.len() < 24 || !bytes.starts_with(b"PRI "))
}

/// The offset behind the empty line that ends a head, looked for from `from` on.
#[must_use]
pub fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let at = rest.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(from + at + 4)
}

impl RequestHead {
    /// Reads a head; `None` where the first line is none of a request.
    #[must_use]
    pub fn parse(head: &[u8]) -> Option<Self> {
        let mut lines = lines(head);
        let mut words = lines.next()?.split(|b| *b == b' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if !version.starts_with(b"HTTP/1.") || method.len() > MAX_METHOD {
            return None;
        }
        let (absolute, path) = split_target(target);
        let mut request = Self {
            method: text(method, MAX_METHOD),
            host: absolute.and_then(host),
            path: text(path, MAX_TEXT),
            length: Some(0),
        };
        for (name, value) in lines.filter_map(field) {
            if name.eq_ignore_ascii_case(b"host") && request.host.is_none() {
                request.host = host(value);
            } else if name.eq_ignore_ascii_case(b"content-length") {
                request.length = request.length.and_then(|_| number(value));
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                request.length = None;
            }
        }
        Some(request)
    }
}

impl ResponseHead {
    /// Reads a head; `None` where the first line is none of a response.
    #[must_use]
    pub fn parse(head: &[u8]) -> Option<Self> {
        let mut lines = lines(head);
        let line = lines.next()?;
        let status = line.strip_prefix(b"HTTP/1.")?.get(2..5)?;
        let status = u16::try_from(number(status)?).ok()?;
        let mut response = Self {
            status,
            ..Self::default()
        };
        let mut chunked = false;
        for (name, value) in lines.filter_map(field) {
            let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
            if is(b"location") {
                response.location = Some(text(value, MAX_TEXT));
            } else if is(b"server") {
                response.server = Some(text(value, MAX_TEXT));
            } else if is(b"via") {
                response.via = Some(text(value, MAX_TEXT));
            } else if is(b"content-length") {
                response.length = number(value);
            }
            chunked |= is(b"transfer-encoding");
        }
        if chunked {
            response.length = None;
        }
        (100..=599).contains(&status).then_some(response)
    }
}

/// Host and target of a request that lies whole in these bytes, without keeping anything.
#[must_use]
pub fn peek(segment: &[u8]) -> Option<(&str, &[u8])> {
    if !begins_request(segment) {
        return None;
    }
    let end = head_end(segment, 0)?;
    let mut lines = lines(&segment[..end]);
    let target = lines.next()?.split(|b| *b == b' ').nth(1)?;
    let (absolute, path) = split_target(target);
    let host = absolute.or_else(|| {
        let mut fields = lines.filter_map(field);
        let host = fields.find(|(name, _)| name.eq_ignore_ascii_case(b"host"));
        host.map(|(_, value)| value)
    })?;
    let host = std::str::from_utf8(without_port(host)).ok()?;
    Some((host, path))
}

/// `http://host:port/path` as host and path; others have only a path.
fn split_target(target: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let Some(rest) = target.strip_prefix(b"http://") else {
        return (None, target);
    };
    let at = rest.iter().position(|b| *b == b'/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    (Some(host), if path.is_empty() { b"/" } else { path })
}

fn without_port(host: &[u8]) -> &[u8] {
    if host.starts_with(b"[") {
        return host; // an IPv6 address
    }
    host.split(|b| *b == b':').next().unwrap_or(host)
}

fn host(value: &[u8]) -> Option<String> {
    let host = text(without_port(value), MAX_HOST).to_ascii_lowercase();
    let host = host.trim_end_matches('.');
    (!host.is_empty()).then(|| host.to_owned())
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|b| *b == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|b| *b == b':')?;
    Some((&line[..at], line[at + 1..].trim_ascii()))
}

fn number(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

fn text(bytes: &[u8], most: usize) -> String {
    let bytes = &bytes[..bytes.len().min(most)];
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let head = b"GET /a?b HTTP/1.1\r\nhost: WWW.Example.com:8080\r\nX: y\r\n\r\n";
        let r = RequestHead::parse(head).unwrap();
        assert_eq!((r.method.as_str(), r.path.as_str()), ("GET", "/a?b"));
        assert_eq!(
            (r.host.as_deref(), r.length),
            (Some("www.example.com"), Some(0))
        );
        assert_eq!(peek(head), Some(("WWW.Example.com", &b"/a?b"[..])));
        let proxied =
            b"POST http://a.example:80/x HTTP/1.1\r\nHost: b\r\nContent-Length: 7\r\n\r\n";
        let r = RequestHead::parse(proxied).unwrap();
        assert_eq!((r.host.as_deref(), r.length), (Some("a.example"), Some(7)));
        assert_eq!(peek(proxied), Some(("a.example", &b"/x"[..])));
        assert!(RequestHead::parse(b"GET /\r\n\r\n").is_none());
        assert!(RequestHead::parse(b"SSH-2.0\r\n\r\n").is_none());
        assert_eq!(peek(b"GET / HTTP/1.1\r\nHost: a\r\n"), None);
        assert!(!begins_request(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    }

    #[test]
    fn responses() {
        let head = b"HTTP/1.0 302 Found\r\nLOCATION:  http://p/\r\nContent-Length: 12\r\n\r\n";
        let r = ResponseHead::parse(head).unwrap();
        assert_eq!(
            (r.status, r.location.as_deref(), r.length),
            (302, Some("http://p/"), Some(12))
        );
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(ResponseHead::parse(chunked).unwrap().length, None);
        for bad in [
            &b"HTTP/1.1 2x0 OK\r\n\r\n"[..],
            b"HTTP/1.1 999 \r\n\r\n",
            b"HTTP/2 200\r\n\r\n",
            b"",
        ] {
            assert_eq!(ResponseHead::parse(bad), None);
        }
        let huge = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n";
        assert_eq!(ResponseHead::parse(huge).unwrap().length, None);
    }
}
