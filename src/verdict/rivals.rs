//! What else it could be: each rival explanation with the observation that rules it out, or that nothing does.

use super::experiment::Differs;
use super::scope::Scope;
use super::words::{View, count, frames, seen};
use crate::diagnose::{Blame, Stage};
use crate::types::Addr;
use std::collections::BTreeSet;

/// What became of a rival.
enum Standing {
    /// This rules it out.
    Dead(String),
    /// Nothing does, and why not.
    Alive(String),
}
use Standing::{Alive, Dead};

/// Every rival of what the verdict says.
pub(super) fn against(view: &View<'_, '_>) -> Vec<String> {
    let Some(lead) = view.lead() else {
        return Vec::new();
    };
    if !lead.broke() {
        return Vec::new();
    }
    let mut rivals: Vec<(&str, Standing)> = Vec::new();
    let mut add = |what, standing: Option<Standing>| rivals.extend(standing.map(|s| (what, s)));
    add(
        "your network as a whole (Wi-Fi, router, provider)",
        network(view),
    );
    if view.field.at_dns() {
        add("a dead resolver", dead_resolver(view));
        add("a name that does not exist", no_such_name(view));
        add(
            "somebody on the way who answers in the resolver's place",
            answered_for(view),
        );
    } else {
        add("a filter that reads names", name_filter(view));
        add(
            "a filter that knows the service's addresses",
            address_filter(view),
        );
        add("one dead server", dead_server(view));
        add("QUIC or UDP being blocked", no_quic(view));
        add("a wrong address from the resolver", wrong_address(view));
        add("the service itself being down", service_down(view));
    }
    add("a hole in the capture", missed(view));
    rivals
        .into_iter()
        .map(|(what, standing)| match standing {
            Dead(why) => format!("Ruled out: {what}: {why}."),
            Alive(why) => format!("Not ruled out: {what}: {why}."),
        })
        .collect()
}

fn worked(view: &View<'_, '_>, differs: Differs, what: &str) -> String {
    let tally = view.evidence.tally(differs);
    format!("{what}{}", seen(tally.worked(), &tally.shown))
}

fn network(view: &View<'_, '_>) -> Option<Standing> {
    let claimed = view.scope == Scope::Everything && view.blame == Blame::Path;
    if claimed || view.blame == Blame::LocalNetwork {
        return None;
    }
    for (differs, what) in [
        (
            Differs::Service,
            "connections to other services worked at that time",
        ),
        (
            Differs::Host,
            "other names of the service worked at that time",
        ),
        (
            Differs::Name,
            "other names at the same address worked at that time",
        ),
        (
            Differs::Question,
            "the resolver answered other names at that time",
        ),
        (
            Differs::Transport,
            "the other transport worked at that time",
        ),
        (
            Differs::Family,
            "the other address family worked at that time",
        ),
        (
            Differs::Address,
            "another address of the name worked at that time",
        ),
    ] {
        if view.works(differs) {
            return Some(Dead(worked(view, differs, what)));
        }
    }
    if !view.field.silent() {
        return Some(Dead("packets went both ways until it broke".into()));
    }
    let answered = view.field.failed_paths().filter(|p| p.answered).count();
    Some(if answered > 0 {
        Dead(format!(
            "{} had been accepted",
            count(answered, "failing connection")
        ))
    } else {
        Alive("the capture shows nothing else that worked at that time".into())
    })
}

fn dead_resolver(view: &View<'_, '_>) -> Option<Standing> {
    if view.scope == Scope::Everything && view.blame == Blame::Resolver {
        return None;
    }
    if view.works(Differs::Question) {
        return Some(Dead(worked(
            view,
            Differs::Question,
            "it answered other names at that time",
        )));
    }
    if !view.field.silent() {
        return Some(Dead("it did answer".into()));
    }
    let claimed = view.blame == Blame::Resolver;
    (!claimed).then(|| Alive("it answered nothing else at that time".into()))
}

fn no_such_name(view: &View<'_, '_>) -> Option<Standing> {
    if view.field.silent() {
        return None;
    }
    if view.works(Differs::Resolver) {
        return Some(Dead(worked(
            view,
            Differs::Resolver,
            "another resolver knows it",
        )));
    }
    let denied = matches!(view.cause(), "dns.nxdomain" | "dns.no-address");
    denied.then(|| {
        let all = super::steps::other_resolvers(view.field);
        let other = all.first().copied().unwrap_or_default();
        Alive(format!(
            "no other resolver was asked; ask one, {other} for example"
        ))
    })
}

fn answered_for(view: &View<'_, '_>) -> Option<Standing> {
    let answered = !view.field.silent() && view.blame == Blame::Resolver;
    answered.then(|| {
        Alive(
            "plain DNS is not protected; an encrypted lookup of the same resolver would tell"
                .into(),
        )
    })
}

fn name_filter(view: &View<'_, '_>) -> Option<Standing> {
    let claimed = view.blame == Blame::Interceptor && view.scope != Scope::OneTransport;
    if claimed {
        return None;
    }
    if view.stage() == Stage::Tcp {
        return Some(Dead(
            "the connection failed before a name was sent over it".into(),
        ));
    }
    if view.works(Differs::Address) {
        return Some(Dead(worked(
            view,
            Differs::Address,
            "the same name worked at another address",
        )));
    }
    if view.works(Differs::Transport) {
        return None;
    }
    if view.evidence.fails(Differs::Name) {
        return Some(Dead("other names at the same address fail as well".into()));
    }
    let early = ["hello", "reset", "unanswered", "stalled"];
    let early = early.iter().any(|word| view.cause().contains(word));
    early.then(|| Alive("no other name was tried at the same address".into()))
}

/// A router on the way said so itself.
fn reported(view: &View<'_, '_>) -> bool {
    let near = matches!(view.blame, Blame::LocalNetwork | Blame::Interceptor);
    near && view.cause().ends_with(".unreachable")
}

fn address_filter(view: &View<'_, '_>) -> Option<Standing> {
    let possible =
        view.stage() == Stage::Tcp && view.blame != Blame::Interceptor && !reported(view);
    let wide = matches!(
        view.scope,
        Scope::Service | Scope::Unknown | Scope::OneServer
    );
    (possible && wide).then(|| {
        Alive(
            "it answers, or drops, in the servers' place; the same try from another network tells"
                .into(),
        )
    })
}

fn dead_server(view: &View<'_, '_>) -> Option<Standing> {
    if view.scope == Scope::OneServer || view.scope == Scope::Everything {
        return None;
    }
    if view.works(Differs::Name) {
        return Some(Dead(worked(
            view,
            Differs::Name,
            "the same address answered other names",
        )));
    }
    let addrs = view.field.failed_addrs().len();
    if addrs > 1 {
        return Some(Dead(format!("{addrs} addresses failed alike")));
    }
    if view.field.injected() {
        return Some(Dead(
            "the server went on, or others spoke in its place".into(),
        ));
    }
    if reported(view) {
        return Some(Dead(
            "a router before it reported that it lets nothing through".into(),
        ));
    }
    if view.scope == Scope::OneTransport && view.works(Differs::Transport) {
        return Some(Dead("the name was reached over the other transport".into()));
    }
    let device = matches!(view.blame, Blame::Device | Blame::Service | Blame::Edge);
    (!device).then(|| Alive("only one address was tried".into()))
}

fn no_quic(view: &View<'_, '_>) -> Option<Standing> {
    if view.stage() != Stage::Quic {
        return None;
    }
    let quic = view.others.transport(true);
    let own = view.field.tally(|p| p.worked && p.quic()).0;
    let all = quic.plus(&own);
    if all.proves(view.evidence.life) {
        return Some(Dead(format!(
            "other QUIC connections worked at that time{}",
            frames(&all.shown)
        )));
    }
    let claimed = view.scope == Scope::OneTransport || view.scope == Scope::Everything;
    (!claimed).then(|| Alive("no QUIC connection worked at that time".into()))
}

fn wrong_address(view: &View<'_, '_>) -> Option<Standing> {
    if view.stage() != Stage::Tcp || view.scope == Scope::Everything || reported(view) {
        return None;
    }
    let addrs = view.field.failed_addrs();
    let names = view.field.failed_names();
    let asked = names.iter().flat_map(|n| view.field.world.resolved(n));
    let agree: BTreeSet<Addr> = asked
        .filter(|r| addrs.contains(&r.address))
        .map(|r| r.resolver)
        .collect();
    match agree.len() {
        0 => None,
        1 => (addrs.len() == 1 && names.len() == 1 && view.scope != Scope::OneFamily)
            .then(|| Alive("only one resolver was asked".into())),
        n => Some(Dead(format!("{n} resolvers gave it"))),
    }
}

fn service_down(view: &View<'_, '_>) -> Option<Standing> {
    if view.blame == Blame::Service || view.blame == Blame::Device {
        return None;
    }
    for (differs, what) in [
        (
            Differs::Host,
            "other names of the service worked at that time",
        ),
        (Differs::Address, "the same name worked at another address"),
        (
            Differs::Transport,
            "the same name worked over the other transport",
        ),
        (
            Differs::Family,
            "the same name worked over the other address family",
        ),
    ] {
        if view.works(differs) {
            return Some(Dead(worked(view, differs, what)));
        }
    }
    if view.scope == Scope::Everything {
        return Some(Dead(
            "other services failed in the same way at that time".into(),
        ));
    }
    if view.field.injected() {
        return Some(Dead(
            "what ended the connection was not sent by its servers".into(),
        ));
    }
    if reported(view) {
        return Some(Dead(
            "its servers were never asked: a router before them refused".into(),
        ));
    }
    Some(Alive(
        "only the same try from another network can tell".into(),
    ))
}

fn missed(view: &View<'_, '_>) -> Option<Standing> {
    let capture = view.lead()?.attempt.started.capture;
    let dropped = view.field.world.dropped(capture);
    if dropped > 0 {
        return Some(Alive(format!("the capture itself lost {dropped} packets")));
    }
    view.field.silent().then(|| {
        Dead("it shows packets to this device at other moments, and reports no loss".into())
    })
}
