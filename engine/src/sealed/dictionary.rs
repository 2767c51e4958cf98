//! A compression dictionary and its file, which survives the loss of any one sector of it (format.md 8.7).
//!
//! Every block of a store may need one dictionary, so its file carries what it takes to mend one bad sector: the
//! exclusive or of all its pieces.

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};
use zstd::zstd_safe::{CDict, DDict};

use crate::format::{HeaderFault, VERSION, check, covered, take};
use crate::number::{short, size};
use crate::sealed::codec::{Compressor, Decoder};
use crate::sealed::id::DictionaryId;

/// Length of a dictionary file's header, in bytes; the compressed dictionary follows.
pub const DICTIONARY_HEADER_BYTES: usize = 64;

/// The longest dictionary that is read or written, in bytes.
pub const DICTIONARY_BYTES_MAX: usize = 16 << 20;

/// Length of the pieces of the content, and of their exclusive or, which follows it.
const PIECE_BYTES: usize = 4096;

/// The level that dictionaries themselves are compressed with.
const LEVEL: i32 = 19;

const MAGIC: [u8; 8] = *b"tlogdic1";

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct DictionaryHeaderBytes {
    magic: [u8; 8],
    version: U32,
    id: U32,
    store: [u8; 16],
    raw_bytes: U32,
    compressed_bytes: U32,
    raw_checksum: U32,
    zero: [u8; 16],
    checksum: U32,
}

const _: () = assert!(size_of::<DictionaryHeaderBytes>() == DICTIONARY_HEADER_BYTES);

/// A dictionary, ready for decompressing.
pub struct Dictionary {
    id: DictionaryId,
    raw: Vec<u8>,
    prepared: DDict<'static>,
    mended: bool,
}

impl Dictionary {
    /// A dictionary of these bytes, as zstd's training makes them; `None` if zstd finds no memory for it.
    #[must_use]
    pub fn new(id: DictionaryId, raw: Vec<u8>) -> Option<Dictionary> {
        let prepared = DDict::try_create(&raw)?;
        Some(Dictionary { id, raw, prepared, mended: false })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> DictionaryId {
        self.id
    }

    /// Its bytes, as zstd's training made them.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Checksum of its bytes, as [`DictionaryRow`](crate::sealed::manifest::DictionaryRow) holds it.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        crc32fast::hash(&self.raw)
    }

    /// Whether its file is damaged, and was mended in memory: it should be written anew.
    #[must_use]
    pub fn is_mended(&self) -> bool {
        self.mended
    }

    pub(crate) fn prepared(&self) -> &DDict<'static> {
        &self.prepared
    }

    /// Ready for compressing at a level; `None` if zstd finds no memory for it.
    pub(crate) fn for_level(&self, level: i32) -> Option<CDict<'static>> {
        CDict::try_create(&self.raw, level)
    }

    /// The bytes of its file.
    ///
    /// # Errors
    /// [`DICTIONARY_BYTES_MAX`] is exceeded, or zstd finds no memory.
    pub fn encode(&self, store: &[u8; 16]) -> std::io::Result<Vec<u8>> {
        if self.raw.len() > DICTIONARY_BYTES_MAX {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        let mut compressor = Compressor::new(LEVEL)?;
        // Bytes that do not get shorter stay as they are: then both lengths are equal.
        let (_, compressed) = compressor.compress(self.raw.clone(), None)?;
        let mut header = DictionaryHeaderBytes {
            magic: MAGIC,
            version: VERSION.into(),
            id: self.id.0.into(),
            store: *store,
            raw_bytes: short(self.raw.len()).into(),
            compressed_bytes: short(compressed.len()).into(),
            raw_checksum: self.checksum().into(),
            zero: [0; 16],
            checksum: U32::ZERO,
        };
        header.checksum = crc32fast::hash(covered(header.as_bytes())).into();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend_from_slice(&compressed);
        // A sector belongs to one piece.
        bytes.resize(bytes.len().next_multiple_of(PIECE_BYTES), 0);
        let parity = parity_of(&bytes);
        bytes.extend_from_slice(&parity);
        Ok(bytes)
    }

    /// Reads a file back. If it is damaged, each of its pieces in turn is taken for the damaged one and made anew from
    /// the others; what the checksums then agree to is the dictionary. Checked in this order: presence, the header's
    /// checksum, magic, version, id and store, lengths, the dictionary's checksum.
    ///
    /// # Errors
    /// What is wrong with the file as it is.
    pub fn decode(bytes: &[u8], id: DictionaryId, store: &[u8; 16]) -> Result<Dictionary, HeaderFault> {
        let (content, parity) = split(bytes);
        let (raw, mended) = match read(content, id, store) {
            Ok(raw) => (raw, false),
            Err(fault @ (HeaderFault::Version(_) | HeaderFault::Incompatible(_))) => return Err(fault),
            Err(fault) => (mend(content, parity, id, store).ok_or(fault)?, true),
        };
        let mut dictionary = Dictionary::new(id, raw).ok_or(HeaderFault::Rotten("no memory to prepare it"))?;
        dictionary.mended = mended || parity_of(content) != parity;
        Ok(dictionary)
    }
}

/// The exclusive or of all pieces.
fn parity_of(content: &[u8]) -> Vec<u8> {
    let mut parity = vec![0; PIECE_BYTES];
    for piece in content.chunks(PIECE_BYTES) {
        parity.iter_mut().zip(piece).for_each(|(parity, byte)| *parity ^= byte);
    }
    parity
}

/// A file's content and the parity behind it.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at_checked(bytes.len().saturating_sub(PIECE_BYTES)).unwrap_or_default()
}

fn mend(content: &[u8], parity: &[u8], id: DictionaryId, store: &[u8; 16]) -> Option<Vec<u8>> {
    // What has to be changed in any one piece so that all fit the parity.
    let difference: Vec<u8> = parity_of(content).iter().zip(parity).map(|(is, should)| is ^ should).collect();
    let mut copy = content.to_vec();
    let flip = |copy: &mut [u8], at: usize| {
        let piece = copy.get_mut(at..).unwrap_or_default();
        piece.iter_mut().zip(&difference).for_each(|(byte, change)| *byte ^= change);
    };
    for at in (0..content.len()).step_by(PIECE_BYTES) {
        flip(&mut copy, at);
        if let Ok(raw) = read(&copy, id, store) {
            return Some(raw);
        }
        flip(&mut copy, at);
    }
    None
}

fn read(content: &[u8], id: DictionaryId, store: &[u8; 16]) -> Result<Vec<u8>, HeaderFault> {
    let header_bytes = take::<DICTIONARY_HEADER_BYTES>(content)?;
    let header: DictionaryHeaderBytes = transmute!(*header_bytes);
    let sound = header.checksum.get() == crc32fast::hash(covered(header_bytes));
    check(sound, header.magic == MAGIC, header.version.get())?;
    if header.id.get() != id.0 || header.store != *store {
        return Err(HeaderFault::Rotten("it is another dictionary's"));
    }
    let raw_bytes = header.raw_bytes.get();
    let end = DICTIONARY_HEADER_BYTES.saturating_add(size(header.compressed_bytes.get()));
    let compressed = content.get(DICTIONARY_HEADER_BYTES..end).filter(|_| size(raw_bytes) <= DICTIONARY_BYTES_MAX);
    let compressed = compressed.ok_or(HeaderFault::Rotten("its length is not what it says"))?;
    let mut raw = Vec::new();
    if compressed.len() == size(raw_bytes) {
        raw.extend_from_slice(compressed);
    } else {
        let mut decoder = Decoder::new();
        decoder.compressed.extend_from_slice(compressed);
        decoder.decompress(raw_bytes, None, &mut raw).map_err(HeaderFault::Rotten)?;
    }
    if crc32fast::hash(&raw) != header.raw_checksum.get() {
        return Err(HeaderFault::Rotten("the dictionary fails its checksum"));
    }
    Ok(raw)
}
