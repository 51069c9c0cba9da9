//! Conditions of this family's rules, by name: each is necessary for its rule (see [`crate::diagnose::why_not`]).

use super::captive_portal::is_portal;
use super::common::{
    Asked, ended, first_request, is_acked, last_request, not_after, seconds, short,
};
use super::{block_page, error_status, no_response, reset, slow_response};
use crate::diagnose::PathContext;
use crate::diagnose::why_not::Unmet;
use crate::fact::http::{Exchange, Response};
use crate::fact::tcp::TcpFacts;
use crate::types::{Mark, Side};

/// Those of `id` that do not hold for a path.
pub(in crate::diagnose) fn path(id: &str, context: &PathContext<'_>, unmet: &mut Unmet) {
    match id {
        "http.error-status" => error_status(context, unmet),
        "http.block-page" => block_page(context, unmet),
        "http.captive-portal" => captive_portal(context, unmet),
        _ => {
            let Some(tcp) = context.tcp() else {
                return unmet.missing("this connection is QUIC: requests inside it can't be told");
            };
            match id {
                "http.no-response" => no_response(context, tcp, unmet),
                "http.reset" => reset(context, tcp, unmet),
                "http.slow-response" => slow_response(context, tcp, unmet),
                _ => {}
            }
        }
    }
}

const fn frame(mark: Mark) -> u32 {
    mark.frame.0
}

/// Responses in the clear; says so where there are none.
fn responses<'a>(
    context: &PathContext<'a>,
    unmet: &mut Unmet,
) -> Vec<(&'a Exchange, &'a Response)> {
    let exchanges = context.path.flow.http.map(|h| h.exchanges.iter());
    let all: Vec<_> = exchanges
        .into_iter()
        .flatten()
        .filter_map(|e| Some((e, e.response.as_ref()?)))
        .collect();
    if all.is_empty() && context.tls().is_some() {
        unmet.unseen("requests and responses are inside TLS, where nobody can read them");
    } else if all.is_empty() {
        unmet.missing("no HTTP response in the clear is on this connection");
    }
    all
}

fn statuses(all: &[(&Exchange, &Response)]) -> String {
    let list: Vec<String> = all
        .iter()
        .take(4)
        .map(|(_, r)| format!("{} (frame {})", r.status, frame(r.mark)))
        .collect();
    list.join(", ")
}

fn error_status(context: &PathContext<'_>, unmet: &mut Unmet) {
    let all = responses(context, unmet);
    let named = context.path.flow.http.and_then(error_status::worst);
    if !all.is_empty() && named.is_none() {
        unmet.against(
            format!(
                "no response to the app has an error status: {}",
                statuses(&all)
            ),
            all.iter().take(4).map(|(_, r)| r.mark),
        );
    }
}

fn block_page(context: &PathContext<'_>, unmet: &mut Unmet) {
    let all = responses(context, unmet);
    let matched = all
        .iter()
        .any(|(e, r)| block_page::matching(e, r).is_some());
    if !all.is_empty() && !matched {
        unmet.against(
            format!(
                "no response matches a listed block page, neither in its redirect nor in its content: {}",
                statuses(&all)
            ),
            all.iter().take(4).map(|(_, r)| r.mark),
        );
    }
}

fn captive_portal(context: &PathContext<'_>, unmet: &mut Unmet) {
    let all = responses(context, unmet);
    if all.is_empty() {
        return;
    }
    let probes = all.iter().filter_map(|(e, r)| Some((*e, *r, e.probe()?)));
    let probes: Vec<_> = probes.collect();
    let Some((exchange, response, _)) = probes.first() else {
        return unmet.missing(format!(
            "none of the requests is one by which systems look for a portal (the first asked for {}{})",
            short(all[0].0.host.as_deref().unwrap_or_default()),
            short(&all[0].0.path)
        ));
    };
    if !probes.iter().any(|(e, r, p)| is_portal(e, r, p)) {
        unmet.against(
            format!(
                "the request for {}{} was answered as on an open network, with status {} (frame {})",
                short(exchange.host.as_deref().unwrap_or_default()),
                short(&exchange.path),
                response.status,
                frame(response.mark)
            ),
            [response.mark],
        );
    }
}

/// The request, or why none can be told.
fn request(asked: Option<Asked>, unmet: &mut Unmet) -> Option<Asked> {
    if asked.is_none() {
        unmet.missing("no request can be told on this connection: the client sent nothing after the handshake that must be one");
    }
    asked
}

fn lacking(context: &PathContext<'_>, unmet: &mut Unmet) {
    if context.packets_missing() {
        unmet.unseen("the capture itself lacks packets, and the response may be among them");
    }
}

fn no_response(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    let Some(asked) = request(last_request(context), unmet) else {
        return;
    };
    if let Some(answered) = asked.answered {
        unmet.against(
            format!(
                "the response began {} after the request (frame {})",
                seconds(answered.time.since(asked.sent.time)),
                frame(answered)
            ),
            [answered],
        );
    }
    if !asked.http {
        unmet.missing("nothing says that this connection carries HTTP, so that a message without an answer may be in order");
    }
    if is_acked(tcp, &asked).is_none() {
        unmet.missing("the server did not acknowledge the request");
    }
    if no_response::server_data_after(context, &asked) {
        unmet.against(
            "the server sent data after the request that could not be read",
            tcp.half[Side::Server].last_new_data,
        );
    }
    lacking(context, unmet);
    waited(context, tcp, &asked, unmet);
}

/// Nobody waited long enough.
fn waited(context: &PathContext<'_>, tcp: &TcpFacts, asked: &Asked, unmet: &mut Unmet) {
    let (left, until) = no_response::left(context, tcp);
    let due = no_response::due(left.is_some(), asked.plain);
    let lasted = until.since(asked.sent.time);
    if lasted < due {
        let who = match (left, ended(tcp)) {
            (None, _) => "the capture ends",
            (Some(_), Some((Side::Server, _))) => "the server left",
            (Some(_), _) => "the client left",
        };
        unmet.against(
            format!(
                "{who} {} after the request; {} would tell",
                seconds(lasted),
                seconds(due)
            ),
            left,
        );
    }
    let silence = context.silence_until(&[asked.sent], Some(until));
    unmet.silence(silence, Some(asked.sent), lasted);
}

fn reset(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    let cut = match ended(tcp) {
        Some((Side::Server, cut)) => cut,
        Some((Side::Client, left)) => {
            return unmet.against(
                format!("the client left first (frame {})", frame(left)),
                [left],
            );
        }
        None => return unmet.missing("neither side closed or reset the connection"),
    };
    let Some(asked) = request(first_request(context), unmet) else {
        return;
    };
    if let Some(answered) = asked.answered.filter(|a| not_after(*a, cut)) {
        unmet.against(
            format!("a response had begun before it (frame {})", frame(answered)),
            [answered],
        );
    }
    if reset::is_elsewhen(&asked, cut) {
        unmet.against(
            format!(
                "it came {} after the request, or the request came late on an idle connection: no answer to it",
                seconds(cut.time.since(asked.sent.time))
            ),
            [cut, asked.sent],
        );
    }
    lacking(context, unmet);
}

fn slow_response(context: &PathContext<'_>, tcp: &TcpFacts, unmet: &mut Unmet) {
    let Some(asked) = request(first_request(context), unmet) else {
        return;
    };
    if !asked.http {
        unmet.missing("nothing says that this connection carries HTTP");
    }
    let Some(answered) = asked.answered else {
        return unmet.missing("no response can be told to have begun");
    };
    let took = answered.time.since(asked.sent.time);
    let limit = context.world.thresholds.http_slow_response;
    if took <= limit {
        unmet.against(
            format!(
                "the response began {} after the request; up to {} is no wonder",
                seconds(took),
                seconds(limit)
            ),
            [asked.sent, answered],
        );
    }
    if slow_response::lost_meanwhile(tcp, asked.sent, answered) {
        unmet.against(
            "packets were lost and sent again meanwhile: the time is the way's, not the server's",
            [asked.sent, answered],
        );
    }
    lacking(context, unmet);
}
