//! Conditions of this family's rules, by name: each is necessary for its rule (see [`crate::diagnose::why_not`]).

use super::common::{count, decided_before, lost_race};
use super::refused::refusal;
use crate::attempt::Path;
use crate::diagnose::why_not::{Unmet, span};
use crate::diagnose::{AttemptContext, Outcome, PathContext};
use crate::fact::tcp::TcpFacts;
use crate::flow::PathTransport;
use crate::types::{Mark, Side};
use std::time::Duration;

/// Those of `id` that do not hold for a path.
pub(in crate::diagnose) fn path(id: &str, context: &PathContext<'_>, unmet: &mut Unmet) {
    let Some(tcp) = context.tcp() else {
        return unmet.missing("this connection is QUIC, not TCP");
    };
    match id {
        "tcp.syn-unanswered" => syn_unanswered(context, tcp, unmet),
        "tcp.refused" => refused(context, tcp, unmet),
        "tcp.unreachable" => unreachable(context, tcp, unmet),
        "tcp.ack-lost" => ack_lost(context, tcp, unmet),
        "tcp.aborted-by-client" => aborted(context, tcp, unmet),
        "tcp.reset-after-connect" => reset_after_connect(context, tcp, unmet),
        "tcp.slow-connect" => slow_connect(context, tcp, unmet),
        "tcp.path-mtu-blackhole" => blackhole(context, tcp, unmet),
        "tcp.lossy" => lossy(tcp, unmet),
        _ => {}
    }
}

fn frame(mark: Mark) -> u32 {
    mark.frame.0
}

fn race(context: &PathContext<'_>, unmet: &mut Unmet) {
    if !lost_race(context) {
        return;
    }
    let won = context
        .siblings()
        .filter_map(|p| Some((p, p.progress.connected.or(p.progress.secured)?)));
    let first = won.min_by_key(|(_, m)| m.time);
    let what = first.map_or("another connection of this attempt had won by then".to_owned(), |(p, m)| {
        format!(
            "another connection of this attempt, to {}, had won by then (frame {}): nobody waited for this one",
            p.flow.server,
            frame(m)
        )
    });
    unmet.against(what, first.map(|(_, m)| m));
}

fn decided(context: &PathContext<'_>, before: Mark, unmet: &mut Unmet) {
    if decided_before(context, before) {
        unmet.against(
            format!(
                "another connection of this attempt had won before frame {}",
                frame(before)
            ),
            [before],
        );
    }
}

/// The server accepted the connection.
fn accepted(tcp: &TcpFacts, unmet: &mut Unmet) -> bool {
    let Some(answer) = tcp.syn_ack.first() else {
        return false;
    };
    let took = tcp.connect_time().map_or(String::new(), |t| {
        format!(" {} after the first SYN", span(t))
    });
    unmet.against(
        format!(
            "the server accepted the connection (SYN-ACK, frame {}){took}",
            frame(answer)
        ),
        [answer],
    );
    true
}

fn no_syn(tcp: &TcpFacts, unmet: &mut Unmet) -> bool {
    if tcp.syn.count == 0 {
        unmet.unseen(
            "the connection request (SYN) is not in the capture: the connection began before it",
        );
    }
    tcp.syn.count == 0
}

fn syn_unanswered(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    if no_syn(tcp, unmet) {
        return;
    }
    let from_server = context.path.flow.packets[Side::Server];
    if !accepted(tcp, unmet) && from_server > 0 {
        let reset = tcp.reset_from(Side::Server).map(|r| r.mark);
        let first = reset.or(tcp.half[Side::Server].first);
        let what = if reset.is_some() {
            "a reset"
        } else {
            "packets"
        };
        let at = first.map_or(String::new(), |m| format!(" (frame {})", frame(m)));
        unmet.against(
            format!("the server's address sent {what}{at}, so the SYN was answered"),
            first,
        );
    }
    if from_server == 0 && tcp.client_went_on() {
        unmet.unseen("the client sent more than SYNs and resets, so it had got an answer that the capture lacks");
    }
    if let Some(error) = tcp.icmp.iter().find(|e| e.is_unreachable()) {
        unmet.against(
            format!(
                "{} answered with an ICMP error (frame {})",
                error.from,
                frame(error.mark)
            ),
            [error.mark],
        );
    }
    if let Some(reset) = tcp.reset_from(Side::Client) {
        unmet.against(
            format!(
                "the client withdrew its request (RST, frame {})",
                frame(reset.mark)
            ),
            [reset.mark],
        );
    }
    race(context, unmet);
    if unmet.0.is_empty() {
        let left = tcp.syn.last.map_or(Duration::ZERO, |m| context.after(m));
        unmet.silence(context.silence(&tcp.syn.marks), tcp.syn.last, left);
    }
}

fn refused(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    let Some(reset) = refusal(tcp) else {
        match (tcp.reset_from(Side::Server), tcp.syn_ack.first()) {
            (Some(reset), Some(answer)) => unmet.against(
                format!(
                    "the reset (frame {}) came after the server had accepted the connection (frame {})",
                    frame(reset.mark),
                    frame(answer)
                ),
                [reset.mark, answer],
            ),
            (Some(reset), None) => unmet.against(
                format!("the reset in frame {} does not answer a SYN of this connection", frame(reset.mark)),
                [reset.mark],
            ),
            (None, _) => {
                unmet.missing("no reset came from the server");
                accepted(tcp, unmet);
            }
        }
        return;
    };
    if tcp.established() || tcp.client_went_on() {
        let answer = tcp.syn_ack.first().or(tcp.ack);
        let at = answer.map_or(String::new(), |m| format!(" (frame {})", frame(m)));
        unmet.against(
            format!(
                "the SYN was refused (frame {}), and the connection was accepted all the same{at}",
                frame(reset.mark)
            ),
            [reset.mark].into_iter().chain(answer),
        );
    }
    decided(context, reset.mark, unmet);
}

fn unreachable(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    let error = tcp.icmp.iter().find(|e| e.is_unreachable());
    match error {
        None => {
            unmet.missing("no ICMP error (unreachable, time exceeded) quotes this connection's SYN")
        }
        Some(error) => decided(context, error.mark, unmet),
    }
    if no_syn(tcp, unmet) {
        return;
    }
    if !accepted(tcp, unmet)
        && let Some(reset) = tcp.reset_from(Side::Server)
    {
        unmet.against(
            format!(
                "the server itself answered, with a reset (frame {})",
                frame(reset.mark)
            ),
            [reset.mark],
        );
    }
}

fn ack_lost(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    let (client, server) = (&tcp.half[Side::Client], &tcp.half[Side::Server]);
    if tcp.ack.is_none() {
        return unmet.missing(
            "the client acknowledged no SYN-ACK, so no acknowledgement can have been lost",
        );
    }
    if tcp.syn_acks_after_ack < 2 {
        unmet.against(
            format!(
                "{} came after the client's ACK; a server that lacks it sends at least two",
                count(tcp.syn_acks_after_ack, "SYN-ACK", "SYN-ACKs")
            ),
            tcp.ack,
        );
    }
    match (client.first_data, client.acked) {
        (None, _) => unmet.missing("the client sent no data whose fate would tell"),
        (Some(_), 0) if client.retransmitted == 0 => {
            unmet.missing("the client's data was not sent again")
        }
        (Some(_), 0) => {}
        (Some(data), acked) => unmet.against(
            format!("the server acknowledged {acked} bytes of the client's data"),
            [Some(data), client.first_acked_at].into_iter().flatten(),
        ),
    }
    let spoke = server
        .first_data
        .or(server.fin)
        .or(tcp.resets.first().map(|r| r.mark));
    if let Some(spoke) = spoke {
        unmet.against(
            format!("the connection went on or was ended (frame {}), so the handshake was not what it hung on", frame(spoke)),
            [spoke],
        );
    }
    race(context, unmet);
}

fn aborted(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    let Some(answer) = tcp.syn_ack.first() else {
        return unmet.missing("no SYN-ACK came: the client had nothing to give up yet");
    };
    let reset = tcp.reset_from(Side::Client).map(|r| r.mark);
    let end = reset
        .into_iter()
        .chain(tcp.half[Side::Client].fin)
        .min_by_key(|m| m.time);
    let Some(end) = end else {
        return unmet.missing("the client neither closed nor reset this connection");
    };
    let data = tcp
        .half
        .0
        .iter()
        .filter_map(|h| h.first_data)
        .min_by_key(|m| m.time);
    if let Some(data) = data {
        unmet.against(
            format!("the connection was used: data in frame {}", frame(data)),
            [data],
        );
    }
    let lived = end.time.since(answer.time);
    if lived >= Duration::from_secs(1) {
        unmet.against(
            format!("the client kept it for {} before it left (frame {}): a connection in reserve, not given up at once", span(lived), frame(end)),
            [end],
        );
    }
    if context.sibling_won().is_some() {
        unmet.against(
            format!("another connection of this attempt had won, so leaving this one (frame {}) is no more than a lost race", frame(end)),
            [end],
        );
    }
    if let Some(reset) = tcp.reset_from(Side::Server) {
        unmet.against(
            format!(
                "the server ended it as well (RST, frame {})",
                frame(reset.mark)
            ),
            [reset.mark],
        );
    }
}

fn reset_after_connect(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    let Some(reset) = tcp.reset_from(Side::Server) else {
        return unmet.missing("no reset came from the server");
    };
    let Some(ack) = tcp.ack.filter(|_| tcp.established()) else {
        return unmet.missing("the connection never stood (no SYN-ACK that was acknowledged)");
    };
    let earlier = |mark: &Mark| mark.time <= reset.mark.time;
    let (client, server) = (&tcp.half[Side::Client], &tcp.half[Side::Server]);
    if let Some(data) = client.first_data.or(server.first_data).filter(earlier) {
        unmet.against(
            format!(
                "data had gone over it (frame {}) before the reset (frame {})",
                frame(data),
                frame(reset.mark)
            ),
            [data, reset.mark],
        );
    }
    if let Some(fin) = client.fin.or(server.fin).filter(earlier) {
        unmet.against(
            format!(
                "it was being closed already (FIN, frame {}) when the reset came (frame {})",
                frame(fin),
                frame(reset.mark)
            ),
            [fin, reset.mark],
        );
    }
    let waited = reset.mark.time.since(ack.time);
    if waited >= Duration::from_secs(1) {
        unmet.against(
            format!("the reset (frame {}) came {} after the connection stood, unused: a server closes idle connections", frame(reset.mark), span(waited)),
            [ack, reset.mark],
        );
    }
    let sibling = context
        .siblings()
        .find(|s| s.flow.first.time <= reset.mark.time && s.progress.succeeded().is_some());
    if let Some(sibling) = sibling {
        unmet.against(format!("another connection of this attempt, to {}, got through, so this one was not needed", sibling.flow.server), [sibling.flow.first]);
    }
}

fn slow_connect(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    let (Some(answer), Some(took)) = (tcp.syn_ack.first(), tcp.connect_time()) else {
        return unmet.missing("no SYN with a SYN-ACK in answer is in the capture");
    };
    let tries = tcp
        .syn
        .marks
        .iter()
        .filter(|m| m.time < answer.time)
        .count();
    let limit = context.world.thresholds.tcp_slow_connect;
    if tries <= 1 && took <= limit {
        unmet.against(
            format!(
                "the first SYN was answered after {} (frame {}); the limit is {}",
                span(took),
                frame(answer),
                span(limit)
            ),
            [answer],
        );
    }
    if context.sibling_won().is_some_and(|won| won <= answer.time) {
        unmet.against(format!("another connection of this attempt had won before the SYN-ACK came (frame {}): nobody waited for it", frame(answer)), [answer]);
    }
    if !tcp.established() {
        unmet.missing("the client did not take the connection up");
    }
}

fn blackhole(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    if !tcp.established() {
        return unmet.missing("the connection never stood, so no full-size segment was sent on it");
    }
    if context.packets_missing() {
        unmet.unseen(
            "the capture itself lacks packets, so a gap in it proves nothing about the path",
        );
    }
    let (client, server) = (&tcp.half[Side::Client], &tcp.half[Side::Server]);
    let stuck = client.oldest_unacked().next().is_some();
    if !stuck && server.hole_at.is_none() {
        let lost: u32 = client.lost + server.lost;
        unmet.against(
            format!(
                "everything that either side sent arrived in the end ({} lost on the way and sent again, acknowledged)",
                count(lost, "segment was", "segments were")
            ),
            [client.acked_at, server.acked_at].into_iter().flatten(),
        );
    }
}

fn lossy(tcp: &TcpFacts, unmet: &mut Unmet) {
    let enough = |side: Side| tcp.half[side].data_segments >= 20;
    let sides = [Side::Server, Side::Client];
    if !sides.into_iter().any(enough) {
        let most = sides.map(|s| tcp.half[s].data_segments).into_iter().max();
        return unmet.missing(format!(
            "{} in the larger direction; a share takes 20",
            count(most.unwrap_or(0), "data segment", "data segments")
        ));
    }
    let share = |side: Side| {
        f64::from(tcp.half[side].lost) / f64::from(tcp.half[side].data_segments.max(1))
    };
    if sides
        .into_iter()
        .filter(|s| enough(*s))
        .all(|s| share(s) <= 0.05)
    {
        let text = sides.map(|s| {
            let (half, from) = (&tcp.half[s], if s == Side::Server { "from" } else { "to" });
            format!("{} of {} {from} the server", half.lost, half.data_segments)
        });
        unmet.against(
            format!(
                "data segments lost on the way: {}; the limit is 5 %",
                text.join(", ")
            ),
            [],
        );
    }
}

/// Those of `id` that do not hold for an attempt.
pub(in crate::diagnose) fn attempt(id: &str, context: &AttemptContext<'_>, unmet: &mut Unmet) {
    if id != "tcp.failover" {
        return;
    }
    let judged = || context.attempt.paths.iter().zip(context.paths);
    let failed: Vec<&Path<'_>> = judged()
        .filter(|(p, j)| j.outcome == Outcome::Broken && p.flow.transport == PathTransport::Tcp)
        .map(|(p, _)| p)
        .collect();
    if failed.is_empty() {
        let left = judged()
            .filter(|(_, j)| j.outcome == Outcome::Abandoned)
            .count();
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        let extra = match left {
            0 => String::new(),
            n => format!(
                "; {} given up by the client, which is a lost race and no failure",
                count(n, "was", "were")
            ),
        };
        return unmet.missing(format!("no TCP connection of this attempt failed{extra}"));
    }
    let works = |o: Outcome| matches!(o, Outcome::Ok | Outcome::Degraded);
    let other = judged().any(|(p, j)| {
        works(j.outcome)
            && failed
                .iter()
                .any(|f| f.flow.server.addr != p.flow.server.addr)
    });
    if !other {
        unmet.missing(
            "no connection to another address of the name got through after the one that failed",
        );
    }
}
