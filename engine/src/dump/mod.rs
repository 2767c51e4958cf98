//! What stands in a file of a store, for people and for programs. Pure: bytes in, entries out.
//!
//! Works on any bytes: what is damaged is shown as such, and the rest all the same. A file is told by
//! its name: `FORMAT`, `FORMAT.new`, `mark`, `roster`, `LOCK`, `MAINTENANCE`, `LEASES`, `MANIFEST`, `MANIFEST.new`,
//! `….hot`, `….rec`, `….seal`, `….dict`.

mod sealed;
mod segment;
mod small;
mod text;

#[cfg(test)]
mod sealed_tests;
#[cfg(test)]
mod tests;

use std::io;

use crate::format::large::LargeName;
use crate::format::segment::SEGMENT_MAGIC;
use crate::id::{SegmentId, StreamId};
use crate::sealed::header::SEALED_MAGIC;
use crate::sealed::{DictionaryId, SealedId};

/// One thing that stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is: "format", "slot", "journals", "owner", "large header", "payload", "segment header", "group",
    /// "frame", "gap", "suspect", "manifest", "journal", "segment", "dictionary", "sealed header", "block", "footer",
    /// "stream", "extent", "block row", "value", "used value", "conflict", "input", "singles", "trailer", "unknown".
    pub kind: &'static str,
    /// Its first byte in the file.
    pub offset: u64,
    /// The byte after its last one.
    pub end: u64,
    /// How deep it stands in what was listed before it: a frame in a group has 1.
    pub depth: usize,
    /// Its fields in order of the format, named as in docs/format.md.
    pub fields: Vec<(&'static str, Value)>,
    /// What is wrong with it, if anything is.
    pub problem: Option<String>,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A count, a length in bytes, an offset, a sequence.
    Number(u64),
    /// A checksum.
    Checksum(u32),
    /// A salt, or another number that means nothing as a number.
    Word(u64),
    /// An id, or bytes that could not be read as anything.
    Bytes(Vec<u8>),
    /// A stream.
    Stream(StreamId),
    /// Yes or no.
    Flag(bool),
    /// Words.
    Text(String),
}

/// Calls `each` for everything that stands in a file, in order of offset.
///
/// `name` is the file's name, with or without directories. `store` is the store's id, if known: only with it
/// can the slots of a mark be verified.
///
/// *Cost:* one pass over the bytes; memory for one segment's frame headers.
pub fn entries(name: &str, bytes: &[u8], store: Option<&[u8; 16]>, each: &mut dyn FnMut(Entry)) {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let id = SegmentId::parse(name);
    let sealed_id = SealedId::parse(name);
    match name {
        "FORMAT" | "FORMAT.new" => small::format(bytes, each),
        "mark" => small::mark(bytes, store, each),
        "roster" => small::roster(bytes, each),
        "LOCK" | "MAINTENANCE" | "LEASES" => small::lock(bytes, each),
        "MANIFEST" | "MANIFEST.new" => sealed::manifest(bytes, store, each),
        _ if id.is_some() || bytes.starts_with(&SEGMENT_MAGIC) => segment::segment(bytes, id, each),
        _ if sealed_id.is_some() || bytes.starts_with(&SEALED_MAGIC) => sealed::segment(bytes, sealed_id, each),
        _ if LargeName::parse(name).is_some() => small::large(name, bytes, each),
        _ => match DictionaryId::parse(name) {
            Some(id) => sealed::dictionary(bytes, id, store, each),
            None => small::unknown(bytes, each),
        },
    }
}

/// Writes all entries of a file as lines of text.
///
/// # Errors
/// Those of `out`.
pub fn write(name: &str, bytes: &[u8], store: Option<&[u8; 16]>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut result = Ok(());
    entries(name, bytes, store, &mut |entry| {
        if result.is_ok() {
            result = writeln!(out, "{entry}");
        }
    });
    result
}
