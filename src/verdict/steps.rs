//! What to do next, in the order of the usual checklist; what this capture has already answered is left out, with the
//! reason.

use super::Advice;
use super::experiment::Differs;
use super::field::Field;
use super::scope::Scope;
use super::words::{View, blamed, count};
use crate::data;
use crate::diagnose::{Blame, Outcome, Stage, rules};

/// What becomes of one line of the checklist.
enum Line {
    Do(String, String),
    Leave(String, String),
    Nothing,
}
use Line::{Do, Leave, Nothing};

/// The checklist, in its order.
fn checklist(view: &View<'_, '_>) -> Vec<Line> {
    if view.lead().is_some_and(|c| c.broke() && c.is_optional()) {
        return dispensable(view);
    }
    if view.lead().is_some_and(|c| !c.broke()) {
        return vec![own(view, true), other_network(view), resolver(view)];
    }
    if view.cause() == "http.captive-portal" {
        return vec![own(view, true), contact(view)];
    }
    let at_dns = view.field.at_dns();
    let first = if at_dns { resolver(view) } else { Nothing };
    let later = if at_dns { Nothing } else { resolver(view) };
    // Where nothing works at all, the quick remedies at home come before any comparison.
    let (sooner, then) = match view.scope {
        Scope::Everything => (restart(view), other_network(view)),
        _ => (other_network(view), restart(view)),
    };
    vec![
        first,
        own(view, false),
        everyone(view),
        sooner,
        then,
        no_vpn(view),
        later,
        reset(view),
        reinstall(view),
        contact(view),
    ]
}

/// What to do, in order.
pub(super) fn steps(view: &View<'_, '_>) -> Vec<Advice> {
    let lines = checklist(view).into_iter();
    lines
        .filter_map(|l| match l {
            Do(action, why) => Some(Advice { action, why }),
            _ => None,
        })
        .collect()
}

/// What need not be done.
pub(super) fn left_out(view: &View<'_, '_>) -> Vec<Advice> {
    let lines = checklist(view).into_iter();
    lines
        .filter_map(|l| match l {
            Leave(action, why) => Some(Advice { action, why }),
            _ => None,
        })
        .collect()
}

fn act(action: impl Into<String>, why: impl Into<String>) -> Line {
    Do(action.into(), why.into())
}

fn leave(action: &str, why: impl Into<String>) -> Line {
    Leave(action.to_owned(), why.into())
}

/// For a host that the app should be able to do without.
fn dispensable(view: &View<'_, '_>) -> Vec<Line> {
    match view.field.waited_for {
        Some(index) => vec![
            act(
                format!(
                    "Take {} off the blocklist, or allow it in the filter, and try again.",
                    view.field.cases[index].label()
                ),
                "the app asked for it again and again and began nothing else meanwhile",
            ),
            no_vpn(view),
            resolver(view),
            contact(view),
        ],
        None => vec![act(
            "Nothing at once. If something in the app does not work all the same, unblock this name first.",
            "everything else that was tried in this capture got through",
        )],
    }
}

/// The cause's own advice goes beyond the checklist.
fn has_own(view: &View<'_, '_>) -> bool {
    const OF_THEIR_OWN: [&str; 12] = [
        "tls.certificate",
        "tls.intercepted",
        "tls.alert",
        "tls.client",
        "tls.not-tls",
        "tls.server-rejected",
        "tls.large-hello",
        "quic.closed",
        "quic.version",
        "tcp.path-mtu",
        "http.",
        "media.",
    ];
    OF_THEIR_OWN.iter().any(|c| view.cause().starts_with(c))
}

/// What the cause itself asks for, where the checklist has no line for it.
fn own(view: &View<'_, '_>, always: bool) -> Line {
    let cause = view.cause();
    if !always && !has_own(view) {
        return Nothing;
    }
    if let Some(action) = of_status(view) {
        return act(action, format!("what helps against {cause}"));
    }
    let Some(text) = rules::find(cause).and_then(|r| r.section("What to do")) else {
        return Nothing;
    };
    let text: Vec<&str> = text.split_whitespace().collect();
    act(text.join(" "), format!("what helps against {cause}"))
}

/// What an error status asks for: the cause's own advice goes through all of them.
fn of_status(view: &View<'_, '_>) -> Option<&'static str> {
    let main = view.lead()?.main()?;
    if main.rule.id != "http.error-status" {
        return None;
    }
    Some(match main.claim.extra.get("status")?.as_u64()? {
        407 => "Log in to the proxy, or go without it.",
        429 => "Wait a while: the service limits how often it may be asked.",
        511 => "Log in to the network: open any http:// page in a browser.",
        403 | 451 => {
            "Log in again, and look whether the service may be used from this country or network: it says that it does not serve this request."
        }
        500.. => "Wait and try again; report it to the service if it lasts.",
        _ => return None,
    })
}

fn everyone(view: &View<'_, '_>) -> Line {
    let what = "Ask somebody on another network, or look at an outage page, whether the service works for them";
    let leave = |why: &str| leave("Asking whether the service is down for everyone", why);
    if view.turned_away().is_some() {
        return leave("the service answered, and turned this device away");
    }
    match view.scope {
        Scope::Everything => leave("other services fail here as well"),
        Scope::OneName | Scope::OneServer | Scope::OneFamily | Scope::OneTransport => {
            leave("other parts of it answered this device at that time")
        }
        _ if view.works(Differs::Resolver) => leave("another resolver knows the name"),
        _ if view.field.injected() => leave("what broke it was not sent by its servers"),
        _ if view.path_proven() > 0 => act(
            format!("{what}."),
            "the network carried everything, so the fault is likely to hit others too",
        ),
        _ if matches!(view.blame, Blame::Device | Blame::LocalNetwork) => Nothing,
        _ if view.cause() == "dns.encrypted-failed" => Nothing,
        _ if view.field.at_dns() && !view.field.silent() && view.cause() != "dns.servfail" => {
            leave("it broke at the lookup: the service's own servers were never asked")
        }
        _ => act(
            format!("{what}."),
            "from one network a blocked service looks like one that is down",
        ),
    }
}

fn other_network(view: &View<'_, '_>) -> Line {
    if view.path_proven() > 0 {
        return leave(
            "Changing the network",
            "the handshakes were finished and bytes went both ways: this network carries the service",
        );
    }
    let why = match view.blame {
        _ if view.turned_away().is_some() => {
            "if it works there, the service turns away this network's address or region; if not, the account or the app"
                .to_owned()
        }
        Blame::Device => "if it fails there as well, it is this device or its app".to_owned(),
        Blame::Edge | Blame::Service => {
            "if it fails there as well, it is their side; if it works, the way there differs"
                .to_owned()
        }
        other => format!(
            "the most telling test: if it works there, it is {}",
            place(other)
        ),
    };
    act(
        "Try it once on another network (mobile data instead of Wi-Fi, or the reverse). For a proof, capture there as well \
         and run `shakedown compare` on both captures: it marks the first step at which they part.",
        why,
    )
}

const fn place(blame: Blame) -> &'static str {
    match blame {
        Blame::Resolver => "the first network's DNS",
        Blame::Interceptor => "a filter, VPN or firewall of the first network",
        Blame::LocalNetwork => "the first network's Wi-Fi or router",
        _ => "the first network or the way from it",
    }
}

fn restart(view: &View<'_, '_>) -> Line {
    let rest = view.evidence.tally(Differs::Service);
    match (view.scope, view.blame) {
        (Scope::Everything, Blame::Path) => act(
            "Look at the router's own page, or its lamps, whether its internet line is up, and restart it; see whether other devices on it are online.",
            "the local network answered, nothing behind it did",
        ),
        (Scope::Everything, Blame::LocalNetwork) => act(
            "Switch Wi-Fi off and on, then restart the router; see whether other devices on it are online.",
            "nothing that this device tried got an answer",
        ),
        (_, Blame::Device) if view.works(Differs::Device) || view.scope == Scope::Everything => {
            act(
                "Switch Wi-Fi off and on on this device, look for a VPN, firewall or parental control that is set for it alone, and restart it.",
                "another device of this network got through at that time",
            )
        }
        (_, Blame::Device) => act(
            "Close the app for good and restart the device.",
            "the device ended it, or sent nothing more, while the network worked",
        ),
        _ if view.works(Differs::Service) => leave(
            "Restarting the router",
            format!(
                "{} to other services worked through it",
                count(rest.worked() as usize, "connection")
            ),
        ),
        _ if view.works(Differs::Host) => leave(
            "Restarting the router",
            "other names of the service worked through it",
        ),
        _ => Nothing,
    }
}

fn no_vpn(view: &View<'_, '_>) -> Line {
    let action =
        "Switch off any VPN, proxy, ad blocker, parental control or security app, and try again.";
    match view.blame {
        _ if view.turned_away().is_some() => act(
            action,
            "services turn away the addresses of VPNs and proxies, or what they change in a request",
        ),
        Blame::Interceptor => act(
            action,
            "something between this device and the server interferes",
        ),
        Blame::Resolver if view.field.at_dns() && !view.field.silent() => act(
            action,
            "such programs answer DNS themselves, and turn names down",
        ),
        Blame::Device if has_own(view) => Nothing,
        Blame::Device if view.stage() == Stage::Tls || view.stage() == Stage::Quic => act(
            action,
            "such programs change what the server presents, and the app refuses that",
        ),
        Blame::LocalNetwork | Blame::Path if view.scope != Scope::OneServer => act(
            action,
            "one that hangs swallows packets just like a dead network",
        ),
        Blame::Edge | Blame::Service if view.path_proven() > 0 => Leave(
            "Switching off VPN or ad blocker".into(),
            "the server itself took the connection and the request".into(),
        ),
        _ => Nothing,
    }
}

/// `1.1.1.1 (Cloudflare DNS): 12 asked, 3 without a usable answer, median 14 ms (published 14 ms)`, per resolver.
fn figures(field: &Field<'_>) -> Vec<String> {
    let stats = field.world.dns.resolvers();
    let one = |r: &crate::observe::dns::ResolverStats| {
        let known = data::resolver_of_addr(r.resolver);
        let name = known
            .map(|k| format!(" ({})", k.provider))
            .unwrap_or_default();
        let median = r
            .median
            .map(|m| match m {
                m if m < 0.5 => ", median below 1 ms".to_owned(),
                m => format!(", median {m:.0} ms"),
            })
            .unwrap_or_default();
        let typical = known.and_then(|k| k.typical_ms);
        let typical = typical
            .map(|t| format!(" (published: {t} ms)"))
            .unwrap_or_default();
        let failed = match r.failed + r.unanswered() {
            0 => "never failed".to_owned(),
            n => format!("failed {}", times(n)),
        };
        let asked = times(r.queries);
        format!(
            "{}{name} was asked {asked} and {failed}{median}{typical}",
            r.resolver
        )
    };
    stats.iter().take(4).map(one).collect()
}

fn times(n: u64) -> String {
    match n {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

/// Well-known resolvers that the failing tries did not ask.
pub(super) fn other_resolvers(field: &Field<'_>) -> Vec<&'static str> {
    let known = [
        ("1.1.1.1", "Cloudflare DNS"),
        ("8.8.8.8", "Google DNS"),
        ("9.9.9.9", "Quad9"),
    ];
    let asked = super::experiment::asked(field);
    let provider = |addr| data::resolver_of_addr(addr).map(|r| r.provider);
    let tried = asked.into_iter().chain(field.failed_addrs());
    let used: Vec<_> = tried.filter_map(provider).collect();
    let new = known.iter().filter(|(_, name)| !used.contains(name));
    new.map(|(addr, _)| *addr).take(2).collect()
}

fn resolver(view: &View<'_, '_>) -> Line {
    let figures = figures(view.field);
    let stats = view.field.world.dns.resolvers();
    let (asked, failed) = stats.iter().fold((0, 0), |(a, f), r| {
        (a + r.queries, f + r.failed + r.unanswered())
    });
    let at_dns = view.stage() == Stage::Dns;
    if at_dns && view.blame != Blame::LocalNetwork {
        let action = format!(
            "Try another DNS resolver ({}, if possible as encrypted DNS): set it in the network settings of the device.",
            other_resolvers(view.field).join(" or ")
        );
        let mut why: Vec<String> = Vec::new();
        if view.works(Differs::Resolver) {
            why.push("another resolver answered the same name in this capture".into());
        }
        match figures.is_empty() {
            true => why.push("the one in use can't be reached".into()),
            false => why.push(figures.join("; ")),
        }
        return act(action, why.join("; "));
    }
    if at_dns || asked == 0 || failed > 0 || view.scope == Scope::Everything {
        return Nothing;
    }
    leave(
        "Changing the DNS resolver",
        match asked {
            1 => format!("the one lookup was answered; {}", figures.join("; ")),
            _ => format!("all {asked} lookups were answered; {}", figures.join("; ")),
        },
    )
}

fn reset(view: &View<'_, '_>) -> Line {
    if view.scope == Scope::Everything && view.blame == Blame::LocalNetwork {
        return act(
            "If other devices work on this Wi-Fi, reset the network settings of this one.",
            "then the fault is in how this device uses the network",
        );
    }
    Nothing
}

fn reinstall(view: &View<'_, '_>) -> Line {
    match view.blame {
        Blame::Device if matches!(view.stage(), Stage::Tls | Stage::Quic | Stage::Http) => act(
            "Update the app and the system; last, reinstall the app.",
            "the device itself turned down what the server sent",
        ),
        Blame::Device | Blame::Unknown | Blame::Capture => Nothing,
        _ => leave(
            "Reinstalling the app",
            format!(
                "what failed lies outside the app; it points at {}",
                blamed(view.blame)
            ),
        ),
    }
}

fn contact(view: &View<'_, '_>) -> Line {
    let whom = match view.blame {
        Blame::Resolver => {
            "whoever runs the DNS resolver (the network's operator, the blocklist, the DNS app)"
        }
        Blame::Interceptor => {
            "whoever runs the network or the filter (school, employer, provider, VPN)"
        }
        Blame::Path => "the internet provider",
        Blame::LocalNetwork => "whoever runs the Wi-Fi or the router, then the internet provider",
        Blame::Edge | Blame::Service => "the service's support",
        Blame::Device if matches!(view.stage(), Stage::Dns | Stage::Tcp) => {
            "whoever looks after this device or its Wi-Fi"
        }
        Blame::Device => "the support of the app",
        Blame::Capture | Blame::Unknown => return Nothing,
    };
    let why = if view.path_proven() > 0 {
        "not your Wi-Fi, not your provider: attach this to the service's ticket".to_owned()
    } else {
        format!("the evidence points at {}", blamed(view.blame))
    };
    act(
        format!(
            "If it stays, write to {whom}: attach this report, the capture, and the frames that it names."
        ),
        why,
    )
}

/// Where nothing is wrong in the capture, yet somebody took it for a reason.
pub(super) fn calm(field: &Field<'_>) -> Vec<Advice> {
    let through = field.cases.iter().filter(|c| c.got_through()).count();
    let (action, why) = match field.outcome {
        Outcome::Ok if through > 0 => (
            "If the app still fails: it is not your Wi-Fi and not your provider; attach this to the service's ticket.",
            format!(
                "the path is proven good: {} got through",
                count(through, "attempt")
            ),
        ),
        Outcome::Ok => return Vec::new(),
        _ if field.cases.is_empty() => (
            "Start the capture, then close the app for good and open it again until the failure shows; capture on the device that fails.",
            "the capture holds no attempt to reach the service".to_owned(),
        ),
        _ if field.cases.iter().all(|c| c.was_left()) => (
            "Capture again, and leave the app open until the failure shows.",
            "the device ended its connections before it could be known how the attempts ended"
                .into(),
        ),
        _ => (
            "Capture again, and let it run for half a minute after the failure shows.",
            "the capture ends before it could be known how the attempts ended".to_owned(),
        ),
    };
    vec![Advice {
        action: action.into(),
        why,
    }]
}
