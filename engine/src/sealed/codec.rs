//! Compressing and decompressing one block at a time, with contexts that are kept between blocks.

use std::io;

use zstd::zstd_safe::{CCtx, CDict, DCtx, DDict, compress_bound};

use crate::number::size;
use crate::sealed::block_header::{BLOCK_RAW_BYTES_MAX, BlockCodec};

/// Compresses blocks, one after another.
pub(crate) struct Compressor {
    context: CCtx<'static>,
    level: i32,
}

fn no_memory() -> io::Error {
    io::ErrorKind::OutOfMemory.into()
}

impl Compressor {
    pub fn new(level: i32) -> io::Result<Compressor> {
        Ok(Compressor { context: CCtx::try_create().ok_or_else(no_memory)?, level })
    }

    /// A block's bytes as they go to disk. The same bytes give the same result.
    pub fn compress(&mut self, raw: Vec<u8>, dictionary: Option<&CDict<'_>>) -> io::Result<(BlockCodec, Vec<u8>)> {
        if raw.len() > size(BLOCK_RAW_BYTES_MAX) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut out = Vec::with_capacity(compress_bound(raw.len()));
        let done = match dictionary {
            Some(dictionary) => self.context.compress_using_cdict(&mut out, &raw, dictionary),
            None => self.context.compress(&mut out, &raw, self.level),
        };
        done.map_err(|code| io::Error::other(zstd::zstd_safe::get_error_name(code)))?;
        // For less than a sixteenth it is not worth being decompressed at each reading.
        if out.len() < raw.len().saturating_sub(raw.len() / 16) {
            // What waits to be written must not take the room of what it was made from.
            out.shrink_to_fit();
            Ok((BlockCodec::Zstd, out))
        } else {
            Ok((BlockCodec::Raw, raw))
        }
    }
}

/// Decompresses blocks, one after another. Keeps its context and the room for compressed bytes.
#[derive(Default)]
pub struct Decoder {
    context: Option<DCtx<'static>>,
    pub(crate) compressed: Vec<u8>,
}

impl Decoder {
    /// A new one. *Cost:* nothing until the first block.
    #[must_use]
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// Decompresses what stands in `self.compressed` into exactly `raw_bytes`, in the room of `out`.
    pub(crate) fn decompress(
        &mut self,
        raw_bytes: u32,
        dictionary: Option<&DDict<'_>>,
        out: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        let context = match &mut self.context {
            Some(context) => context,
            none => none.insert(DCtx::try_create().ok_or("no memory to decompress it")?),
        };
        out.clear();
        out.try_reserve_exact(size(raw_bytes)).map_err(|_| "no memory to decompress it")?;
        let done = match dictionary {
            Some(dictionary) => context.decompress_using_ddict(out, &self.compressed, dictionary),
            None => context.decompress(out, &self.compressed),
        };
        match done {
            Ok(length) if length == size(raw_bytes) => Ok(()),
            Ok(_) => Err("it does not decompress to its length"),
            Err(_) => Err("it cannot be decompressed"),
        }
    }
}
