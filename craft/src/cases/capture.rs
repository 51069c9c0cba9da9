//! Captures that do not hold everything: shakedown must not claim more than they show.

use crate::prelude::*;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("capture.one-sided", "client-only")
            .about("A healthy visit of which only the client's packets are in the file.")
            .expect("www.tiktok.com", Expect::unfinished())
            .capture(|net| {
                net.visit("www.tiktok.com", "23.49.60.10");
                net.only(Side::Client);
            }),
        Case::new("capture.ended", "after-first-syn")
            .about("The capture ends 400 ms after the first SYN.")
            .expect("www.tiktok.com", Expect::unfinished())
            .capture(|net| {
                net.resolve("www.tiktok.com", &["23.49.60.10"]);
                net.tcp("23.49.60.10").syn();
                net.wait(400);
                net.query("www.example.com", rtype::A);
            }),
        Case::new("healthy", "pcapng-sll2-snaplen")
            .about("A healthy visit captured with -i any and 128 bytes a frame, as pcapng.")
            .expect("www.tiktok.com", Expect::ok())
            .capture(|net| {
                net.visit("www.tiktok.com", "23.49.60.10");
                net.format(Format::PcapNg);
                net.link(Link::Sll2);
                net.snaplen(128);
            }),
    ]
}
