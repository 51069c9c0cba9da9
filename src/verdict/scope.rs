//! How far the trouble reaches, and whom all evidence together points at.

use super::doubt;
use super::experiment::{Differs, Evidence};
use super::field::{Field, Tried};
use super::nearby::Nearby;
use super::others::{Life, Others, Tally};
use crate::diagnose::{Blame, Outcome, Stage};
use std::collections::BTreeSet;

/// How far the trouble reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scope {
    /// Other names of the service work.
    OneName,
    /// Other servers for the name work.
    OneServer,
    /// Only IPv6, or only IPv4, fails.
    OneFamily,
    /// Only UDP/QUIC, or only TCP, fails.
    OneTransport,
    /// All of the service fails, other traffic works.
    Service,
    /// Other traffic fails as well.
    Everything,
    /// The capture lacks the control that would tell.
    Unknown,
}

impl Scope {
    /// As it stands in the JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneName => "one-name",
            Self::OneServer => "one-server",
            Self::OneFamily => "one-family",
            Self::OneTransport => "one-transport",
            Self::Service => "service",
            Self::Everything => "everything",
            Self::Unknown => "unknown",
        }
    }
}

/// How far the trouble of the lead reaches.
pub(super) fn scope(field: &Field<'_>, evidence: &Evidence, others: &Others) -> Scope {
    if field.at_dns() {
        return of_lookups(field, evidence);
    }
    if field.failed_paths().next().is_none() {
        return Scope::Unknown; // it worked, only worse
    }
    let split = of_kinds(field, evidence.life, others);
    if split != Scope::Unknown {
        return split;
    }
    let target_works = field.paths.iter().any(|p| p.worked) && target_works(field, evidence.life);
    if target_works {
        of_paths(field, evidence)
    } else {
        of_all(field, evidence, others)
    }
}

/// Something of the service worked at that time.
fn target_works(field: &Field<'_>, life: Life) -> bool {
    field.tally(|p| p.worked).0.proves(life)
}

/// Nothing of the service worked: what about the rest?
fn of_all(field: &Field<'_>, evidence: &Evidence, others: &Others) -> Scope {
    let rest = evidence.tally(Differs::Service);
    // What fails at the very server that failed shows nothing of any other.
    let there: u32 = others.at.values().map(|t| t.failed).sum();
    let names = field.failed_names().len();
    // With every service looked at, the others are attempts too.
    let services = field.failed_services().len();
    if evidence.works(Differs::Service) {
        return if names > 1 && services == 1 {
            Scope::Service
        } else {
            Scope::Unknown
        };
    }
    let dead = rest.failed > there && rest.during + rest.after == 0;
    let several = services > 1 && field.failed_addrs().len() > 1;
    if (dead || several) && !mixed(field) && !field.answered_meanwhile() {
        Scope::Everything
    } else {
        Scope::Unknown
    }
}

/// Only one transport or one family failed, the other of them worked for the same names, and no other traffic of the
/// kind that failed worked.
fn of_kinds(field: &Field<'_>, life: Life, others: &Others) -> Scope {
    let names: BTreeSet<Option<&str>> = field.failed_paths().map(|p| p.name).collect();
    let split = |kind: &dyn Fn(&super::field::Tried<'_>) -> bool, rest: &dyn Fn(bool) -> Tally| {
        let kinds: BTreeSet<bool> = field.failed_paths().map(kind).collect();
        let [only] = kinds.into_iter().collect::<Vec<_>>()[..] else {
            return false;
        };
        let works = |p: &super::field::Tried<'_>| p.worked && kind(p) == only;
        if field.tally(works).0.worked() > 0 || rest(only).proves(life) {
            return false;
        }
        let (other, _) = field.tally(|p| p.worked && kind(p) != only && names.contains(&p.name));
        let beside = rest(!only).proves(life) && rest(only).failed > 0;
        other.worked() > 0 || beside
    };
    if split(&|p| p.quic(), &|quic| others.transport(quic)) {
        return Scope::OneTransport;
    }
    // One address of a family says little about the family: another address, or other traffic, of it has to fail too,
    // or the name has no second address of it.
    let family = split(&|p| p.v4(), &|v4| others.family(v4));
    let worked: BTreeSet<_> = field
        .paths
        .iter()
        .filter(|p| p.worked)
        .map(|p| (p.name, p.v4()))
        .collect();
    let spared = field
        .failed_paths()
        .all(|p| !worked.contains(&(p.name, p.v4())));
    if family && spared {
        Scope::OneFamily
    } else {
        Scope::Unknown
    }
}

/// Some of the service works: is it the name or the server that tells failure from success?
fn of_paths(field: &Field<'_>, evidence: &Evidence) -> Scope {
    let (addrs, names) = (field.failed_addrs(), field.failed_names());
    let before_name = field.before_name();
    if before_name && evidence.works(Differs::Port) {
        return Scope::Unknown; // the server lives: it is that port
    }
    if evidence.works(Differs::Name) {
        if before_name {
            return Scope::Unknown; // it accepts others, and no name had been sent
        }
        let spared = !evidence.works(Differs::Address);
        return if spared {
            Scope::OneName
        } else {
            Scope::Unknown
        };
    }
    if evidence.works(Differs::Address) {
        return Scope::OneServer;
    }
    // Another port of the same address that works is no other server, and who filters ports lets another one through.
    let ports = field.failed_ports();
    let same_port = |p: &Tried<'_>| !before_name || ports.contains(&p.flow.server.port);
    let elsewhere = |p: &Tried<'_>| p.worked && !addrs.contains(&p.addr()) && same_port(p);
    let spared = || field.tally(elsewhere).0.proves(evidence.life);
    if addrs.len() == 1 && (names.len() > 1 || before_name) && spared() {
        return Scope::OneServer;
    }
    let forged = field.injected();
    if names.len() == 1 && (forged || addrs.len() > 1) && evidence.works(Differs::Host) {
        return Scope::OneName;
    }
    Scope::Unknown
}

/// Where all services are looked at: some of them got through while the lead failed, or about then.
fn mixed(field: &Field<'_>) -> bool {
    let listed = field.lead_case().is_some_and(|c| c.attempt.listed);
    !listed && field.tally(|p| p.worked).0.worked() > 0
}

fn of_lookups(field: &Field<'_>, evidence: &Evidence) -> Scope {
    if field.outcome != Outcome::Broken && field.lead_case().is_some_and(|c| !c.broke()) {
        return Scope::Unknown;
    }
    if evidence.works(Differs::Host) {
        return Scope::OneName;
    }
    let names = field.failed_names().len();
    if evidence.works(Differs::Question) {
        return if names > 1 && field.failed_services().len() == 1 {
            Scope::Service
        } else {
            Scope::Unknown
        };
    }
    let asked = evidence.tally(Differs::Question);
    let rest = evidence.tally(Differs::Service);
    let none = |t: &Tally| t.failed > 0 && t.during + t.after == 0;
    if (none(&asked) || none(&rest)) && !mixed(field) {
        return Scope::Everything;
    }
    Scope::Unknown
}

/// Whom it points at, and how sure that can be at most.
pub(super) fn blame(
    field: &Field<'_>,
    evidence: &Evidence,
    others: &Others,
    scope: Scope,
) -> (Blame, f64) {
    let Some(main) = field.lead_case().and_then(|c| c.main()) else {
        return (Blame::Unknown, 0.0);
    };
    let own = main.blame();
    let silent = field.silent();
    if let Some(blame) = beside_others(field, evidence, scope, own) {
        return blame;
    }
    match scope {
        Scope::Everything => everything(field, evidence, others, own),
        Scope::Service => service(field, evidence, own),
        Scope::OneServer => match own {
            // The same way leads to servers that work.
            Blame::Path | Blame::Unknown => (Blame::Edge, if silent { 0.8 } else { 0.9 }),
            Blame::Interceptor if !field.injected() && says_nothing(main.rule.id) => {
                (Blame::Edge, 0.7)
            }
            // One server in a network that opens no other connection.
            Blame::Interceptor if main.rule.id.starts_with("tls.certificate-") => {
                doubt::settled(field, evidence).unwrap_or((own, 0.65))
            }
            Blame::Interceptor => (own, 0.8),
            other => (other, 0.9),
        },
        Scope::OneName if evidence.works(Differs::Name) => match own {
            Blame::Path | Blame::Edge if silent || main.rule.id.contains("reset") => {
                (Blame::Interceptor, 0.9)
            }
            other => (other, 0.95),
        },
        Scope::OneName if field.at_dns() => match doubt::is_unknown_name(field, evidence) {
            true => (Blame::Unknown, 0.75),
            false => (own, 0.95),
        },
        Scope::OneName => (own, 0.75),
        Scope::OneFamily | Scope::OneTransport => (own, 0.9),
        // That a small hello passes says what it is about, not who minds it.
        Scope::Unknown if main.rule.id == "tls.large-hello-dropped" => {
            let sure = match told(field, evidence) {
                true => 0.95,
                false => unproven(field, own),
            };
            doubt::settled(field, evidence).unwrap_or((own, sure))
        }
        Scope::Unknown if told(field, evidence) => (own, 0.95),
        Scope::Unknown => doubt::settled(field, evidence).unwrap_or((own, unproven(field, own))),
    }
}

/// Silence, or an end without a word: a dead server gives the same.
fn says_nothing(cause: &str) -> bool {
    const SO: [&str; 6] = [
        "tcp.reset-after-connect",
        "tls.hello-unanswered",
        "tls.reset-after-hello",
        "tls.reset-mid-handshake",
        "quic.initial-unanswered",
        "quic.fell-back-to-tcp",
    ];
    SO.contains(&cause)
}

/// Another device of the same network got what this one did not: neither the service nor the way to it is to blame.
fn beside_others(
    field: &Field<'_>,
    evidence: &Evidence,
    scope: Scope,
    own: Blame,
) -> Option<(Blame, f64)> {
    if field.lead_case().is_none_or(|c| !c.broke()) || field.injected() {
        return None;
    }
    let stage = field.lead_case().and_then(|c| c.stage())?;
    if scope == Scope::Everything && field.silent() {
        // Its own resolver may be another one.
        let lonely = evidence.neighbours.during > 0 && own != Blame::Resolver;
        return lonely.then_some((Blame::Device, 0.7));
    }
    let carried = match stage {
        Stage::Tcp | Stage::Tls | Stage::Quic => own != Blame::Interceptor,
        Stage::Dns => field.silent(),
        _ => false,
    };
    let works = evidence.works(Differs::Device);
    (works && carried).then_some((Blame::Device, 0.75))
}

/// Without a control that tells the rivals apart, blame rests on the single attempt: sure where an answer came that
/// says it, less where something is just missing.
fn unproven(field: &Field<'_>, own: Blame) -> f64 {
    match own {
        Blame::Path | Blame::Unknown => 0.6,
        _ if field.silent() => 0.7,
        Blame::Interceptor => 0.8,
        _ => 0.95,
    }
}

/// A control tells what failed from what worked, or the packets themselves do.
fn told(field: &Field<'_>, evidence: &Evidence) -> bool {
    let telling = [
        Differs::Name,
        Differs::Address,
        Differs::Family,
        Differs::Transport,
        Differs::Resolver,
        Differs::Question,
        Differs::HelloSize,
    ];
    let denied = doubt::is_unknown_name(field, evidence);
    // That TCP works says that the server lives, not who drops QUIC.
    let quic = field.lead_case().and_then(|c| c.stage()) == Some(Stage::Quic);
    let tells = |d: &Differs| evidence.works(*d) && !(quic && *d == Differs::Transport);
    !denied && (field.injected() || telling.iter().any(tells))
}

/// Nothing worked. Silence everywhere is the device's own network, or what lies behind its router.
fn everything(field: &Field<'_>, evidence: &Evidence, others: &Others, own: Blame) -> (Blame, f64) {
    let alive = evidence.works(Differs::Service) || others.udp.during > 0;
    if field.at_dns() && alive {
        return match own {
            Blame::LocalNetwork | Blame::Path => (Blame::Resolver, 0.8),
            other => (other, 0.85),
        };
    }
    // What was accepted out there did not fail for the local network.
    if !field.silent() || !field.at_dns() && field.failed_paths().any(|p| p.answered) {
        return (own, 0.85);
    }
    match Nearby::of(field, others) {
        Nearby::Answered(_) => (Blame::Path, 0.8),
        Nearby::Spoke(..) => (Blame::Path, 0.65),
        Nearby::ResolverSilent(_) => (Blame::LocalNetwork, 0.8),
        Nearby::Nothing => (Blame::LocalNetwork, 0.7),
    }
}

/// All of the service fails while other traffic works: filtered, or down?
fn service(field: &Field<'_>, evidence: &Evidence, own: Blame) -> (Blame, f64) {
    let Some(main) = field.lead_case().and_then(|c| c.main()) else {
        return (own, 0.6);
    };
    let (stage, cause, held) = (main.rule.stage, main.rule.id, doubt::held(main));
    let addrs = field.failed_addrs().len();
    match (stage, own) {
        (Stage::Dns, _) if evidence.works(Differs::Resolver) => (own, 0.95),
        (Stage::Dns, _) if doubt::is_unknown_name(field, evidence) => (Blame::Unknown, 0.75),
        (Stage::Dns, _) => (own, 0.85),
        _ if field.injected() || evidence.works(Differs::Name) => (Blame::Interceptor, 0.95),
        // Servers that accept a hello and hang, all of them, are as likely as a box that holds it.
        (Stage::Tls, _) if cause == "tls.hello-unanswered" && held => {
            doubt::settled(field, evidence).unwrap_or((own, 0.6))
        }
        (Stage::Tls, _) if cause.starts_with("tls.certificate-") => {
            doubt::settled(field, evidence).unwrap_or((own, 0.85))
        }
        (Stage::Tls, Blame::Interceptor) if addrs > 1 => (Blame::Interceptor, 0.85),
        (Stage::Tls, Blame::Interceptor) => (Blame::Interceptor, 0.6),
        // Connections that several addresses turn down or leave unanswered: who cannot be told from here.
        (Stage::Tcp, Blame::Path) => (Blame::Path, 0.6),
        (Stage::Tcp, Blame::Edge) if addrs > 1 => (Blame::Service, 0.7),
        (Stage::Tls | Stage::Quic, Blame::Edge) if addrs > 1 => (Blame::Service, 0.8),
        (Stage::Http, Blame::Service | Blame::Edge) => (Blame::Service, 0.9),
        (_, other) => (other, 0.85),
    }
}
