//! Columns and rows: who stands where, what is folded, where time passed with nothing, where it broke.

use super::collect::{Collected, Seen};
use super::want::{Route, endpoint};
use crate::diagnose::rules;
use crate::snapshot::{Attempt, Outcome};
use crate::types::Addr;
use std::ops::Range;
use std::time::Duration;

/// From how many packets on a run of payload is folded.
const FOLD: usize = 4;
/// From how long on a pause is drawn.
const PAUSE: Duration = Duration::from_secs(1);

/// A column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lane {
    /// `client`, `resolver`, `server`, `router`, `others`.
    pub role: &'static str,
    /// Its address, or how many share the column.
    pub name: String,
}

/// A line of the ladder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Row {
    /// A packet, by index.
    Packet(usize),
    /// Packets that only carry payload, folded.
    Fold(Range<usize>),
    /// Nothing was captured of the attempt for so long.
    Pause(Duration),
    /// Here it broke (or suffered, where the flag is false): the cause, and what that means.
    Break(bool, String),
    /// A remark.
    Note(String),
}

/// The packets of an attempt, laid out.
#[derive(Clone, Debug)]
pub struct Ladder {
    /// The columns, the client's first.
    pub lanes: Vec<Lane>,
    /// The lines.
    pub rows: Vec<Row>,
    /// The packets that rows refer to.
    pub packets: Vec<Seen>,
    /// Index of the break among the rows.
    pub broke_at: Option<usize>,
    /// More than one connection: labels say which.
    pub(super) many_paths: bool,
    /// The column of each address.
    places: Vec<(Addr, usize)>,
}

impl Ladder {
    /// Lays out what was collected of `attempt` in at most `columns` columns. `fold` draws runs of payload as one row.
    #[must_use]
    pub fn new(attempt: &Attempt, collected: &Collected, columns: usize, fold: bool) -> Self {
        let packets = collected.packets.clone();
        let (lanes, places) = lanes(attempt, &packets, columns.max(2));
        let mut ladder = Self {
            lanes,
            rows: Vec::new(),
            packets,
            broke_at: None,
            many_paths: attempt.paths.len() > 1,
            places,
        };
        if collected.begins_late {
            let note = "the first packets are no longer held in memory";
            ladder.rows.push(Row::Note(note.to_owned()));
        }
        ladder.fill(attempt, fold);
        if collected.cut {
            let kept = ladder.packets.len();
            let note = format!("more packets follow; the first {kept} are shown");
            ladder.rows.push(Row::Note(note));
        }
        ladder
    }

    fn fill(&mut self, attempt: &Attempt, fold: bool) {
        let proof = self.packets.iter().rposition(|p| p.proof);
        let mut at = 0;
        while at < self.packets.len() {
            self.pause_before(at);
            let run = if fold { self.run_from(at) } else { 1 };
            if run >= FOLD {
                self.rows.push(Row::Fold(at..at + run));
                at += run;
            } else {
                self.rows.push(Row::Packet(at));
                at += 1;
            }
            if proof.is_some_and(|p| p + 1 == at) {
                self.mark_break(attempt);
            }
        }
    }

    fn pause_before(&mut self, at: usize) {
        let Some(before) = at.checked_sub(1) else {
            return;
        };
        let pause = self.packets[at]
            .mark
            .time
            .since(self.packets[before].mark.time);
        if pause >= PAUSE {
            self.rows.push(Row::Pause(pause));
        }
    }

    /// Packets from here on that may be folded into one row.
    fn run_from(&self, from: usize) -> usize {
        let mut previous = None;
        let quiet = |p: &&Seen| {
            let close = previous.is_none_or(|t| p.mark.time.since(t) < PAUSE);
            previous = Some(p.mark.time);
            p.bulk && !p.proof && close
        };
        self.packets[from..].iter().take_while(quiet).count()
    }

    fn mark_break(&mut self, attempt: &Attempt) {
        let Some(cause) = attempt.cause.as_deref() else {
            return;
        };
        let title = rules::find(cause).map_or("", |rule| rule.title());
        self.broke_at = Some(self.rows.len());
        let title = title.trim_end_matches('.');
        let broke = attempt.outcome == Outcome::Broken;
        self.rows
            .push(Row::Break(broke, format!("{cause}: {title}")));
    }

    /// The columns that a packet goes from and to.
    #[must_use]
    pub fn between(&self, packet: &Seen) -> (usize, usize) {
        let last = self.lanes.len() - 1;
        let place = |addr: Addr| {
            let found = self.places.iter().find(|(a, _)| *a == addr);
            found.map_or(last, |(_, lane)| *lane)
        };
        (place(packet.src.addr), place(packet.dst.addr))
    }

    /// An end of the packet stands in a column with other addresses.
    pub(super) fn shares_lane(&self, packet: &Seen) -> bool {
        let (from, to) = self.between(packet);
        self.lanes[from.max(to)].role == "others"
    }

    /// Index of the packet that a row is about: its own, the first of those folded, or the one before the row.
    #[must_use]
    pub fn index_of(&self, row: usize) -> Option<usize> {
        let above = self.rows.get(..=row)?.iter().rev();
        let packet = above.filter_map(|row| match row {
            Row::Packet(packet) => Some(*packet),
            Row::Fold(range) => Some(range.start),
            _ => None,
        });
        packet.into_iter().next()
    }

    /// The row that shows this packet, or the fold that it is in.
    #[must_use]
    pub fn row_of(&self, packet: usize) -> Option<usize> {
        self.rows.iter().position(|row| match row {
            Row::Packet(p) => *p == packet,
            Row::Fold(range) => range.contains(&packet),
            _ => false,
        })
    }
}

/// The columns, and which address stands where. Those that find no column share the last one.
fn lanes(attempt: &Attempt, packets: &[Seen], columns: usize) -> (Vec<Lane>, Vec<(Addr, usize)>) {
    let mut found: Vec<(Addr, &'static str)> = Vec::new();
    let mut add = |addr: Option<Addr>, role| {
        if let Some(addr) = addr.filter(|a| found.iter().all(|(b, _)| a != b)) {
            found.push((addr, role));
        }
    };
    let parsed = |text: &str| text.parse::<std::net::IpAddr>().ok().map(Addr::from);
    add(parsed(&attempt.client), "client");
    for lookup in &attempt.lookups {
        add(endpoint(&lookup.resolver).map(|e| e.addr), "resolver");
    }
    for path in &attempt.paths {
        add(endpoint(&path.server).map(|e| e.addr), "server");
    }
    // A client may have an address of each family, and several of the second: they are one column.
    let asked = packets
        .iter()
        .filter(|p| matches!(p.route, Route::Lookup(_)));
    let asking = asked.filter_map(|p| match (p.src.port, p.dst.port) {
        (_, 53) => Some(p.src.addr),
        (53, _) => Some(p.dst.addr),
        _ => None,
    });
    let paths = attempt.paths.iter();
    let own: Vec<Addr> = paths
        .filter_map(|p| endpoint(&p.client).map(|e| e.addr))
        .chain(asking)
        .collect();
    for packet in packets.iter().filter(|p| p.route != Route::Other) {
        let router = packet.src.port == 0;
        for addr in [packet.src.addr, packet.dst.addr] {
            if !own.contains(&addr) {
                add(Some(addr), if router { "router" } else { "server" });
            }
        }
    }
    let others: Vec<Addr> = packets
        .iter()
        .filter(|p| p.route == Route::Other)
        .flat_map(|p| [p.src.addr, p.dst.addr])
        .collect();
    for addr in others {
        add(Some(addr), "other");
    }
    found.retain(|(addr, role)| *role == "client" || !own.contains(addr));
    let mut places: Vec<(Addr, usize)> = own.into_iter().map(|addr| (addr, 0)).collect();
    let shared = found.len().saturating_sub(columns);
    let single = if shared > 0 { columns - 1 } else { found.len() };
    let mut lanes: Vec<Lane> = Vec::new();
    for (place, (addr, role)) in found.iter().enumerate() {
        places.push((*addr, place.min(single)));
        if place < single {
            let name = addr.to_string();
            lanes.push(Lane { role, name });
        }
    }
    if shared > 0 {
        let name = format!("{} more addresses", found.len() - single);
        lanes.push(Lane {
            role: "others",
            name,
        });
    }
    while lanes.len() < 2 {
        let name = String::new();
        lanes.push(Lane {
            role: "server",
            name,
        });
    }
    (lanes, places)
}
