//! IP and TCP headers, and ICMP messages with the packets that they quote.

use super::address::Addresses;
use super::checksum::Sum;
use super::frame::Job;
use super::link::mac;
use super::secret::Secret;
use std::ops::Range;

/// An IPv4 header with other addresses. Of options only kinds and lengths stay.
pub(super) fn v4_header(job: &mut Job<'_>, at: usize, length: usize, addresses: &mut Addresses) {
    job.copy(at, 20);
    job.address(at + 12, false, addresses);
    job.address(at + 16, false, addresses);
    let end = (at + length).min(job.before.len());
    each_option(job, at + 20..end, |job, option| {
        job.copy(option.start, option.len().min(2));
    });
    job.push_sum(Sum {
        at: at + 10,
        cover: at..end,
        pseudo: 0..0,
        optional: false,
    });
}

/// TCP options: of those that are no plain numbers only kinds and lengths stay (cookies, addresses of Multipath TCP).
pub(super) fn options(job: &mut Job<'_>, range: Range<usize>) {
    each_option(job, range, |job, option| {
        let plain = matches!(job.before[option.start], 2..=5 | 8);
        job.copy(
            option.start,
            if plain {
                option.len()
            } else {
                option.len().min(2)
            },
        );
    });
}

/// Kinds 0 and 1 are single bytes, all others have a length.
fn each_option(job: &mut Job<'_>, range: Range<usize>, f: impl Fn(&mut Job<'_>, Range<usize>)) {
    let mut at = range.start;
    while at < range.end {
        let length = match job.before[at] {
            0 => return,
            1 => 1,
            _ => job.before.get(at + 1).map_or(2, |l| usize::from(*l).max(2)),
        };
        let end = (at + length).min(range.end);
        match length {
            1 => job.copy(at, 1),
            _ => f(job, at..end),
        }
        at = end;
    }
}

/// An ICMP message: its numbers, and in errors the headers of the packet quoted.
pub(super) fn icmp(
    job: &mut Job<'_>,
    range: Range<usize>,
    v6: bool,
    addresses: &mut Addresses,
    secret: &Secret,
) {
    let at = range.start;
    let Some(&kind) = job.before.get(at) else {
        return;
    };
    let head = range.len().min(8);
    let error = if v6 {
        matches!(kind, 1..=4)
    } else {
        matches!(kind, 3 | 4 | 5 | 11 | 12)
    };
    match kind {
        5 if !v6 => {
            job.copy(at, head.min(4));
            job.address(at + 4, false, addresses);
        }
        133..=137 if v6 => neighbour(job, range.clone(), addresses, secret),
        130..=132 if v6 => {
            job.copy(at, head);
            job.address(at + 8, true, addresses);
        }
        _ => job.copy(at, head),
    }
    if error && range.len() > 8 {
        quoted(job, at + 8..range.end, addresses);
    }
}

/// Neighbour discovery (RFC 4861): addresses of both kinds.
fn neighbour(job: &mut Job<'_>, range: Range<usize>, addresses: &mut Addresses, secret: &Secret) {
    let at = range.start;
    let fixed = match job.before[at] {
        133 => 8,
        134 => 16,
        135 | 136 => 24,
        _ => 40,
    };
    job.copy(at, fixed.min(8).min(range.len()));
    if fixed == 16 {
        job.copy(at + 8, 8.min(range.len().saturating_sub(8)));
    }
    for place in [8, 24].into_iter().filter(|place| place + 16 <= fixed) {
        if at + place + 16 <= range.end {
            job.address(at + place, true, addresses);
        }
    }
    let mut option = at + fixed;
    while option + 8 <= range.end {
        let (kind, length) = (job.before[option], usize::from(job.before[option + 1]) * 8);
        job.copy(option, 2);
        if matches!(kind, 1 | 2) && length == 8 {
            mac(job, option + 2, secret);
        }
        if length == 0 {
            return;
        }
        option += length;
    }
}

/// The packet that an error quotes, as far as its transport's header.
fn quoted(job: &mut Job<'_>, range: Range<usize>, addresses: &mut Addresses) {
    let at = range.start;
    let (protocol, length, pseudo) = match job.before[at] >> 4 {
        4 if range.len() >= 20 => {
            let length = (usize::from(job.before[at] & 0x0f) * 4).clamp(20, range.len());
            v4_header(job, at, length, addresses);
            let later = job.before[at + 6] & 0x1f != 0 || job.before[at + 7] != 0;
            let protocol = if later { 255 } else { job.before[at + 9] };
            (protocol, length, at + 12..at + 20)
        }
        6 if range.len() >= 40 => {
            job.copy(at, 40);
            job.address(at + 8, true, addresses);
            job.address(at + 24, true, addresses);
            (job.before[at + 6], 40, at + 8..at + 40)
        }
        _ => return,
    };
    let upper = at + length..range.end;
    let (kept, sum) = match protocol {
        6 => (20, 16),
        17 => (8, 6),
        1 | 58 => (8, 2),
        _ => return,
    };
    let from = upper.start;
    job.copy(from, kept.min(upper.len()));
    if protocol == 6 && upper.len() > 20 {
        let length = (usize::from(job.before[from + 12] >> 4) * 4).clamp(20, upper.len());
        options(job, from + 20..from + length);
    }
    if upper.len() >= sum + 2 {
        job.push_sum(Sum {
            at: from + sum,
            cover: upper,
            pseudo: if protocol == 1 { 0..0 } else { pseudo },
            optional: protocol == 17,
        });
    }
}
