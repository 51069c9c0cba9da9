//! Sends the packets of a capture from an interface at a given rate, over and over: the load of `benches/live.sh`, for
//! interfaces of network namespaces that were made for it. The program itself never sends anything.
//!
//! `cargo run --release --example send -- INTERFACE CAPTURE PACKETS RATE`; prints how many packets a second it managed.
#![allow(clippy::disallowed_methods, clippy::expect_used)]

#[cfg(feature = "live")]
fn main() {
    use std::time::{Duration, Instant};
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [interface, file, packets, rate] = args.as_slice() else {
        eprintln!("usage: send INTERFACE CAPTURE PACKETS RATE");
        std::process::exit(2);
    };
    let packets: u32 = packets.parse().expect("a number of packets");
    let rate: f64 = rate.parse().expect("packets a second");
    let mut frames = Vec::new();
    let mut capture = pcap::Capture::from_file(file).expect("a capture");
    while let Ok(packet) = capture.next_packet() {
        frames.push(packet.data.to_vec());
        if frames.len() >= 200_000 {
            break;
        }
    }
    let device = pcap::Capture::from_device(interface.as_str()).expect("an interface");
    let mut out = device.snaplen(64).open().expect("an interface that is up");
    out.filter("less 1", true).expect("a filter"); // what comes in is of no interest
    let begun = Instant::now();
    let mut failed = 0_u32;
    for (number, frame) in (0..packets).zip(frames.iter().cycle()) {
        failed += u32::from(out.sendpacket(frame.as_slice()).is_err());
        if number % 64 == 63 {
            let due = Duration::from_secs_f64(f64::from(number) / rate);
            while begun.elapsed() < due {
                std::thread::sleep(
                    due.saturating_sub(begun.elapsed())
                        .min(Duration::from_micros(200)),
                );
            }
        }
    }
    let rate = f64::from(packets) / begun.elapsed().as_secs_f64();
    println!("{rate:.0} packets/s, {failed} not sent");
}

#[cfg(not(feature = "live"))]
fn main() {}
