//! Crafted frames.

use super::super::Direction;
use etherparse::PacketBuilder;

/// 10.0.0.1:1234 -> 10.0.0.2:443, TCP, "hello".
pub(super) fn v4_tcp() -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .tcp(1234, 443, 1000, 65000)
        .psh()
        .ack(77)
        .options_raw(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2])
        .unwrap()
        .write(&mut out, b"hello")
        .unwrap();
    out
}

/// [2001:db8::1]:5000 -> [2001:db8::2]:53, UDP, "hello".
pub(super) fn v6_udp() -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv6(v6_address(1), v6_address(2), 64)
        .udp(5000, 53)
        .write(&mut out, b"hello")
        .unwrap();
    out
}

pub(super) fn v6_address(last: u8) -> [u8; 16] {
    [
        0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last,
    ]
}

/// 192.0.2.1 -> 192.0.2.2, carrying `payload` as `protocol`.
pub(super) fn v4_with(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 60)
        .write(&mut out, etherparse::IpNumber(protocol), payload)
        .unwrap();
    out
}

/// An IPv6 header carrying `payload` as `next`.
pub(super) fn v6_with(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x60, 0, 0, 0];
    out.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    out.extend([next, 63]);
    out.extend(v6_address(1));
    out.extend(v6_address(2));
    out.extend(payload);
    out
}

/// 192.0.2.1:40000 -> 192.0.2.2:`port`, UDP.
pub(super) fn v4_udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 60)
        .udp(40000, port)
        .write(&mut out, payload)
        .unwrap();
    out
}

/// `parts` one after the other.
pub(super) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// An Ethernet frame with addresses that are not zero.
pub(super) fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    join(&[
        &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2],
        &kind.to_be_bytes(),
        payload,
    ])
}

/// A frame, what is wrapped in it (`v6_udp` where `v6`, else `v4_tcp`), and what the headers say.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) link: u32,
    pub(super) data: Vec<u8>,
    pub(super) v6: bool,
    pub(super) direction: Direction,
    pub(super) tunnelled: bool,
    pub(super) app: Option<(&'static str, Option<i32>, Option<i32>)>,
}

fn case(name: &'static str, link: u32, v6: bool, data: Vec<u8>) -> Case {
    Case {
        name,
        link,
        data,
        v6,
        direction: Direction::Unknown,
        tunnelled: false,
        app: None,
    }
}

/// All layers.
pub(super) fn cases() -> Vec<Case> {
    let mut all = ethernets();
    all.extend(serial_lines());
    all.extend(made_up());
    all.extend(apps());
    all.extend(wifi());
    let tunnels = [ip_tunnels(), gre_tunnels(), udp_tunnels()];
    all.extend(tunnels.into_iter().flatten().map(|c| Case {
        tunnelled: true,
        ..c
    }));
    all.extend(extension_headers());
    all
}

fn ethernets() -> Vec<Case> {
    let (v4, v6) = (v4_tcp(), v6_udp());
    let eth = |kind, parts: &[&[u8]]| ethernet(kind, &join(parts));
    let frame = ethernet(0x0800, &v4);
    let llc_len = u16::try_from(8 + v4.len()).unwrap();
    vec![
        case("ethernet v4", 1, false, frame.clone()),
        case("ethernet v6", 1, true, eth(0x86dd, &[&v6])),
        case("ethernet padded", 1, true, eth(0x86dd, &[&v6, &[0; 30]])),
        case("802.1q", 1, false, eth(0x8100, &[&[0, 5, 8, 0], &v4])),
        case(
            "qinq",
            1,
            true,
            eth(0x88a8, &[&[0, 5, 0x81, 0, 0, 6, 0x86, 0xdd], &v6]),
        ),
        case(
            "0x9100",
            1,
            false,
            eth(0x9100, &[&[0, 5, 0x81, 0, 0, 6, 8, 0], &v4]),
        ),
        case(
            "vn-tag",
            1,
            false,
            eth(0x8926, &[&[0, 0, 0, 1, 0x81, 0, 0, 6, 8, 0], &v4]),
        ),
        case("802.1ah", 1, false, eth(0x88e7, &[&[0, 0, 0, 9], &frame])),
        case("fabricpath", 1, false, eth(0x8903, &[&[0, 9], &frame])),
        case(
            "macsec clear",
            1,
            false,
            eth(
                0x88e5,
                &[&[0x20, 0, 0, 0, 0, 1], &[9; 8], &[8, 0], &v4, &[0; 16]],
            ),
        ),
        case(
            "802.3 snap",
            1,
            false,
            eth(llc_len, &[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &v4, &[0; 9]]),
        ),
        case(
            "mpls v4",
            1,
            false,
            eth(0x8847, &[&[0, 1, 0, 64, 0, 2, 1, 64], &v4]),
        ),
        case("mpls v6", 1, true, eth(0x8848, &[&[0, 2, 1, 64], &v6])),
        case(
            "mpls pseudowire",
            1,
            false,
            eth(0x8847, &[&[0, 2, 1, 64], &frame]),
        ),
        case(
            "mpls control word",
            1,
            false,
            eth(0x8847, &[&[0, 2, 1, 64], &[0, 0, 0, 7], &frame]),
        ),
        case(
            "pppoe v4",
            1,
            false,
            eth(0x8864, &[&pppoe(0x21, &v4), &[0; 7]]),
        ),
        case("pppoe v6", 1, true, eth(0x8864, &[&pppoe(0x57, &v6)])),
        case(
            "vlan pppoe",
            1,
            true,
            eth(0x8100, &[&[0, 7, 0x88, 0x64], &pppoe(0x57, &v6)]),
        ),
    ]
}

fn pppoe(protocol: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
    join(&[&[0x11, 0, 0, 1], &len, &protocol.to_be_bytes(), payload])
}

fn serial_lines() -> Vec<Case> {
    let (v4, v6) = (v4_tcp(), v6_udp());
    let toward = |direction, c: Case| Case { direction, ..c };
    vec![
        case("ppp", 9, false, join(&[&[0xff, 3, 0, 0x21], &v4])),
        case("ppp compressed", 9, true, join(&[&[0x57], &v6])),
        case(
            "ppp mpls",
            50,
            false,
            join(&[&[0xff, 3, 2, 0x81, 0, 1, 1, 9], &v4]),
        ),
        case("ppp serial hdlc", 50, false, join(&[&[0x0f, 0, 8, 0], &v4])),
        case("ppp ether", 51, true, pppoe(0x57, &v6)),
        case("c_hdlc", 104, false, join(&[&[0x8f, 0, 8, 0], &v4])),
        toward(
            Direction::In,
            case("pppd in", 166, false, join(&[&[0, 3, 0, 0x21], &v4])),
        ),
        toward(
            Direction::Out,
            case("ppp out", 204, false, join(&[&[1, 0xff, 3, 0, 0x21], &v4])),
        ),
        toward(
            Direction::In,
            case("ppp in", 204, true, join(&[&[0, 0xff, 3, 0, 0x57], &v6])),
        ),
        toward(
            Direction::Out,
            case(
                "hdlc out",
                205,
                true,
                join(&[&[1, 0x0f, 0, 0x86, 0xdd], &v6]),
            ),
        ),
    ]
}

fn made_up() -> Vec<Case> {
    let (v4, v6) = (v4_tcp(), v6_udp());
    let toward = |direction, c: Case| Case { direction, ..c };
    let sll = |kind: u8, arphrd: u16, proto: u16, payload: &[u8]| {
        join(&[
            &[0, kind],
            &arphrd.to_be_bytes(),
            &[0, 6],
            &[0; 8],
            &proto.to_be_bytes(),
            payload,
        ])
    };
    let sll2 = |kind: u8, proto: u16, payload: &[u8]| {
        join(&[
            &proto.to_be_bytes(),
            &[0, 0, 0, 0, 0, 2, 0, 1, kind, 6],
            &[0; 8],
            payload,
        ])
    };
    let mut all = vec![
        toward(
            Direction::In,
            case("sll in", 113, false, sll(0, 1, 0x0800, &v4)),
        ),
        toward(
            Direction::Out,
            case("sll loopback out", 113, true, sll(4, 772, 0x86dd, &v6)),
        ),
        toward(
            Direction::In,
            case(
                "sll vlan",
                113,
                false,
                sll(1, 1, 0x8100, &join(&[&[0, 3, 8, 0], &v4])),
            ),
        ),
        case("sll other host", 113, false, sll(3, 530, 0x0800, &v4)),
        toward(
            Direction::Out,
            case("sll2 out", 276, true, sll2(4, 0x86dd, &v6)),
        ),
        toward(
            Direction::In,
            case("sll2 in", 276, false, sll2(0, 0x0800, &v4)),
        ),
        case("null little", 0, false, join(&[&[2, 0, 0, 0], &v4])),
        case("null big", 0, false, join(&[&[0, 0, 0, 2], &v4])),
        case("null darwin v6", 0, true, join(&[&[30, 0, 0, 0], &v6])),
        case("loop freebsd v6", 108, true, join(&[&[0, 0, 0, 28], &v6])),
        case("null ethertype", 0, true, join(&[&[0xdd, 0x86, 0, 0], &v6])),
        toward(
            Direction::Out,
            case("nflog little", 239, false, nflog(u16::to_le_bytes, &v4)),
        ),
        toward(
            Direction::Out,
            case("nflog big", 239, true, nflog(u16::to_be_bytes, &v6)),
        ),
    ];
    for link in [12, 14, 101, 228] {
        all.push(case("raw v4", link, false, v4.clone()));
    }
    all.push(case("raw v6", 229, true, v6.clone()));
    all.push(case("raw v6 as v4", 101, true, v6));
    all
}

/// A packet header attribute (hook: local out), a five-byte attribute with padding, the packet.
fn nflog(host: fn(u16) -> [u8; 2], packet: &[u8]) -> Vec<u8> {
    let attribute = |kind: u16, data: &[u8]| {
        let len = 4 + data.len();
        let mut out = join(&[&host(u16::try_from(len).unwrap()), &host(kind), data]);
        out.resize(len.next_multiple_of(4), 0);
        out
    };
    join(&[
        &[2, 0, 0, 5],
        &attribute(1, &[8, 0, 3, 0]),
        &attribute(10, b"drop\0"),
        &attribute(9, packet),
    ])
}

fn apps() -> Vec<Case> {
    let (v4, v6) = (v4_tcp(), v6_udp());
    let app = |app, direction, c: Case| Case {
        app: Some(app),
        direction,
        ..c
    };
    let v1 = pktap_v1(0, &join(&[&[30, 0, 0, 0], &v6]));
    let unknown = Direction::Unknown;
    vec![
        app(
            ("com.example.app", Some(10123), None),
            unknown,
            case(
                "pcapdroid",
                1,
                false,
                pcapdroid(0x0800, 10123, b"com.example.app", &v4),
            ),
        ),
        // The name is cut within a two-byte character.
        app(
            ("nineteen bytes long", None, None),
            unknown,
            case(
                "pcapdroid no uid",
                1,
                true,
                pcapdroid(0x86dd, -1, b"nineteen bytes long\xc3", &v6),
            ),
        ),
        app(
            ("Safari", None, Some(42)),
            Direction::Out,
            case("pktap v1", 258, true, v1.clone()),
        ),
        app(
            ("Safari", None, Some(42)),
            Direction::Out,
            case("pktap as user2", 149, true, v1),
        ),
        app(
            ("mDNSResponder", None, Some(7)),
            Direction::In,
            case("pktap v2", 258, false, pktap_v2(&ethernet(0x0800, &v4))),
        ),
        case(
            "ppi raw",
            192,
            false,
            join(&[&[0, 0, 8, 0, 101, 0, 0, 0], &v4]),
        ),
    ]
}

fn pcapdroid(kind: u16, uid: i32, name: &[u8], packet: &[u8]) -> Vec<u8> {
    let mut out = join(&[&[0; 12], &kind.to_be_bytes(), packet]);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend([1, 7, 0x20, 0x21]);
    out.extend(uid.to_be_bytes());
    let mut field = name.to_vec();
    field.resize(20, 0);
    join(&[&out, &field, &[1, 2, 3, 4]])
}

fn pktap_v1(link: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 156];
    out[0] = 156;
    out[4] = 1;
    out[8..12].copy_from_slice(&link.to_le_bytes());
    out[12..15].copy_from_slice(b"en0");
    out[36] = 2;
    out[52] = 9;
    out[56..61].copy_from_slice(b"nsurl");
    out[84] = 42;
    out[88..94].copy_from_slice(b"Safari");
    join(&[&out, payload])
}

fn pktap_v2(payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 40];
    out.extend(b"mDNSResponder\0");
    out[0] = 54;
    out[4] = 40; // process name; no effective one
    out[6] = 1;
    out[28] = 7;
    out[36..40].copy_from_slice(&0x0008_0001u32.to_le_bytes());
    join(&[&out, payload])
}

const SNAP_V4: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
const SNAP_V6: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd];

fn wifi() -> Vec<Case> {
    let (v4, v6) = (v4_tcp(), v6_udp());
    let data = |first: u8, flags: u8, extra: &[u8]| join(&[&[first, flags, 0, 0], &[0; 20], extra]);
    let plain = join(&[&data(0x08, 1, &[]), &SNAP_V4, &v4]);
    let qos = join(&[&data(0x88, 2, &[0, 0]), &SNAP_V6, &v6]);
    let arp = join(&[&[0; 12], &[0, 10], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 6, 0, 1]]);
    let len = u16::try_from(8 + v6.len()).unwrap().to_be_bytes();
    let amsdu = join(&[
        &data(0x88, 1, &[0x80, 0]),
        &arp, // 24 bytes: no padding is due
        &[0; 12],
        &len,
        &SNAP_V6,
        &v6,
    ]);
    let padded = join(&[
        &data(0x88, 2, &[0, 0]),
        &[0, 0],
        &SNAP_V6,
        &v6,
        &[1, 2, 3, 4],
    ]);
    let prism = join(&[&[0, 0, 0, 0x44], &144u32.to_le_bytes(), &[0; 136], &plain]);
    let avs = join(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56], &qos]);
    vec![
        case("802.11 qos", 105, true, qos.clone()),
        case(
            "802.11 four addresses",
            105,
            false,
            join(&[&data(0x08, 3, &[0; 6]), &SNAP_V4, &v4]),
        ),
        case(
            "802.11 ht control",
            105,
            true,
            join(&[&data(0x88, 0x81, &[0; 6]), &SNAP_V6, &v6]),
        ),
        case("802.11 a-msdu, arp first", 105, true, amsdu),
        case(
            "radiotap",
            127,
            false,
            join(&[&[0, 0, 8, 0, 0, 0, 0, 0], &plain]),
        ),
        // Two presence words, timestamp, flags: FCS and padding.
        case(
            "radiotap fcs",
            127,
            true,
            join(&[
                &[0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0],
                &[0; 4],
                &[7; 8],
                &[0x30],
                &padded,
            ]),
        ),
        case("prism", 119, false, prism),
        case("avs as prism", 119, true, avs.clone()),
        case("avs", 163, true, avs),
        case(
            "ppi 802.11 fcs",
            192,
            false,
            join(&[
                &[0, 0, 22, 0, 105, 0, 0, 0],
                &[2, 0, 10, 0],
                &[0; 8],
                &[1, 0],
                &plain,
                &[9; 4],
            ]),
        ),
    ]
}

fn ip_tunnels() -> Vec<Case> {
    let (v4, v6) = (v4_tcp(), v6_udp());
    let frame = ethernet(0x86dd, &v6);
    vec![
        case("ipip", 101, false, v4_with(4, &v4)),
        case("6in4", 101, true, v4_with(41, &v6)),
        case("4in6", 101, false, v6_with(4, &v4)),
        case("6in6", 101, true, v6_with(41, &v6)),
        case(
            "etherip",
            101,
            true,
            v4_with(97, &join(&[&[0x30, 0], &frame])),
        ),
        case(
            "mpls in ip",
            101,
            false,
            v4_with(137, &join(&[&[0, 1, 1, 9], &v4])),
        ),
    ]
}

fn gre_tunnels() -> Vec<Case> {
    let (v4, v6) = (v4_tcp(), v6_udp());
    let gre = |parts: &[&[u8]]| v4_with(47, &join(parts));
    let frame = ethernet(0x86dd, &v6);
    let len = u16::try_from(v4.len() + 4).unwrap().to_be_bytes();
    let eoip_len = u16::try_from(frame.len()).unwrap().to_be_bytes();
    vec![
        case("gre", 101, false, gre(&[&[0, 0, 8, 0], &v4])),
        case(
            "gre all fields",
            101,
            true,
            gre(&[
                &[0xf0, 0, 0x86, 0xdd],
                &[0; 12],
                &[0, 1, 0, 4, 9, 9, 9, 9],
                &[0; 4],
                &v6,
            ]),
        ),
        case(
            "gre ethernet",
            101,
            true,
            gre(&[&[0x20, 0, 0x65, 0x58], &[0; 4], &frame]),
        ),
        case(
            "gre mpls",
            101,
            false,
            gre(&[&[0, 0, 0x88, 0x47], &[0, 1, 1, 9], &v4]),
        ),
        case("erspan i", 101, true, gre(&[&[0, 0, 0x88, 0xbe], &frame])),
        case(
            "erspan ii",
            101,
            true,
            gre(&[
                &[0x10, 0, 0x88, 0xbe],
                &[0; 4],
                &[0x10, 1, 0, 0, 0, 0, 0, 0],
                &frame,
            ]),
        ),
        case(
            "erspan iii",
            101,
            true,
            gre(&[
                &[0x10, 0, 0x22, 0xeb],
                &[0; 4],
                &[0x20; 10],
                &[0, 1],
                &[0; 8],
                &frame,
            ]),
        ),
        case(
            "erspan iii ip",
            101,
            false,
            gre(&[&[0x10, 0, 0x22, 0xeb], &[0; 4], &[0x20; 10], &[8, 0], &v4]),
        ),
        case(
            "pptp",
            101,
            false,
            gre(&[
                &[0x30, 0x81, 0x88, 0x0b],
                &len,
                &[0; 2],
                &[0; 8],
                &[0xff, 3, 0, 0x21],
                &v4,
            ]),
        ),
        case(
            "eoip",
            101,
            true,
            gre(&[&[0x20, 1, 0x64, 0], &eoip_len, &[5, 0], &frame]),
        ),
        case(
            "gre in ipip in gre",
            101,
            false,
            gre(&[&[0, 0, 8, 0], &v4_with(4, &gre(&[&[0, 0, 8, 0], &v4]))]),
        ),
    ]
}

fn udp_tunnels() -> Vec<Case> {
    let (v4, v6) = (v4_tcp(), v6_udp());
    let udp = |port, parts: &[&[u8]]| v4_udp(port, &join(parts));
    let frame = ethernet(0x86dd, &v6);
    let gtp = |flags: u8, body: &[u8]| {
        let len = u16::try_from(body.len()).unwrap().to_be_bytes();
        join(&[&[flags, 0xff], &len, &[0, 0, 0, 1], body])
    };
    let mut teredo = v6.clone();
    teredo[8..12].copy_from_slice(&[0x20, 1, 0, 0]);
    vec![
        case(
            "vxlan",
            101,
            true,
            udp(4789, &[&[8, 0, 0, 0, 0, 0, 5, 0], &frame]),
        ),
        case(
            "vxlan linux policy",
            101,
            true,
            udp(8472, &[&[0x88, 0, 1, 2, 0, 0, 5, 0], &frame]),
        ),
        case(
            "geneve ethernet",
            101,
            true,
            udp(6081, &[&[1, 0, 0x65, 0x58, 0, 0, 1, 0], &[0; 4], &frame]),
        ),
        case(
            "geneve v4",
            101,
            false,
            udp(6081, &[&[0, 0, 8, 0, 0, 0, 1, 0], &v4]),
        ),
        case("gtp-u", 101, false, udp(2152, &[&gtp(0x30, &v4)])),
        case(
            "gtp-u extension",
            101,
            true,
            udp(
                2152,
                &[&gtp(0x34, &join(&[&[0, 0, 0, 0x85], &[1, 0, 9, 0], &v6]))],
            ),
        ),
        case("teredo", 101, true, udp(3544, &[&teredo])),
        case(
            "teredo indications",
            101,
            true,
            udp(
                3544,
                &[
                    &[0, 1, 2, 1],
                    &[7; 3],
                    &[0; 9],
                    &[0, 0, 1, 2, 3, 4, 5, 6],
                    &teredo,
                ],
            ),
        ),
    ]
}

fn extension_headers() -> Vec<Case> {
    let (v4, v6) = (v4_tcp(), v6_udp());
    let udp = &v6[40..];
    let ah = |next: u8, rest: &[u8]| join(&[&[next, 4, 0, 0], &[0; 20], rest]);
    let options = join(&[&[60, 0], &[0; 6], &[135, 1], &[0; 14], &[44, 0], &[0; 6]]);
    let atomic = join(&[&[51, 0, 0, 0, 0, 0, 0, 1], &ah(17, udp)]);
    vec![
        case(
            "v6 extensions",
            101,
            true,
            v6_with(0, &join(&[&options, &atomic])),
        ),
        case(
            "v6 routing",
            1,
            true,
            ethernet(
                0x86dd,
                &v6_with(43, &join(&[&[17, 0, 0, 0, 0, 0, 0, 0], udp])),
            ),
        ),
        case("v4 ah", 101, false, {
            let mut out = v4_with(51, &ah(6, &v4[20..]));
            out[12..20].copy_from_slice(&v4[12..20]);
            out
        }),
    ]
}
