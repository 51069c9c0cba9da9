//! Causes that rest on a certificate and on its refusal.

use super::{frame, over};
use crate::attempt::Reach;
use crate::diagnose::rules::tls::certificate::{Date, Shown, date, rfc3339};
use crate::diagnose::rules::tls::common::{Handshake, short};
use crate::diagnose::rules::tls::intercepted;
use crate::diagnose::why_not::Unmet;

pub(super) fn path(id: &str, h: &Handshake<'_>, unmet: &mut Unmet) {
    let shown = Handshake::of(h.context).and_then(Shown::of);
    let Some(shown) = shown else {
        return hidden(h, unmet);
    };
    match id {
        "tls.certificate-expired" => dated(&shown, Date::Expired, unmet),
        "tls.certificate-not-yet-valid" => dated(&shown, Date::NotYetValid, unmet),
        "tls.certificate-name-mismatch" => named(&shown, unmet),
        "tls.certificate-untrusted" => untrusted(&shown, unmet),
        "tls.intercepted" => return product(&shown, unmet),
        _ => return,
    }
    accepted(&shown, unmet);
}

fn hidden(h: &Handshake<'_>, unmet: &mut Unmet) {
    if h.tls.is_tls13() {
        unmet.unseen("the handshake is TLS 1.3, which encrypts the certificate");
    } else if h.tls.server_hello.is_none() {
        unmet.missing("the server never came to show a certificate (no ServerHello)");
    } else {
        unmet.unseen(
            "no certificate that can be read is in the capture (a resumed session shows none)",
        );
    }
}

fn accepted(shown: &Shown<'_>, unmet: &mut Unmet) {
    if shown.refusal().is_some() {
        return;
    }
    if shown.h.context.path.progress.reach >= Reach::Secured {
        return over(&shown.h, unmet);
    }
    unmet.missing("the client did not refuse the certificate in a way that the capture shows");
}

fn dated(shown: &Shown<'_>, wanted: Date, unmet: &mut Unmet) {
    let leaf = shown.leaf;
    match date(shown.chain) {
        None => unmet.unseen("the capture's clock is not set (it dates from before 2005)"),
        Some(found) if found != wanted => unmet.against(
            format!(
                "the certificate (frame {}) is valid from {} to {}, by the time of that packet {}",
                frame(shown.chain.mark),
                rfc3339(leaf.not_before),
                rfc3339(leaf.not_after),
                match found {
                    Date::Expired => "expired",
                    Date::NotYetValid => "not yet valid",
                    Date::Valid => "in date",
                }
            ),
            [shown.chain.mark],
        ),
        Some(_) => {}
    }
}

fn named(shown: &Shown<'_>, unmet: &mut Unmet) {
    let Some(asked) = shown.h.tls.sni() else {
        return unmet.unseen(
            "the ClientHello names no host (no server_name), so there is nothing to compare",
        );
    };
    match shown.covers(asked) {
        Some(true) => unmet.against(
            format!(
                "the certificate (frame {}) covers {}",
                frame(shown.chain.mark),
                short(asked)
            ),
            [shown.chain.mark],
        ),
        None => unmet.unseen("the certificate names no host that could be read"),
        Some(false) => {}
    }
}

fn untrusted(shown: &Shown<'_>, unmet: &mut Unmet) {
    let mut chain = shown.chain.certificates.iter();
    let public = chain.any(|c| c.names_public_ca());
    if public && !shown.leaf.self_signed {
        unmet.against(
            format!(
                "the certificate was issued by \"{}\", a listed public authority",
                short(&shown.leaf.issuer)
            ),
            [shown.chain.mark],
        );
    }
    if let Some(product) = intercepted::product(shown) {
        unmet.against(
            format!(
                "its issuer \"{}\" is known: {} (see tls.intercepted)",
                short(&shown.leaf.issuer),
                product.product
            ),
            [shown.chain.mark],
        );
    }
}

fn product(shown: &Shown<'_>, unmet: &mut Unmet) {
    if intercepted::product(shown).is_none() {
        return unmet.against(
            format!(
                "the certificate (frame {}) was issued by \"{}\", which names no listed interception product",
                frame(shown.chain.mark),
                short(&shown.leaf.issuer)
            ),
            [shown.chain.mark],
        );
    }
    let Some(asked) = shown.h.asked() else {
        return unmet.unseen("no name is known that the certificate could stand in for");
    };
    if shown.refusal().is_none() && shown.covers(asked) != Some(true) {
        unmet.against(
            format!(
                "the certificate does not cover {}, and the client did not refuse it",
                short(asked)
            ),
            [shown.chain.mark],
        );
    }
}
