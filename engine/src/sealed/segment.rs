//! A sealed segment that is open for reading.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::HeaderFault;
use crate::fs::{File, Fs, read_exact_at};
use crate::id::StreamId;
use crate::number::{narrow, size, wide};
use crate::sealed::block_header::{BLOCK_HEADER_BYTES, BlockCodec, BlockKind, block_checksum};
use crate::sealed::codec::Decoder;
use crate::sealed::dictionaries::Dictionaries;
use crate::sealed::footer::Footer;
use crate::sealed::header::TRAILER_BYTES;
use crate::sealed::id::SealedId;
use crate::sealed::manifest::SegmentRow;
use crate::sealed::records_block::RecordsBlock;
use crate::sealed::rows::BlockRow;
use crate::sealed::values_block::ValuesBlock;
use crate::seeded::{Bug, bug};

/// A sealed segment: its file to be read at any time, its footer mapped. Immutable; shared by everybody who reads it.
pub struct SealedSegment {
    row: SegmentRow,
    path: PathBuf,
    file: Arc<dyn File>,
    footer: Footer,
    dictionaries: Arc<Dictionaries>,
}

impl SealedSegment {
    /// Opens the segment that a MANIFEST's row names and verifies its footer.
    ///
    /// Checked in this order: that the file is there, its length, the footer's checksum (which MANIFEST vouches for),
    /// then [`Footer::decode`]. Header and trailer are not needed, and not read.
    ///
    /// *Cost:* reads the footer once.
    ///
    /// # Errors
    /// [`Error::Io`] with `NotFound` if the file is missing: MANIFEST may have changed since. [`Error::Corrupt`] if it is
    /// not what was written: [`SealedSegment::recover`] reads it all the same.
    pub fn open(
        fs: &dyn Fs,
        root: &Path,
        row: &SegmentRow,
        dictionaries: &Arc<Dictionaries>,
    ) -> Result<Arc<SealedSegment>> {
        let path = row.id.path(root);
        let io = |op, error| Error::io(op, &path, error);
        let file = fs.open_immutable(&path).map_err(|error| io("open", error))?;
        let length = file.len().map_err(|error| io("read", error))?;
        if length != row.bytes {
            return Err(corrupt(
                &path,
                length.min(row.bytes),
                format!("{length} bytes long, {} were written", row.bytes),
            ));
        }
        let Some(bytes) = row.bytes.checked_sub(wide(TRAILER_BYTES)).and_then(|end| end.checked_sub(row.footer_offset))
        else {
            return Err(corrupt(&path, 0, "too short for its footer".to_owned()));
        };
        let mapped = file.map_read(row.footer_offset, bytes).map_err(|error| io("read", error))?;
        let footer = Footer::decode_verified(mapped, row).map_err(|fault| unreadable(&path, row, fault))?;
        Ok(Arc::new(SealedSegment::of(*row, path, file, footer, dictionaries)))
    }

    pub(crate) fn of(
        row: SegmentRow,
        path: PathBuf,
        file: Arc<dyn File>,
        footer: Footer,
        dictionaries: &Arc<Dictionaries>,
    ) -> SealedSegment {
        SealedSegment { row, path, file, footer, dictionaries: Arc::clone(dictionaries) }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> SealedId {
        self.row.id
    }

    /// Its row in MANIFEST.
    #[must_use]
    pub fn row(&self) -> &SegmentRow {
        &self.row
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What stands where in it.
    #[must_use]
    pub fn footer(&self) -> &Footer {
        &self.footer
    }

    pub(crate) fn file(&self) -> &dyn File {
        &*self.file
    }

    /// Reads, verifies and decompresses a block of records.
    ///
    /// # Errors
    /// [`Error::Corrupt`], which names the streams that have records in the block; an I/O error.
    pub fn records(&self, block: u32, decoder: &mut Decoder) -> Result<RecordsBlock> {
        self.records_into(block, decoder, Vec::new())
    }

    /// As [`SealedSegment::records`], in the room of a block that is not needed any more.
    ///
    /// # Errors
    /// As there.
    pub fn records_into(&self, block: u32, decoder: &mut Decoder, room: Vec<u8>) -> Result<RecordsBlock> {
        let (row, raw) = self.raw(block, BlockKind::Records, decoder, room)?;
        RecordsBlock::decode(raw).map_err(|(what, _)| self.damaged(block, row.offset, what))
    }

    /// Reads, verifies and decompresses a block of values.
    ///
    /// # Errors
    /// [`Error::Corrupt`] without streams: whose values they are is not known here; an I/O error.
    pub fn values(&self, block: u32, decoder: &mut Decoder) -> Result<ValuesBlock> {
        let (row, raw) = self.raw(block, BlockKind::Values, decoder, Vec::new())?;
        ValuesBlock::decode(raw).map_err(|what| self.damaged(block, row.offset, what))
    }

    /// A block's raw bytes. The row vouches for the bytes behind the block's header, so that is not read. Checked in
    /// this order: that there is such a row, its kind, that it lies before the footer, the checksum, the dictionary, the
    /// length.
    fn raw(
        &self,
        block: u32,
        kind: BlockKind,
        decoder: &mut Decoder,
        mut room: Vec<u8>,
    ) -> Result<(BlockRow, Vec<u8>)> {
        let Some(row) = self.footer.block(block).filter(|row| row.header.kind == kind) else {
            return Err(self.damaged(block, self.row.footer_offset, "the footer has no such block"));
        };
        let from = row.offset.saturating_add(wide(BLOCK_HEADER_BYTES));
        if from.saturating_add(row.header.compressed_bytes.into()) > self.row.footer_offset {
            return Err(self.damaged(block, row.offset, "it reaches into the footer"));
        }
        decoder.compressed.resize(size(row.header.compressed_bytes), 0);
        read_exact_at(self.file(), &mut decoder.compressed, from).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => self.damaged(block, row.offset, "the file ends before it does"),
            _ => Error::io("read", &self.path, error),
        })?;
        let checksum = block_checksum(self.row.id.salt, row.offset, &decoder.compressed);
        if checksum != row.header.checksum && !bug(Bug::SealedBlockUnverified) {
            return Err(self.damaged(block, row.offset, "it fails its checksum"));
        }
        match row.header.codec {
            BlockCodec::Raw => {
                room.clear();
                room.extend_from_slice(&decoder.compressed);
            }
            BlockCodec::Zstd => {
                let dictionary = row.header.dictionary.map(|id| self.dictionaries.get(id)).transpose();
                let dictionary = dictionary.map_err(|error| self.named(block, error))?;
                let prepared = dictionary.as_deref().map(super::dictionary::Dictionary::prepared);
                let done = decoder.decompress(row.header.raw_bytes, prepared, &mut room);
                done.map_err(|what| self.damaged(block, row.offset, what))?;
            }
        }
        Ok((row, room))
    }

    /// The records of a block: each stream that has some in it, and their ordinals.
    #[must_use]
    pub fn records_in(&self, block: u32) -> Vec<(StreamId, Range<u64>)> {
        let mut found = Vec::new();
        for stream in self.footer.streams() {
            let here = self.footer.extents(&stream).filter(|extent| extent.block == block);
            found.extend(here.map(|extent| (stream.stream, extent.first_ordinal..extent.end_ordinal())));
        }
        found
    }

    fn streams_in(&self, block: u32) -> Vec<StreamId> {
        let mut streams: Vec<StreamId> = self.records_in(block).into_iter().map(|(stream, _)| stream).collect();
        streams.dedup();
        streams
    }

    fn damaged(&self, block: u32, offset: u64, what: &str) -> Error {
        let what = format!("block {block}: {what}");
        Error::Corrupt { path: self.path.clone(), offset, what, streams: self.streams_in(block) }
    }

    /// A damage elsewhere, with the streams of the block that it costs.
    fn named(&self, block: u32, error: Error) -> Error {
        match error {
            Error::Corrupt { path, offset, what, .. } => {
                Error::Corrupt { path, offset, what, streams: self.streams_in(block) }
            }
            other => other,
        }
    }

    /// Bytes at an offset; fewer at the end of the file.
    pub(crate) fn bytes_at(&self, offset: u64, bytes: u64) -> Result<Vec<u8>> {
        let io = |error| Error::io("read", &self.path, error);
        let mut buffer = vec![0; narrow(bytes).map_err(io)?];
        let read = crate::fs::read_at_most(self.file(), &mut buffer, offset).map_err(io)?;
        buffer.truncate(read);
        Ok(buffer)
    }
}

impl Footer {
    /// Reads a footer that a row vouches for.
    fn decode_verified(bytes: crate::fs::MappedBytes, row: &SegmentRow) -> Result<Footer, HeaderFault> {
        if block_checksum(row.id.salt, row.footer_offset, (*bytes).as_ref()) != row.footer_checksum {
            return Err(HeaderFault::Rotten("its checksum does not match"));
        }
        Footer::decode(bytes, row.id)
    }
}

pub(crate) fn corrupt(path: &Path, offset: u64, what: String) -> Error {
    Error::Corrupt { path: path.to_owned(), offset, what, streams: Vec::new() }
}

fn unreadable(path: &Path, row: &SegmentRow, fault: HeaderFault) -> Error {
    match fault {
        HeaderFault::Version(_) | HeaderFault::Incompatible(_) => {
            Error::FormatVersion { path: path.to_owned(), what: fault.to_string() }
        }
        _ => corrupt(path, row.footer_offset, format!("the footer: {fault}")),
    }
}
