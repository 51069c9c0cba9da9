//! The verdict in sentences for somebody who is no network engineer: what happened, how far it reaches, whom it points at.

use super::experiment::{Differs, Evidence, Experiment};
use super::field::{Case, Field};
use super::nearby::Nearby;
use super::others::{Others, Tally};
use super::scope::Scope;
use super::span::Place;
use crate::diagnose::{Blame, Outcome, Severity, Stage, rules};
use crate::types::Mark;

/// Everything a sentence may need.
pub(super) struct View<'f, 'a> {
    pub field: &'f Field<'a>,
    pub evidence: &'f Evidence,
    pub others: &'f Others,
    pub scope: Scope,
    pub blame: Blame,
    pub profile: &'f str,
}

impl<'a> View<'_, 'a> {
    pub(super) fn lead(&self) -> Option<Case<'a>> {
        self.field.lead_case()
    }

    pub(super) fn cause(&self) -> &'static str {
        self.lead().and_then(|c| c.cause()).unwrap_or("")
    }

    pub(super) fn stage(&self) -> Stage {
        let stage = self.lead().and_then(|c| c.stage());
        stage.unwrap_or(Stage::Capture)
    }

    pub(super) fn works(&self, differs: Differs) -> bool {
        self.evidence.works(differs)
    }

    /// The error status of the response, where that is what leads and it is no login that a proxy or network wants.
    pub(super) fn status(&self) -> Option<u64> {
        let main = self
            .lead()?
            .main()
            .filter(|f| f.rule.id == "http.error-status")?;
        let status = main.claim.extra.get("status")?.as_u64()?;
        (!matches!(status, 407 | 511)).then_some(status)
    }

    /// The service is up and turned this device away: a policy or a limit.
    pub(super) fn turned_away(&self) -> Option<u64> {
        self.status().filter(|status| *status < 500)
    }

    /// Handshakes finished and bytes went both ways, and it still failed, for reasons beyond the network.
    pub(super) fn path_proven(&self) -> usize {
        // A reset may come from in between, whatever it answers, and so may a status in the clear.
        const ANSWERED: [&str; 2] = ["http.no-response", "tls.server-rejected"];
        let beyond = matches!(self.blame, Blame::Service | Blame::Edge | Blame::Unknown);
        let broke = self.lead().is_some_and(|c| c.broke());
        if beyond && broke && ANSWERED.contains(&self.cause()) {
            self.field
                .proven_paths()
                .max(usize::from(self.stage() == Stage::Http))
        } else {
            0
        }
    }

    /// What the target is called in sentences.
    pub(super) fn service(&self) -> String {
        let site = || {
            let name = self.lead()?.attempt.name.as_deref()?;
            Some(super::experiment::site(name))
        };
        match (self.profile, site()) {
            ("all", Some(site)) => format!("'{site}'"),
            ("all", None) => "the service".into(),
            (name, _) => format!("the service '{name}'"),
        }
    }
}

/// `3 names`, `1 name`.
pub(super) fn count(n: usize, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {one}{s}")
}

/// `3 seen` with their frames, as the end of a sentence.
pub(super) fn seen(n: u32, marks: &[Mark]) -> String {
    match list(marks) {
        shown if shown.is_empty() => format!(" ({n} seen)"),
        shown => format!(" ({n} seen, {shown})"),
    }
}

/// The frames of some packets, as the end of a sentence.
pub(super) fn frames(marks: &[Mark]) -> String {
    match list(marks) {
        shown if shown.is_empty() => shown,
        shown => format!(" ({shown})"),
    }
}

fn list(marks: &[Mark]) -> String {
    let mut marks: Vec<&Mark> = marks.iter().collect();
    marks.sort();
    marks.dedup();
    let many = marks.iter().any(|m| m.capture != marks[0].capture);
    let one = |m: &&Mark| {
        if many {
            format!("{} of file {}", m.frame.0, m.capture.0 + 1)
        } else {
            m.frame.0.to_string()
        }
    };
    let list: Vec<String> = marks.iter().map(one).collect();
    match list.len() {
        0 => String::new(),
        1 => format!("frame {}", list[0]),
        _ => format!("frames {}", list.join(", ")),
    }
}

/// Blame for a sentence.
pub(super) const fn blamed(blame: Blame) -> &'static str {
    match blame {
        Blame::Device => "this device",
        Blame::LocalNetwork => "the local network (Wi-Fi, router)",
        Blame::Resolver => "the DNS resolver",
        Blame::Interceptor => "something in between (VPN, proxy, firewall, filter)",
        Blame::Path => "the network path",
        Blame::Edge => "the server, or the CDN in front of it",
        Blame::Service => "the service itself",
        Blame::Capture => "the capture",
        Blame::Unknown => "nobody in particular",
    }
}

/// What the lead's rule says it is, in a few words and without a full stop.
fn title(case: Case<'_>) -> &'static str {
    let rule = case.cause().and_then(rules::find);
    rule.map_or("", |r| {
        super::short::of_cause(r.id).unwrap_or_else(|| r.title().trim_end_matches('.'))
    })
}

/// The alert or status that says it in a word.
fn in_short(case: Case<'_>) -> String {
    let extra = |key| case.main()?.claim.extra.get(key);
    match (extra("alert").and_then(|a| a.as_str()), extra("status")) {
        (Some(alert), _) => format!(" ({alert})"),
        (None, Some(status)) => format!(" ({status})"),
        (None, None) => String::new(),
    }
}

/// For the middle of a sentence: "The TCP …" begins one, "TLS …" does not lose its capitals.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(a), Some(b)) if a.is_uppercase() && !b.is_uppercase() => {
            a.to_lowercase().collect::<String>() + &text[a.len_utf8()..]
        }
        _ => text.to_owned(),
    }
}

/// The one sentence.
pub(super) fn headline(view: &View<'_, '_>) -> String {
    let Some(lead) = view.lead() else {
        return String::new();
    };
    let what = lower_first(title(lead)) + &in_short(lead);
    let blame = points(view.blame);
    let who = who(view, lead);
    if lead.is_optional() && lead.broke() {
        let role = lead.attempt.role;
        let waits = match view.field.waited_for {
            Some(_) => "the app seems to wait for it, though its name says that it only logs",
            None => "the app should work without it",
        };
        return format!("{who} ({role}) could not be reached: {what}; {waits}; {blame}.");
    }
    if view.cause() == "http.captive-portal" && lead.broke() {
        return "This network wants a login before it lets anything through (captive portal): open any http:// page in a browser.".into();
    }
    let verb = verb(view, &who);
    let first = match (view.scope, lead.broke()) {
        (Scope::Everything, true) if view.field.at_dns() => format!(
            "{} could be looked up, neither of {} nor of other services: {what}",
            lasted(view, "No name"),
            view.service()
        ),
        (Scope::Everything, true) => {
            let who = match who.split_once(" and ") {
                Some((name, others)) => format!("{name} (and {others})"),
                None => who,
            };
            format!(
                "{} {who} nor other services could be reached: {what}",
                lasted(view, "Neither")
            )
        }
        (Scope::Service, true) => format!(
            "Nothing of {} {}{}: {what}",
            view.service(),
            reached_then(view),
            match through(view) {
                through if through.is_empty() => ", while other traffic works".to_owned(),
                through => through,
            },
        ),
        (Scope::OneName, true) => {
            format!("{who} {verb}, while other names of the service work: {what}")
        }
        (Scope::OneServer, true) => format!(
            "{who} {verb} at {}, while other servers work: {what}",
            servers(view)
        ),
        (Scope::OneFamily, true) => format!(
            "{who} {verb} over {}, while the other address family works: {what}",
            family(view)
        ),
        (Scope::OneTransport, true) => {
            format!("{who} {verb} over {}: {what}", transport(view))
        }
        (_, true) => format!("{who} {verb}: {what}"),
        (scope, false) => {
            let about = match scope {
                Scope::OneServer => format!(" (at {})", servers(view)),
                Scope::OneFamily => format!(" ({} only)", family(view)),
                _ => String::new(),
            };
            let was = if who.contains(" and ") { "were" } else { "was" };
            format!("{who} {was} reached, but not well{about}: {what}")
        }
    };
    let first = first + beside_others(view);
    format!("{first}; {blame}.")
}

/// What the capture lacks to tell how far it reaches, where it lacks something.
pub(super) fn not_told(view: &View<'_, '_>) -> Option<String> {
    let lead = view.lead()?;
    let open = view.scope == Scope::Unknown && lead.broke() && !lead.is_optional();
    let text = if open { untold(view) } else { String::new() };
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Whom it points at, as the end of a sentence.
fn points(blame: Blame) -> String {
    match blame {
        Blame::Unknown => "the capture does not show whose fault it is".into(),
        Blame::Edge => "this points at the server or its CDN".into(),
        Blame::Interceptor => "this points at something in between (VPN, firewall, filter)".into(),
        blame => format!("this points at {}", blamed(blame)),
    }
}

/// What another device got is the first thing to know.
fn beside_others(view: &View<'_, '_>) -> &'static str {
    if view.blame != Blame::Device || view.lead().is_none_or(|c| !c.broke()) {
        return "";
    }
    if view.works(Differs::Device) {
        "; another device got through to the same server meanwhile"
    } else if view.scope == Scope::Everything && view.evidence.neighbours.during > 0 {
        "; another device was online meanwhile"
    } else {
        ""
    }
}

/// Attempts that got through before or after everything failed.
fn at_other_times(view: &View<'_, '_>) -> usize {
    let (spans, clients) = (&view.field.spans, view.field.clients());
    let elsewhen = |c: &&Case<'_>| {
        let own = clients.contains(&c.attempt.client);
        own && c.got_through() && spans.place(c.attempt.started.time) != Place::During
    };
    match view.scope {
        Scope::Everything => view.field.cases.iter().filter(elsewhen).count(),
        _ => 0,
    }
}

/// Where everything failed, it may still have worked at another time of the same capture: that is said at once.
fn lasted(view: &View<'_, '_>, begin: &str) -> String {
    if at_other_times(view) == 0 {
        return begin.to_owned();
    }
    let spans = &view.field.spans;
    let lasted = spans.end().zip(spans.begin()).map(|(e, b)| e.since(b));
    let lasted = lasted.map_or(0, |l| l.as_secs().max(1));
    format!("For {lasted} s {}", lower_first(begin))
}

fn verb(view: &View<'_, '_>, who: &str) -> String {
    let replaced = ["http.block-page", "http.captive-portal"].contains(&view.cause());
    let later = matches!(view.stage(), Stage::Http | Stage::Media);
    let was = if who.contains(" and ") { "were" } else { "was" };
    if later && !replaced {
        format!("{was} reached, but did not work")
    } else {
        "could not be reached".into()
    }
}

/// The service may have got through at another time of the same capture.
fn reached_then(view: &View<'_, '_>) -> &'static str {
    let elsewhen = view.field.cases.iter().any(|c| c.got_through());
    match (elsewhen, matches!(view.stage(), Stage::Http | Stage::Media)) {
        (true, _) => "worked at that time",
        (false, true) => "works",
        (false, false) => "could be reached",
    }
}

/// Where lookups fail, the resolver is what one comes through.
fn through(view: &View<'_, '_>) -> String {
    let asked = super::experiment::asked(view.field);
    match asked.first() {
        Some(resolver) if view.field.at_dns() && asked.len() == 1 => {
            format!(" through the resolver {resolver}")
        }
        _ => String::new(),
    }
}

fn who(view: &View<'_, '_>, lead: Case<'_>) -> String {
    let cases = if view.scope == Scope::Everything || view.field.at_dns() {
        &view.field.failed
    } else {
        &view.field.same
    };
    let mut names: Vec<String> = cases.iter().map(|&i| view.field.cases[i].label()).collect();
    names.sort();
    names.dedup();
    let unnamed = cases
        .iter()
        .any(|&i| view.field.cases[i].attempt.name.is_none());
    match names.len() {
        0 | 1 => lead.label(),
        n if unnamed => format!("{} and {}", lead.label(), count(n - 1, "other")),
        n => format!("{} and {}", lead.label(), count(n - 1, "other name")),
    }
}

/// How many attempts, where there were several.
fn share(view: &View<'_, '_>) -> Option<String> {
    let all = view.field.cases.len();
    if all < 2 {
        return None;
    }
    let failed = match view.lead().is_some_and(|c| c.broke()) {
        true => view.field.failed.len(),
        false => view.field.same.len(),
    };
    let how = match view.lead().is_some_and(|c| c.broke()) {
        true => "failed at this stage",
        false => "went like this",
    };
    Some(format!("{failed} of {} {how}.", count(all, "attempt")))
}

fn servers(view: &View<'_, '_>) -> String {
    let addrs = view.field.failed_addrs();
    match addrs.iter().next() {
        Some(addr) if addrs.len() == 1 => addr.to_string(),
        Some(addr) => format!(
            "{addr} and {}",
            count(addrs.len() - 1, "other address").replace("addresss", "addresses")
        ),
        None => "its server".into(),
    }
}

fn family(view: &View<'_, '_>) -> &'static str {
    let v4 = view.field.failed_paths().any(super::field::Tried::v4);
    if v4 { "IPv4" } else { "IPv6" }
}

fn transport(view: &View<'_, '_>) -> &'static str {
    let quic = view.field.failed_paths().any(super::field::Tried::quic);
    if quic {
        "QUIC (UDP), while TCP works"
    } else {
        "TCP, while QUIC works"
    }
}

/// What the capture lacks to tell how far it reaches.
fn untold(view: &View<'_, '_>) -> String {
    let rest = view.others.beyond();
    let host = view.evidence.tally(Differs::Host);
    if view.works(Differs::Device) || view.path_proven() > 0 {
        return String::new();
    }
    let replaced = ["http.captive-portal", "http.block-page"];
    let text = if replaced.contains(&view.cause()) || view.status().is_some() {
        return String::new();
    } else if view.works(Differs::Port) {
        "Whether nobody serves that port there or somebody on the way keeps it shut can't be told: the same server answered on another port"
    } else if view.works(Differs::Host) {
        "Whether it is the name or its server can't be told: neither was tried without the other"
    } else if view.works(Differs::Service) || view.works(Differs::Question) {
        "Whether other names of the service fail as well can't be told: none was tried"
    } else if rest.worked() > 0 || host.worked() > 0 {
        "Whether anything else worked at that very moment can't be told: what did was before or after it"
    } else if view.field.cases.iter().any(|c| c.got_through()) {
        "Whether anything else worked at that time can't be told: what got through did so at other times, or is no measure for it"
    } else {
        "Whether anything else worked at that time can't be told: nothing else was tried"
    };
    format!(" {text}.")
}

/// What speaks for it: the findings of the lead's attempts, then the comparisons that carry scope and blame.
pub(super) fn because(view: &View<'_, '_>) -> Vec<String> {
    let mut reasons: Vec<String> = share(view).into_iter().chain(of_cases(view)).collect();
    let through = at_other_times(view);
    if through > 0 {
        let through = count(through, "attempt");
        reasons.push(format!(
            "At other times of the capture, {through} got through."
        ));
    }
    let told = view.evidence.all.iter();
    reasons.extend(told.filter(|e| carries(view, e)).map(tell));
    reasons.extend(nearby(view));
    let neighbours = &view.evidence.neighbours;
    if view.scope == Scope::Everything && view.blame == Blame::Device && neighbours.during > 0 {
        reasons.push(format!(
            "Other devices of this network got through at that time{}.",
            seen(neighbours.during, &neighbours.shown)
        ));
    }
    let proven = view.path_proven();
    if proven > 0 {
        reasons.push(format!(
            "The path is proven good: {} got through the handshake and bytes went both ways, so neither your Wi-Fi nor your provider is to blame.",
            count(proven, "failing connection")
        ));
    }
    reasons
}

/// Where nothing works at all: what tells the device's own network from what lies behind its router.
fn nearby(view: &View<'_, '_>) -> Option<String> {
    let either = matches!(view.blame, Blame::Path | Blame::LocalNetwork);
    let answered = !view.field.at_dns() && view.field.failed_paths().any(|p| p.answered);
    if view.scope != Scope::Everything || !either || !view.field.silent() || answered {
        return None;
    }
    Some(match Nearby::of(view.field, view.others) {
        Nearby::Answered(marks) => {
            let marks: Vec<Mark> = marks.into_iter().take(4).collect();
            format!(
                "The local network answered this device meanwhile{}: what is dead lies behind its router.",
                frames(&marks)
            )
        }
        Nearby::Spoke(from, mark) => format!(
            "{from} of the local network asked or answered this device meanwhile{}: the local network is not dead, so what is lies behind its router.",
            frames(&[mark])
        ),
        Nearby::ResolverSilent(addr) => {
            format!("Not even {addr}, which is in the local network, answered.")
        }
        Nearby::Nothing => {
            "The capture shows nothing that came from the local network at that time.".into()
        }
    })
}

/// The findings of the lead's attempts; what is the same of several is said once.
fn of_cases(view: &View<'_, '_>) -> Vec<String> {
    const SHOWN: usize = 5;
    let same = &view.field.same;
    let mut told: Vec<(String, Vec<Mark>, usize)> = Vec::new();
    for &i in same.iter().take(SHOWN) {
        let case = view.field.cases[i];
        let Some(main) = case.main().filter(|f| f.severity() > Severity::Note) else {
            continue;
        };
        let what = format!(
            "{}: {}",
            case.label(),
            main.claim.what.trim_end_matches('.')
        );
        match told.iter_mut().find(|(t, ..)| *t == what) {
            Some((_, marks, times)) => {
                marks.extend(main.claim.marks.iter().take(1));
                *times += 1;
            }
            None => told.push((what, main.claim.marks.clone(), 1)),
        }
    }
    let mut reasons: Vec<String> = told.into_iter().map(of_case).collect();
    if same.len() > SHOWN {
        let more = count(same.len() - SHOWN, "more attempt");
        reasons.push(format!("The same of {more}."));
    }
    reasons
}

fn of_case((what, marks, times): (String, Vec<Mark>, usize)) -> String {
    let more = if marks.len() > 6 { ", and more" } else { "" };
    let times = match times {
        1 => String::new(),
        n => format!(", {n} attempts alike"),
    };
    let shown: Vec<Mark> = marks.into_iter().take(6).collect();
    let frames = frames(&shown);
    let frames = match frames.strip_suffix(')') {
        Some(open) => format!("{open}{more})"),
        None => frames,
    };
    format!("{what}{times}{frames}.")
}

/// Experiments that rule something out stand with the rival; here stand those that say how far it reaches.
fn carries(view: &View<'_, '_>, experiment: &Experiment) -> bool {
    use Differs::{
        Address, Device, Family, HelloSize, Host, Name, Port, Question, Resolver, Service, Time,
        Transport,
    };
    let failed = experiment.tally.failed > 0 && experiment.tally.worked() == 0;
    match (view.scope, experiment.differs) {
        (Scope::Everything, Service | Question) => experiment.tally.failed > 0,
        (Scope::OneName, Name | Host)
        | (Scope::OneServer, Address | Host)
        | (Scope::OneFamily, Family)
        | (Scope::OneTransport, Transport)
        | (Scope::Service, Service | Question)
        | (_, Resolver | HelloSize | Device | Port) => true,
        (Scope::Unknown, Time) => true,
        (_, Name) => failed,
        _ => false,
    }
}

/// One experiment in a sentence.
fn tell(experiment: &Experiment) -> String {
    let what = subject(experiment.differs);
    let tally = &experiment.tally;
    let (worked, failed) = (tally.worked(), tally.failed);
    let good = || format!("worked{}{}", when(tally), seen(worked, &tally.shown));
    let text = match (worked, failed) {
        (0, _) => format!("{what} failed as well{}", seen(failed, &tally.lost)),
        (_, 0) => format!("{what} {}", good()),
        _ => format!(
            "{what} {}, and failed too{}",
            good(),
            seen(failed, &tally.lost)
        ),
    };
    let cases: Vec<String> = experiment
        .cases
        .iter()
        .take(4)
        .map(|&i| format!("#{}", i + 1))
        .collect();
    let see = if cases.is_empty() {
        String::new()
    } else {
        format!(", see {}", cases.join(", "))
    };
    format!("{text}{see}.")
}

fn when(tally: &Tally) -> &'static str {
    match (tally.during, tally.before, tally.after) {
        (1.., ..) => " at that time",
        (0, 1.., 1..) => " shortly before and after",
        (0, 1.., 0) => " before it",
        _ => " after it",
    }
}

const fn subject(differs: Differs) -> &'static str {
    match differs {
        Differs::Name => "Other names at the same address",
        Differs::Address => "The same name at another address",
        Differs::Family => "The same name over the other address family",
        Differs::Transport => "The same name over the other transport",
        Differs::Resolver => "The same name asked of another resolver",
        Differs::Question => "Other names asked of the same resolver",
        Differs::Host => "Other names of the service",
        Differs::Service => "Connections to other services",
        Differs::Time => "The same name at another time",
        Differs::HelloSize => "Small hellos to the same address",
        Differs::Device => "The same name at the same server, from another device of this network,",
        Differs::Port => "Connections to another port of the same server",
    }
}

/// Nothing is wrong, or nothing can be said.
pub(super) fn calm(field: &Field<'_>, profile: &str) -> String {
    let of = |o| field.cases.iter().filter(|c| c.judged.outcome == o).count();
    if field.cases.is_empty() {
        return format!(
            "No attempt to reach a name of the target '{profile}' was seen, so nothing can be said about it."
        );
    }
    if field.outcome != Outcome::Ok && field.cases.iter().all(Case::was_left) {
        return "Nothing can be said: the device ended its connections before any attempt had an outcome."
            .into();
    }
    if field.outcome != Outcome::Ok {
        return "Nothing can be said yet: the capture ends before any attempt had an outcome."
            .into();
    }
    let ok = of(Outcome::Ok);
    let rest = match field.cases.len() - ok {
        0 => String::new(),
        1 => " One more had no outcome yet when the capture ended.".into(),
        n => format!(" {n} more had no outcome yet when the capture ended."),
    };
    format!(
        "Nothing is broken: {} got through.{rest}",
        count(ok, "attempt")
    )
}
