//! One line of a rollout file: taken apart, and put together again to the same bytes.
//!
//! A line is *canonical* if [`Envelope::render`] of what [`parse`] found in it gives the same bytes:
//! `{"timestamp":"…","type":"…","payload":…}` and a newline, with an optional `"ordinal":N` before
//! the type and an optional `"metadata":…` after the payload, the time in UTC milliseconds, no white
//! space between the parts. All that Codex writes since October 2025 is of this form. Any other line
//! is kept whole, terminator included, together with what is odd about it.

use memchr::memmem;
use memchr::{memchr, memchr2};

use crate::item::json::{Object, split_value};
use crate::item::kind::Kind;
use crate::item::odd::{Oddities, Oddity};
use crate::item::timestamp::Timestamp;

/// What a line turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A canonical line.
    Enveloped(Envelope<'a>),
    /// Any other: its bytes with the terminator, and what is odd about them.
    Verbatim(&'a [u8], Oddities),
}

/// The parts of a canonical line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// When the line was written.
    pub timestamp: Timestamp,
    /// The envelope's `ordinal`, if there is one. Kept as it is; positions are the engine's.
    pub ordinal: Option<u64>,
    /// The `type`.
    pub kind: Kind<'a>,
    /// The payload: valid JSON, exactly as written.
    pub payload: &'a [u8],
    /// The `metadata` beside the payload: valid JSON, exactly as written.
    pub metadata: Option<&'a [u8]>,
}

/// Takes one line apart, its terminator included (a file's last line may have none).
///
/// Never fails: what is not canonical is verbatim. Cost: one pass over the bytes.
#[must_use]
pub fn parse(line: &[u8]) -> Line<'_> {
    match envelope(line) {
        Some(envelope) => Line::Enveloped(envelope),
        None => Line::Verbatim(line, oddities(line)),
    }
}

fn envelope(line: &[u8]) -> Option<Envelope<'_>> {
    let (timestamp, rest) = line.strip_prefix(b"{\"timestamp\":\"")?.split_first_chunk()?;
    let timestamp = Timestamp::parse(timestamp)?;
    let rest = rest.strip_prefix(b"\",")?;
    let (ordinal, rest) = match rest.strip_prefix(b"\"ordinal\":") {
        None => (None, rest),
        Some(rest) => {
            let (digits, rest) = rest.split_at_checked(memchr(b',', rest)?)?;
            (Some(canonical_number(digits)?), rest.get(1..)?)
        }
    };
    let rest = rest.strip_prefix(b"\"type\":\"")?;
    let (kind, rest) = rest.split_at_checked(memchr2(b'"', b'\\', rest)?)?;
    if kind.iter().any(|&byte| byte < b' ') {
        return None;
    }
    let kind = Kind::from_text(std::str::from_utf8(kind).ok()?);
    let body = rest.strip_prefix(b"\",\"payload\":")?.strip_suffix(b"}\n")?;
    let (payload, rest) = split_value(std::str::from_utf8(body).ok()?)?;
    let metadata = match rest {
        "" => None,
        rest => {
            let (metadata, rest) = split_value(rest.strip_prefix(",\"metadata\":")?)?;
            rest.is_empty().then_some(())?;
            Some(metadata.as_bytes())
        }
    };
    Some(Envelope { timestamp, ordinal, kind, payload: payload.as_bytes(), metadata })
}

/// Reads a number written as Rust writes it: digits, no leading zero.
fn canonical_number(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    let plain = digits.iter().all(u8::is_ascii_digit) && (digits.len() == 1 || digits.first() != Some(&b'0'));
    if plain { text.parse().ok() } else { None }
}

impl Envelope<'_> {
    /// Appends the line, newline included.
    pub fn render(&self, out: &mut Vec<u8>) {
        out.reserve(self.rendered_bytes());
        out.extend_from_slice(b"{\"timestamp\":\"");
        self.timestamp.render(out);
        out.extend_from_slice(b"\",");
        if let Some(ordinal) = self.ordinal {
            out.extend_from_slice(b"\"ordinal\":");
            out.extend_from_slice(ordinal.to_string().as_bytes());
            out.push(b',');
        }
        out.extend_from_slice(b"\"type\":\"");
        out.extend_from_slice(self.kind.text().as_bytes());
        out.extend_from_slice(b"\",\"payload\":");
        out.extend_from_slice(self.payload);
        if let Some(metadata) = self.metadata {
            out.extend_from_slice(b",\"metadata\":");
            out.extend_from_slice(metadata);
        }
        out.extend_from_slice(b"}\n");
    }

    /// Length of what [`Envelope::render`] appends, in bytes.
    #[must_use]
    pub fn rendered_bytes(&self) -> usize {
        const FIXED: usize = "{\"timestamp\":\"\",\"type\":\"\",\"payload\":}\n".len() + Timestamp::TEXT_BYTES;
        let ordinal = self.ordinal.map_or(0, |ordinal| "\"ordinal\":,".len() + decimal_digits(ordinal));
        let metadata = self.metadata.map_or(0, |metadata| ",\"metadata\":".len() + metadata.len());
        FIXED + ordinal + self.kind.text().len() + self.payload.len() + metadata
    }
}

fn decimal_digits(number: u64) -> usize {
    std::iter::successors(Some(number), |rest| Some(rest / 10).filter(|&rest| rest > 0)).count()
}

/// Says what is odd about a line that is not canonical; never empty for those.
fn oddities(line: &[u8]) -> Oddities {
    let mut odd = Oddities::default();
    let mut content = line;
    match content.strip_suffix(b"\n") {
        None => odd = odd.with(Oddity::HalfLine),
        Some(rest) => {
            content = rest;
            if let Some(rest) = content.strip_suffix(b"\r") {
                content = rest;
                odd = odd.with(Oddity::CarriageReturn);
            }
        }
    }
    if let Some(rest) = content.strip_prefix(b"\xEF\xBB\xBF") {
        content = rest;
        odd = odd.with(Oddity::ByteOrderMark);
    }
    if memchr(0, content).is_some() {
        return odd.with(Oddity::Nul);
    }
    let Ok(text) = std::str::from_utf8(content) else { return odd.with(Oddity::InvalidUtf8) };
    match text.trim_ascii() {
        "" => odd.with(Oddity::Blank),
        text => json_oddities(text, odd),
    }
}

fn json_oddities(text: &str, odd: Oddities) -> Oddities {
    const START: &[u8] = b"{\"timestamp\":\"";
    let Some((value, rest)) = split_value(text) else {
        // A line cut short, and the next one written right behind it.
        let glued = memmem::rfind(text.as_bytes(), START).is_some_and(|at| at > 0);
        return match (glued, odd.contains(Oddity::HalfLine)) {
            (true, _) => odd.with(Oddity::Glued),
            (false, true) => odd,
            (false, false) => odd.with(Oddity::NotJson),
        };
    };
    if !rest.is_empty() {
        return odd.with(if rest.trim_ascii_start().starts_with('{') { Oddity::Glued } else { Oddity::NotJson });
    }
    let Some(object) = Object::parse(value.as_bytes()) else { return odd.with(Oddity::NotObject) };
    match (object.envelope().is_some(), odd.is_empty()) {
        (false, _) => odd.with(Oddity::NoEnvelope),
        (true, true) => odd.with(Oddity::OtherForm),
        (true, false) => odd,
    }
}
