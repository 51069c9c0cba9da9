//! Whole scenes in one call, for what surrounds the interesting part: healthy connections and other traffic.

use crate::net::{Net, Side};
use crate::quic;
use crate::tcp::Tcp;
use crate::tls::{self, Cert, Session};

impl Net {
    /// A healthy HTTPS visit: lookup, TCP, TLS 1.3, one request, orderly close.
    pub fn visit(&self, host: &str, ip: &str) {
        self.resolve(host, &[ip]);
        self.visit_address(host, ip);
    }

    /// The same without the lookup.
    pub fn visit_address(&self, host: &str, ip: &str) {
        let (mut c, mut s) = self.https(host, ip);
        c.app(&mut s, 420, 18_000);
        self.wait(120);
        c.tls_close(&mut s, Side::Client);
    }

    /// TCP and TLS 1.3 up and running, nothing requested yet.
    pub fn https(&self, host: &str, ip: &str) -> (Tcp, Session) {
        let mut c = self.tcp(ip);
        let mut s = Session::new(
            self,
            tls::Client::new(host),
            tls::Server::new(Cert::public(host)),
        );
        c.connect();
        c.tls(&mut s);
        (c, s)
    }

    /// A healthy HTTP/3 visit: lookup, QUIC, one request, close.
    pub fn visit_quic(&self, host: &str, ip: &str) {
        self.resolve(host, &[ip]);
        let mut q = self.quic(
            ip,
            quic::Client::new(host),
            quic::Server::new(Cert::public(host)),
        );
        q.handshake();
        q.request(420, 18_000);
        self.wait(120);
        q.close(Side::Client, 0x100, "");
    }
}
