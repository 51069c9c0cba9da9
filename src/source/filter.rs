//! A capture filter (pcap-filter(7), "BPF") over any [`Source`].
//!
//! libpcap compiles the expression, one program per link type. A program looks at the captured bytes only, so `len`,
//! `less` and `greater` see the captured length of a packet that was cut short, and `inbound`/`outbound` do not apply
//! to saved packets. Link types above 65535 and those libpcap can't filter pass nothing and are named by the
//! [problems](CaptureInfo::problems) of the captures that hold them.
//!
//! libpcap would ask the resolver for host and network names while it compiles. Reading a capture must not cause
//! traffic, so an expression with a name in the place of an address is refused before libpcap sees it. Port and
//! protocol names (`port https`) come from local tables and are allowed.
//!
//! Without the feature `live` there is no libpcap: [`Filter::new`] then always fails.

mod names;

use super::{CaptureInfo, Source};
use crate::types::{CaptureId, Frame, LinkType};

/// Why a filter can't be used. Displays as one line.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FilterError {
    /// The expression has a name where only an address keeps the resolver out of it.
    #[error(
        "filter `{expression}`: `{name}` would need a name look-up, and reading a capture must not cause traffic: write its address, or select by name with --host"
    )]
    Name {
        /// The expression.
        expression: String,
        /// The word.
        name: String,
    },
    /// libpcap does not understand it.
    #[error("filter `{expression}`: {reason}: see pcap-filter(7) for the syntax")]
    Syntax {
        /// The expression.
        expression: String,
        /// libpcap's words.
        reason: String,
    },
    /// This program was built without libpcap.
    #[error(
        "filter `{expression}`: this build has no libpcap, so filters (-f) don't work: use a build with the feature `live`, or filter with tcpdump first"
    )]
    NotBuilt {
        /// The expression.
        expression: String,
    },
}

/// A capture filter expression that can be compiled.
#[derive(Clone, Debug)]
pub struct Filter {
    expression: String,
}

impl Filter {
    /// Checks `expression`; it is compiled once for Ethernet to find syntax errors.
    ///
    /// # Errors
    /// If it has a name that needs a look-up, is no valid expression, or there is no libpcap.
    pub fn new(expression: &str) -> Result<Self, FilterError> {
        let expression = super::error::printable(expression);
        if let Some(name) = names::needs_lookup(&expression) {
            return Err(FilterError::Name { expression, name });
        }
        let filter = Self { expression };
        filter.check()?;
        Ok(filter)
    }

    /// `source`, but only the frames that match. Its counts stay those of the whole captures.
    pub fn over<S: Source>(self, source: S) -> Filtered<S> {
        Filtered {
            source,
            filter: self,
            programs: Vec::new(),
            problems: Vec::new(),
        }
    }

    #[cfg(feature = "live")]
    fn check(&self) -> Result<(), FilterError> {
        // What Ethernet can't match (`wlan`, `ppp`), raw IP or another link type may: only if none compiles is it wrong.
        let tried = [1, 101, 105, 127, 113, 9].map(|link| self.compile(LinkType(link)));
        let mut errors = Vec::new();
        for outcome in tried {
            match outcome {
                Ok(_) => return Ok(()),
                Err(error) => errors.push(error),
            }
        }
        Err(FilterError::Syntax {
            expression: self.expression.clone(),
            reason: errors.into_iter().next().unwrap_or_default(),
        })
    }

    #[cfg(not(feature = "live"))]
    fn check(&self) -> Result<(), FilterError> {
        Err(FilterError::NotBuilt {
            expression: self.expression.clone(),
        })
    }

    #[cfg(feature = "live")]
    fn compile(&self, link: LinkType) -> Result<Program, String> {
        let dlt = dlt(link).ok_or("there is no such link type")?;
        let dead = pcap::Capture::dead(pcap::Linktype(dlt)).map_err(|error| reason(&error))?;
        dead.compile(&self.expression, true)
            .map_err(|error| reason(&error))
    }

    #[cfg(not(feature = "live"))]
    fn compile(&self, _: LinkType) -> Result<Program, String> {
        Err("this build has no libpcap".to_owned())
    }
}

#[cfg(feature = "live")]
type Program = pcap::BpfProgram;

/// Stands in for a compiled program where there is no libpcap; there are none.
#[cfg(not(feature = "live"))]
enum Program {}

#[cfg(not(feature = "live"))]
impl Program {
    fn filter(&self, _: &[u8]) -> bool {
        match *self {}
    }
}

#[cfg(feature = "live")]
fn reason(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

/// The number libpcap's functions use for a link type in a file: the same but for raw IP, which is 12 here (14 on
/// OpenBSD) and 101 in files.
#[cfg(feature = "live")]
fn dlt(link: LinkType) -> Option<i32> {
    let raw = if cfg!(target_os = "openbsd") { 14 } else { 12 };
    match link.0 {
        101 => Some(raw),
        other @ 0..=0xffff => i32::try_from(other).ok(),
        _ => None,
    }
}

/// A source with a filter over it.
pub struct Filtered<S> {
    source: S,
    filter: Filter,
    programs: Vec<(LinkType, Option<Program>)>,
    problems: Vec<(LinkType, String)>,
}

impl<S: Source> Filtered<S> {
    /// Whether the current frame matches.
    fn matches(&mut self) -> bool {
        let Some(frame) = self.source.frame() else {
            return false;
        };
        if !self.programs.iter().any(|(link, _)| *link == frame.link) {
            // A capture declares a handful of link types; a hostile one with thousands gets no program for the rest.
            if self.programs.len() >= super::MAX_LINK_TYPES {
                return false;
            }
            let program = match self.filter.compile(frame.link) {
                Ok(program) => Some(program),
                Err(why) => {
                    let link = frame.link.0;
                    let problem = format!("the filter passes nothing of link type {link}: {why}");
                    self.problems.push((frame.link, problem));
                    None
                }
            };
            self.programs.push((frame.link, program));
        }
        let program = self.programs.iter().find(|(link, _)| *link == frame.link);
        program.is_some_and(|(_, program)| {
            program
                .as_ref()
                .is_some_and(|program| program.filter(frame.data))
        })
    }
}

impl<S: Source> Source for Filtered<S> {
    fn advance(&mut self) -> bool {
        while self.source.advance() {
            if self.matches() {
                return true;
            }
        }
        false
    }

    fn frame(&self) -> Option<Frame<'_>> {
        self.source.frame()
    }

    /// As the source has them, with what the filter could not do as problems of the captures concerned.
    fn captures(&self) -> Vec<CaptureInfo> {
        let mut captures = self.source.captures();
        for (link, problem) in &self.problems {
            for info in captures
                .iter_mut()
                .filter(|info| info.link_types.contains(link))
            {
                info.problems.push(problem.clone());
            }
        }
        captures
    }

    fn capture(&self, id: CaptureId) -> Option<&CaptureInfo> {
        self.source.capture(id)
    }
}

#[cfg(all(test, feature = "live"))]
mod tests {
    use super::super::sample::{LITTLE, open_bytes, seen};
    use super::super::{Reading, Source};
    use super::{Filter, FilterError};

    fn udp(port: u16) -> Vec<u8> {
        let mut ip = vec![
            0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
        ];
        ip.extend([port.to_be_bytes(), [0, 9], [0, 8], [0, 0]].concat());
        ip
    }

    fn ethernet(port: u16) -> Vec<u8> {
        [&[0; 12][..], &[8, 0], &udp(port)].concat()
    }

    #[test]
    fn test_one_program_for_each_link_type() {
        let w = LITTLE;
        let file = [
            w.section(b""),
            w.interface(1, 0, b""),
            w.interface(101, 0, b""),
            w.interface(60_000, 0, b""),
            w.enhanced(0, 1, &ethernet(53), 42, b""),
            w.enhanced(1, 2, &udp(54), 28, b""),
            w.enhanced(1, 3, &udp(53), 28, b""),
            w.enhanced(2, 4, &udp(53), 28, b""),
            w.enhanced(0, 5, &ethernet(54), 42, b""),
        ];
        let source = open_bytes(&[&file.concat()], Reading::Direct).unwrap();
        let mut filtered = Filter::new("udp port 53 and src host 192.0.2.1")
            .unwrap()
            .over(source);
        let numbers: Vec<u32> = seen(&mut filtered).iter().map(|s| s.number).collect();
        assert_eq!(numbers, [1, 3]);
        assert_eq!(
            filtered.captures()[0].packets,
            5,
            "the capture's own counts stay"
        );
        let problems = &filtered.captures()[0].problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("link type 60000"));
    }

    #[test]
    fn test_bad_expressions_say_why() {
        let syntax = Filter::new("udp prt 53").unwrap_err();
        assert!(
            matches!(syntax, FilterError::Name { ref name, .. } if name == "prt"),
            "{syntax}"
        );
        let syntax = Filter::new("udp port").unwrap_err().to_string();
        assert!(
            syntax.starts_with("filter `udp port`: ") && syntax.contains("syntax error"),
            "{syntax}"
        );
        let name = Filter::new("host www.example.com").unwrap_err().to_string();
        assert!(
            name.contains("`www.example.com` would need a name look-up"),
            "{name}"
        );
        assert!(
            Filter::new("wlan type mgt").is_ok(),
            "not for Ethernet, but right"
        );
        assert!(Filter::new("").is_ok());
    }
}
