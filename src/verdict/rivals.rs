//! What else it could be: each rival explanation with the observation that rules it out, or that nothing does.

mod authors;

use super::experiment::Differs;
use super::nearby::Nearby;
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
    // A portal says itself what it is, and nothing else is to be told before somebody has logged in.
    if !lead.broke() || view.cause() == "http.captive-portal" {
        return Vec::new();
    }
    let mut rivals: Vec<(&str, Standing)> = Vec::new();
    let mut add = |what, standing: Option<Standing>| rivals.extend(standing.map(|s| (what, s)));
    add("the local network itself (Wi-Fi, router)", nearby(view));
    add("the line behind the router (provider)", provider(view));
    add("this device", this_device(view));
    add(
        "your network as a whole (Wi-Fi, router, provider)",
        network(view),
    );
    if view.field.at_dns() {
        add("a dead resolver", dead_resolver(view));
        add(
            "packets lost on the way to the resolver",
            lost_queries(view),
        );
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
        add("the server itself", authors::server_itself(view));
        add("something in between", authors::imitator(view));
        add(
            "the device's clock or its list of authorities",
            authors::own_trust(view),
        );
        add("one dead server", authors::dead_server(view));
        add("a filter on the port", port_filter(view));
        add("QUIC or UDP being blocked", no_quic(view));
        add("a wrong address from the resolver", wrong_address(view));
        add("the service itself being down", authors::service_down(view));
        add(
            "a limit on this account, its address or its region",
            authors::refused(view),
        );
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
            Differs::Device,
            "another device of it reached the same server at that time",
        ),
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
    if view.scope == Scope::Everything && view.evidence.neighbours.during > 0 {
        return Some(Dead("other devices of it were online at that time".into()));
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

/// Other devices of the network fail alike.
fn this_device(view: &View<'_, '_>) -> Option<Standing> {
    let devices = super::devices::local(view.field).len();
    (devices > 1 && view.blame != Blame::Device).then(|| {
        Dead(format!(
            "{} of this network failed alike",
            count(devices, "device")
        ))
    })
}

/// Everything fails, and it points behind the router.
fn nearby(view: &View<'_, '_>) -> Option<Standing> {
    let behind = view.scope == Scope::Everything && view.blame == Blame::Path;
    if !behind || !view.field.silent() {
        return None;
    }
    match Nearby::of(view.field, view.others) {
        Nearby::Answered(marks) => {
            let marks: Vec<_> = marks.into_iter().take(4).collect();
            Some(Dead(format!("it answered meanwhile{}", frames(&marks))))
        }
        Nearby::Spoke(from, _) => Some(Alive(format!(
            "{from} could be heard, which says little about the router"
        ))),
        _ => None,
    }
}

/// Everything fails, and it points at the device's own network.
fn provider(view: &View<'_, '_>) -> Option<Standing> {
    let claimed = view.scope == Scope::Everything && view.blame == Blame::LocalNetwork;
    if !claimed || !view.field.silent() {
        return None;
    }
    Some(match Nearby::of(view.field, view.others) {
        Nearby::ResolverSilent(addr) => Dead(format!(
            "{addr} stands before that line, and did not answer either"
        )),
        _ => Alive(
            "the router was asked nothing that it would answer by itself; see whether its own page opens".into(),
        ),
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
    if view.cause() == "dns.encrypted-failed" && !view.field.silent() {
        return (view.blame != Blame::Interceptor).then(|| {
            Alive(
                "something with its address answered; whether it was the resolver is not shown"
                    .into(),
            )
        });
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
    let early = of_the_name(view) || early.iter().any(|word| view.cause().contains(word));
    early.then(|| Alive("no other name was tried at the same address".into()))
}

/// An alert that turns down the name.
fn of_the_name(view: &View<'_, '_>) -> bool {
    let main = view.lead().and_then(|c| c.main());
    let alert = main.and_then(|m| m.claim.extra.get("alert")?.as_str());
    let turned_down = matches!(alert, Some("unrecognized_name" | "access_denied"));
    turned_down && view.cause() == "tls.alert-from-server" && view.blame == Blame::Edge
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
    if possible && view.works(Differs::Device) {
        return Some(Alive(
            "only one that is set for this device alone (parental control, a firewall on it) fits"
                .into(),
        ));
    }
    (possible && wide).then(|| {
        Alive(
            "it answers, or drops, in the servers' place; the same try from another network tells"
                .into(),
        )
    })
}

/// Somebody on the way may let only some ports through.
fn port_filter(view: &View<'_, '_>) -> Option<Standing> {
    let silent = view.stage() == Stage::Tcp && view.works(Differs::Port);
    let ports = view.field.failed_ports();
    let port = ports.first()?;
    silent.then(|| {
        Alive(format!(
            "a firewall that keeps port {port} shut looks like a server that serves nothing there; the same try from another network tells"
        ))
    })
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
    if view.works(Differs::Device) {
        return Some(Dead("another device reached the name there".into()));
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

/// A query that gets no answer may have been lost, or its answer.
fn lost_queries(view: &View<'_, '_>) -> Option<Standing> {
    if !view.field.silent() || view.blame != Blame::Resolver {
        return None;
    }
    if view.works(Differs::Resolver) {
        return Some(Dead(worked(
            view,
            Differs::Resolver,
            "another resolver was reached for the same name",
        )));
    }
    Some(Alive(
        "no other resolver was asked in that time; ask one".into(),
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
