//! Linux's routing tables as `/proc/net` shows them: which interface leads to the rest of the world.
//!
//! The route asked for is the longest prefix that covers [`PROBE_V4`] or [`PROBE_V6`] (then the lowest metric), not the one
//! called default: VPNs such as OpenVPN leave the default route alone and lay `0.0.0.0/1` and `128.0.0.0/1` over it.
//! Only the main table is there; routes of other tables, chosen by rules, are not.

use super::Defaults;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Stands for any address out there: that of a.root-servers.net, which has been the same for decades and is nobody's
/// neighbour. (Documentation addresses are: laboratories use them on their links.) Nothing is ever sent to it.
pub const PROBE_V4: Ipv4Addr = Ipv4Addr::new(198, 41, 0, 4);
/// The same for IPv6.
pub const PROBE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30);

/// Most bytes read of a table; a host with more routes than that shows no default here.
const MAX_TABLE: u64 = 4 << 20;
const RTF_UP: u32 = 1;
const RTF_REJECT: u32 = 0x200;

/// The tables, held open, so that they can be read again after a sandbox has closed the file system.
#[derive(Debug)]
pub struct Routes {
    v4: Option<File>,
    v6: Option<File>,
}

impl Routes {
    /// Opens them; where they are not there, nothing is ever known.
    #[must_use]
    pub fn open() -> Self {
        Self {
            v4: File::open("/proc/net/route").ok(),
            v6: File::open("/proc/net/ipv6_route").ok(),
        }
    }

    /// The interfaces that lead out as of now.
    pub fn read(&mut self) -> Defaults {
        let v4 = self.v4.as_mut().and_then(text);
        let v6 = self.v6.as_mut().and_then(text);
        Defaults {
            ipv4: v4.and_then(|t| ipv4(&t)),
            ipv6: v6.and_then(|t| ipv6(&t)),
        }
    }
}

fn text(file: &mut File) -> Option<String> {
    file.seek(SeekFrom::Start(0)).ok()?;
    let mut text = String::new();
    file.take(MAX_TABLE).read_to_string(&mut text).ok()?;
    Some(text)
}

/// A route that covers the address asked for.
struct Candidate<'a> {
    length: u32,
    metric: u32,
    interface: Option<&'a str>,
}

fn best<'a>(candidates: impl Iterator<Item = Candidate<'a>>) -> Option<String> {
    let better = |c: &Candidate<'_>| (c.length, std::cmp::Reverse(c.metric));
    let best = candidates.max_by_key(better)?;
    best.interface.map(str::to_owned)
}

/// The interface of the best route in `/proc/net/route`.
fn ipv4(table: &str) -> Option<String> {
    best(table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [interface, destination, _, flags, _, _, metric, mask, ..] = fields[..] else {
            return None;
        };
        // Addresses are printed as this machine reads the four bytes as a number.
        let number = |text| u32::from_str_radix(text, 16).ok();
        let addr = |text| number(text).map(|n| u32::from_be_bytes(n.to_ne_bytes()));
        let (destination, mask, flags) = (addr(destination)?, addr(mask)?, number(flags)?);
        let covers = u32::from(PROBE_V4) & mask == destination;
        (covers && flags & RTF_UP != 0).then_some(Candidate {
            length: mask.leading_ones(),
            metric: metric.parse().ok()?,
            interface: (flags & RTF_REJECT == 0).then_some(interface),
        })
    }))
}

/// The interface of the best route in `/proc/net/ipv6_route`.
fn ipv6(table: &str) -> Option<String> {
    best(table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [destination, length, _, _, _, metric, _, _, flags, interface] = fields[..] else {
            return None;
        };
        let number = |text| u32::from_str_radix(text, 16).ok();
        let (length, metric, flags) = (number(length)?, number(metric)?, number(flags)?);
        let destination = u128::from_str_radix(destination, 16).ok()?;
        let mask = u128::MAX
            .checked_shl(128_u32.checked_sub(length)?)
            .unwrap_or(0);
        let covers = u128::from(PROBE_V6) & mask == destination;
        (covers && flags & RTF_UP != 0).then_some(Candidate {
            length,
            metric,
            interface: (flags & RTF_REJECT == 0).then_some(interface),
        })
    }))
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::{ipv4, ipv6};

    const HEAD: &str =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    fn v4(lines: &[&str]) -> Option<String> {
        ipv4(&format!("{HEAD}{}\n", lines.join("\n")))
    }

    #[test]
    fn test_ipv4_tables() {
        let wifi = "wlan0\t00000000\t0100A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0";
        let cable = "eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0";
        let local = "eth0\t0000000A\t00000000\t0001\t0\t0\t100\t000000FF\t0\t0\t0";
        assert_eq!(
            v4(&[wifi, local, cable]).as_deref(),
            Some("eth0"),
            "lower metric"
        );
        assert_eq!(v4(&[local]), None);
        let laboratory = "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0";
        assert_eq!(
            v4(&[laboratory]),
            None,
            "a documentation network on the link"
        );
        assert_eq!(v4(&[]), None);
        let halves = [
            "tun0\t00000000\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0",
            "tun0\t00000080\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0",
        ];
        assert_eq!(
            v4(&[cable, halves[0], halves[1]]).as_deref(),
            Some("tun0"),
            "a VPN"
        );
        let down = cable.replace("\t0003\t", "\t0002\t");
        assert_eq!(v4(&[&down]), None);
        let reject = "*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0";
        assert_eq!(v4(&[reject]), None);
    }

    #[test]
    fn test_ipv6_tables() {
        let zero = "0".repeat(32);
        let line = |dst: &str, len: &str, metric: &str, flags: &str, name: &str| {
            format!("{dst} {len} {zero} 00 {zero} {metric} 00000001 00000000 {flags} {name}\n")
        };
        let reject = line(&zero, "00", "ffffffff", "00200200", "lo");
        let wifi = line(&zero, "00", "00000258", "00000003", "wlan0");
        let cable = line(&zero, "00", "00000064", "00000003", "eth0");
        let global = format!("2{}", "0".repeat(31));
        let vpn = line(&global, "03", "00000400", "00000001", "wg0");
        assert_eq!(
            ipv6(&format!("{wifi}{cable}{reject}")).as_deref(),
            Some("eth0")
        );
        assert_eq!(ipv6(&reject), None);
        assert_eq!(ipv6(&format!("{wifi}{vpn}{cable}")).as_deref(), Some("wg0"));
        assert_eq!(ipv6(""), None);
    }

    #[test]
    fn test_rubbish_is_passed_over() {
        assert_eq!(v4(&["eth0 x y", "eth0\tZZ\t0\t0\t0\t0\t0\t0"]), None);
        assert_eq!(ipv6("0 ff 0 0 0 0 0 0 1 eth0\nshort\n"), None);
    }
}
