//! Redaction: frames in, the same frames out with nothing in them that is only its owner's business.
//!
//! A report that others may see is made by running the engine a second time over the packets as they come out of here,
//! so that every name and address in it is a pseudonym because the packets say nothing else. Frames keep their numbers,
//! times and lengths, and every field its place: only bytes change. What is not understood becomes zeros.
//!
//! Two passes. The first ([`Plan`]) reads all frames and learns what lies over several of them: which servers are the
//! target's, where in the streams of each connection hellos and heads lie. The second ([`Redacted`], a [`Source`])
//! rewrites frame by frame.
//!
//! - Pseudonyms of addresses are prefix-preserving (Crypto-PAn) and one-to-one within the classes that rules look at:
//!   private stays private, public public. Resolvers of the tables, sinkholes and the target's servers stay.
//! - Names outside the target become letters, label for label, as long as before.
//! - TLS and QUIC hellos, DNS messages, HTTP heads and certificates are rewritten; content, tokens, cookies, tickets,
//!   0-RTT data are not in the result at all.
//! - Checksums stay right where they were right.
//!
//! # Limits
//! Memory is bounded, whatever the size of the capture: 1 000 000 connections (100 000 read at one time), 128 MiB of
//! rewritten stream bytes, 128 MiB of QUIC hellos, 200 000 addresses. Beyond that bytes become zeros, which the analysis of the
//! result will notice.

mod address;
mod certificate;
mod checksum;
mod dns;
mod edit;
mod fragments;
mod frame;
mod hello;
mod http;
mod learn;
mod link;
mod names;
mod quic;
mod quote;
mod secret;
mod stream;
mod text;

use crate::decode::{Decoder, Outcome};
use crate::source::{CaptureInfo, Source};
use crate::target::Target;
use crate::types::{CaptureId, Frame, LinkType, Mark};
use address::Addresses;
use edit::Later;
use fragments::Fragments;
use frame::{Counts, Rewriter};
use learn::Learner;
use secret::Secret;
use std::collections::HashSet;
use std::sync::Arc;

/// The first pass over the frames, in the order in which the second one will see them.
pub struct Plan {
    target: Arc<Target>,
    secret: Secret,
    learner: Learner,
    decoder: Decoder,
    fragments: Fragments,
    ordinal: u64,
}

/// What was learnt, ready for the second pass.
pub struct Redactor {
    rewriter: Rewriter,
    uids: HashSet<i32>,
    servers: usize,
    incomplete: bool,
}

/// Frames of another source, redacted.
pub struct Redacted<S> {
    inner: S,
    redactor: Redactor,
    infos: Vec<CaptureInfo>,
    data: Vec<u8>,
    ordinal: u64,
    current: Option<Header>,
}

/// A frame without its bytes.
#[derive(Clone, Copy)]
struct Header {
    mark: Mark,
    link: LinkType,
    original_len: u32,
    direction: crate::types::Direction,
    uid: Option<i32>,
}

/// One thing that was done, for the report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// What, in words that follow a number or stand alone.
    pub what: &'static str,
    /// How often; `None` where it was done throughout.
    pub count: Option<u64>,
}

impl Plan {
    /// `key`: 32 bytes that nobody can guess, from the operating system; who knows them can undo the pseudonyms of
    /// addresses. Two reports with the same key have the same pseudonyms.
    #[must_use]
    pub fn new(target: &Target, key: [u8; 32]) -> Self {
        let target = Arc::new(target.clone());
        let secret = Secret::new(&key);
        Self {
            learner: Learner::new(&target, &secret),
            target,
            secret,
            decoder: Decoder::new(),
            fragments: Fragments::default(),
            ordinal: 0,
        }
    }

    /// Takes the next frame.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        let before = self.decoder.fragment_counts().fragments;
        if let Outcome::Packet(packet) = self.decoder.decode(frame) {
            self.learner.packet(&packet, frame.uid, self.ordinal);
        }
        if self.decoder.fragment_counts().fragments != before {
            self.fragments.take(frame, self.ordinal);
        }
        self.ordinal += 1;
    }

    /// All frames have been seen.
    #[must_use]
    pub fn finish(mut self) -> Redactor {
        let flows = self.learner.finish();
        let learner = self.learner;
        let servers = learner.servers.len();
        let incomplete = learner.store.full || learner.hellos.full || learner.left_out > 0;
        let mut rewriter = Rewriter {
            addresses: Addresses::new(&self.secret, &self.target, learner.servers, learner.clients),
            names: learner.names,
            secret: learner.secret,
            store: learner.store,
            flows,
            hellos: learner.hellos,
            quic: quic::Flows::default(),
            apps: learner.apps,
            fragments: std::collections::HashMap::new(),
            notes: Vec::new(),
            counts: Counts::default(),
        };
        rewriter.conclude();
        self.fragments.conclude(&mut rewriter);
        rewriter.counts = Counts::default();
        Redactor {
            rewriter,
            uids: learner.uids,
            servers,
            incomplete,
        }
    }
}

impl Rewriter {
    /// Rewrites what had to wait until all servers were known.
    fn conclude(&mut self) {
        let Self {
            names,
            secret,
            addresses,
            store,
            ..
        } = self;
        store.conclude(|kind, bytes| match kind {
            Later::Dns => dns::redact_in_place(bytes, names, addresses),
            Later::Certificate => {
                let mut tools = certificate::Tools {
                    names,
                    secret,
                    addresses,
                };
                certificate::redact(bytes, &mut tools);
            }
        });
    }
}

impl Redactor {
    /// The second pass over the same frames in the same order.
    #[must_use]
    pub fn over<S: Source>(self, inner: S) -> Redacted<S> {
        let mut redacted = Redacted {
            inner,
            redactor: self,
            infos: Vec::new(),
            data: Vec::new(),
            ordinal: 0,
            current: None,
        };
        redacted.refresh();
        redacted
    }

    fn done(&self) -> Vec<Done> {
        let counts = &self.rewriter.counts;
        let some = |what, count: u64| Done {
            what,
            count: Some(count),
        };
        let all = |what| Done { what, count: None };
        let mut list = vec![
            some(
                "addresses replaced (prefix-preserving, Crypto-PAn)",
                self.rewriter.addresses.changed() as u64,
            ),
            some(
                "addresses of the target's servers kept",
                self.servers as u64,
            ),
            all("hardware addresses replaced"),
            some("DNS messages rewritten", counts.dns),
            all("names outside the target replaced in DNS, TLS, QUIC, HTTP and certificates"),
            all("content after the handshake, tokens, cookies, tickets and 0-RTT data removed"),
            some(
                "datagrams of other protocols emptied (DHCP, mDNS and the like)",
                counts.emptied,
            ),
            some(
                "frames that are no IP emptied behind their header",
                counts.undecoded,
            ),
            all("comments, name resolution, decryption secrets, interface and file names removed"),
        ];
        if self.incomplete {
            list.push(all(
                "more was removed than had to be: a limit of memory was reached",
            ));
        }
        list
    }
}

impl<S: Source> Redacted<S> {
    /// What was done so far.
    #[must_use]
    pub fn done(&self) -> Vec<Done> {
        self.redactor.done()
    }

    /// The pseudonym under which an address of the original stands in the result.
    pub fn pseudonym(&mut self, addr: crate::types::Addr) -> crate::types::Addr {
        self.redactor.rewriter.addresses.map(addr)
    }

    /// The pseudonym of a name of the original.
    #[must_use]
    pub fn pseudonym_of_name(&self, name: &str) -> String {
        let bytes = self.redactor.rewriter.names.text(name.as_bytes());
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn refresh(&mut self) {
        let uids = &self.redactor.uids;
        self.infos = (1..)
            .zip(self.inner.captures())
            .map(|(n, info)| info.neutral(n, |uid| uids.contains(&uid)))
            .collect();
    }
}

impl<S: Source> Source for Redacted<S> {
    fn advance(&mut self) -> bool {
        if !self.inner.advance() {
            self.current = None;
            self.refresh();
            return false;
        }
        let Some(frame) = self.inner.frame() else {
            return false;
        };
        self.redactor
            .rewriter
            .rewrite(&frame, self.ordinal, &mut self.data);
        self.ordinal += 1;
        self.current = Some(Header {
            mark: frame.mark,
            link: frame.link,
            original_len: frame.original_len,
            direction: frame.direction,
            uid: frame.uid.filter(|uid| self.redactor.uids.contains(uid)),
        });
        let id = frame.mark.capture;
        if let (Some(known), Some(info)) = (
            self.infos.get_mut(usize::from(id.0)),
            self.inner.capture(id),
        ) {
            known.keep_up(info);
        }
        true
    }

    fn frame(&self) -> Option<Frame<'_>> {
        let header = self.current?;
        Some(Frame {
            mark: header.mark,
            link: header.link,
            original_len: header.original_len,
            direction: header.direction,
            uid: header.uid,
            data: &self.data,
        })
    }

    fn captures(&self) -> Vec<CaptureInfo> {
        self.infos.clone()
    }

    fn capture(&self, id: CaptureId) -> Option<&CaptureInfo> {
        self.infos.get(usize::from(id.0))
    }
}
