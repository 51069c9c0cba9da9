//! Names of link types, and which of them can be read.

use crate::types::LinkType;
use std::borrow::Cow;

/// True where frames of this link type can be decoded. Of `user2` only Apple's PKTAP frames can.
#[must_use]
pub fn supports(link: LinkType) -> bool {
    matches!(
        link.0,
        0 | 1
            | 9
            | 12
            | 14
            | 50
            | 51
            | 101
            | 104
            | 105
            | 108
            | 113
            | 119
            | 127
            | 149
            | 163
            | 166
            | 192
            | 204
            | 205
            | 228
            | 229
            | 239
            | 258
            | 276
    )
}

/// The name of a link type: that of its LINKTYPE_ constant (tcpdump.org/linktypes.html) in lower case, such as
/// `ethernet`, `linux_sll` or `ieee802_11_radiotap`; `linktype_N` for a number without a name here.
#[must_use]
pub fn link_name(link: LinkType) -> Cow<'static, str> {
    match NAMES.binary_search_by_key(&link.0, |&(number, _)| number) {
        Ok(at) => Cow::Borrowed(NAMES[at].1),
        Err(_) => Cow::Owned(format!("linktype_{}", link.0)),
    }
}

/// By number. 12 and 14 are what DLT_RAW is on most systems and on OpenBSD; files should say 101.
const NAMES: &[(u32, &str)] = &[
    (0, "null"),
    (1, "ethernet"),
    (3, "ax25"),
    (6, "ieee802_5"),
    (7, "arcnet_bsd"),
    (8, "slip"),
    (9, "ppp"),
    (10, "fddi"),
    (12, "raw"),
    (14, "raw"),
    (50, "ppp_hdlc"),
    (51, "ppp_ether"),
    (99, "symantec_firewall"),
    (100, "atm_rfc1483"),
    (101, "raw"),
    (104, "c_hdlc"),
    (105, "ieee802_11"),
    (107, "frelay"),
    (108, "loop"),
    (109, "enc"),
    (113, "linux_sll"),
    (114, "ltalk"),
    (117, "pflog"),
    (119, "ieee802_11_prism"),
    (122, "ip_over_fc"),
    (123, "sunatm"),
    (127, "ieee802_11_radiotap"),
    (129, "arcnet_linux"),
    (138, "apple_ip_over_ieee1394"),
    (139, "mtp2_with_phdr"),
    (140, "mtp2"),
    (141, "mtp3"),
    (142, "sccp"),
    (143, "docsis"),
    (144, "linux_irda"),
    (147, "user0"),
    (148, "user1"),
    (149, "user2"),
    (150, "user3"),
    (151, "user4"),
    (152, "user5"),
    (153, "user6"),
    (154, "user7"),
    (155, "user8"),
    (156, "user9"),
    (157, "user10"),
    (158, "user11"),
    (159, "user12"),
    (160, "user13"),
    (161, "user14"),
    (162, "user15"),
    (163, "ieee802_11_avs"),
    (165, "bacnet_ms_tp"),
    (166, "ppp_pppd"),
    (169, "gprs_llc"),
    (177, "linux_lapd"),
    (182, "mfr"),
    (187, "bluetooth_hci_h4"),
    (189, "usb_linux"),
    (192, "ppi"),
    (195, "ieee802_15_4_withfcs"),
    (196, "sita"),
    (197, "erf"),
    (201, "bluetooth_hci_h4_with_phdr"),
    (202, "ax25_kiss"),
    (203, "lapd"),
    (204, "ppp_with_dir"),
    (205, "c_hdlc_with_dir"),
    (206, "frelay_with_dir"),
    (209, "ipmb_linux"),
    (215, "ieee802_15_4_nonask_phy"),
    (220, "usb_linux_mmapped"),
    (224, "fc_2"),
    (225, "fc_2_with_frame_delims"),
    (226, "ipnet"),
    (227, "can_socketcan"),
    (228, "ipv4"),
    (229, "ipv6"),
    (230, "ieee802_15_4_nofcs"),
    (231, "dbus"),
    (235, "dvb_ci"),
    (236, "mux27010"),
    (239, "nflog"),
    (240, "netanalyzer"),
    (241, "netanalyzer_transparent"),
    (242, "ipoib"),
    (243, "mpeg_2_ts"),
    (245, "nfc_llcp"),
    (247, "infiniband"),
    (248, "sctp"),
    (249, "usbpcap"),
    (251, "bluetooth_le_ll"),
    (252, "wireshark_upper_pdu"),
    (253, "netlink"),
    (254, "bluetooth_linux_monitor"),
    (255, "bluetooth_bredr_bb"),
    (256, "bluetooth_le_ll_with_phdr"),
    (257, "profibus_dl"),
    (258, "pktap"),
    (259, "epon"),
    (264, "iso_14443"),
    (266, "usb_darwin"),
    (268, "sdlc"),
    (271, "vsock"),
    (272, "nordic_ble"),
    (273, "docsis31_xra31"),
    (274, "ethernet_mpacket"),
    (276, "linux_sll2"),
    (283, "ieee802_15_4_tap"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_so_that_the_search_finds_them() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn names_all_that_is_supported_and_numbers_the_rest() {
        for number in (0..400).filter(|&n| supports(LinkType(n))) {
            assert!(matches!(link_name(LinkType(number)), Cow::Borrowed(_)));
        }
        assert_eq!(link_name(LinkType(276)), "linux_sll2");
        assert_eq!(link_name(LinkType(9999)), "linktype_9999");
    }
}
