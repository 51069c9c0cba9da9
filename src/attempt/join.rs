//! Joins lookups and flows into attempts: which answer led to which flow, which tries belong together.
//!
//! **Names.** A path has the name its hello says; else (no hello, or only the outer name of an encrypted one)
//! the name that this client resolved to that address most recently before; else a name that a hello to the
//! same address says elsewhere in the capture; else none, and the address stands for it.
//!
//! **Devices.** A laptop asks over IPv4 and connects over IPv6, or asks a stub on its own loopback. Where a
//! client uses an address that only one other client of another kind has resolved, both are one device.
//!
//! **Search lists.** A lookup that fails for a name with more labels behind one that the same client also asks for
//! (`www.example.com.lan`) belongs to the shorter name's attempt, where rules pass over it.
//!
//! **Tries.** What one client does for one name belongs to one attempt as long as it hangs together: until
//! [`AFTER_SUCCESS`] after a path got through, or [`AFTER_FAILURE`] after the last sign of life of a try that
//! did not. Later than that, it is another try.

use super::{Attempt, MatchedBy, Path, Progress};
use crate::data;
use crate::fact::dns::{Lookup, Reply};
use crate::flow::FlowView;
use crate::observe::dns::NameBook;
use crate::target::{Role, Target};
use crate::types::{Addr, Mark, Timestamp};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// Connections opened this long after a success still belong to it (parallel connections of one page load,
/// a race that goes on: the connection attempt delay of RFC 8305 is at most 2 s).
pub const AFTER_SUCCESS: Duration = Duration::from_secs(2);
/// Tries that follow a failure (or silence) this soon are its retries and fallbacks.
pub const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Labels that are taken off the end of a name to find what a search list was put behind.
const SEARCH_LABELS: usize = 3;
/// A lookup without any reply keeps its attempt open this long: the next try, or the next resolver, may come 5 s (glibc)
/// or 8 s (Windows) later.
pub const AFTER_SILENCE: Duration = Duration::from_secs(11);

/// What a lookup or a path contributes, in time order.
enum Item<'a> {
    Lookup(&'a Lookup),
    Path(Box<Path<'a>>, MatchedBy),
}

impl Item<'_> {
    fn started(&self) -> Mark {
        match self {
            Self::Lookup(l) => l.first().unwrap_or_default(),
            Self::Path(p, _) => p.flow.first,
        }
    }
}

/// Joins all that matters to `target`. Lookups and flows come in the order of their first packets.
#[must_use]
pub fn join<'a>(
    target: &Target,
    lookups: &'a [Lookup],
    flows: Vec<FlowView<'a>>,
    names: &NameBook,
) -> Vec<Attempt<'a>> {
    let devices = Devices::find(lookups, &flows, names);
    let spoken = spoken_names(target, &flows);
    let mut groups: BTreeMap<(Addr, Group), Vec<Item<'a>>> = BTreeMap::new();
    let asked: HashSet<(Addr, &str)> = lookups
        .iter()
        .map(|l| (l.client.addr, l.name.as_str()))
        .collect();
    for lookup in lookups {
        let name = wanted_name(lookup, &asked).to_owned();
        let key = (devices.of(lookup.client.addr), Group::Name(name));
        groups.entry(key).or_default().push(Item::Lookup(lookup));
    }
    for flow in flows {
        let (group, matched_by) = identify(target, &flow, names, &devices, &spoken);
        let key = (devices.of(flow.client.addr), group);
        let progress = Progress::of(&flow);
        let path = Box::new(Path { flow, progress });
        groups
            .entry(key)
            .or_default()
            .push(Item::Path(path, matched_by));
    }
    let mut attempts: Vec<Attempt<'a>> = groups
        .into_iter()
        .flat_map(|((client, group), items)| split(target, client, &group, items))
        .collect();
    attempts.sort_by(|a, b| {
        let order = |x: &Attempt<'_>| (x.started.time, x.started.capture, x.started.frame);
        order(a).cmp(&order(b)).then_with(|| a.name.cmp(&b.name))
    });
    attempts
}

/// The name that a lookup is about: without the search domain that a resolver's search list put behind it.
fn wanted_name<'l>(lookup: &'l Lookup, asked: &HashSet<(Addr, &str)>) -> &'l str {
    if let Some(name) = &lookup.search_of {
        return name;
    }
    let name = lookup.name.as_str();
    if lookup.replies.iter().any(Reply::is_address_answer) {
        return name;
    }
    let parent = |name: &&'l str| name.rsplit_once('.').map(|(parent, _)| parent);
    std::iter::successors(Some(name), parent)
        .skip(1)
        .take(SEARCH_LABELS)
        .find(|shorter| asked.contains(&(lookup.client.addr, *shorter)))
        .unwrap_or(name)
}

/// What an attempt is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Group {
    Name(String),
    Address(Addr),
    Resolver(Addr, u16),
    Portal(String),
}

fn identify(
    target: &Target,
    flow: &FlowView<'_>,
    names: &NameBook,
    devices: &Devices,
    spoken: &Spoken,
) -> (Group, MatchedBy) {
    let server = flow.server;
    if let Some(name) = said(flow) {
        let listed = target.matches_name(&name).is_some();
        let probe = flow.http.is_some_and(|http| http.probe().is_some());
        if probe && !listed {
            return (Group::Portal(name), MatchedBy::Portal);
        }
        let resolver = data::resolver_of_name(&name).is_some();
        if resolver && !listed && !target.is_all() {
            return (
                Group::Resolver(server.addr, server.port),
                MatchedBy::Resolver,
            );
        }
        if listed || !hides_name(flow) {
            return (Group::Name(name), MatchedBy::Sni);
        }
    }
    if let Some(name) = resolved(target, flow, names, devices) {
        return (Group::Name(name), MatchedBy::Dns);
    }
    if matches!(server.port, 53 | 853) {
        return (
            Group::Resolver(server.addr, server.port),
            MatchedBy::Resolver,
        );
    }
    if let Some(name) = spoken.get(&place(flow)) {
        return (Group::Name(name.clone()), MatchedBy::Address);
    }
    let resolver =
        data::resolver_of_addr(server.addr).is_some() && !target.matches_addr(server.addr);
    if resolver && server.port == 443 {
        return (
            Group::Resolver(server.addr, server.port),
            MatchedBy::Resolver,
        );
    }
    (Group::Address(server.addr), MatchedBy::Address)
}

/// The name the client says on the wire: server_name, or the host of its request in the clear.
fn said(flow: &FlowView<'_>) -> Option<String> {
    if let Some(name) = flow.sni().or_else(|| flow.http_host()) {
        return Some(name.to_owned());
    }
    let proxy = flow.tls.and_then(|t| t.proxy_connect.as_deref())?;
    let host = proxy.rsplit_once(':').map_or(proxy, |(host, _)| host);
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

fn hides_name(flow: &FlowView<'_>) -> bool {
    flow.hello()
        .is_some_and(|h| h.ech && h.ech_grease == Some(false))
}

/// The name that led to this address: the client's own latest answer before the flow, target names first;
/// else another client's of the same device.
fn resolved(
    target: &Target,
    flow: &FlowView<'_>,
    names: &NameBook,
    devices: &Devices,
) -> Option<String> {
    let before = flow.first.time;
    let device = devices.of(flow.client.addr);
    let own = names
        .candidates(flow.client.addr, flow.server.addr, before)
        .map(|c| c.name.to_owned());
    let mut own = own.peekable();
    if own.peek().is_some() {
        let all: Vec<String> = own.collect();
        let wanted = all.iter().find(|n| target.matches_name(n).is_some());
        return wanted.or(all.first()).cloned();
    }
    names
        .candidates_of_anyone(flow.server.addr, before)
        .filter(|c| devices.of(c.client) == device)
        .map(|c| c.name.to_owned())
        .find(|n| target.matches_name(n).is_some() || target.is_all())
}

/// Names by server address and port.
type Spoken = HashMap<(Addr, u16), String>;

/// The server, where the ports of the Web are one: what another port of it serves may be of another name.
fn place(flow: &FlowView<'_>) -> (Addr, u16) {
    let port = match flow.server.port {
        80 => 443,
        port => port,
    };
    (flow.server.addr, port)
}

/// Names that hellos say, by server; only where all hellos to it agree.
fn spoken_names(target: &Target, flows: &[FlowView<'_>]) -> Spoken {
    let mut seen: HashMap<(Addr, u16), Option<String>> = HashMap::new();
    for flow in flows {
        let Some(name) = said(flow).filter(|n| target.matches_name(n).is_some()) else {
            continue;
        };
        seen.entry(place(flow))
            .and_modify(|known| {
                if known.as_deref() != Some(&name) {
                    *known = None;
                }
            })
            .or_insert(Some(name));
    }
    seen.into_iter()
        .filter_map(|(a, n)| Some((a, n?)))
        .collect()
}

/// Cuts one client's doings for one name into tries.
fn split<'a>(
    target: &Target,
    client: Addr,
    group: &Group,
    mut items: Vec<Item<'a>>,
) -> Vec<Attempt<'a>> {
    items.sort_by_key(|i| {
        let m = i.started();
        (m.time, m.capture, m.frame)
    });
    let mut attempts: Vec<Attempt<'a>> = Vec::new();
    let mut open_until = Timestamp::MIN;
    for item in items {
        let started = item.started();
        if attempts.is_empty() || started.time > open_until {
            attempts.push(Attempt::new(target, client, group, started));
            open_until = Timestamp::MIN;
        }
        let Some(attempt) = attempts.last_mut() else {
            continue;
        };
        open_until = open_until.max(holds_until(&item));
        // A success closes the attempt soon, whatever else is still pending.
        let success = match &item {
            Item::Path(path, _) => path.progress.succeeded(),
            Item::Lookup(_) => None,
        };
        attempt.add(item);
        if let Some(success) = success {
            open_until = success.max(started.time).plus(AFTER_SUCCESS);
        }
    }
    attempts
}

/// How long a lookup or path keeps its attempt open for what follows from it.
fn holds_until(item: &Item<'_>) -> Timestamp {
    match item {
        Item::Lookup(lookup) => {
            let answered = lookup.replies.last().map(|r| r.mark.time);
            let asked = lookup.tries.last().map(|m| m.time);
            let last = answered.into_iter().chain(asked).max();
            let patience = answered.map_or(AFTER_SILENCE, |_| AFTER_FAILURE);
            last.unwrap_or_default().plus(patience)
        }
        Item::Path(path, _) => {
            let progress = &path.progress;
            let alive = progress
                .ended
                .map_or(path.flow.last.time, |m| m.time)
                .max(path.flow.first.time);
            progress
                .succeeded()
                .map_or_else(|| alive.plus(AFTER_FAILURE), |at| at.plus(AFTER_SUCCESS))
        }
    }
}

impl<'a> Attempt<'a> {
    fn new(target: &Target, client: Addr, group: &Group, started: Mark) -> Self {
        let (name, matched_by) = match group {
            Group::Name(name) => (Some(name.clone()), MatchedBy::Dns),
            Group::Address(_) => (None, MatchedBy::Address),
            Group::Resolver(..) => (None, MatchedBy::Resolver),
            Group::Portal(name) => (Some(name.clone()), MatchedBy::Portal),
        };
        let matched = name.as_deref().and_then(|n| target.matches_name(n));
        let role = matched.as_ref().map_or(Role::Unknown, |m| m.role);
        let listed = matched.is_some_and(|m| !m.suffix.is_empty());
        Self {
            client,
            name,
            matched_by,
            role,
            listed,
            lookups: Vec::new(),
            paths: Vec::new(),
            started,
        }
    }

    fn add(&mut self, item: Item<'a>) {
        match item {
            Item::Lookup(lookup) => self.lookups.push(lookup),
            Item::Path(path, matched_by) => {
                if !matches!(self.matched_by, MatchedBy::Resolver | MatchedBy::Portal) {
                    let first = self.paths.is_empty() && self.lookups.is_empty();
                    self.matched_by = if first || matched_by == MatchedBy::Sni {
                        matched_by
                    } else {
                        self.matched_by
                    };
                }
                if self.matched_by == MatchedBy::Resolver && self.name.is_none() {
                    self.name = said(&path.flow);
                }
                // Most attempts have one path or two; a vector that grows by itself begins with room for four.
                if self.paths.len() < 4 {
                    self.paths.reserve_exact(1);
                }
                self.paths.push(*path);
            }
        }
    }
}

/// Which addresses are one device.
struct Devices {
    same: HashMap<Addr, Addr>,
}

impl Devices {
    fn find(lookups: &[Lookup], flows: &[FlowView<'_>], names: &NameBook) -> Self {
        let mut devices = Self {
            same: HashMap::new(),
        };
        for flow in flows {
            let client = flow.client.addr;
            if devices.same.contains_key(&client) {
                continue;
            }
            let before = flow.first.time;
            if names
                .candidates(client, flow.server.addr, before)
                .next()
                .is_some()
            {
                continue; // it asks for itself
            }
            let mut askers: Vec<Addr> = names
                .candidates_of_anyone(flow.server.addr, before)
                .map(|c| c.client)
                .collect();
            askers.sort_unstable();
            askers.dedup();
            if let [only] = askers[..]
                && other_kind(only, client)
            {
                devices.link(client, only);
            }
        }
        devices.link_askers(lookups, flows);
        devices.link_stubs(lookups);
        devices
    }

    /// A client that says a name on the wire and never asked for it, while one other client of another kind did:
    /// one device that asks over IPv4 and connects over IPv6, whatever became of the question.
    fn link_askers(&mut self, lookups: &[Lookup], flows: &[FlowView<'_>]) {
        let mut askers: HashMap<&str, Vec<Addr>> = HashMap::new();
        for lookup in lookups {
            let known = askers.entry(&lookup.name).or_default();
            let client = lookup.client.addr;
            if known.len() < 3 && !known.contains(&client) {
                known.push(client);
            }
        }
        for flow in flows {
            let client = flow.client.addr;
            if self.same.contains_key(&client) {
                continue;
            }
            let asked = said(flow).and_then(|name| askers.get(name.as_str()));
            if let Some([only]) = asked.map(Vec::as_slice)
                && *only != client
                && other_kind(*only, client)
            {
                self.link(client, *only);
            }
        }
    }

    /// A stub resolver on the loopback asks for the host: lookups of 127.0.0.1 belong to the one real client
    /// that asks for the same names.
    fn link_stubs(&mut self, lookups: &[Lookup]) {
        // The only real client that asks for a name; `None` where there are several.
        let mut real: HashMap<&str, Option<Addr>> = HashMap::new();
        for lookup in lookups.iter().filter(|l| !is_local(l.client.addr)) {
            let client = lookup.client.addr;
            real.entry(&lookup.name)
                .and_modify(|only| *only = only.filter(|&o| o == client))
                .or_insert(Some(client));
        }
        for stub in lookups.iter().filter(|l| is_local(l.client.addr)) {
            let known = self.same.contains_key(&stub.client.addr);
            if let (false, Some(Some(only))) = (known, real.get(stub.name.as_str())) {
                self.link(stub.client.addr, *only);
            }
        }
    }

    fn link(&mut self, a: Addr, b: Addr) {
        let (a, b) = (self.of(a), self.of(b));
        if a != b {
            // The address that is no stub stands for the device; of two, IPv4.
            let (from, to) = if is_local(b) || (!is_local(a) && a.is_v4()) {
                (b, a)
            } else {
                (a, b)
            };
            self.same.insert(from, to);
        }
    }

    fn of(&self, addr: Addr) -> Addr {
        let mut at = addr;
        for _ in 0..8 {
            match self.same.get(&at) {
                Some(&next) => at = next,
                None => break,
            }
        }
        at
    }
}

fn other_kind(a: Addr, b: Addr) -> bool {
    a.is_v4() != b.is_v4() || is_local(a) != is_local(b)
}

/// Loopback or IPv6 link-local: never seen beyond the device's own link.
fn is_local(addr: Addr) -> bool {
    match addr.ip() {
        std::net::IpAddr::V4(a) => a.is_loopback(),
        std::net::IpAddr::V6(a) => a.is_loopback() || a.is_unicast_link_local(),
    }
}
