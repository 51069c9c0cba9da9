//! The way of a connection's bytes, once they are in order, to the observer that reads them.

use super::App;
use crate::flow::tcp::{IpFields, StreamSink};
use crate::observe::dns::{Carrier, DnsObserver};
use crate::observe::http::HttpObserver;
use crate::types::{Endpoint, Mark, Side};

/// Ordered bytes of a TCP connection on their way to the observer.
pub(in crate::engine) struct Sink<'a> {
    pub(in crate::engine) app: &'a mut App,
    pub(in crate::engine) http: &'a mut Option<Box<HttpObserver>>,
    pub(in crate::engine) dns: &'a mut DnsObserver,
    pub(in crate::engine) client: Endpoint,
    pub(in crate::engine) server: Endpoint,
    pub(in crate::engine) ip: IpFields,
}

impl Sink<'_> {
    fn carrier(&self, side: Side, mark: Mark) -> Carrier {
        let (src, dst) = match side {
            Side::Client => (self.client, self.server),
            Side::Server => (self.server, self.client),
        };
        Carrier {
            src,
            dst,
            ttl: self.ip.ttl,
            ip_id: self.ip.ip_id,
            mark,
        }
    }
}

impl StreamSink for Sink<'_> {
    fn data(&mut self, side: Side, bytes: &[u8], mark: Mark) {
        let carrier = self.carrier(side, mark);
        match self.app {
            App::Tls(tls) => {
                if let Some(http) = self.http {
                    http.data(side, bytes, mark);
                } else if side == Side::Client && !tls.has_begun() {
                    *self.http = HttpObserver::begin(bytes).map(Box::new);
                    if let Some(http) = self.http {
                        http.data(side, bytes, mark);
                    }
                }
                tls.data(side, bytes, mark);
            }
            App::Dns(streams) => {
                let dns = &mut *self.dns;
                streams[side.index()].data(bytes, &mut |message, clipped| {
                    dns.tcp_message(&carrier, message, clipped);
                });
            }
            App::Quic(_) => {}
        }
    }

    fn gap(&mut self, side: Side, missing: u64, mark: Mark) {
        let carrier = self.carrier(side, mark);
        if let Some(http) = self.http {
            http.gap(side, missing, mark);
        }
        match self.app {
            App::Tls(tls) => tls.gap(side, missing, mark),
            App::Dns(streams) => {
                let dns = &mut *self.dns;
                streams[side.index()].gap(Some(missing), &mut |message, clipped| {
                    dns.tcp_message(&carrier, message, clipped);
                });
            }
            App::Quic(_) => {}
        }
    }

    fn wants(&self, side: Side) -> bool {
        match &*self.app {
            App::Tls(tls) => tls.wants(side) || self.http.as_ref().is_some_and(|h| h.wants(side)),
            App::Dns(_) => true,
            App::Quic(_) => false,
        }
    }
}
