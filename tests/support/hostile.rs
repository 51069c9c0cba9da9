//! A capture whose every text means harm.

use shakedown_craft::prelude::*;

/// Names and texts that would act in one form of output or another, as they are sent.
pub const HOSTILE: [&str; 8] = [
    "\x1b]0;pwned\x07\x1b[2J",
    "\u{202e}moc.live\u{2066}",
    "line\r\nbreak\u{9b}31m",
    "<img/src=x/onerror=alert(1)>",
    "[click](http://evil.example)`|x",
    "=cmd|'/c calc'!A0",
    "..\\..\\etc\\passwd",
    "``` </pre><script>alert(1)</script>",
];

/// Each of them as SNI, ALPN, DNS name, CNAME, EDE text, HTTP reason and body; one as a comment of the file.
pub fn hostile(net: &Net) {
    for evil in HOSTILE {
        let host = format!("{evil}.tiktok.com");
        let mut query = net.query(&host, rtype::A);
        query.answer(12, |b| {
            b.cname(&format!("{evil}.example"))
                .a("23.49.60.10")
                .ede(15, evil);
        });
        net.wait(5);
        let mut tcp = net.tcp("23.49.60.10");
        tcp.connect();
        let record = ClientHello::new(&host).alpn(&[evil]).record(net);
        tcp.client_data(&record);
        tcp.server_data(format!("HTTP/1.1 403 {evil}\r\n\r\n{evil}").as_bytes());
        tcp.close(Side::Server);
        net.wait(500);
    }
    net.ping_until(9000);
    net.format(Format::PcapNg);
    net.comment(HOSTILE[0]);
}
