//! Records above 1 MiB: the reference in the frame, and the file it names (format.md 4).

use std::fmt;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

use crate::format::{HeaderFault, VERSION, check, covered, take};

/// Length of a reference, in bytes.
pub const LARGE_REFERENCE_BYTES: usize = 32;

/// Length of the header of a large record's file, in bytes; the payload follows.
pub const LARGE_HEADER_BYTES: usize = 64;

const MAGIC: [u8; 8] = *b"tloglrg1";

/// The payload of a frame whose record stands in a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LargeReference {
    /// The file's random id.
    pub id: [u8; 16],
    /// Length of the record's payload, in bytes.
    pub payload_bytes: u64,
    /// Checksum of the record's payload.
    pub payload_checksum: u32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct LargeReferenceBytes {
    id: [u8; 16],
    payload_bytes: U64,
    payload_checksum: U32,
    zero: [u8; 4],
}

const _: () = assert!(size_of::<LargeReferenceBytes>() == LARGE_REFERENCE_BYTES);

impl LargeReference {
    /// The reference's bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; LARGE_REFERENCE_BYTES] {
        transmute!(LargeReferenceBytes {
            id: self.id,
            payload_bytes: self.payload_bytes.into(),
            payload_checksum: self.payload_checksum.into(),
            zero: [0; 4],
        })
    }

    /// Reads a frame's payload as a reference; `None` unless it is 32 bytes long. What vouches for
    /// the bytes is the frame's checksum.
    #[must_use]
    pub fn decode(payload: &[u8]) -> Option<LargeReference> {
        let bytes: [u8; LARGE_REFERENCE_BYTES] = payload.try_into().ok()?;
        let raw: LargeReferenceBytes = transmute!(bytes);
        Some(LargeReference {
            id: raw.id,
            payload_bytes: raw.payload_bytes.get(),
            payload_checksum: raw.payload_checksum.get(),
        })
    }
}

/// What stands before the payload in a large record's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LargeHeader {
    /// Checksum of the payload.
    pub payload_checksum: u32,
    /// Length of the payload, in bytes.
    pub payload_bytes: u64,
    /// The file's id, as in its name.
    pub id: [u8; 16],
    /// The store's id.
    pub store: [u8; 16],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct LargeHeaderBytes {
    magic: [u8; 8],
    version: U32,
    payload_checksum: U32,
    payload_bytes: U64,
    id: [u8; 16],
    store: [u8; 16],
    zero: [u8; 4],
    checksum: U32,
}

const _: () = assert!(size_of::<LargeHeaderBytes>() == LARGE_HEADER_BYTES);

impl LargeHeader {
    /// The header's bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; LARGE_HEADER_BYTES] {
        let mut raw = LargeHeaderBytes {
            magic: MAGIC,
            version: VERSION.into(),
            payload_checksum: self.payload_checksum.into(),
            payload_bytes: self.payload_bytes.into(),
            id: self.id,
            store: self.store,
            zero: [0; 4],
            checksum: U32::ZERO,
        };
        raw.checksum = crc32fast::hash(covered(raw.as_bytes())).into();
        transmute!(raw)
    }

    /// Reads the header at the start of a file's bytes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<LargeHeader, HeaderFault> {
        let bytes = take::<LARGE_HEADER_BYTES>(bytes)?;
        let raw: LargeHeaderBytes = transmute!(*bytes);
        check(raw.checksum.get() == crc32fast::hash(covered(bytes)), raw.magic == MAGIC, raw.version.get())?;
        Ok(LargeHeader {
            payload_checksum: raw.payload_checksum.get(),
            payload_bytes: raw.payload_bytes.get(),
            id: raw.id,
            store: raw.store,
        })
    }
}

/// The name of a large record's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LargeName {
    /// The journal that wrote it.
    pub journal: u32,
    /// Its random id.
    pub id: [u8; 16],
}

impl fmt::Display for LargeName {
    /// `<journal, 3 decimal digits>-<id, 32 hex digits>.rec`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}-{:032x}.rec", self.journal, u128::from_be_bytes(self.id))
    }
}

impl LargeName {
    /// Reads a file name back; `None` if it is not a large record's.
    #[must_use]
    pub fn parse(name: &str) -> Option<LargeName> {
        let (journal, id) = name.strip_suffix(".rec")?.split_once('-')?;
        let id = u128::from_str_radix(id, 16).ok()?.to_be_bytes();
        let parsed = LargeName { journal: journal.parse().ok()?, id };
        // Rendering it again refuses signs, upper case, and missing or needless digits.
        (parsed.to_string() == name).then_some(parsed)
    }
}
