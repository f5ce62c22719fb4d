//! The identifiers that systems send, made of the numbers that records keep, and read back.

/// The BRIN code of a school: `99AA00` for 0, `99AA01` for 1, `99AB00` for 100.
#[must_use]
pub fn brin_code(code: u32) -> String {
    let letter = |number: u32| char::from(b'A' + u8::try_from(number % 26).unwrap_or(0));
    format!("99{}{}{:02}", letter(code / 2600), letter(code / 100), code % 100)
}

/// The number that an invented BRIN code stands for; `None` where it is not one.
#[must_use]
pub fn school_code(brin: &str) -> Option<u32> {
    match brin.as_bytes() {
        [b'9', b'9', first @ b'A'..=b'Z', second @ b'A'..=b'Z', tens @ b'0'..=b'9', units @ b'0'..=b'9'] => Some(
            u32::from(first - b'A') * 2600
                + u32::from(second - b'A') * 100
                + u32::from(tens - b'0') * 10
                + u32::from(units - b'0'),
        ),
        _ => None,
    }
}

/// The identifier of a need in the school administration.
#[must_use]
pub fn need_id(number: u32) -> String {
    format!("need-{number:06}")
}

/// The identifier of an organization in the directory.
#[must_use]
pub fn organization_id(number: u32) -> String {
    directory_id(0x0a11_0001, number)
}

/// The identifier of a service in the directory.
#[must_use]
pub fn service_id(number: u32) -> String {
    directory_id(0x0a11_0002, number)
}

/// The identifier of a commitment beside the directory.
#[must_use]
pub fn commitment_id(number: u32) -> String {
    directory_id(0x0a11_0003, number)
}

/// The identifier of a publication in the housing allocation system.
#[must_use]
pub fn publication_id(number: u32) -> String {
    format!("pub-{number:06}")
}

/// The identifier of a priority scheme.
#[must_use]
pub fn scheme_id(municipality: u16) -> String {
    format!("vr-{municipality:04}")
}

/// The key on its shelf of the record that a system knows by this identifier, or of a school by its BRIN code.
#[must_use]
pub fn key_of(id: &str) -> Option<u32> {
    school_code(id.trim_start_matches("org-s-")).or_else(|| {
        let last = id.rsplit('-').next()?;
        if id.len() == 36 { u32::from_str_radix(last, 16).ok() } else { last.parse().ok() }
    })
}

/// A UUID that says of what kind and which: the directory's standard asks for UUIDs, and nobody has to look them up.
pub(crate) fn directory_id(kind: u32, number: u32) -> String {
    format!("{kind:08x}-0000-4000-8000-{number:012x}")
}
