//! Every byte of a segment checked, those too that reading does not need.

use crate::error::{Error, Result};
use crate::number::wide;
use crate::sealed::block_header::{BLOCK_HEADER_BYTES, BlockHeader, BlockKind, block_checksum};
use crate::sealed::codec::Decoder;
use crate::sealed::columns::Columns;
use crate::sealed::header::{SEALED_HEADER_BYTES, SealedHeader, TRAILER_BYTES, Trailer};
use crate::sealed::id::ValueHash;
use crate::sealed::rows::BlockRow;
use crate::sealed::segment::{SealedSegment, corrupt};

impl SealedSegment {
    /// Reads the whole segment: header, trailer, each block's header beside its row, each block's bytes, every record's
    /// columns, every value against its name. `each` gets what is wrong; `progress` the bytes of each block that was read.
    ///
    /// What is not checked here: that values which records take from other segments are there.
    ///
    /// *Cost:* decompresses the whole segment. *Memory:* one block.
    ///
    /// # Errors
    /// An I/O error other than one that a damage causes.
    pub fn verify(&self, each: &mut dyn FnMut(Error), progress: &mut dyn FnMut(u64)) -> Result<()> {
        self.verify_ends(each)?;
        let mut decoder = Decoder::new();
        for index in 0..self.footer().block_count() {
            let Some(row) = self.footer().block(index) else {
                each(corrupt(self.path(), self.row().footer_offset, format!("block {index}: no such block can be")));
                continue;
            };
            let header = self.bytes_at(row.offset, wide(BLOCK_HEADER_BYTES))?;
            if BlockHeader::decode(&header, self.id().salt, row.offset) != Some(row.header) {
                each(corrupt(
                    self.path(),
                    row.offset,
                    format!("block {index}: its header is not what the footer says"),
                ));
            }
            match self.verify_block(index, &row, &mut decoder) {
                Err(error @ Error::Corrupt { .. }) => each(error),
                other => other?,
            }
            progress(u64::from(row.header.compressed_bytes).saturating_add(wide(BLOCK_HEADER_BYTES)));
        }
        Ok(())
    }

    /// Checks that every byte is the one that was written, without decompressing any: header, trailer, each block's header
    /// beside its row, each block's checksum. `each` gets what is wrong. (The footer is checked when a segment is opened.)
    ///
    /// *Cost:* reads and checksums the file once. *Memory:* one block.
    ///
    /// # Errors
    /// An I/O error.
    pub fn check_stored(&self, each: &mut dyn FnMut(Error)) -> Result<()> {
        self.verify_ends(each)?;
        for index in 0..self.footer().block_count() {
            let sound = match self.footer().block(index) {
                None => Err((self.row().footer_offset, "no such block can be")),
                Some(row) => {
                    let bytes = wide(BLOCK_HEADER_BYTES).saturating_add(u64::from(row.header.compressed_bytes));
                    let bytes = self.bytes_at(row.offset, bytes)?;
                    let same = BlockHeader::decode(&bytes, self.id().salt, row.offset) == Some(row.header);
                    let stored = bytes.get(BLOCK_HEADER_BYTES..).unwrap_or_default();
                    match block_checksum(self.id().salt, row.offset, stored) == row.header.checksum {
                        true if same => Ok(()),
                        true => Err((row.offset, "its header is not what the footer says")),
                        false => Err((row.offset, "it fails its checksum")),
                    }
                }
            };
            if let Err((offset, what)) = sound {
                let streams = self.records_in(index).into_iter().map(|(stream, _)| stream).collect();
                let (path, what) = (self.path().to_owned(), format!("block {index}: {what}"));
                each(Error::Corrupt { path, offset, what, streams });
            }
        }
        Ok(())
    }

    fn verify_ends(&self, each: &mut dyn FnMut(Error)) -> Result<()> {
        match SealedHeader::decode(&self.bytes_at(0, wide(SEALED_HEADER_BYTES))?) {
            Ok(header) if header.id == self.id() => {}
            Ok(_) => each(corrupt(self.path(), 0, "the header is another segment's".to_owned())),
            Err(fault) => each(corrupt(self.path(), 0, fault.to_string())),
        }
        let at = self.row().bytes.saturating_sub(wide(TRAILER_BYTES));
        let expected = Trailer {
            id: self.id(),
            footer_offset: self.row().footer_offset,
            footer_bytes: at.saturating_sub(self.row().footer_offset),
            footer_checksum: self.row().footer_checksum,
        };
        match Trailer::decode(&self.bytes_at(at, wide(TRAILER_BYTES))?) {
            Ok(trailer) if trailer == expected => {}
            Ok(_) => each(corrupt(self.path(), at, "the trailer does not say what MANIFEST says".to_owned())),
            Err(fault) => each(corrupt(self.path(), at, format!("the trailer: {fault}"))),
        }
        Ok(())
    }

    fn verify_block(&self, index: u32, row: &BlockRow, decoder: &mut Decoder) -> Result<()> {
        let damaged = |what: &str| {
            let streams = self.records_in(index).into_iter().map(|(stream, _)| stream).collect();
            let (path, what) = (self.path().to_owned(), format!("block {index}: {what}"));
            Error::Corrupt { path, offset: row.offset, what, streams }
        };
        if row.header.kind == BlockKind::Values {
            let block = self.values(index, decoder)?;
            for (offset, bytes) in block.values() {
                let named = self.footer().value(&ValueHash::of(bytes));
                if !named.is_some_and(|value| value.block == index && value.offset == offset) {
                    return Err(damaged("a value is not the one that the footer names"));
                }
            }
            return Ok(());
        }
        let block = self.records(index, decoder)?;
        let mut columns = Columns::default();
        for extent in block.extents() {
            block.columns(&extent, &mut columns).map_err(damaged)?;
        }
        Ok(())
    }
}
