//! Finds names in a filter expression that libpcap would look up.
//!
//! The grammar is not parsed. A word is harmless if it is a number or an address, a word of the language, or stands
//! where only a port, protocol or interface is meant; any other word would be taken for a host or network. A word that
//! a newer libpcap adds to the language is refused as well: that errs towards no look-up.

/// All words of pcap-filter(7) that are not followed by a name of their own. Only words that every libpcap knows: one
/// that an older libpcap does not know is a host name to it.
const WORDS: &str = "\
src dst host net mask addr1 addr2 addr3 addr4 ra ta gateway less greater len length link ether fddi tr wlan ppp slip radio \
ip ip6 arp rarp decnet lat moprc mopdl atalk aarp sca stp ipx netbeui iso esis es-is isis is-is clnp csnp psnp l1 l2 \
iih lsp snp tcp udp icmp icmp6 igmp igrp pim vrrp carp sctp ah esp and or not broadcast multicast inbound outbound \
vlan mpls pppoed pppoes geneve vpi vci lane llc metac bcc sc ilmic oam oamf4 oamf4ec oamf4sc connectmsg \
metaconnect sio opc dpc sls hsio hopc hdpc hsls fisu lssu lsu msu hfisu hlssu hmsu byte";

/// Words after which a name is a port, protocol, interface or the like, which is not looked up on the network. It
/// holds until the next word that asks for an address, as in `port http or https`.
const LOCAL: &[&str] = &[
    "port",
    "portrange",
    "proto",
    "protochain",
    "ifname",
    "on",
    "rset",
    "ruleset",
    "rnr",
    "rulenum",
    "srnr",
    "subrulenum",
    "reason",
    "action",
    "type",
    "subtype",
    "dir",
    "direction",
];

/// Words after which a name is an address again.
const ADDRESS: &[&str] = &[
    "src", "dst", "host", "net", "gateway", "mask", "addr1", "addr2", "addr3", "addr4", "ra", "ta",
];

/// The first word of `expression` that libpcap would ask a resolver about.
pub(super) fn needs_lookup(expression: &str) -> Option<String> {
    let mut local = false;
    let mut depth = 0_usize;
    for token in tokens(expression) {
        match token {
            "[" => depth += 1,
            "]" => depth = depth.saturating_sub(1),
            // Inside brackets are offsets and names of offsets only.
            _ if depth > 0 => {}
            word if LOCAL.contains(&word) => local = true,
            // `port 1 or src foo` asks for a host again, `port 1 or foo` for a port.
            word if ADDRESS.contains(&word) => local = false,
            word if is_literal(word) || is_word(word) => {}
            // A backslash takes the meaning of a language word away, so `host \tcp` is a name.
            word if !local
                && word.starts_with(|c: char| c.is_alphanumeric() || c == '\\' || c == '_') =>
            {
                return Some(word.to_owned());
            }
            _ => {}
        }
    }
    None
}

fn is_word(word: &str) -> bool {
    WORDS.split(' ').any(|known| known == word) || is_named_constant(word)
}

/// `tcp-syn`, `icmp-echo`, `icmp6-routersolicit`, `tcpflags` and the like: numbers with a name.
fn is_named_constant(word: &str) -> bool {
    const CONSTANTS: &[&str] = &[
        "tcpflags",
        "tcp-fin",
        "tcp-syn",
        "tcp-rst",
        "tcp-push",
        "tcp-ack",
        "tcp-urg",
        "tcp-ece",
        "tcp-cwr",
        "icmptype",
        "icmpcode",
        "icmp6type",
        "icmp6code",
        "icmp-echoreply",
        "icmp-unreach",
        "icmp-sourcequench",
        "icmp-redirect",
        "icmp-echo",
        "icmp-routeradvert",
        "icmp-routersolicit",
        "icmp-timxceed",
        "icmp-paramprob",
        "icmp-tstamp",
        "icmp-tstampreply",
        "icmp-ireq",
        "icmp-ireqreply",
        "icmp-maskreq",
        "icmp-maskreply",
    ];
    CONSTANTS.contains(&word)
}

/// What libpcap reads as a number or address: decimal, hex, up to four dotted numbers, IPv6, a MAC address. It takes
/// anything near it (`1.2.3.`, `1.2.3.4.5`, `be.ef.ca`) for a name.
fn is_literal(word: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let hex = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_hexdigit());
    let dotted = word.split('.').count() <= 4 && word.split('.').all(digits);
    let hex_number = word
        .strip_prefix("0x")
        .or_else(|| word.strip_prefix("0X"))
        .is_some_and(hex);
    let mac = [':', '-', '.'].iter().any(|&sep| {
        word.split(sep).count() == 6 && word.split(sep).all(|part| part.len() <= 2 && hex(part))
    });
    dotted || hex_number || mac || word.parse::<std::net::Ipv6Addr>().is_ok()
}

/// Words (with inner hyphens, dots, colons and a leading backslash) and brackets; other signs separate.
fn tokens(expression: &str) -> impl Iterator<Item = &str> {
    let mut rest = expression;
    std::iter::from_fn(move || {
        let inner = |c: char| c.is_alphanumeric() || matches!(c, '.' | ':' | '_' | '-' | '\\');
        rest = rest.trim_start_matches(|c: char| c != '[' && c != ']' && (!inner(c) || c == '-'));
        let len = match rest.chars().next()? {
            '[' | ']' => 1,
            _ => rest.find(|c| !inner(c)).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(len);
        rest = after;
        Some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::needs_lookup;

    #[test]
    fn test_addresses_and_keywords_pass() {
        for expression in [
            "",
            "tcp port 443 or udp port 443",
            "host 192.0.2.1 and not net 10.0.0.0/8",
            "net 10 or src net 192.168 or dst 2001:db8::1",
            "host ::1 or net 2001:db8::/32",
            "ether host 00:11:22:33:44:55 or ether src 0-1-2-3-4-5",
            "port https or domain",
            "src port 80 or dst port https",
            "portrange 6000-6008",
            "ip proto \\tcp or ip6 protochain 6",
            "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src and dst net 10.0.0.0 mask 255.0.0.0",
            "icmp[icmptype] != icmp-echo && len > 0x40",
            "vlan 100 && (ip or ip6) and greater 100",
            "wlan type mgt subtype beacon",
            "pppoes 0x27 and ether proto \\ip",
            "((tcp[12] & 0xf0) >> 2) - 20 > 0",
        ] {
            assert_eq!(needs_lookup(expression), None, "{expression}");
        }
    }

    #[test]
    fn test_names_are_found_wherever_they_stand() {
        for (expression, name) in [
            ("host example.com", "example.com"),
            ("host 192.0.2.1 or example.com", "example.com"),
            ("src tiktok", "tiktok"),
            ("net loopback", "loopback"),
            ("port 80 and (host evil-name)", "evil-name"),
            ("host \\tcp", "\\tcp"),
            ("dst host beef.cafe", "beef.cafe"),
            ("gateway snup", "snup"),
            ("ether host router", "router"),
            ("www.example", "www.example"),
            ("host 1e100.net", "1e100.net"),
            ("not host ö.example", "ö.example"),
            ("host 1.2.3.4.5", "1.2.3.4.5"),
            ("host 1-2", "1-2"),
            ("host be.ef.ca", "be.ef.ca"),
            ("port http or src foo", "foo"),
            ("vxlan", "vxlan"),
        ] {
            assert_eq!(
                needs_lookup(expression).as_deref(),
                Some(name),
                "{expression}"
            );
        }
    }
}
