//! The filter that the kernel runs on live packets, made from the target where that is safe.
//!
//! It keeps load away from this program: packets that can't change a verdict never leave the kernel. A packet that is
//! missing may change one, so in doubt it stays:
//!
//! * all that is not plain IPv4 or IPv6 at the outside: ARP, VLAN tags, PPPoE, MPLS, LLC. (pcap-filter's own `vlan` and
//!   `pppoes` shift the offsets of all that follows them; they are not used.)
//! * all IP protocols but TCP and UDP: ICMP, ICMPv6, and every tunnel that IP names (IP in IP, GRE, EtherIP);
//! * all IPv4 fragments, and IPv6 packets with any extension header, fragments included;
//! * TCP and UDP of the ports in [`TCP_PORTS`] and [`UDP_PORTS`], on either side, of every service: what other services
//!   do at the same time tells a broken network from a broken service;
//! * everything from and to the networks of the target, whatever the port.
//!
//! What is dropped is TCP and UDP between other ports: file sharing, remote shells, games, calls. A service of the
//! target on a port outside the lists is not seen at all (never in part), unless its address is the target's own.
//!
//! [`choose`] makes no filter where that could hide what the user asked for: with `--all`, for more than [`MAX_NETS`]
//! networks, and for link types whose frames do not begin with an Ethernet, cooked, loopback or IP header (Wi-Fi monitor
//! mode, for one).

use crate::target::Target;
use crate::types::LinkType;
use std::fmt::Write;

/// TCP ports that are kept: web and its usual alternatives, DNS, encrypted DNS, RTMP, proxies.
pub const TCP_PORTS: &[u16] = &[
    53, 80, 443, 853, 1080, 1935, 3128, 4433, 8000, 8008, 8080, 8081, 8118, 8443, 8888, 9050,
];
/// UDP ports that are kept: DNS and its relatives, QUIC, and tunnels (GTP-U, Teredo, VXLAN, Geneve).
pub const UDP_PORTS: &[u16] = &[
    53, 80, 443, 853, 2152, 3544, 4433, 4789, 5353, 5355, 6081, 8080, 8443, 8472, 8853,
];
/// Networks of a target in a filter; with more, there is none. Linux takes programs of 4096 instructions, and a network
/// needs up to 19.
pub const MAX_NETS: usize = 200;

/// Link types whose frames the expression reads right: BSD loopback, Ethernet, raw IP, Linux cooked.
const LINKS: &[u32] = &[0, 1, 12, 14, 101, 108, 113, 228, 229, 276];

/// What was decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// The expression (pcap-filter(7)), without any name that would need a look-up. `None`: take all packets.
    pub expression: Option<String>,
    /// What the filter leaves out, or why there is none: one clause, for the status line and the report's notes.
    pub why: String,
}

/// The filter for live packets of these link types, one for each interface.
#[must_use]
pub fn choose(target: &Target, links: &[LinkType]) -> Choice {
    let none = |why: String| Choice {
        expression: None,
        why: format!("no kernel filter: {why}"),
    };
    if target.is_all() {
        return none("every service is asked for".to_owned());
    }
    let nets = target.nets().count();
    if nets > MAX_NETS {
        return none(format!(
            "the target has {nets} networks, more than {MAX_NETS}"
        ));
    }
    if let Some(link) = links.iter().find(|link| !LINKS.contains(&link.0)) {
        let name = crate::decode::link_name(*link);
        return none(format!("link type {name} is not filtered"));
    }
    Choice {
        expression: Some(expression(target)),
        why: "the kernel leaves out TCP and UDP on ports that neither DNS, web, QUIC, proxies nor tunnels use"
            .to_owned(),
    }
}

/// The user's own expression (`-f`) and the chosen one, both to hold.
#[must_use]
pub fn and(chosen: Option<&str>, own: Option<&str>) -> Option<String> {
    match (chosen, own.map(str::trim).filter(|own| !own.is_empty())) {
        (Some(a), Some(b)) => Some(format!("({a}) and ({b})")),
        (one, other) => one.or(other).map(str::to_owned),
    }
}

fn expression(target: &Target) -> String {
    let mut text = "(not ip and not ip6)".to_owned();
    // Other protocols than TCP and UDP; fragments (more to come, or an offset).
    text += " or (ip and not ip proto 6 and not ip proto 17) or (ip[6:2] & 0x3fff != 0)";
    // The next header is read, not looked for behind extension headers: whatever has one stays.
    text += " or (ip6 and ip6[6] != 6 and ip6[6] != 17)";
    ports(&mut text, "tcp", TCP_PORTS);
    ports(&mut text, "udp", UDP_PORTS);
    for net in target.nets() {
        let _ = write!(text, " or net {net}");
    }
    text
}

fn ports(text: &mut String, protocol: &str, ports: &[u16]) {
    let list: Vec<String> = ports.iter().map(u16::to_string).collect();
    let _ = write!(text, " or ({protocol} port {})", list.join(" or "));
}

#[cfg(test)]
mod tests;
