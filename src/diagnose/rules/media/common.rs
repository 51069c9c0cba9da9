//! Where a transfer stopped, and whether it was over then.
//!
//! A server that has nothing more to send stops where a message ends: at the end of a TLS record, of a content of stated
//! length. One that stops in the middle was stopped, by the way or by the receiver's full buffer. (A player that does not
//! ask for more over HTTP/2 stops its server at the end of a frame, which is the end of a record.)

use crate::attempt::Path;
use crate::fact::http::HttpFacts;
use crate::fact::tcp::{Half, TcpFacts};
use crate::types::{Mark, Side, Timestamp};
use std::time::Duration;

/// The client's window counts as full from this part of the largest one down: the server waits for room then.
const NEARLY_FULL: u16 = 4;

/// A transfer that stopped in the middle.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    /// The last packet with new data of the server.
    pub(super) last: Mark,
    /// How it shows, in words.
    pub(super) how: String,
    /// Bytes of the server's stream by then.
    pub(super) bytes: u64,
}

/// Where the server's data stopped in the middle of a message; `None` where it did not, or that can't be told.
pub(super) fn stopped(path: &Path<'_>) -> Option<Stop> {
    let tcp = path.flow.tcp.as_deref()?;
    let server = &tcp.half[Side::Server];
    let how = lacks(path, tcp)?;
    Some(Stop {
        last: server.last_new_data?,
        how,
        bytes: server.sent,
    })
}

/// What is missing of the message that the server had begun after the handshake, in words.
fn lacks(path: &Path<'_>, tcp: &TcpFacts) -> Option<String> {
    let server = &tcp.half[Side::Server];
    if tcp.midstream || server.clipped || tcp.unseen() > 0 {
        return None;
    }
    if let Some(http) = path.flow.http {
        return content_lacks(http).filter(|_| server.hole_at.is_none());
    }
    let tls = path.flow.tls?;
    tls.client_finished?;
    tls.server_data.or(tls.server_finished)?;
    let left = tls.open_record[Side::Server];
    (left > 0 && !tls.unframed[Side::Server] && server.hole_at.is_none())
        .then(|| format!("{left} bytes short of the end of a TLS record"))
}

fn content_lacks(http: &HttpFacts) -> Option<String> {
    let response = http.exchanges.last()?.response.as_ref()?;
    let left = response.lacks();
    (left > 0 && !http.lost_track)
        .then(|| format!("{left} bytes short of the length that the response stated"))
}

/// The client has no room, or hardly any, so the server must wait.
pub(super) fn is_full(client: &Half) -> bool {
    client.zero_window_since.is_some() || client.window <= client.window_max / NEARLY_FULL
}

/// First FIN, RST or TLS farewell of either side, and of whom.
pub(super) fn ended(path: &Path<'_>) -> Option<(Side, Mark)> {
    let tcp = path.flow.tcp.as_deref()?;
    let both = [Side::Client, Side::Server];
    let fins = both.map(|side| Some((side, tcp.half[side].fin?)));
    let said = both.map(|side| Some((side, path.flow.tls?.farewell[side]?)));
    let resets = tcp.resets.iter().map(|r| (r.from, r.mark));
    let all = fins.into_iter().chain(said).flatten().chain(resets);
    all.min_by_key(|(_, m)| (m.time, m.frame))
}

/// How long nothing came after the stop, until somebody left or `end`.
pub(super) fn stood(path: &Path<'_>, last: Mark, end: Timestamp) -> Duration {
    let until = ended(path).map_or(end, |(_, m)| m.time.min(end));
    until.since(last.time)
}

/// `18.4 kB`, `2.1 MB`.
pub(super) fn size(bytes: u64) -> String {
    if bytes >= 1_000_000 {
        format!("{:.1} MB", bytes as f64 / 1e6)
    } else {
        format!("{:.1} kB", bytes as f64 / 1e3)
    }
}
