//! HTTP messages: what goes inside TLS, and what captive portals say in the clear.

/// An HTTP/1.1 GET of about `len` bytes (a cookie fills it up).
pub fn request(host: &str, path: &str, len: usize) -> Vec<u8> {
    let mut head = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: com.zhiliaoapp.musically/2023700010\r\nAccept: */*\r\n"
    );
    let room = len.saturating_sub(head.len() + 12);
    if room > 8 {
        head.push_str(&format!("Cookie: s={}\r\n", "a".repeat(room - 2)));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// An HTTP/1.1 response with a body that makes it about `len` bytes.
pub fn response(status: u16, len: usize) -> Vec<u8> {
    let body = vec![b'.'; len.saturating_sub(90)];
    response_with(status, &[("Content-Type", "application/json")], &body)
}

/// An HTTP/1.1 response with these header fields (Content-Length is added) and body.
pub fn response_with(status: u16, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let reason = match status {
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        511 => "Network Authentication Required",
        _ => "Status",
    };
    let mut head = format!("HTTP/1.1 {status} {reason}\r\n");
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    [head.as_bytes(), body].concat()
}

/// A redirect to `location`, with a short page.
pub fn redirect(location: &str) -> Vec<u8> {
    let page = format!("<html><body><a href=\"{location}\">Moved</a></body></html>");
    response_with(
        302,
        &[("Location", location), ("Content-Type", "text/html")],
        page.as_bytes(),
    )
}

fn frame(kind: u8, flags: u8, stream: u32, body: &[u8]) -> Vec<u8> {
    let len = (body.len() as u32).to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), body].concat()
}

/// Header field, never indexed, neither name nor value compressed (RFC 7541 section 6.2.3).
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut o = vec![0x10];
    for text in [name, value] {
        match text.len() {
            n @ 0..127 => o.push(n as u8),
            n => {
                o.push(127);
                let mut rest = n - 127;
                while rest >= 128 {
                    o.push((rest % 128) as u8 | 0x80);
                    rest /= 128;
                }
                o.push(rest as u8);
            }
        }
        o.extend_from_slice(text.as_bytes());
    }
    o
}

/// HTTP/2 preface, SETTINGS and HEADERS of a GET, about `len` bytes.
pub fn h2_request(host: &str, path: &str, len: usize) -> Vec<u8> {
    let mut o = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    o.extend(frame(4, 0, 0, &[0, 3, 0, 0, 0, 100, 0, 4, 0, 0x60, 0, 0]));
    o.extend(frame(8, 0, 0, &0x00ef_0001_u32.to_be_bytes()));
    let mut block = vec![0x82, 0x87];
    block.extend(literal(":authority", host));
    block.extend(literal(":path", path));
    let room = len.saturating_sub(o.len() + block.len() + 9);
    if room > 12 {
        block.extend(literal("cookie", &"a".repeat(room - 10)));
    }
    o.extend(frame(1, 5, 1, &block));
    o
}

/// HTTP/2 SETTINGS, HEADERS with this status and DATA, about `len` bytes.
pub fn h2_response(status: u16, len: usize) -> Vec<u8> {
    let mut o = frame(4, 0, 0, &[0, 3, 0, 0, 0, 128]);
    o.extend(frame(4, 1, 0, &[]));
    o.extend(frame(1, 4, 1, &literal(":status", &status.to_string())));
    let mut rest = len.saturating_sub(o.len());
    while rest > 0 {
        let n = rest.min(16_384);
        rest -= n;
        o.extend(frame(0, u8::from(rest == 0), 1, &vec![b'.'; n]));
    }
    o
}
