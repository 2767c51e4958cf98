//! The first and the last 64 bytes of a sealed segment (format.md 8.2).

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

use crate::format::{HeaderFault, VERSION, check, covered, take};
use crate::sealed::id::SealedId;
use crate::sealed::manifest::Tier;

/// Length of a segment's header, in bytes; blocks follow.
pub const SEALED_HEADER_BYTES: usize = 64;

/// Length of a segment's trailer, in bytes; the file ends with it.
pub const TRAILER_BYTES: usize = 64;

/// The first bytes of every sealed segment.
pub const SEALED_MAGIC: [u8; 8] = *b"tlogsea1";
const TRAILER_MAGIC: [u8; 8] = *b"tlogend1";

/// What a sealed segment begins with. Nothing that is needed to read it: the footer repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedHeader {
    /// The segment's name.
    pub id: SealedId,
    /// How its blocks were made.
    pub tier: Tier,
    /// The store's id.
    pub store: [u8; 16],
    /// When it was made: milliseconds since 1970 (UTC).
    pub created_ms: u64,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct SealedHeaderBytes {
    magic: [u8; 8],
    version: U32,
    tier: U32,
    store: [u8; 16],
    number: U64,
    salt: U64,
    created_ms: U64,
    zero: [u8; 4],
    checksum: U32,
}

const _: () = assert!(size_of::<SealedHeaderBytes>() == SEALED_HEADER_BYTES);

impl SealedHeader {
    /// The header's bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; SEALED_HEADER_BYTES] {
        let mut raw = SealedHeaderBytes {
            magic: SEALED_MAGIC,
            version: VERSION.into(),
            tier: self.tier.to_number().into(),
            store: self.store,
            number: self.id.number.into(),
            salt: self.id.salt.into(),
            created_ms: self.created_ms.into(),
            zero: [0; 4],
            checksum: U32::ZERO,
        };
        raw.checksum = crc32fast::hash(covered(raw.as_bytes())).into();
        transmute!(raw)
    }

    /// Reads the header at the start of a file's bytes. Checked in this order: presence, checksum, magic, version.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<SealedHeader, HeaderFault> {
        let bytes = take::<SEALED_HEADER_BYTES>(bytes)?;
        let raw: SealedHeaderBytes = transmute!(*bytes);
        let sound = raw.checksum.get() == crc32fast::hash(covered(bytes));
        check(sound, raw.magic == SEALED_MAGIC, raw.version.get())?;
        Ok(SealedHeader {
            id: SealedId { number: raw.number.get(), salt: raw.salt.get() },
            tier: Tier::from_number(raw.tier.get()),
            store: raw.store,
            created_ms: raw.created_ms.get(),
        })
    }
}

/// What a sealed segment ends with: where its footer is, for whoever has no MANIFEST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// The segment's name.
    pub id: SealedId,
    /// Where the footer begins.
    pub footer_offset: u64,
    /// Length of the footer; the trailer follows it.
    pub footer_bytes: u64,
    /// The footer's checksum.
    pub footer_checksum: u32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct TrailerBytes {
    magic: [u8; 8],
    footer_offset: U64,
    footer_bytes: U64,
    number: U64,
    salt: U64,
    footer_checksum: U32,
    zero: [u8; 16],
    checksum: U32,
}

const _: () = assert!(size_of::<TrailerBytes>() == TRAILER_BYTES);

impl Trailer {
    /// Whether the last bytes of a segment's file are what is left of a trailer, whatever became of the rest: a file without a
    /// trace of one was never finished, or was cut.
    #[must_use]
    pub fn is_traced(bytes: &[u8], id: SealedId) -> bool {
        let salt = id.salt.to_le_bytes();
        bytes.starts_with(&TRAILER_MAGIC) || bytes.windows(salt.len()).any(|window| window == salt)
    }

    /// The trailer's bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; TRAILER_BYTES] {
        let mut raw = TrailerBytes {
            magic: TRAILER_MAGIC,
            footer_offset: self.footer_offset.into(),
            footer_bytes: self.footer_bytes.into(),
            number: self.id.number.into(),
            salt: self.id.salt.into(),
            footer_checksum: self.footer_checksum.into(),
            zero: [0; 16],
            checksum: U32::ZERO,
        };
        raw.checksum = crc32fast::hash(covered(raw.as_bytes())).into();
        transmute!(raw)
    }

    /// Reads the last bytes of a file. Checked in this order: presence, checksum, magic.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Trailer, HeaderFault> {
        let bytes = take::<TRAILER_BYTES>(bytes)?;
        let raw: TrailerBytes = transmute!(*bytes);
        let sound = raw.checksum.get() == crc32fast::hash(covered(bytes));
        check(sound, raw.magic == TRAILER_MAGIC, VERSION)?;
        Ok(Trailer {
            id: SealedId { number: raw.number.get(), salt: raw.salt.get() },
            footer_offset: raw.footer_offset.get(),
            footer_bytes: raw.footer_bytes.get(),
            footer_checksum: raw.footer_checksum.get(),
        })
    }
}
