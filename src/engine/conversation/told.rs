//! What a flow tells others: the name it wants, whether a direction is missing, the view that attempts and rules have.

use super::{App, Flow};
use crate::flow::tcp::TcpTracker;
use crate::flow::{FlowView, Lent, PathTransport};
use crate::observe::http::HttpObserver;
use crate::types::{Both, Side};
use std::borrow::Cow;

impl Flow {
    /// The name it says it wants: server_name, or the host of a request in the clear.
    pub(in crate::engine) fn spoken_name(&self) -> Option<&str> {
        let detail = self.detail.as_deref()?;
        if let Some(http) = &detail.http {
            let is_name = |host: &&str| host.parse::<std::net::IpAddr>().is_err();
            return http.facts().host().filter(is_name);
        }
        match &detail.app {
            App::Tls(tls) => tls.facts().sni(),
            App::Quic(quic) => quic.facts().sni(),
            App::Dns(_) => None,
        }
    }

    /// One of its requests looks for a captive portal.
    pub(in crate::engine) fn is_portal_probe(&self) -> bool {
        let http = self.detail.as_deref().and_then(|d| d.http.as_deref());
        http.is_some_and(|http| http.facts().probe().is_some())
    }

    /// Its hello may carry another name inside an encrypted one (ECH not known to be GREASE).
    pub(in crate::engine) fn may_hide_name(&self) -> bool {
        let hello = match self.detail.as_deref().map(|d| &d.app) {
            Some(App::Tls(tls)) => tls.facts().hello.as_deref(),
            Some(App::Quic(quic)) => quic.facts().hello.as_deref(),
            _ => None,
        };
        hello.is_some_and(|h| h.ech && h.ech_grease == Some(false))
    }

    /// `None` where the flow can't tell; `Some(true)` where a direction is missing that must have existed:
    /// one side acknowledges or sends data, and the other was never seen.
    pub(in crate::engine) fn one_sided(&self) -> Option<bool> {
        if !self.is_tcp() {
            return None;
        }
        match (
            self.packets[Side::Client] > 0,
            self.packets[Side::Server] > 0,
        ) {
            (true, true) => Some(false),
            (true, false) if self.spoke[Side::Client] => Some(true),
            (false, true) if self.spoke[Side::Server] => Some(true),
            _ => None,
        }
    }

    /// As attempts and rules see it.
    pub(in crate::engine) fn view(&self, stream_known: bool) -> FlowView<'_> {
        let detail = self.detail.as_deref();
        let tcp = self
            .is_tcp()
            .then(|| match detail.and_then(|d| d.tcp.as_ref()) {
                Some(tracker) => Lent::Ref(tracker.facts()),
                None => Lent::Made(Box::new(self.lone_syn())),
            });
        let (mut tls, mut quic) = (None, None);
        match detail.map(|d| &d.app) {
            Some(App::Tls(observer)) => tls = Some(observer.facts()),
            Some(App::Quic(observer)) => quic = Some(observer.facts()),
            _ => {}
        }
        FlowView {
            client: self.client(),
            server: self.server(),
            transport: if self.is_tcp() {
                PathTransport::Tcp
            } else {
                PathTransport::Quic
            },
            first: self.first,
            last: self.last,
            packets: if self.is_swapped() {
                Both([self.packets[Side::Server], self.packets[Side::Client]])
            } else {
                self.packets
            },
            stream: stream_known.then_some(self.stream),
            tcp,
            tls,
            quic,
            http: detail
                .and_then(|d| d.http.as_deref())
                .map(HttpObserver::facts),
            transfer: detail.map(|d| &d.transfer),
            app: detail
                .and_then(|d| d.owner.name.as_deref())
                .map(Cow::Borrowed),
            uid: detail.and_then(|d| d.owner.uid),
        }
    }

    fn lone_syn(&self) -> crate::fact::tcp::TcpFacts {
        match self.first_syn {
            Some(syn) => TcpTracker::from_syn(syn, self.first).into_facts(),
            None => crate::fact::tcp::TcpFacts::default(),
        }
    }
}
