//! Interfaces that can be sniffed, and the one that carries the default route. Needs no privileges and sends nothing.
//!
//! Which interface carries the default route is asked in three ways, the first that answers wins, for IPv4 and IPv6
//! apart:
//!
//! 1. The kernel chooses a source address for a UDP socket that is connected with an address far away
//!    ([`route::PROBE_V4`]), but never written to: connecting a UDP socket sends no packet. This alone sees policy routes,
//!    as WireGuard's `wg-quick` makes them.
//! 2. Linux's `/proc/net/route` and `/proc/net/ipv6_route` (see [`route`]).
//! 3. libpcap's own default, its first device, where neither told anything for IPv4 or IPv6; it is a guess from the
//!    order and state of the devices, and the only way left on some systems.
//!
//! Names come from the system, and whoever may make interfaces may choose them: outputs show [`Interface::shown`].

pub mod route;

use crate::decode::link_name;
use crate::snapshot::clean::clean;
use crate::types::LinkType;
use pcap::{Capture, ConnectionStatus, Device, IfFlags};
use route::Routes;
use serde::Serialize;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// libpcap's devices that are no network interfaces: Bluetooth, USB, D-Bus, netfilter queues, and the like.
const PSEUDO: &[&str] = &[
    "bluetooth",
    "dbus-",
    "nflog",
    "nfqueue",
    "usbmon",
    "rpmsg",
    "rdma",
    "ap1394",
    "tzsp",
];

/// The device that stands for all interfaces at once (Linux).
pub const ANY: &str = "any";

/// An interface.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Interface {
    /// Its name as the system has it: what `-i` takes. Untrusted text.
    #[serde(serialize_with = "cleaned")]
    pub name: String,
    /// What libpcap says of it. Cleaned.
    pub description: Option<String>,
    /// Its addresses with prefix lengths (`192.0.2.5/24`), IPv4 first.
    pub addresses: Vec<String>,
    /// How its frames begin, such as `ethernet`; `None` where only opening would tell, and that was refused.
    pub link_type: Option<String>,
    /// Administratively up.
    pub up: bool,
    /// Up and able to pass packets.
    pub running: bool,
    /// A cable is plugged in or a network is joined, where the system says so.
    pub connected: Option<bool>,
    /// A loopback.
    pub loopback: bool,
    /// Radio.
    pub wireless: bool,
    /// It carries the default route of IPv4.
    pub default_ipv4: bool,
    /// It carries the default route of IPv6.
    pub default_ipv6: bool,
}

impl Interface {
    /// Its name, safe to show.
    #[must_use]
    pub fn shown(&self) -> String {
        clean(&self.name)
    }

    /// One word: `up`, `no link` (up, but nothing connected), `down`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match (self.up, self.running && self.connected != Some(false)) {
            (true, true) => "up",
            (true, false) => "no link",
            (false, _) => "down",
        }
    }
}

fn cleaned<S: serde::Serializer>(name: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&clean(name))
}

/// Why there are no interfaces, or none that is the default. Displays as one line.
#[derive(Debug, thiserror::Error)]
pub enum InterfaceError {
    /// libpcap can't list them.
    #[error("the interfaces can't be listed: {0}")]
    List(String),
    /// Nothing leads out of here.
    #[error(
        "no interface carries a default route: join a network, or name an interface with -i (`shakedown interfaces` lists them)"
    )]
    NoDefault,
}

/// The interface that is captured on where the user names none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DefaultInterface {
    /// Its name, as `-i` takes it.
    pub name: String,
    /// What the user should know: IPv6 leaves through another interface. One sentence.
    pub note: Option<String>,
}

/// All interfaces, libpcap's pseudo devices left out: those with the default route first, [`ANY`] last.
///
/// # Errors
/// If libpcap can't list them.
pub fn list() -> Result<Vec<Interface>, InterfaceError> {
    let devices = Device::list().map_err(|e| InterfaceError::List(clean(&e.to_string())))?;
    let routes = default_routes(&devices, &mut Routes::open());
    let real = devices.iter().filter(|d| !is_pseudo(&d.name));
    let mut found: Vec<Interface> = real.map(|d| interface(d, &routes)).collect();
    found.sort_by_key(|i| {
        let default = !(i.default_ipv4 || i.default_ipv6);
        (i.name == ANY, default, i.loopback, !i.up)
    });
    Ok(found)
}

/// The interface of the default route; IPv4's where the two families differ.
///
/// # Errors
/// If there is none.
pub fn default_interface() -> Result<DefaultInterface, InterfaceError> {
    let devices = Device::list().map_err(|e| InterfaceError::List(clean(&e.to_string())))?;
    let routes = default_routes(&devices, &mut Routes::open());
    choose(&routes).ok_or(InterfaceError::NoDefault)
}

/// The interfaces that carry the default routes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Defaults {
    /// Of IPv4.
    pub ipv4: Option<String>,
    /// Of IPv6.
    pub ipv6: Option<String>,
}

fn choose(routes: &Defaults) -> Option<DefaultInterface> {
    let name = routes.ipv4.as_ref().or(routes.ipv6.as_ref())?.clone();
    let other = routes.ipv6.as_ref().filter(|v6| **v6 != name);
    let note = other.map(|v6| {
        let (name, v6) = (clean(&name), clean(v6));
        format!("IPv4 leaves through {name}, IPv6 through {v6}: -i {name} -i {v6} takes both")
    });
    Some(DefaultInterface { name, note })
}

fn default_routes(devices: &[Device], routes: &mut Routes) -> Defaults {
    let table = routes.read();
    let by_address = |probe: IpAddr| {
        let source = source_towards(probe)?;
        let owner = |d: &&Device| d.addresses.iter().any(|a| a.addr == source);
        let owner = devices.iter().find(owner)?;
        (!owner.flags.is_loopback()).then(|| owner.name.clone())
    };
    let mut found = Defaults {
        ipv4: by_address(route::PROBE_V4.into()).or(table.ipv4),
        ipv6: by_address(route::PROBE_V6.into()).or(table.ipv6),
    };
    if found == Defaults::default() && !cfg!(target_os = "linux") {
        let first = Device::lookup().ok().flatten();
        let usable = first.filter(|d| !d.flags.is_loopback() && !is_pseudo(&d.name));
        found.ipv4 = usable.map(|d| d.name);
    }
    found
}

/// The address that the kernel would send from. Nothing is sent: the socket is connected and dropped.
fn source_towards(probe: IpAddr) -> Option<IpAddr> {
    let any: SocketAddr = match probe {
        IpAddr::V4(_) => (std::net::Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect((probe, 9)).ok()?;
    let source = socket.local_addr().ok()?.ip();
    (!source.is_unspecified()).then_some(source)
}

fn is_pseudo(name: &str) -> bool {
    PSEUDO.iter().any(|pseudo| name.starts_with(pseudo))
}

fn interface(device: &Device, routes: &Defaults) -> Interface {
    let mut addresses: Vec<IpAddr> = device.addresses.iter().map(|a| a.addr).collect();
    addresses.sort_by_key(IpAddr::is_ipv6);
    let length = |addr: &IpAddr| {
        let found = device.addresses.iter().find(|a| a.addr == *addr);
        found.and_then(|a| a.netmask).map(prefix_length)
    };
    let written = |addr: &IpAddr| match length(addr) {
        Some(length) => format!("{addr}/{length}"),
        None => addr.to_string(),
    };
    let has = |flag| device.flags.contains(flag);
    let is = |default: &Option<String>| default.as_deref() == Some(device.name.as_str());
    Interface {
        name: device.name.clone(),
        description: device.desc.as_deref().map(clean),
        addresses: addresses.iter().map(written).collect(),
        link_type: link_type(&device.name).map(|link| link_name(link).into_owned()),
        up: has(IfFlags::UP),
        running: has(IfFlags::RUNNING),
        connected: match device.flags.connection_status {
            ConnectionStatus::Connected => Some(true),
            ConnectionStatus::Disconnected => Some(false),
            ConnectionStatus::Unknown | ConnectionStatus::NotApplicable => None,
        },
        loopback: has(IfFlags::LOOPBACK),
        wireless: has(IfFlags::WIRELESS),
        default_ipv4: is(&routes.ipv4),
        default_ipv6: is(&routes.ipv6),
    }
}

fn prefix_length(mask: IpAddr) -> u32 {
    match mask {
        IpAddr::V4(mask) => u32::from(mask).leading_ones(),
        IpAddr::V6(mask) => u128::from(mask).leading_ones(),
    }
}

/// How frames begin: on Linux from the hardware type where that is enough, else by opening the interface.
fn link_type(name: &str) -> Option<LinkType> {
    let known = if name == ANY {
        Some(113)
    } else {
        hardware_link(name)
    };
    known.map(LinkType).or_else(|| {
        let opened = Capture::from_device(name).ok()?.open().ok()?;
        let dlt = u32::try_from(opened.get_datalink().0).ok()?;
        Some(LinkType(if matches!(dlt, 12 | 14) { 101 } else { dlt }))
    })
}

/// libpcap's link type for a hardware type (`ARPHRD_…`), those that it maps without looking further.
#[cfg(target_os = "linux")]
fn hardware_link(name: &str) -> Option<u32> {
    // A name is no path: it has no slash, and `..` has no such file.
    let text = std::fs::read_to_string(format!("/sys/class/net/{name}/type")).ok()?;
    match text.trim() {
        "1" | "772" => Some(1),
        "65534" => Some(101),
        _ => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn hardware_link(_: &str) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_the_interface_of_ipv4_is_chosen_and_the_other_one_named() {
        let routes = |ipv4: Option<&str>, ipv6: Option<&str>| Defaults {
            ipv4: ipv4.map(str::to_owned),
            ipv6: ipv6.map(str::to_owned),
        };
        let same = choose(&routes(Some("eth0"), Some("eth0"))).unwrap();
        assert_eq!((same.name.as_str(), same.note), ("eth0", None));
        let split = choose(&routes(Some("eth0"), Some("w\x1bg0"))).unwrap();
        assert_eq!(split.name, "eth0");
        let note =
            "IPv4 leaves through eth0, IPv6 through w\\u{1b}g0: -i eth0 -i w\\u{1b}g0 takes both";
        assert_eq!(split.note.as_deref(), Some(note));
        assert_eq!(choose(&routes(None, Some("eth1"))).unwrap().name, "eth1");
        assert_eq!(choose(&routes(None, None)), None);
        let error = InterfaceError::NoDefault.to_string();
        assert!(error.contains("-i"), "{error}");
    }

    #[test]
    fn test_pseudo_devices_are_left_out() {
        for name in [
            "dbus-system",
            "nflog",
            "nfqueue",
            "bluetooth-monitor",
            "usbmon1",
        ] {
            assert!(is_pseudo(name), "{name}");
        }
        for name in ["eth0", "any", "wlan0", "en0", "br-nflog"] {
            assert!(!is_pseudo(name), "{name}");
        }
    }

    #[test]
    fn test_a_device_as_it_is_shown() {
        let mut device = Device::from("e\u{202e}th0");
        device.desc = Some("Card\x07".to_owned());
        let address = |addr: &str, mask: &str| pcap::Address {
            addr: addr.parse().unwrap(),
            netmask: mask.parse().ok(),
            broadcast_addr: None,
            dst_addr: None,
        };
        device.addresses = vec![
            address("2001:db8::5", "ffff:ffff:ffff:ffff::"),
            address("192.0.2.5", "255.255.255.128"),
            address("192.0.2.6", ""),
        ];
        device.flags.if_flags = IfFlags::UP | IfFlags::WIRELESS;
        let routes = Defaults {
            ipv4: Some(device.name.clone()),
            ipv6: None,
        };
        let shown = interface(&device, &routes);
        assert_eq!(shown.shown(), "e\\u{202e}th0");
        assert_eq!(shown.description.as_deref(), Some("Card\\u{7}"));
        assert_eq!(
            shown.addresses,
            ["192.0.2.5/25", "192.0.2.6", "2001:db8::5/64"]
        );
        assert!(shown.default_ipv4 && !shown.default_ipv6 && shown.wireless);
        assert_eq!(shown.state(), "no link");
        let json = serde_json::to_string(&shown).unwrap();
        assert!(json.contains(r#""name":"e\\u{202e}th0""#), "{json}");
    }

    /// Every Linux has a loopback, seen and its link type known without privileges.
    #[cfg(target_os = "linux")]
    #[test]
    fn test_the_loopback_is_there() {
        let found = list().unwrap();
        let lo = found.iter().find(|i| i.name == "lo").unwrap();
        assert!(lo.loopback && !lo.default_ipv4 && !lo.default_ipv6);
        assert_eq!(lo.link_type.as_deref(), Some("ethernet"));
        assert!(!found.iter().any(|i| is_pseudo(&i.name)));
    }
}
