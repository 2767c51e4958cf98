//! What stands before a block's bytes, so that a file without its footer can still be read (format.md 8.3).

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

use crate::sealed::id::DictionaryId;

/// Length of a block's header, in bytes; its compressed bytes follow.
pub const BLOCK_HEADER_BYTES: usize = 32;

/// The raw bytes of a block: more than the largest record with its columns.
pub const BLOCK_RAW_BYTES_MAX: u32 = 512 << 20;

/// What zstd can make of a byte at most: a run of 128 KiB takes four.
const EXPANSION_MAX: u64 = 32_768;

/// The first bytes of every block.
pub const BLOCK_MAGIC: [u8; 4] = *b"TLBK";

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Records of one or more streams.
    Records,
    /// Values that records share.
    Values,
}

/// How a block's bytes are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockCodec {
    /// As they are: compressing them gained little.
    Raw,
    /// One zstd frame.
    Zstd,
}

/// A block's header; the footer's row of the block repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHeader {
    /// What it holds.
    pub kind: BlockKind,
    /// How its bytes are stored.
    pub codec: BlockCodec,
    /// The dictionary that is needed to decompress them.
    pub dictionary: Option<DictionaryId>,
    /// Length of the bytes that follow the header.
    pub compressed_bytes: u32,
    /// Length of what they decompress to.
    pub raw_bytes: u32,
    /// Checksum of salt, offset and the bytes that follow: [`block_checksum`].
    pub checksum: u32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct BlockHeaderBytes {
    magic: [u8; 4],
    kind: u8,
    codec: u8,
    zero: [u8; 2],
    dictionary: U32,
    compressed_bytes: U32,
    raw_bytes: U32,
    checksum: U32,
    zero_too: [u8; 4],
    header_checksum: U32,
}

const _: () = assert!(size_of::<BlockHeaderBytes>() == BLOCK_HEADER_BYTES);

/// Checksum of bytes that belong to one place of one segment.
#[must_use]
pub fn block_checksum(salt: u64, offset: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

impl BlockHeader {
    /// The header's bytes, for a block that begins at `offset`.
    #[must_use]
    pub fn encode(&self, salt: u64, offset: u64) -> [u8; BLOCK_HEADER_BYTES] {
        let mut raw = BlockHeaderBytes {
            magic: BLOCK_MAGIC,
            kind: self.kind_number(),
            codec: self.codec_number(),
            zero: [0; 2],
            dictionary: self.dictionary_number().into(),
            compressed_bytes: self.compressed_bytes.into(),
            raw_bytes: self.raw_bytes.into(),
            checksum: self.checksum.into(),
            zero_too: [0; 4],
            header_checksum: U32::ZERO,
        };
        raw.header_checksum = block_checksum(salt, offset, crate::format::covered(raw.as_bytes())).into();
        transmute!(raw)
    }

    /// Reads the header of a block at `offset`; `None` if none begins here. Checked in this order: magic, checksum,
    /// fields.
    #[must_use]
    pub fn decode(bytes: &[u8], salt: u64, offset: u64) -> Option<BlockHeader> {
        let bytes = bytes.first_chunk::<BLOCK_HEADER_BYTES>()?;
        let raw: BlockHeaderBytes = transmute!(*bytes);
        let sum = raw.header_checksum.get();
        if raw.magic != BLOCK_MAGIC || sum != block_checksum(salt, offset, crate::format::covered(bytes)) {
            return None;
        }
        let lengths = [raw.dictionary, raw.compressed_bytes, raw.raw_bytes, raw.checksum].map(U32::get);
        BlockHeader::from_numbers(raw.kind, raw.codec, lengths)
    }

    /// A header of these fields, if there can be such a block. `numbers`: dictionary, compressed length, raw length,
    /// checksum.
    pub(crate) fn from_numbers(kind: u8, codec: u8, numbers: [u32; 4]) -> Option<BlockHeader> {
        let [dictionary, compressed_bytes, raw_bytes, checksum] = numbers;
        let kind = match kind {
            0 => BlockKind::Records,
            1 => BlockKind::Values,
            _ => return None,
        };
        let codec = match codec {
            0 => BlockCodec::Raw,
            1 => BlockCodec::Zstd,
            _ => return None,
        };
        let possible = match codec {
            BlockCodec::Raw => compressed_bytes == raw_bytes,
            BlockCodec::Zstd => u64::from(raw_bytes) <= u64::from(compressed_bytes).saturating_mul(EXPANSION_MAX),
        };
        if !possible || raw_bytes > BLOCK_RAW_BYTES_MAX {
            return None;
        }
        let dictionary = (dictionary != 0).then_some(DictionaryId(dictionary));
        Some(BlockHeader { kind, codec, dictionary, compressed_bytes, raw_bytes, checksum })
    }

    pub(crate) fn kind_number(&self) -> u8 {
        u8::from(self.kind == BlockKind::Values)
    }

    pub(crate) fn codec_number(&self) -> u8 {
        u8::from(self.codec == BlockCodec::Zstd)
    }

    pub(crate) fn dictionary_number(&self) -> u32 {
        self.dictionary.map_or(0, |id| id.0)
    }
}
