//! MANIFEST: which sealed segments and dictionaries live, and how far each journal is sealed (format.md 8.1).

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

use crate::format::{HeaderFault, VERSION, check, covered, take};
use crate::id::{Epoch, Sequence};
use crate::number::size;
pub use crate::recover::log::Base as JournalBase;
use crate::sealed::id::{DictionaryId, SealedId};

/// Length of the manifest's header, in bytes; the rows follow.
pub const MANIFEST_HEADER_BYTES: usize = 64;

const MAGIC: [u8; 8] = *b"tlogman1";

/// Everything that lives beside the journals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// 0 in a store that was never sealed; one more with each edit.
    pub generation: u64,
    /// The number that the next segment or dictionary gets, at least 1; never given twice.
    pub next_number: u64,
    /// How far each journal is sealed, by number; a journal that is not here is not sealed at all.
    pub journals: Vec<JournalBase>,
    /// The sealed segments, by number.
    pub segments: Vec<SegmentRow>,
    /// The dictionaries that blocks of these segments need, by id.
    pub dictionaries: Vec<DictionaryRow>,
}

/// How a segment's blocks were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Of threads in use.
    #[default]
    Normal,
    /// Of archived threads: larger blocks, a higher level.
    Archived,
}

impl Tier {
    pub(crate) fn to_number(self) -> u32 {
        match self {
            Tier::Normal => 0,
            Tier::Archived => 1,
        }
    }

    /// Any number gives some tier: it decides what is merged with what, not how bytes are read.
    pub(crate) fn from_number(number: u32) -> Tier {
        if number == 1 { Tier::Archived } else { Tier::Normal }
    }
}

/// A sealed segment that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentRow {
    /// Its name.
    pub id: SealedId,
    /// Length of its file.
    pub bytes: u64,
    /// Where its footer begins; it ends 64 bytes before the end of the file.
    pub footer_offset: u64,
    /// The footer's checksum, kept here too: an old or another footer in the file is noticed.
    pub footer_checksum: u32,
    /// How it was made.
    pub tier: Tier,
}

/// A dictionary that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DictionaryRow {
    /// Its name.
    pub id: DictionaryId,
    /// Length of its file.
    pub bytes: u32,
    /// Checksum of the dictionary itself, as compression uses it.
    pub checksum: u32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct ManifestHeaderBytes {
    magic: [u8; 8],
    version: U32,
    journal_rows: U32,
    segment_rows: U32,
    dictionary_rows: U32,
    generation: U64,
    store: [u8; 16],
    next_number: U64,
    rows_checksum: U32,
    checksum: U32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct JournalBaseBytes {
    journal: U32,
    chain: U32,
    epoch: U64,
    upto: U64,
    segments_upto: U64,
    chain_records: U32,
    zero: [u8; 4],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct SegmentRowBytes {
    number: U64,
    salt: U64,
    bytes: U64,
    footer_offset: U64,
    footer_checksum: U32,
    tier: U32,
    zero: [u8; 8],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct DictionaryRowBytes {
    id: U32,
    bytes: U32,
    checksum: U32,
    zero: [u8; 4],
}

const _: () = assert!(size_of::<ManifestHeaderBytes>() == MANIFEST_HEADER_BYTES);
const _: () = assert!(size_of::<JournalBaseBytes>() == 40);
const _: () = assert!(size_of::<SegmentRowBytes>() == 48);
const _: () = assert!(size_of::<DictionaryRowBytes>() == 16);

impl Manifest {
    /// The file's bytes.
    #[must_use]
    pub fn encode(&self, store: &[u8; 16]) -> Vec<u8> {
        let mut bytes = vec![0; MANIFEST_HEADER_BYTES];
        for base in &self.journals {
            bytes.extend_from_slice(JournalBaseBytes::new(base).as_bytes());
        }
        for row in &self.segments {
            bytes.extend_from_slice(row.to_bytes().as_bytes());
        }
        for row in &self.dictionaries {
            bytes.extend_from_slice(row.to_bytes().as_bytes());
        }
        let count = |rows: usize| U32::new(u32::try_from(rows).unwrap_or(u32::MAX));
        let mut header = ManifestHeaderBytes {
            magic: MAGIC,
            version: VERSION.into(),
            journal_rows: count(self.journals.len()),
            segment_rows: count(self.segments.len()),
            dictionary_rows: count(self.dictionaries.len()),
            generation: self.generation.into(),
            store: *store,
            next_number: self.next_number.into(),
            rows_checksum: crc32fast::hash(bytes.get(MANIFEST_HEADER_BYTES..).unwrap_or_default()).into(),
            checksum: U32::ZERO,
        };
        header.checksum = crc32fast::hash(covered(header.as_bytes())).into();
        if let Some(room) = bytes.get_mut(..MANIFEST_HEADER_BYTES) {
            room.copy_from_slice(header.as_bytes());
        }
        bytes
    }

    /// Reads a whole file back. Checked in this order: presence, the header's checksum, magic, version, the store's id,
    /// the length against the numbers of rows, the rows' checksum. Nothing is allocated that the file does not hold.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(bytes: &[u8], store: &[u8; 16]) -> Result<Manifest, HeaderFault> {
        let header_bytes = take::<MANIFEST_HEADER_BYTES>(bytes)?;
        let header: ManifestHeaderBytes = transmute!(*header_bytes);
        let sound = header.checksum.get() == crc32fast::hash(covered(header_bytes));
        check(sound, header.magic == MAGIC, header.version.get())?;
        if header.store != *store {
            return Err(HeaderFault::Rotten("it is another store's"));
        }
        let rows = bytes.get(MANIFEST_HEADER_BYTES..).unwrap_or_default();
        let length = HeaderFault::Rotten("its length is not that of its rows");
        let (journals, rest) = split::<JournalBaseBytes>(rows, header.journal_rows).ok_or(length)?;
        let (segments, rest) = split::<SegmentRowBytes>(rest, header.segment_rows).ok_or(length)?;
        let (dictionaries, rest) = split::<DictionaryRowBytes>(rest, header.dictionary_rows).ok_or(length)?;
        if !rest.is_empty() {
            return Err(length);
        }
        if crc32fast::hash(rows) != header.rows_checksum.get() {
            return Err(HeaderFault::Rotten("the checksum of its rows does not match"));
        }
        Ok(Manifest {
            generation: header.generation.get(),
            next_number: header.next_number.get(),
            journals: journals.iter().map(JournalBaseBytes::base).collect(),
            segments: segments.iter().map(SegmentRow::of).collect(),
            dictionaries: dictionaries.iter().map(DictionaryRow::of).collect(),
        })
    }

    /// The generation that a whole file's first bytes tell; `None` if they are no sound header of this store.
    #[must_use]
    pub fn generation_of(header: &[u8; MANIFEST_HEADER_BYTES], store: &[u8; 16]) -> Option<u64> {
        let raw: ManifestHeaderBytes = transmute!(*header);
        let sound = raw.checksum.get() == crc32fast::hash(covered(header));
        (sound && raw.magic == MAGIC && raw.store == *store).then(|| raw.generation.get())
    }

    /// Bytes of all files that it names.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let segments = self.segments.iter().map(|row| row.bytes);
        let dictionaries = self.dictionaries.iter().map(|row| u64::from(row.bytes));
        segments.chain(dictionaries).fold(0, u64::saturating_add)
    }

    /// Where a journal's log begins behind what was sealed; `None` if nothing of it was.
    #[must_use]
    pub fn base(&self, journal: u32) -> Option<JournalBase> {
        self.journals.iter().find(|base| base.journal == journal).copied()
    }
}

/// The first `count` rows, and what follows them.
fn split<T: FromBytes + Immutable + KnownLayout + Unaligned>(bytes: &[u8], count: U32) -> Option<(&[T], &[u8])> {
    <[T]>::ref_from_prefix_with_elems(bytes, size(count.get())).ok()
}

impl JournalBaseBytes {
    fn new(base: &JournalBase) -> JournalBaseBytes {
        JournalBaseBytes {
            journal: base.journal.into(),
            chain: base.chain.into(),
            epoch: base.epoch.0.into(),
            upto: base.upto.0.into(),
            segments_upto: base.segments_upto.into(),
            chain_records: base.chain_records.into(),
            zero: [0; 4],
        }
    }

    fn base(&self) -> JournalBase {
        JournalBase {
            journal: self.journal.get(),
            epoch: Epoch(self.epoch.get()),
            upto: Sequence(self.upto.get()),
            chain: self.chain.get(),
            chain_records: self.chain_records.get(),
            segments_upto: self.segments_upto.get(),
        }
    }
}

impl SegmentRow {
    fn to_bytes(self) -> SegmentRowBytes {
        SegmentRowBytes {
            number: self.id.number.into(),
            salt: self.id.salt.into(),
            bytes: self.bytes.into(),
            footer_offset: self.footer_offset.into(),
            footer_checksum: self.footer_checksum.into(),
            tier: self.tier.to_number().into(),
            zero: [0; 8],
        }
    }

    fn of(raw: &SegmentRowBytes) -> SegmentRow {
        SegmentRow {
            id: SealedId { number: raw.number.get(), salt: raw.salt.get() },
            bytes: raw.bytes.get(),
            footer_offset: raw.footer_offset.get(),
            footer_checksum: raw.footer_checksum.get(),
            tier: Tier::from_number(raw.tier.get()),
        }
    }
}

impl DictionaryRow {
    fn to_bytes(self) -> DictionaryRowBytes {
        DictionaryRowBytes {
            id: self.id.0.into(),
            bytes: self.bytes.into(),
            checksum: self.checksum.into(),
            zero: [0; 4],
        }
    }

    fn of(raw: &DictionaryRowBytes) -> DictionaryRow {
        DictionaryRow { id: DictionaryId(raw.id.get()), bytes: raw.bytes.get(), checksum: raw.checksum.get() }
    }
}
