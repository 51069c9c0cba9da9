//! Mnemonics of the IANA registries "DNS parameters". The tables are those of the `domain` crate; only what it
//! prints for unlisted codes is put in this program's form.

use std::borrow::Cow;

use domain::base::iana::{ExtendedErrorCode, OptRcode, Rtype};

/// Name of a record type: `A`, `HTTPS`, and `TYPE1234` for one without a name (RFC 3597 section 5).
#[must_use]
pub fn qtype_name(qtype: u16) -> Cow<'static, str> {
    named(Rtype::from_int(qtype).to_mnemonic_str(), "TYPE", qtype)
}

/// Name of a response code, EDNS extension included: `NOERROR`, `NXDOMAIN`, and `RCODE11` for one without a name.
#[must_use]
pub fn rcode_name(rcode: u16) -> Cow<'static, str> {
    // Twelve bits. `checked_from_int` of domain 0.12.3 refuses the wrong half of them.
    let known = (rcode < 0x1000).then(|| OptRcode::masked_from_int(rcode));
    named(known.and_then(OptRcode::to_mnemonic_str), "RCODE", rcode)
}

/// Name of an Extended DNS Error (RFC 8914 section 5.2): `Blocked`, and `EDE99` for one without a name.
#[must_use]
pub fn ede_name(code: u16) -> Cow<'static, str> {
    named(
        ExtendedErrorCode::from_int(code).to_mnemonic_str(),
        "EDE",
        code,
    )
}

fn named(name: Option<&'static str>, prefix: &str, code: u16) -> Cow<'static, str> {
    name.map_or_else(|| Cow::Owned(format!("{prefix}{code}")), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_registered_names() {
        assert_eq!(qtype_name(1), "A");
        assert_eq!(qtype_name(65), "HTTPS");
        assert_eq!(qtype_name(255), "ANY");
        assert_eq!(qtype_name(65_399), "TYPE65399");
        assert_eq!(rcode_name(0), "NOERROR");
        assert_eq!(rcode_name(3), "NXDOMAIN");
        assert_eq!(rcode_name(5), "REFUSED");
        assert_eq!(rcode_name(16), "BADVERS");
        assert_eq!(rcode_name(11), "RCODE11");
        assert_eq!(rcode_name(u16::MAX), "RCODE65535");
        assert_eq!(ede_name(15), "Blocked");
        assert_eq!(ede_name(4), "Forged Answer");
        assert_eq!(ede_name(49_152), "EDE49152");
    }
}
