//! Conditions of this family's rules, by name: each is necessary for its rule (see [`crate::diagnose::why_not`]).

use super::closed_by_server::{first_close, in_words};
use super::common::{HEAD_START, flights_after, lost_race, ms, told_why, whole};
use super::slow::done;
use crate::diagnose::why_not::{Unmet, span};
use crate::diagnose::{AttemptContext, Outcome, PathContext};
use crate::fact::quic::QuicFacts;
use crate::types::{Mark, Side};
use std::time::Duration;

/// Those of `id` that do not hold for a path.
pub(in crate::diagnose) fn path(id: &str, context: &PathContext<'_>, unmet: &mut Unmet) {
    let Some(quic) = context.quic() else {
        return unmet.missing("this connection is TCP, not QUIC");
    };
    match id {
        "quic.closed-by-server" => return closed(quic, Side::Server, unmet),
        "quic.closed-by-client" => {
            closed(quic, Side::Client, unmet);
            return race(context, quic, unmet);
        }
        "quic.silent-after-handshake" => return silent(context, quic, unmet),
        "quic.stateless-reset" => return stateless_reset(context, quic, unmet),
        _ => {}
    }
    if whole(context).is_none() {
        return not_whole(quic, unmet);
    }
    match id {
        "quic.initial-unanswered" => unanswered(context, quic, unmet),
        "quic.unreachable" => unreachable(context, quic, unmet),
        "quic.version-unsupported" => version(quic, unmet),
        "quic.handshake-stalled" => stalled(context, quic, unmet),
        "quic.retry-unanswered" => retry(context, quic, unmet),
        "quic.slow" => slow(context, quic, unmet),
        _ => {}
    }
}

fn frame(mark: Mark) -> u32 {
    mark.frame.0
}

fn not_whole(quic: &QuicFacts, unmet: &mut Unmet) {
    if quic.midstream || quic.client_initials.is_empty() {
        unmet.unseen("the capture does not hold the beginning of this connection (no first Initial of the client)");
    } else {
        unmet.unseen("its Initials can't be read: an unknown version, or packets that were cut");
    }
}

fn race(context: &PathContext<'_>, quic: &QuicFacts, unmet: &mut Unmet) {
    if !lost_race(context, quic) {
        return;
    }
    let won = context
        .siblings()
        .filter_map(|p| p.progress.connected)
        .min_by_key(|m| m.time);
    let at = won.map_or(String::new(), |m| format!(" (frame {})", frame(m)));
    unmet.against(format!("another connection of this attempt had won{at}, and the client stopped asking here: a lost race"), won);
}

/// The server sent something.
fn answered(quic: &QuicFacts, unmet: &mut Unmet) -> bool {
    let Some(answer) = quic.server_first else {
        return false;
    };
    let first = quic
        .client_first
        .map_or(Duration::ZERO, |m| answer.time.since(m.time));
    unmet.against(
        format!(
            "the server answered (frame {}) {} after the first Initial",
            frame(answer),
            span(first)
        ),
        [answer],
    );
    true
}

fn complete(quic: &QuicFacts, unmet: &mut Unmet) {
    if quic.handshake_complete() {
        let done = quic.confirmed;
        let at = done.map_or(String::new(), |m| format!(" (frame {})", frame(m)));
        unmet.against(format!("the handshake was completed{at}"), done);
    }
}

fn unanswered(context: &PathContext<'_>, quic: &QuicFacts, unmet: &mut Unmet) {
    if answered(quic, unmet) {
        return;
    }
    if let Some(error) = quic.icmp.iter().find(|e| e.is_unreachable()) {
        unmet.against(
            format!(
                "{} answered with an ICMP error (frame {})",
                error.from,
                frame(error.mark)
            ),
            [error.mark],
        );
    }
    race(context, quic, unmet);
    let flights = quic.flights();
    let waited = quic.last[Side::Client].map_or(Duration::ZERO, |l| {
        l.time.since(context.path.flow.first.time)
    });
    if flights.len() < 2 {
        unmet.missing(
            "the Initial was sent once and never again: whoever sent it did not wait for an answer",
        );
    } else if waited < Duration::from_millis(900) {
        unmet.missing(format!(
            "the client left after {}, before its first probe was due",
            span(waited)
        ));
    }
    if let Some(last) = flights.last().copied() {
        unmet.silence(context.silence(&flights), Some(last), context.after(last));
    }
}

fn unreachable(context: &PathContext<'_>, quic: &QuicFacts, unmet: &mut Unmet) {
    complete(quic, unmet);
    let client = context.path.flow.client.addr;
    let error = quic
        .icmp
        .iter()
        .find(|e| e.is_unreachable() && e.quoted.src == client);
    let Some(error) = error else {
        return unmet.missing(
            "no ICMP error (unreachable, time exceeded) quotes this connection's Initials",
        );
    };
    if let Some(answer) = quic
        .server_initial
        .or(quic.last[Side::Server].filter(|m| m.time >= error.mark.time))
    {
        unmet.against(
            format!(
                "the server answered all the same (frame {}), the error (frame {}) notwithstanding",
                frame(answer),
                frame(error.mark)
            ),
            [answer, error.mark],
        );
    }
}

fn version(quic: &QuicFacts, unmet: &mut Unmet) {
    let Some((offer, versions)) = &quic.version_negotiation else {
        unmet.missing("no Version Negotiation came from the server");
        answered(quic, unmet);
        return;
    };
    let went_on = quic
        .server_initial
        .or(quic.handshake[Side::Server])
        .or(quic.one_rtt[Side::Server])
        .or(quic.retries.first().copied());
    if let Some(mark) = went_on {
        unmet.against(format!("after the Version Negotiation (frame {}) client and server went on in a version that both speak (frame {})", frame(*offer), frame(mark)), [*offer, mark]);
    }
    if versions.contains(&quic.version) {
        unmet.against(format!("the Version Negotiation (frame {}) offers the very version that the client asked for", frame(*offer)), [*offer]);
    }
}

fn closed(quic: &QuicFacts, side: Side, unmet: &mut Unmet) {
    let who = if side == Side::Server {
        "server"
    } else {
        "client"
    };
    if first_close(quic, side).is_none() {
        match quic.closes.first() {
            Some(close) if close.from != side => unmet.against(
                format!("it was the other side that closed (frame {}): {}", frame(close.mark), in_words(close)),
                [close.mark],
            ),
            _ => unmet.missing(format!("no CONNECTION_CLOSE of the {who} from before the end of the handshake could be read (later ones are encrypted)")),
        }
        return complete(quic, unmet);
    }
    let Some(close) = first_close(quic, side).filter(|_| side == Side::Client) else {
        return;
    };
    if close.application || matches!(close.code, 0x0 | 0xc) {
        unmet.against(
            format!(
                "the client closed without an error (frame {}): {}",
                frame(close.mark),
                in_words(close)
            ),
            [close.mark],
        );
    }
    if quic.server_first.is_none_or(|m| m.time > close.mark.time) {
        unmet.against(
            format!(
                "the client closed (frame {}) before the server had answered",
                frame(close.mark)
            ),
            [close.mark],
        );
    }
}

/// A side said why it ended the connection.
fn closed_with_reason(quic: &QuicFacts, unmet: &mut Unmet) {
    if let Some(close) = told_why(quic) {
        unmet.against(
            format!(
                "the connection was closed (frame {}): {}",
                frame(close.mark),
                in_words(close)
            ),
            [close.mark],
        );
    }
}

fn stalled(context: &PathContext<'_>, quic: &QuicFacts, unmet: &mut Unmet) {
    complete(quic, unmet);
    let Some(answer) = quic.server_initial.or(quic.handshake[Side::Server]) else {
        return unmet
            .missing("the server took no part in the handshake: see quic.initial-unanswered");
    };
    closed_with_reason(quic, unmet);
    race(context, quic, unmet);
    let last = quic.last_long[Side::Client];
    let tried = last.map_or(Duration::ZERO, |m| m.time.since(answer.time));
    let tries = flights_after(
        &quic.recent[Side::Client],
        answer,
        Duration::from_millis(250),
    );
    if tried < Duration::from_secs(3) || tries.len() < 3 {
        unmet.against(
            format!("after the server's answer (frame {}) the client went on with the handshake for {} and asked again {} times; to be a stall it takes at least 3 s and three times", frame(answer), span(tried), tries.len()),
            [Some(answer), last].into_iter().flatten(),
        );
    }
}

fn retry(context: &PathContext<'_>, quic: &QuicFacts, unmet: &mut Unmet) {
    let Some(retry) = quic.retries.first().copied() else {
        unmet.missing("the server asked for no proof of address (no Retry)");
        answered(quic, unmet);
        return;
    };
    let Some(proof) = quic.initial_with_token else {
        return unmet.missing(format!(
            "the client did not come again with the token of the Retry (frame {})",
            frame(retry)
        ));
    };
    let answer = quic
        .server_initial
        .or(quic.handshake[Side::Server])
        .or(quic.one_rtt[Side::Server]);
    if let Some(answer) = answer {
        unmet.against(
            format!(
                "the Initial with the token (frame {}) was answered (frame {})",
                frame(proof),
                frame(answer)
            ),
            [proof, answer],
        );
    }
    closed_with_reason(quic, unmet);
    race(context, quic, unmet);
    if answer.is_none() {
        let later = quic
            .client_initials
            .iter()
            .copied()
            .filter(|m| m.time >= proof.time);
        let tries: Vec<Mark> = later.collect();
        if let Some(last) = tries.last().copied() {
            unmet.silence(context.silence(&tries), Some(last), context.after(last));
        }
    }
}

fn silent(context: &PathContext<'_>, quic: &QuicFacts, unmet: &mut Unmet) {
    if !quic.handshake_complete() {
        return unmet.missing("the handshake was not completed");
    }
    if let Some(close) = quic.closes.first() {
        unmet.against(
            format!(
                "the connection was closed (frame {}): {}",
                frame(close.mark),
                in_words(close)
            ),
            [close.mark],
        );
    }
    if let Some(reset) = quic.stateless_reset {
        unmet.against(
            format!(
                "the server's last datagram has the form of a stateless reset (frame {})",
                frame(reset)
            ),
            [reset],
        );
    }
    let Some(answer) = quic.last[Side::Server] else {
        return;
    };
    let count = quic.since_last_of_other[Side::Client];
    let tried = quic.last[Side::Client].map_or(Duration::ZERO, |m| m.time.since(answer.time));
    let long = Duration::from_secs(3).max(context.rtt().unwrap_or_default() * 3);
    if count < 3 || tried < long {
        unmet.against(
            format!("{count} datagrams of the client, over {}, followed the server's last one (frame {}); silence takes three over {}", span(tried), frame(answer), span(long)),
            [answer],
        );
    }
}

fn stateless_reset(context: &PathContext<'_>, quic: &QuicFacts, unmet: &mut Unmet) {
    let Some(reset) = quic.stateless_reset else {
        return match quic.last[Side::Server] {
            Some(last) => unmet.against(format!("the server's last datagram (frame {}) does not have the form of a stateless reset, or more came after one that does", frame(last)), [last]),
            None => unmet.missing("the server sent nothing"),
        };
    };
    if let Some(close) = quic.closes.first() {
        unmet.against(
            format!(
                "the connection was closed (frame {}): {}",
                frame(close.mark),
                in_words(close)
            ),
            [close.mark],
        );
    }
    if context.after(reset) < Duration::from_secs(1) {
        unmet.unseen(format!(
            "the capture ends {} after the datagram in frame {}: more may have followed",
            span(context.after(reset)),
            frame(reset)
        ));
    }
}

fn slow(context: &PathContext<'_>, quic: &QuicFacts, unmet: &mut Unmet) {
    if !quic.handshake_complete() {
        return unmet
            .missing("the handshake was not completed, so it was not slow but did not end");
    }
    let (Some(first), Some(done)) = (quic.client_initials.first().copied(), done(quic)) else {
        return;
    };
    let (took, limit) = (
        done.time.since(first.time),
        context.world.thresholds.quic_slow,
    );
    if took <= limit {
        unmet.against(format!("from the first Initial (frame {}) to the end of the handshake (frame {}) it took {}; the limit is {}", frame(first), frame(done), ms(took), ms(limit)), [first, done]);
    }
    if context.sibling_won().is_some_and(|won| won < done.time) {
        unmet.against(format!("another connection of this attempt had won before it was over (frame {}): nobody waited", frame(done)), [done]);
    }
}

/// Those of `id` that do not hold for an attempt.
pub(in crate::diagnose) fn attempt(id: &str, context: &AttemptContext<'_>, unmet: &mut Unmet) {
    if id != "quic.fell-back-to-tcp" {
        return;
    }
    let judged = || context.attempt.paths.iter().zip(context.paths);
    let works = |o: Outcome| matches!(o, Outcome::Ok | Outcome::Degraded);
    if let Some((path, _)) = judged().find(|(p, j)| p.flow.quic.is_some() && works(j.outcome)) {
        return unmet.against(
            format!("QUIC worked, to {}", path.flow.server),
            path.progress.secured,
        );
    }
    let tried = judged().filter(|(p, _)| p.flow.quic.is_some()).count();
    let broken = judged().filter(|(p, j)| p.flow.quic.is_some() && j.outcome == Outcome::Broken);
    let Some((first, _)) = broken.min_by_key(|(p, _)| p.flow.first.time) else {
        return unmet.missing(if tried == 0 {
            "QUIC was not tried in this attempt".to_owned()
        } else {
            match tried {
                1 => "the QUIC connection of this attempt does not count as broken: nothing was lost with it".to_owned(),
                _ => format!("none of the {tried} QUIC connections of this attempt counts as broken: nothing was lost with them"),
            }
        });
    };
    let tcp = judged()
        .filter(|(p, j)| p.flow.tcp.is_some() && works(j.outcome))
        .map(|(p, _)| p);
    let Some(tcp) = tcp.min_by_key(|p| p.flow.first.time) else {
        return unmet.missing("no TCP connection of this attempt got through either");
    };
    if first.progress.succeeded().is_none()
        && tcp.flow.first.time <= first.flow.first.time.plus(HEAD_START)
    {
        let gap = tcp.flow.first.time.since(first.flow.first.time);
        unmet.against(
            format!(
                "TCP was begun {} after QUIC (frame {}): a race, which cost nothing",
                ms(gap),
                frame(tcp.flow.first)
            ),
            [first.flow.first, tcp.flow.first],
        );
    }
}
