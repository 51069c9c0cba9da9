//! What a flow is to the target: decided as early as it can be, since everything else about it depends on that.

use super::conversation::{Flow, Stake};
use crate::data;
use crate::observe::dns::DnsObserver;
use crate::observe::http::head;
use crate::observe::tls::hello::is_ech_public_name;
use crate::observe::tls::peek::{Peek, peek};
use crate::target::Target;
use crate::types::{Addr, Timestamp};
use std::net::IpAddr;

/// The segment is a whole hello that names a server of no interest: nobody needs to look at this flow.
pub(super) fn is_elsewhere(target: &Target, segment: &[u8]) -> bool {
    match peek(segment) {
        Peek::Name(name) if !target.is_all() => {
            target.matches_name(name).is_none()
                && data::resolver_of_name(name).is_none()
                && !is_ech_public_name(name)
        }
        Peek::Unclear => is_request_elsewhere(target, segment),
        Peek::Name(_) => false,
    }
}

/// The segment is a whole request in the clear to a host of no interest.
fn is_request_elsewhere(target: &Target, segment: &[u8]) -> bool {
    let Some((host, path)) = head::peek(segment).filter(|_| !target.is_all()) else {
        return false;
    };
    let name = !host.is_empty() && host.parse::<IpAddr>().is_err();
    let path = std::str::from_utf8(path).unwrap_or_default();
    name && target.matches_name(host).is_none() && data::portal_probe(host, path).is_none()
}

/// Does a flow matter to the target, as far as it has said what it is?
pub(super) fn stake_of(target: &Target, dns: &DnsObserver, flow: &Flow) -> Stake {
    if target.is_all() {
        return Stake::Target;
    }
    if flow.is_portal_probe() {
        return Stake::Portal;
    }
    let server = flow.server();
    if let Some(name) = flow.spoken_name() {
        if target.matches_name(name).is_some() {
            return Stake::Target;
        }
        if data::resolver_of_name(name).is_some() {
            return Stake::Resolver;
        }
        // The name outside an encrypted hello says nothing about the name inside.
        if !flow.may_hide_name() {
            return Stake::None;
        }
    }
    if resolved_for_target(target, dns, flow.client().addr, server.addr)
        || target.matches_addr(server.addr)
    {
        return Stake::Target;
    }
    let encrypted_dns =
        server.port == 853 || (server.port == 443 && data::resolver_of_addr(server.addr).is_some());
    if encrypted_dns || server.port == 53 {
        return Stake::Resolver;
    }
    Stake::None
}

/// Has any client resolved a target name to this address? (The client's own answers count first, but a device
/// may ask over IPv4 and connect over IPv6.)
fn resolved_for_target(target: &Target, dns: &DnsObserver, client: Addr, server: Addr) -> bool {
    let names = dns.names();
    names
        .candidates(client, server, Timestamp(i64::MAX))
        .chain(names.candidates_of_anyone(server, Timestamp(i64::MAX)))
        .any(|c| target.matches_name(c.name).is_some())
}
