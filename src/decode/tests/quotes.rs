//! ICMP errors and what they quote.

use super::craft;
use super::*;
use crate::fact::icmp::Quoted;

fn v4_error(kind: u8, code: u8, rest: [u8; 4], quote: &[u8]) -> Vec<u8> {
    craft::v4_with(1, &craft::join(&[&[kind, code, 0, 0], &rest, quote]))
}

fn v6_error(kind: u8, code: u8, mtu: u32, quote: &[u8]) -> Vec<u8> {
    craft::v6_with(
        58,
        &craft::join(&[&[kind, code, 0, 0], &mtu.to_be_bytes(), quote]),
    )
}

fn icmp(data: &[u8]) -> Option<IcmpError> {
    match packet(&mut Decoder::new(), &frame(101, data)).transport {
        Transport::Icmp(error) => Some(error),
        _ => None,
    }
}

fn quoted_tcp(seq: Option<u32>) -> Quoted {
    Quoted {
        src: Addr::v4([10, 0, 0, 1]),
        dst: Addr::v4([10, 0, 0, 2]),
        protocol: 6,
        src_port: 1234,
        dst_port: 443,
        seq,
    }
}

#[test]
fn too_big_over_v4_quotes_eight_bytes() {
    let data = v4_error(3, 4, [0, 0, 0x05, 0x78], &craft::v4_tcp()[..28]);
    let error = icmp(&data).unwrap();
    assert_eq!(error.mtu, Some(1400));
    assert!(error.is_too_big());
    assert_eq!(
        (error.kind, error.code, error.v6, error.ttl),
        (3, 4, false, 60)
    );
    assert_eq!(error.from, Addr::v4([192, 0, 2, 1]));
    assert_eq!(error.quoted, quoted_tcp(Some(1000)));
}

#[test]
fn without_a_sequence_number_and_without_an_mtu() {
    let error = icmp(&v4_error(11, 0, [0; 4], &craft::v4_tcp()[..24])).unwrap();
    assert_eq!(error.quoted, quoted_tcp(None));
    assert_eq!(
        icmp(&v4_error(3, 4, [0; 4], &craft::v4_tcp())).unwrap().mtu,
        None
    );
    assert_eq!(
        icmp(&v4_error(3, 1, [0, 0, 5, 0], &craft::v4_tcp()))
            .unwrap()
            .mtu,
        None
    );
}

#[test]
fn v6_with_extension_headers_in_the_quote() {
    let udp = &craft::v6_udp()[40..];
    let options = craft::join(&[&[44, 0, 0, 0, 0, 0, 0, 0], &[17, 0, 0, 1, 0, 0, 0, 9], udp]);
    let error = icmp(&v6_error(2, 0, 1280, &craft::v6_with(0, &options))).unwrap();
    assert_eq!(error.mtu, Some(1280));
    assert!(error.v6);
    let quoted = error.quoted;
    assert_eq!(
        (
            quoted.protocol,
            quoted.src_port,
            quoted.dst_port,
            quoted.seq
        ),
        (17, 5000, 53, None)
    );
    assert_eq!(quoted.dst, Addr::v6(craft::v6_address(2)));
}

#[test]
fn within_a_tunnel() {
    let error = v4_error(3, 13, [0; 4], &craft::v4_tcp());
    let data = craft::v4_with(47, &craft::join(&[&[0, 0, 8, 0], &error]));
    assert!(icmp(&data).unwrap().is_admin_prohibited());
}

#[test]
fn no_flow_no_error() {
    let mut later = craft::v4_tcp();
    later[7] = 5; // a later fragment: what looks like ports is payload
    let options = craft::join(&[&[17, 0, 0, 9, 0, 0, 0, 9], &[0; 16]]);
    let cases = [
        (v4_error(3, 3, [0; 4], &later), 1),
        (
            v4_error(3, 3, [0; 4], &craft::v4_with(1, &[8, 0, 0, 0, 0, 0, 0, 0])),
            1,
        ),
        (v4_error(3, 3, [0; 4], &craft::v4_tcp()[..22]), 1),
        (v4_error(3, 3, [0; 4], &[]), 1),
        (v4_error(5, 0, [0; 4], &craft::v4_tcp()), 1),
        (v4_error(8, 0, [0; 4], &craft::v4_tcp()), 1),
        (craft::v4_with(1, &[3, 3]), 1),
        (v6_error(1, 4, 0, &craft::v6_with(44, &options)), 58),
        (v6_error(128, 0, 0, &craft::v6_udp()), 58),
    ];
    for (data, protocol) in &cases {
        let mut decoder = Decoder::new();
        let packet = packet(&mut decoder, &frame(101, data)).transport;
        assert!(
            matches!(packet, Transport::Other(n) if n == *protocol),
            "{packet:?}"
        );
    }
}
