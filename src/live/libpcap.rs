//! Interfaces through libpcap.
//!
//! Not in immediate mode: on Linux that takes TPACKET_V2, whose ring has a slot of the whole snap length for each frame,
//! so that 16 MiB hold some 256 frames where the interface does segmentation offload. TPACKET_V3 packs frames densely
//! into blocks, and hands a block over when it is full or [`RETIRE`] old: that is all the latency this costs.
//!
//! libpcap's own timeout does not wake an idle capture on Linux, so the handle never blocks: `poll` waits instead.

use super::block::Block;
use super::privilege::with_capture_right;
use super::wire::{Counted, Port, Trouble, Wire};
use crate::types::{LinkType, Timestamp};
use pcap::{Active, Capture, Linktype, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::path::PathBuf;
use std::time::Duration;

/// How old a block of the kernel's ring gets at most before it can be read.
pub const RETIRE: Duration = Duration::from_millis(20);
/// Frames between two looks at whether the block is full.
const BATCH: usize = 64;
/// The device that stands for all interfaces (Linux).
pub const ANY: &str = "any";
/// Link types of it: cooked v2, which names the interface of each packet, and v1.
const COOKED: [i32; 2] = [276, 113];

/// How to listen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Bytes of a packet that are kept.
    pub snap_len: i32,
    /// Bytes of the kernel's buffer.
    pub buffer: i32,
    /// Also take frames that are not for this host.
    pub promiscuous: bool,
    /// The kernel's filter, as tcpdump takes it; it must not hold names, since libpcap would look them up.
    pub filter: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            snap_len: 262_144,
            buffer: 32 << 20,
            promiscuous: false,
            filter: None,
        }
    }
}

/// An interface that libpcap knows by name.
#[derive(Clone, Debug)]
pub struct Device {
    name: String,
    options: Options,
}

impl Device {
    /// The interface with that name; nothing is opened yet.
    #[must_use]
    pub fn new(name: &str, options: Options) -> Self {
        let name = name.to_owned();
        Self { name, options }
    }

    /// Sets the kernel's filter for the times to come that it is opened.
    pub fn set_filter(&mut self, filter: Option<String>) {
        self.options.filter = filter;
    }

    /// Opens it.
    ///
    /// # Errors
    /// In libpcap's words, for who explains them.
    pub fn open_first(&self) -> Result<Box<dyn Wire>, pcap::Error> {
        let handle = self.try_open()?;
        Ok(self.wire(handle))
    }

    /// Which trouble an error of [`Device::open_first`] is.
    #[must_use]
    pub fn trouble(error: &pcap::Error) -> Trouble {
        trouble(error)
    }

    fn try_open(&self) -> Result<Capture<Active>, pcap::Error> {
        let options = &self.options;
        let retire = i32::try_from(RETIRE.as_millis()).unwrap_or(20);
        let mut handle = Capture::from_device(self.name.as_str())?
            .promisc(options.promiscuous && self.name != ANY)
            .snaplen(options.snap_len)
            .timeout(retire)
            .buffer_size(options.buffer)
            .precision(Precision::Nano)
            .open()?
            .setnonblock()?;
        if self.name == ANY {
            let offered = handle.list_datalinks().unwrap_or_default();
            if let Some(link) = COOKED
                .iter()
                .find(|link| offered.contains(&Linktype(**link)))
            {
                handle.set_datalink(Linktype(*link))?;
            }
        }
        if let Some(filter) = &options.filter {
            handle.filter(filter, true)?;
        }
        Ok(handle)
    }

    fn wire(&self, handle: Capture<Active>) -> Box<dyn Wire> {
        let link = link(handle.get_datalink());
        // A name with a slash is no interface, but might be a path.
        let plain = self.name != ANY && !self.name.contains('/');
        let flags = PathBuf::from(format!("/sys/class/net/{}/flags", self.name));
        Box::new(Handle {
            handle,
            link,
            flags: (plain && cfg!(target_os = "linux")).then_some(flags),
            last: [0; 3],
            totals: [0; 3],
        })
    }
}

impl Port for Device {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&mut self) -> Result<Box<dyn Wire>, Trouble> {
        let opened = with_capture_right(|| self.try_open());
        opened
            .map(|handle| self.wire(handle))
            .map_err(|error| trouble(&error))
    }

    fn delay(&self) -> Duration {
        RETIRE * 2
    }
}

/// Raw IP has another number in files than in libpcap's functions.
fn link(dlt: Linktype) -> LinkType {
    LinkType(match dlt.0 {
        12 | 14 => 101,
        other => u32::try_from(other).unwrap_or(u32::MAX),
    })
}

/// libpcap tells errors apart by text only.
fn trouble(error: &pcap::Error) -> Trouble {
    let text = match error {
        pcap::Error::PcapError(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["disappeared", "No such device", "does not exist", "ENODEV"]) {
        Trouble::Gone
    } else if says(&["is down", "went down", "not up", "Network is down"]) {
        Trouble::Down
    } else {
        Trouble::Failed(text)
    }
}

/// An open interface.
struct Handle {
    handle: Capture<Active>,
    link: LinkType,
    /// Where Linux says whether it is up.
    flags: Option<PathBuf>,
    /// Counters as they stood last: received, dropped, dropped by the interface.
    last: [u32; 3],
    totals: [u64; 3],
}

impl Wire for Handle {
    fn link(&self) -> LinkType {
        self.link
    }

    fn wait(&mut self, timeout: Duration) -> Result<(), Trouble> {
        let timeout = Timespec::try_from(timeout).ok();
        let mut fds = [PollFd::new(&self.handle, PollFlags::IN)];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(Trouble::Failed(error.to_string())),
        }
    }

    fn read(&mut self, block: &mut Block) -> Result<usize, Trouble> {
        let (link, before) = (self.link, block.len());
        while !block.is_full() {
            let take = |packet: pcap::Packet<'_>| {
                let header = packet.header;
                // With Precision::Nano the second field holds nanoseconds.
                let nanos = header.ts.tv_sec.saturating_mul(1_000_000_000);
                let time = Timestamp(nanos.saturating_add(header.ts.tv_usec));
                block.push(time, link, header.len, packet.data);
            };
            match self.handle.dispatch(Some(BATCH), take) {
                Ok(0) | Err(pcap::Error::TimeoutExpired) => break,
                Ok(_) => {}
                // What has come before the trouble counts; the trouble shows again at the next call.
                Err(_) if block.len() > before => break,
                Err(error) => return Err(trouble(&error)),
            }
        }
        Ok(block.len() - before)
    }

    fn counted(&mut self) -> Option<Counted> {
        let stats = self.handle.stats().ok()?;
        let now = [stats.received, stats.dropped, stats.if_dropped];
        for (place, now) in now.into_iter().enumerate() {
            // They are 32 bits wide and begin anew after that.
            self.totals[place] += u64::from(now.wrapping_sub(self.last[place]));
        }
        self.last = now;
        let [received, dropped, if_dropped] = self.totals;
        Some(Counted {
            received,
            dropped,
            if_dropped,
        })
    }

    fn state(&mut self) -> Result<(), Trouble> {
        let flags = self.flags.as_ref().map(std::fs::read_to_string);
        match flags {
            Some(Ok(flags)) if !is_up(&flags) => Err(Trouble::Down),
            _ => Ok(()),
        }
    }
}

/// The flags of an interface as Linux writes them (`0x1003`) say that it is up.
fn is_up(flags: &str) -> bool {
    const UP: u32 = 1; // IFF_UP
    let digits = flags.trim().trim_start_matches("0x");
    u32::from_str_radix(digits, 16).map_or(true, |flags| flags & UP != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libpcaps_words_are_told_apart() {
        let of = |text: &str| trouble(&pcap::Error::PcapError(text.to_owned()));
        assert_eq!(of("The interface disappeared"), Trouble::Gone);
        assert_eq!(
            of("eth7: No such device exists (No such device exists)"),
            Trouble::Gone
        );
        assert_eq!(of("That device is not up"), Trouble::Down);
        assert!(matches!(
            of("eth0: You don't have permission"),
            Trouble::Failed(_)
        ));
    }

    #[test]
    fn flags_of_interfaces() {
        assert!(is_up("0x1003\n") && is_up("") && !is_up("0x1002\n"));
    }

    #[test]
    fn an_interface_that_is_not_there_is_gone() {
        let mut device = Device::new("shakedown-none", Options::default());
        let error = device.open().err();
        assert!(
            matches!(error, Some(Trouble::Gone | Trouble::Failed(_))),
            "{error:?}"
        );
    }
}
