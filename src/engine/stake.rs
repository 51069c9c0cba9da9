//! What a flow is to the target: decided as early as it can be, since everything else about it depends on that.

use super::conversation::{Flow, Stake};
use crate::data;
use crate::observe::dns::DnsObserver;
use crate::observe::tls::hello::is_ech_public_name;
use crate::observe::tls::peek::{Peek, peek};
use crate::target::Target;
use crate::types::{Addr, Timestamp};

/// The segment is a whole hello that names a server of no interest: nobody needs to look at this flow.
pub(super) fn is_elsewhere(target: &Target, segment: &[u8]) -> bool {
    match peek(segment) {
        Peek::Name(name) if !target.is_all() => {
            target.matches_name(name).is_none()
                && data::resolver_of_name(name).is_none()
                && !is_ech_public_name(name)
        }
        _ => false,
    }
}

/// Does a flow matter to the target, as far as it has said what it is?
pub(super) fn stake_of(target: &Target, dns: &DnsObserver, flow: &Flow) -> Stake {
    if target.is_all() {
        return Stake::Target;
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
