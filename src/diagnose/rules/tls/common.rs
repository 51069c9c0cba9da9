//! What the rules of this family share: a TLS handshake on a TCP connection that stands, and the questions that
//! several of them ask about it.

use crate::attempt::{Path, Reach};
use crate::diagnose::{PathContext, Silence};
use crate::fact::tcp::{Half, TcpFacts};
use crate::fact::tls::TlsFacts;
use crate::types::{Mark, Side};
use std::time::Duration;

/// A client that does not want the connection after the handshake leaves within this time; preconnects that are not
/// needed live longer.
const VERY_SOON: Duration = Duration::from_millis(200);
/// The same where the server has sent something of its own already.
const RIGHT_AWAY: Duration = Duration::from_millis(50);
/// A client that refuses does so at once; what happens later than this has another reason.
pub(super) const AT_ONCE: Duration = Duration::from_secs(1);
/// A side that was quiet for this long was waited for.
pub(super) const LONG: Duration = Duration::from_secs(3);

/// Packets that repeat another one within this time are not counted as another try.
const COPY: Duration = Duration::from_millis(50);
/// A connection that nobody ended and that shows nothing for longer than this was cut out of another capture.
pub(super) const CUT_OUT: Duration = Duration::from_secs(86_400);

/// A path whose client sent a ClientHello on a connection that stands.
pub(super) struct Handshake<'c> {
    pub(super) context: &'c PathContext<'c>,
    pub(super) tcp: &'c TcpFacts,
    pub(super) tls: &'c TlsFacts,
    /// The packet that completed the hello; where its end is not captured, the one that began it.
    pub(super) hello: Mark,
    /// The packet that began it.
    pub(super) first: Mark,
}

/// How much of the hello was acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Acked {
    Nothing,
    /// Its first bytes, not its last.
    Partly,
    All,
}

impl<'c> Handshake<'c> {
    /// Where the client greeted. What came before the capture, or in other protocols, is not looked at.
    pub(super) fn of(context: &'c PathContext<'c>) -> Option<Self> {
        let (tcp, tls) = (context.tcp()?, context.tls()?);
        if !tcp.established() {
            return None;
        }
        let whole = tls.hello.as_deref();
        if whole.is_none() && !tcp.half[Side::Client].clipped {
            return None; // looks like a hello and is none
        }
        let hello = whole.map(|hello| hello.mark).or(tls.hello_begun)?;
        let first = whole.map_or(hello, |hello| hello.first);
        Some(Self {
            context,
            tcp,
            tls,
            hello,
            first,
        })
    }

    /// The same while the handshake is not known to be over.
    pub(super) fn unfinished(context: &'c PathContext<'c>) -> Option<Self> {
        Self::of(context).filter(|_| context.path.progress.reach < Reach::Secured)
    }

    pub(super) fn client(&self) -> &'c Half {
        &self.tcp.half[Side::Client]
    }

    pub(super) fn server(&self) -> &'c Half {
        &self.tcp.half[Side::Server]
    }

    /// Nothing of a side's stream is known to be missing from the capture: no hole, nothing acknowledged that was
    /// not seen, no payload cut.
    pub(super) fn followed(&self, side: Side) -> bool {
        let half = &self.tcp.half[side];
        let fin = u64::from(half.fin.is_some());
        let mut resets = self.tcp.resets.iter().filter(|reset| reset.from == side);
        // Its own reset further on in its stream shows that it had sent more.
        let ahead = resets.any(|reset| reset.seq.is_some_and(|seq| seq > half.sent + fin));
        let whole = half.hole_at.is_none() && !self.lacks(side) && !half.clipped;
        whole && !ahead && !self.tls.lost_track[side]
    }

    /// The client's kernel answers for a connection that it no longer has (RFC 9293 section 3.10.7.1: RST without ACK):
    /// how that one ended is not in the capture.
    pub(super) fn is_left_over(&self, left: Mark) -> bool {
        let reset = self.tcp.reset_from(Side::Client);
        reset.is_some_and(|reset| reset.mark == left && !reset.with_ack)
    }

    /// The other side acknowledged something of this side (data or a FIN) that the capture does not hold.
    pub(super) fn lacks(&self, side: Side) -> bool {
        let half = &self.tcp.half[side];
        let fin = u64::from(half.fin.is_some());
        let resets = self.tcp.resets.iter().filter(|reset| reset.from != side);
        let acked = resets.map(|reset| reset.acked).fold(half.acked, u64::max);
        // A selective acknowledgement beyond what was seen says the same; a FIN that came twice is in one, too.
        half.unseen > 0 || acked > half.sent + fin || half.sacked > half.sent + fin
    }

    /// No byte came from the server after the hello, and none that the capture missed.
    pub(super) fn server_silent(&self) -> bool {
        let (server, tls) = (self.server(), self.tls);
        let spoke = server
            .last_new_data
            .is_some_and(|mark| mark.time >= self.first.time);
        !spoke
            && tls.first_record[Side::Server].is_none()
            && tls.not_tls[Side::Server].is_none()
            && !self.lacks(Side::Server)
    }

    /// Bytes of the client's stream before the hello (an HTTP CONNECT), as far as its length tells.
    fn hello_start(&self) -> u64 {
        let length = self.tls.hello.as_ref().map_or(0, |hello| hello.length);
        let before = self.tls.hello_end.saturating_sub(u64::from(length) + 5);
        if self.tls.proxy_connect.is_some() {
            before
        } else {
            0
        }
    }

    /// How much of the hello the server acknowledged.
    pub(super) fn acked(&self) -> Acked {
        let client = self.client();
        let end = match self.tls.hello {
            Some(_) => self.tls.hello_end,
            None => client.sent,
        };
        if client.acked >= end {
            Acked::All
        } else if client.acked <= self.hello_start() {
            Acked::Nothing
        } else {
            Acked::Partly
        }
    }

    /// When the client's oldest data without acknowledgement was sent, or, where all is acknowledged, the hello.
    pub(super) fn sends(&self) -> Vec<Mark> {
        let mut marks: Vec<Mark> = self.client().oldest_unacked().map(|s| s.mark).collect();
        if marks.is_empty() || self.acked() == Acked::All {
            marks = vec![self.hello];
        }
        marks.sort_by_key(|mark| (mark.time, mark.frame));
        // Sooner than any retransmission timer: the capture's own copy.
        marks.dedup_by(|later, mark| later.time.since(mark.time) < COPY);
        marks
    }

    /// First FIN or RST of a side.
    pub(super) fn left(&self, side: Side) -> Option<Mark> {
        left(self.tcp, side)
    }

    /// First FIN or RST of either side, with the side.
    pub(super) fn ended(&self) -> Option<(Side, Mark)> {
        [Side::Client, Side::Server]
            .into_iter()
            .filter_map(|side| Some((side, self.left(side)?)))
            .min_by_key(|(_, mark)| (mark.time, mark.frame))
    }

    /// The side that ended the connection first.
    pub(super) fn ended_by(&self, side: Side) -> Option<Mark> {
        self.ended()
            .filter(|(first, _)| *first == side)
            .map(|(_, mark)| mark)
    }

    /// How long nothing came after these packets, until somebody left or the capture ended; `None` where that is
    /// too short to count, or silence can't be shown.
    pub(super) fn unanswered(&self, tries: &[Mark]) -> Option<Duration> {
        let until = self.ended().map(|(_, mark)| mark.time);
        match self.context.silence_until(tries, until) {
            Silence::Proven { lasted } => Some(lasted),
            _ => None,
        }
    }

    /// From a packet to the end of the connection or, while it is open, of the capture.
    pub(super) fn until_end(&self, from: Mark) -> Duration {
        let capture = self.context.end();
        let end = self.ended().map_or(capture, |(_, mark)| mark.time);
        end.min(capture).since(from.time)
    }

    /// The round trip, and something for the machines.
    pub(super) fn soon(&self) -> Duration {
        AT_ONCE.max(self.context.rtt().unwrap_or_default() * 3)
    }

    /// The client said in the clear that it gives up on its own account: close_notify or user_canceled.
    pub(super) fn cancelled(&self) -> bool {
        let polite = |alert: &crate::fact::tls::Alert| matches!(alert.description, 0 | 90);
        self.tls
            .alerts
            .iter()
            .any(|alert| alert.from == Side::Client && polite(alert))
    }

    /// The hello takes several segments.
    pub(super) fn is_large(&self) -> bool {
        let mss = self.server().mss.unwrap_or(1460);
        self.tls
            .hello
            .as_deref()
            .is_some_and(|hello| hello.packets > 1 || hello.length > u32::from(mss))
    }

    /// Other connections of the capture to the same server and port whose client greeted.
    pub(super) fn beside(&self) -> impl Iterator<Item = &'c Path<'c>> {
        self.others()
            .filter(|path| path.flow.tls.is_some_and(|tls| tls.hello.is_some()))
    }

    /// Other connections of the capture to the same server and port.
    fn others(&self) -> impl Iterator<Item = &'c Path<'c>> {
        let own = &self.context.path.flow;
        let (server, first, client) = (own.server, own.first, own.client);
        self.context
            .world
            .paths_near(server.addr, self.context.path.flow.first.time)
            .filter(move |path| {
                let flow = &path.flow;
                flow.server.port == server.port && (flow.first, flow.client) != (first, client)
            })
    }

    /// A connection to the same server, asking for another name, that the server answered.
    pub(super) fn other_name_passed(&self) -> Option<&'c Path<'c>> {
        let name = self.tls.sni()?;
        self.beside().find(|path| {
            let other = path.flow.sni().is_some_and(|other| other != name);
            other && path.progress.reach >= Reach::Answered
        })
    }

    /// A path of the attempt, any connection to the same server that asks for the same name, or one for that name
    /// to another server at about the same time, got through.
    pub(super) fn sibling_worked(&self) -> bool {
        let name = self.tls.sni();
        let worked = |path: &Path<'_>| {
            let (reach, ended) = (path.progress.reach, path.progress.ended);
            let secured = reach >= Reach::Through || (reach >= Reach::Secured && ended.is_none());
            (secured && closed_unused(path).is_none()) || path.may_have_worked()
        };
        // One that was open when the capture began shows no name.
        let same = |path: &Path<'_>| {
            let sni = path.flow.sni();
            (sni.is_none() || sni == name) && worked(path)
        };
        self.context.siblings().any(worked) || self.others().any(same) || self.name_worked_nearby()
    }

    /// Another attempt of the same client for the same name, begun within ten seconds, got through. Looks at no
    /// more than 500 attempts.
    fn name_worked_nearby(&self) -> bool {
        let (own, attempts) = (self.context.attempt, self.context.world.attempts);
        let near = Duration::from_secs(10);
        let (from, to) = (self.hello.time.minus(near), self.hello.time.plus(near));
        let first = attempts.partition_point(|attempt| attempt.started.time < from);
        let nearby = attempts[first..].iter().take(500);
        own.name.is_some()
            && nearby
                .take_while(|attempt| attempt.started.time <= to)
                .filter(|attempt| attempt.client == own.client && attempt.name == own.name)
                .flat_map(|attempt| &attempt.paths)
                .any(|path| path.progress.reach >= Reach::Through && closed_unused(path).is_none())
    }

    /// The capture shows how the client's interest in the name began: a lookup, or ten seconds before the connection.
    /// Else connections from before the capture may be the ones that are used.
    pub(super) fn seen_from_start(&self) -> bool {
        let quality = self.context.world.quality(self.context.capture());
        let first = quality.and_then(|quality| quality.first);
        let before = first.map(|first| self.context.path.flow.first.time.since(first));
        !self.context.attempt.lookups.is_empty()
            || before.is_some_and(|before| before >= Duration::from_secs(10))
    }

    /// The packets show that the capture went on with this connection: what the server sent last was acknowledged,
    /// so silence after it is no lack of the capture.
    pub(super) fn server_data_acked(&self) -> bool {
        let server = self.server();
        let contiguous = server.hole_at.unwrap_or(server.sent);
        server.acked > 0 && server.acked >= contiguous
    }

    /// The name that the client wants: server_name, else the attempt's.
    pub(super) fn asked(&self) -> Option<&'c str> {
        let name = self.context.attempt.name.as_deref();
        self.tls.sni().or(name)
    }

    /// Packets that show the hello: its first and its last.
    pub(super) fn hello_marks(&self) -> Vec<Mark> {
        let mut marks = vec![self.first, self.hello];
        marks.dedup();
        marks
    }
}

/// The client's close right after the handshake of a connection on which it asked for nothing.
pub(super) fn closed_unused(path: &Path<'_>) -> Option<Mark> {
    let (tcp, tls) = (path.flow.tcp.as_deref()?, path.flow.tls?);
    let finished = tls.client_finished?;
    let left = left(tcp, Side::Client)?;
    // Firefox looks at the certificate while the server works on its Finished.
    let done = tls
        .server_finished
        .filter(|server| not_before(*server, finished) && not_before(left, *server));
    let done = done.unwrap_or(finished);
    let second = self::left(tcp, Side::Server).is_some_and(|server| !not_before(server, left));
    // Unasked come settings in HTTP/2 and tickets in TLS 1.3.
    let unasked = tls.is_tls13() || tls.alpn() == Some("h2");
    let used = tls.client_data.is_some() || (tls.server_data.is_some() && !unasked);
    // With those at hand, it may be a request that was taken back.
    let limit = if tls.server_data.is_some() {
        RIGHT_AWAY
    } else {
        VERY_SOON
    };
    let at_once = not_before(left, done) && left.time.since(done.time) <= limit;
    (at_once && !used && !second).then_some(left)
}

/// First FIN or RST of a side.
fn left(tcp: &TcpFacts, side: Side) -> Option<Mark> {
    let reset = tcp.reset_from(side).map(|reset| reset.mark);
    let fin = tcp.half[side].fin;
    fin.into_iter()
        .chain(reset)
        .min_by_key(|mark| (mark.time, mark.frame))
}

/// Captured at the same time or later.
pub(super) fn not_before(mark: Mark, than: Mark) -> bool {
    (mark.time, mark.frame) >= (than.time, than.frame)
}

/// `3 times`, or nothing for once.
pub(super) fn times(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        n => format!("{n} times "),
    }
}

/// `1 other server`, `3 other servers`.
pub(super) fn other_servers(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} other server{plural}")
}

/// Seconds with one decimal, below one second milliseconds.
pub(super) fn span(duration: Duration) -> String {
    if duration < Duration::from_millis(1) {
        "less than 1 ms".to_owned()
    } else if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// Untrusted text cut to what fits a sentence.
pub(super) fn short(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
