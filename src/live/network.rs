//! What changes around a running capture: addresses of interfaces, and where the default route leads (a lease, another
//! Wi-Fi, a VPN).
//!
//! Looked at once a [`PAUSE`] by a thread of its own, with what the sandbox leaves open: libpcap's list of devices and
//! the routing tables that were opened before it. Policy routes are in neither; a VPN that works by them is told of by
//! the address that its interface gets. Nothing here changes what is captured: it is said, so that nobody wonders why the
//! packets end.

use super::interfaces::route::Routes;
use super::interfaces::{ANY, Defaults};
use crate::snapshot::clean::clean;
use pcap::Device;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// Between two looks.
pub const PAUSE: Duration = Duration::from_secs(1);
/// Addresses of one interface that are named in one sentence.
const NAMED: usize = 3;

/// How the network of this machine looks now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// Addresses by interface; the loopback and addresses that reach no further than the link are left out.
    pub addresses: BTreeMap<String, BTreeSet<IpAddr>>,
    /// The interfaces that lead out.
    pub defaults: Defaults,
}

/// Looks at the network.
pub trait Look: Send {
    /// How it is now; `None` where that can't be said.
    fn look(&mut self) -> Option<Seen>;
}

/// The system's network.
pub struct System {
    routes: Routes,
}

impl System {
    /// Opens what is read later: to be called before the sandbox.
    #[must_use]
    pub fn open() -> Self {
        Self {
            routes: Routes::open(),
        }
    }
}

impl Look for System {
    fn look(&mut self) -> Option<Seen> {
        let devices = Device::list().ok()?;
        let real = devices.into_iter().filter(|d| !d.flags.is_loopback());
        let addresses = real.map(|device| {
            let addresses = device.addresses.iter().map(|a| a.addr);
            (device.name, addresses.filter(reaches_out).collect())
        });
        Some(Seen {
            addresses: addresses.collect(),
            defaults: self.routes.read(),
        })
    }
}

/// No link-local address: each interface has one all the time.
fn reaches_out(addr: &IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => !addr.is_link_local() && !addr.is_unspecified(),
        IpAddr::V6(addr) => !addr.is_unicast_link_local() && !addr.is_unspecified(),
    }
}

/// Tells what has changed since the last look.
pub struct Watch {
    look: Box<dyn Look>,
    /// The interfaces that are captured, by number.
    captured: Vec<String>,
    known: Option<Seen>,
}

impl Watch {
    /// Looks for the first time; `captured` are the interfaces that are listened on.
    #[must_use]
    pub fn new(mut look: Box<dyn Look>, captured: Vec<String>) -> Self {
        let known = look.look();
        Self {
            look,
            captured,
            known,
        }
    }

    /// What has changed, a sentence without an end each, and the number of the captured interface that it is about (the
    /// first where it is about none of them).
    pub fn changes(&mut self) -> Vec<(usize, String)> {
        let Some(mut seen) = self.look.look() else {
            return Vec::new();
        };
        let Some(known) = self.known.take() else {
            self.known = Some(seen);
            return Vec::new();
        };
        let mut told = Vec::new();
        for (name, now) in &seen.addresses {
            let none = BTreeSet::new();
            let before = known.addresses.get(name).unwrap_or(&none);
            let at = self.captured.iter().position(|c| c == name);
            let text = match (at, self.takes_all()) {
                (None, false) => not_captured(name, before, now),
                _ => addresses(name, before, now),
            };
            told.extend(text.map(|text| (at.unwrap_or(0), text)));
        }
        let families = [
            ("IPv4", &known.defaults.ipv4, &seen.defaults.ipv4),
            ("IPv6", &known.defaults.ipv6, &seen.defaults.ipv6),
        ];
        for (family, before, now) in families {
            let text = self.default_route(family, before.as_deref(), now.as_deref());
            told.extend(text.map(|text| (0, text)));
        }
        // One that is gone for a while is compared with what it was when it is back.
        for name in &self.captured {
            if let (None, Some(was)) = (seen.addresses.get(name), known.addresses.get(name)) {
                seen.addresses.insert(name.clone(), was.clone());
            }
        }
        self.known = Some(seen);
        told
    }

    fn takes_all(&self) -> bool {
        self.captured.iter().any(|name| name == ANY)
    }

    fn default_route(
        &self,
        family: &str,
        before: Option<&str>,
        now: Option<&str>,
    ) -> Option<String> {
        if before == now {
            return None;
        }
        let was = before.map_or(String::new(), |name| format!(" (was {})", clean(name)));
        let Some(now) = now else {
            return Some(format!("nothing carries a default route of {family}{was}"));
        };
        let captured = self.takes_all() || self.captured.iter().any(|name| name == now);
        let hint = if captured { String::new() } else { hint(now) };
        let now = clean(now);
        Some(format!(
            "the default route of {family} is now through {now}{was}{hint}"
        ))
    }
}

fn hint(name: &str) -> String {
    let name = clean(name);
    format!("; {name} is not captured (-i {name} does)")
}

fn addresses(name: &str, before: &BTreeSet<IpAddr>, now: &BTreeSet<IpAddr>) -> Option<String> {
    let new: Vec<&IpAddr> = now.difference(before).collect();
    let gone: Vec<&IpAddr> = before.difference(now).collect();
    let name = clean(name);
    Some(match (new.as_slice(), gone.as_slice()) {
        ([], []) => return None,
        (new, []) if before.is_empty() => format!("{name} now has {}", list(new)),
        (new, []) => format!("{name} now also has {}", list(new)),
        ([], gone) if now.is_empty() => format!("{name} has lost {}, its last", list(gone)),
        ([], gone) => format!("{name} has lost {}", list(gone)),
        (new, gone) => format!("{name} now has {} (was {})", list(new), plain(gone)),
    })
}

/// An interface that is not captured has got its first address: a VPN, another network.
fn not_captured(name: &str, before: &BTreeSet<IpAddr>, now: &BTreeSet<IpAddr>) -> Option<String> {
    if !before.is_empty() || now.is_empty() {
        return None;
    }
    Some(addresses(name, before, now)? + &hint(name))
}

fn list(addresses: &[&IpAddr]) -> String {
    let what = if addresses.len() == 1 {
        "the address"
    } else {
        "the addresses"
    };
    format!("{what} {}", plain(addresses))
}

fn plain(addresses: &[&IpAddr]) -> String {
    let shown: Vec<String> = addresses
        .iter()
        .take(NAMED)
        .map(ToString::to_string)
        .collect();
    match addresses.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    struct Play(VecDeque<Option<Seen>>);

    impl Look for Play {
        fn look(&mut self) -> Option<Seen> {
            self.0.pop_front().flatten()
        }
    }

    fn seen(interfaces: &[(&str, &[&str])], v4: Option<&str>) -> Option<Seen> {
        let one = |(name, addrs): &(&str, &[&str])| {
            let addrs = addrs.iter().map(|a| a.parse().unwrap()).collect();
            ((*name).to_owned(), addrs)
        };
        Some(Seen {
            addresses: interfaces.iter().map(one).collect(),
            defaults: Defaults {
                ipv4: v4.map(str::to_owned),
                ipv6: None,
            },
        })
    }

    fn told(captured: &[&str], looks: Vec<Option<Seen>>) -> Vec<String> {
        let count = looks.len();
        let names = captured.iter().map(|c| (*c).to_owned()).collect();
        let mut watch = Watch::new(Box::new(Play(looks.into())), names);
        let changes = (1..count).flat_map(|_| watch.changes());
        changes.map(|(at, text)| format!("{at} {text}")).collect()
    }

    #[test]
    fn another_network_is_told() {
        let looks = vec![
            seen(&[("eth0", &["192.168.1.23"]), ("wlan0", &[])], Some("eth0")),
            seen(&[("eth0", &["10.0.0.7"]), ("wlan0", &[])], Some("eth0")),
            None,
            seen(&[("eth0", &["10.0.0.7"]), ("wlan0", &[])], Some("eth0")),
            seen(&[("wlan0", &["10.1.0.9"])], Some("wlan0")),
            seen(&[("eth0", &[]), ("wlan0", &["10.1.0.9"])], None),
        ];
        let all = [
            "1 eth0 now has the address 10.0.0.7 (was 192.168.1.23)",
            "0 wlan0 now has the address 10.1.0.9",
            "0 the default route of IPv4 is now through wlan0 (was eth0)",
            "1 eth0 has lost the address 10.0.0.7, its last",
            "0 nothing carries a default route of IPv4 (was wlan0)",
        ];
        assert_eq!(told(&["wlan0", "eth0"], looks), all);
    }

    #[test]
    fn a_vpn_that_is_not_captured_is_told() {
        let looks = || {
            vec![
                seen(&[("eth0", &["10.0.0.7"])], Some("eth0")),
                seen(&[("eth0", &["10.0.0.7"]), ("wg\x1b0", &[])], Some("eth0")),
                seen(
                    &[("eth0", &["10.0.0.7"]), ("wg\x1b0", &["10.8.0.2"])],
                    Some("wg\x1b0"),
                ),
                seen(
                    &[("eth0", &["10.0.0.7"]), ("wg\x1b0", &["10.8.0.3"])],
                    Some("wg\x1b0"),
                ),
            ]
        };
        let name = "wg\\u{1b}0";
        let not = format!("; {name} is not captured (-i {name} does)");
        let all = [
            format!("0 {name} now has the address 10.8.0.2{not}"),
            format!("0 the default route of IPv4 is now through {name} (was eth0){not}"),
        ];
        assert_eq!(told(&["eth0"], looks()), all, "its own changes are its own");
        let any = told(&[ANY], looks());
        assert_eq!(any.len(), 3, "{any:?}");
        assert!(!any.iter().any(|text| text.contains("not captured")));
    }

    #[test]
    fn many_addresses_stay_one_line() {
        let many: Vec<String> = (1..=5).map(|n| format!("2001:db8::{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let looks = vec![
            seen(&[("eth0", &["10.0.0.7"])], None),
            seen(&[("eth0", &[&["10.0.0.7"], &many[..]].concat())], None),
            seen(&[("eth0", &many)], None),
        ];
        let all = [
            "0 eth0 now also has the addresses 2001:db8::1, 2001:db8::2, 2001:db8::3 and 2 more",
            "0 eth0 has lost the address 10.0.0.7",
        ];
        assert_eq!(told(&["eth0"], looks), all);
    }

    #[test]
    fn the_system_can_be_looked_at() {
        let seen = System::open().look().unwrap();
        assert!(!seen.addresses.contains_key("lo"), "{seen:?}");
    }
}
