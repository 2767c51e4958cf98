//! The file FORMAT: what version of a store this is, and which one (format.md 2).

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

use crate::format::{HeaderFault, VERSION, check, covered, take};

/// Length of the file, in bytes.
pub const FORMAT_FILE_BYTES: usize = 64;

const MAGIC: [u8; 8] = *b"threadlg";

/// Incompatible feature: records may stand in sealed segments, and journals begin behind them (MANIFEST says so). Whoever
/// does not know of them would take what was sealed for lost.
pub const SEALED: u32 = 1;

/// Feature flags that this program knows.
const READ_ONLY_COMPATIBLE_KNOWN: u32 = 0;
const INCOMPATIBLE_KNOWN: u32 = SEALED;

/// The content of FORMAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatFile {
    /// The format's version.
    pub version: u32,
    /// Features that a program may ignore.
    pub compatible: u32,
    /// Features that a program must know to write.
    pub read_only_compatible: u32,
    /// Features that a program must know to read.
    pub incompatible: u32,
    /// The store's random id.
    pub store: [u8; 16],
    /// When it was made, milliseconds since 1970 (UTC).
    pub created_ms: u64,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct FormatFileBytes {
    magic: [u8; 8],
    version: U32,
    compatible: U32,
    read_only_compatible: U32,
    incompatible: U32,
    store: [u8; 16],
    created_ms: U64,
    zero: [u8; 12],
    checksum: U32,
}

const _: () = assert!(size_of::<FormatFileBytes>() == FORMAT_FILE_BYTES);

impl FormatFile {
    /// A new store's, of this program's version and without features.
    #[must_use]
    pub fn new(store: [u8; 16], created_ms: u64) -> FormatFile {
        FormatFile { version: VERSION, compatible: 0, read_only_compatible: 0, incompatible: 0, store, created_ms }
    }

    /// The file's bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; FORMAT_FILE_BYTES] {
        let mut raw = FormatFileBytes {
            magic: MAGIC,
            version: self.version.into(),
            compatible: self.compatible.into(),
            read_only_compatible: self.read_only_compatible.into(),
            incompatible: self.incompatible.into(),
            store: self.store,
            created_ms: self.created_ms.into(),
            zero: [0; 12],
            checksum: U32::ZERO,
        };
        raw.checksum = crc32fast::hash(covered(raw.as_bytes())).into();
        transmute!(raw)
    }

    /// Reads the file's bytes.
    ///
    /// # Errors
    /// What is wrong with them, or why this program must not read the store.
    pub fn decode(bytes: &[u8]) -> Result<FormatFile, HeaderFault> {
        let bytes = take::<FORMAT_FILE_BYTES>(bytes)?;
        let raw: FormatFileBytes = transmute!(*bytes);
        check(raw.checksum.get() == crc32fast::hash(covered(bytes)), raw.magic == MAGIC, raw.version.get())?;
        let unknown = raw.incompatible.get() & !INCOMPATIBLE_KNOWN;
        if unknown != 0 {
            return Err(HeaderFault::Incompatible(unknown));
        }
        Ok(FormatFile {
            version: raw.version.get(),
            compatible: raw.compatible.get(),
            read_only_compatible: raw.read_only_compatible.get(),
            incompatible: raw.incompatible.get(),
            store: raw.store,
            created_ms: raw.created_ms.get(),
        })
    }

    /// The features that keep this program from writing to the store (0: it may write).
    #[must_use]
    pub fn unknown_for_writing(&self) -> u32 {
        self.read_only_compatible & !READ_ONLY_COMPATIBLE_KNOWN
    }
}
