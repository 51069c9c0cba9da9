//! What only flows under observation have.

use crate::decode::AppTag;
use crate::fact::transfer::Transfer;
use crate::flow::tcp::{FirstSyn, TcpTracker};
use crate::observe::dns::DnsStream;
use crate::observe::http::HttpObserver;
use crate::observe::quic::QuicObserver;
use crate::observe::tls::{Chains, TlsObserver};
use crate::types::Mark;

/// What is observed on a flow that may matter.
pub struct Detail {
    pub(in crate::engine) tcp: Option<Box<TcpTracker>>,
    pub(in crate::engine) app: App,
    /// Plain HTTP, where the client's first bytes are a request.
    pub(in crate::engine) http: Option<Box<HttpObserver>>,
    pub(in crate::engine) transfer: Transfer,
    pub(in crate::engine) owner: Owner,
}

/// The app or process that a flow belongs to, where the capture says so.
#[derive(Debug, Default)]
pub struct Owner {
    /// Its name; untrusted text.
    pub(in crate::engine) name: Option<Box<str>>,
    /// Android user id, which the capture file may translate.
    pub(in crate::engine) uid: Option<i32>,
}

impl Owner {
    /// The first packet that says it decides.
    pub(in crate::engine) fn note(&mut self, tag: Option<AppTag<'_>>, uid: Option<i32>) {
        if let Some(tag) = tag
            && self.name.is_none()
            && !tag.name.is_empty()
        {
            self.name = Some(tag.name.into());
        }
        let uid = uid.or_else(|| tag.and_then(|tag| tag.uid));
        self.uid = self.uid.or(uid);
    }
}

/// Who reads the flow's payload.
pub enum App {
    /// TLS, or what should be.
    Tls(Box<TlsObserver>),
    /// DNS over TCP, one reader a side.
    Dns(Box<[DnsStream; 2]>),
    /// QUIC.
    Quic(Box<QuicObserver>),
}

impl App {
    /// It has said what it is: a whole hello, or first bytes that are no hello.
    pub(in crate::engine) fn has_spoken(&self) -> bool {
        match self {
            Self::Tls(tls) => {
                let facts = tls.facts();
                facts.hello.is_some()
                    || facts.not_tls.0.iter().any(Option::is_some)
                    || facts.server_hello.is_some()
                    || tls.is_settled()
            }
            Self::Dns(_) => true,
            Self::Quic(quic) => {
                let facts = quic.facts();
                facts.hello.is_some() || facts.undecryptable || facts.midstream || quic.is_settled()
            }
        }
    }
}

impl Detail {
    /// It has said what it is: see [`App::has_spoken`]; a request in the clear, with its head.
    pub(in crate::engine) fn has_spoken(&self) -> bool {
        self.http
            .as_ref()
            .map_or_else(|| self.app.has_spoken(), |http| http.has_spoken())
    }

    /// `from_start` says that the first packet carries a SYN, whoever sent it: both streams are seen from the first byte.
    pub(in crate::engine) fn tcp(
        first_syn: Option<FirstSyn>,
        from_start: bool,
        first: Mark,
        port: u16,
        chains: &Chains,
    ) -> Self {
        let tracker = match first_syn {
            Some(syn) => TcpTracker::from_syn(syn, first),
            None => TcpTracker::empty(),
        };
        let tls = if from_start {
            TlsObserver::new()
        } else {
            TlsObserver::new_midstream()
        };
        let app = if port == 53 {
            App::Dns(Box::default())
        } else {
            App::Tls(Box::new(tls.with_chains(chains)))
        };
        Self {
            tcp: Some(Box::new(tracker)),
            app,
            http: None,
            transfer: Transfer::default(),
            owner: Owner::default(),
        }
    }

    pub(in crate::engine) fn quic(observer: QuicObserver) -> Self {
        Self {
            tcp: None,
            app: App::Quic(Box::new(observer)),
            http: None,
            transfer: Transfer::default(),
            owner: Owner::default(),
        }
    }
}
