//! Writing a sealed segment: from the first record to the synced name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::frame;
use crate::fs::{File, Fs, OpenMode, write_all_at};
use crate::id::StreamId;
use crate::journal::batch::RECORD_BYTES_MAX;
use crate::journal::index::Conflict;
use crate::number::{short, wide};
use crate::sealed::block_header::{BlockCodec, BlockHeader, block_checksum};
use crate::sealed::builder::{RecordsBuilder, Stored, ValuesBuilder};
use crate::sealed::dictionary::Dictionary;
use crate::sealed::header::{SealedHeader, Trailer};
use crate::sealed::id::{SealedId, ValueHash, sealed_directory};
use crate::sealed::layout::Layout;
use crate::sealed::manifest::{SegmentRow, Tier};
use crate::sealed::pool::{Job, Pool};
use crate::sealed::records_block::{EXTENTS_MAX, StoredRecord, UsedValue};
use crate::sealed::rows::{BlockRow, Input, ValueRow};
use crate::seeded::{Bug, bug};

/// Raw bytes of a block of a segment in use: so much is decompressed for one record.
pub const BLOCK_BYTES: usize = 256 << 10;

/// Raw bytes of a block of an archived segment.
pub const ARCHIVED_BLOCK_BYTES: usize = 1 << 20;

/// Blocks that wait for each compressing thread, at most.
const WAITING_BLOCKS: usize = 4;

/// How a segment is written.
#[derive(Clone)]
pub struct SegmentOptions {
    /// The level of zstd. Default 3.
    pub level: i32,
    /// Raw bytes of a block, about; a record that is longer has a block of its own. Default [`BLOCK_BYTES`].
    pub block_bytes: usize,
    /// The dictionary for its blocks. Default none.
    pub dictionary: Option<Arc<Dictionary>>,
    /// What MANIFEST says of it. Default [`Tier::Normal`].
    pub tier: Tier,
    /// When it is made: milliseconds since 1970 (UTC). Default 0.
    pub created_ms: u64,
    /// Threads that compress, beside the one that calls (which waits for them). Default 1: the caller's own.
    pub jobs: usize,
}

impl Default for SegmentOptions {
    fn default() -> SegmentOptions {
        SegmentOptions {
            level: 3,
            block_bytes: BLOCK_BYTES,
            dictionary: None,
            tier: Tier::Normal,
            created_ms: 0,
            jobs: 1,
        }
    }
}

/// A record to be sealed.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    /// Its stream.
    pub stream: StreamId,
    /// Its position in the stream.
    pub ordinal: u64,
    /// The journal that it comes from.
    pub journal: u8,
    /// The lease epoch it was written under.
    pub lease_epoch: u64,
    /// Hybrid logical clock.
    pub clock: u64,
    /// How the payload is encoded.
    pub codec: u8,
    /// The bytes.
    pub payload: &'a [u8],
}

/// A part of a payload that is replaced by a value's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueUse {
    /// Which bytes of the payload.
    pub range: std::ops::Range<usize>,
    /// Their name.
    pub hash: ValueHash,
}

/// Writes one segment. Dropped before [`SegmentWriter::finish`] returned Ok, it removes its file again.
///
/// The same records, values and options give the same blocks, whatever the number of threads.
///
/// *Memory:* four blocks for each thread, or the largest record; 48 bytes for each extent, about 40 for each value.
pub struct SegmentWriter<'a> {
    fs: &'a dyn Fs,
    root: PathBuf,
    path: PathBuf,
    file: Option<Arc<dyn File>>,
    id: SealedId,
    options: SegmentOptions,
    pool: Pool,
    layout: Layout,
    /// Records of the stream that is being written.
    own: RecordsBuilder,
    /// What other streams left over.
    shared: RecordsBuilder,
    values: ValuesBuilder,
    waiting: Vec<Job>,
    waiting_bytes: usize,
    blocks: u32,
    offset: u64,
    last: Option<(StreamId, u64)>,
}

impl<'a> SegmentWriter<'a> {
    /// Makes the file of a new segment in a store that [`prepare`](crate::sealed::manifest_file::prepare) was called for.
    ///
    /// # Errors
    /// An I/O error.
    pub fn create(
        fs: &'a dyn Fs,
        root: &Path,
        store: [u8; 16],
        id: SealedId,
        options: SegmentOptions,
    ) -> Result<SegmentWriter<'a>> {
        let path = id.path(root);
        let io = |op, error| Error::io(op, &path, error);
        let no_memory = || io("compress", std::io::ErrorKind::OutOfMemory.into());
        let dictionary = options.dictionary.as_ref().map(|one| one.for_level(options.level).ok_or_else(no_memory));
        let pool = Pool::new(options.jobs, options.level, dictionary.transpose()?).map_err(|e| io("compress", e))?;
        let file = fs.open(&path, OpenMode::CreateNew).map_err(|error| io("create", error))?;
        let header = SealedHeader { id, tier: options.tier, store, created_ms: options.created_ms }.encode();
        let mut writer = SegmentWriter {
            fs,
            root: root.to_owned(),
            path,
            file: Some(file),
            id,
            options,
            pool,
            layout: Layout::default(),
            own: RecordsBuilder::default(),
            shared: RecordsBuilder::default(),
            values: ValuesBuilder::default(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            blocks: 0,
            offset: 0,
            last: None,
        };
        writer.write(&header)?;
        Ok(writer)
    }

    /// Adds a value that records share; `false` if it was added before. Before or after the records that use it. Nobody
    /// checks that the hash is that of the bytes: whoever found the value has it.
    ///
    /// # Errors
    /// An I/O error; the value is longer than any record. The writer is of no use then.
    pub fn value(&mut self, hash: ValueHash, bytes: &[u8]) -> Result<bool> {
        check_length("a value", bytes.len())?;
        if !self.layout.announce(hash) {
            return Ok(false);
        }
        if self.values.bytes() > 0 && self.values.bytes().saturating_add(bytes.len()) > self.options.block_bytes {
            self.cut_values()?;
        }
        self.values.push(hash, bytes);
        Ok(true)
    }

    /// Notes that a value was seen once, and stands inside its record.
    pub fn single(&mut self, short: u32) {
        self.layout.singles.insert(short);
    }

    /// Adds a record. They come by stream, then ordinal; ordinals may be missing. `uses` are rising and do not overlap; the
    /// values they name are added to this segment, or stand in another that lives.
    ///
    /// # Errors
    /// An I/O error; a record that is too long, or not behind the one before. The writer is of no use then.
    pub fn record(&mut self, record: &RecordRef<'_>, uses: &[ValueUse]) -> Result<()> {
        check_length("a record", record.payload.len())?;
        let mut pieces: Vec<&[u8]> = Vec::with_capacity(uses.len().saturating_add(1));
        let mut refs = Vec::with_capacity(uses.len());
        let (mut done, mut position) = (0, 0_usize);
        for ValueUse { range, hash } in uses {
            let piece = record.payload.get(done..range.start);
            let Some(piece) = piece.filter(|_| range.start <= range.end && range.end <= record.payload.len()) else {
                let what = format!("a value at {range:?} of a payload of {} bytes", record.payload.len());
                return Err(Error::Config { what });
            };
            position = position.saturating_add(piece.len());
            pieces.push(piece);
            let bytes = short(range.end.saturating_sub(range.start));
            refs.push((short(position), UsedValue { hash: *hash, bytes }));
            done = range.end;
        }
        pieces.push(record.payload.get(done..).unwrap_or_default());
        let checksum = if uses.is_empty() { 0 } else { frame::checksum(record.payload) };
        self.push(&Stored {
            stream: record.stream,
            ordinal: record.ordinal,
            journal: record.journal,
            lease_epoch: record.lease_epoch,
            clock: record.clock,
            codec: record.codec,
            payload_bytes: short(record.payload.len()),
            pieces: &pieces,
            refs: &refs,
            checksum,
        })
    }

    /// Adds a record as another segment stores it: the values it shares are neither read nor verified.
    ///
    /// # Errors
    /// As [`SegmentWriter::record`].
    pub fn stored(&mut self, stream: StreamId, ordinal: u64, journal: u8, record: &StoredRecord<'_>) -> Result<()> {
        self.push(&Stored {
            stream,
            ordinal,
            journal,
            lease_epoch: record.lease_epoch,
            clock: record.clock,
            codec: record.codec,
            payload_bytes: record.payload_bytes,
            pieces: &[record.stored],
            refs: &record.refs,
            checksum: record.checksum,
        })
    }

    fn push(&mut self, record: &Stored<'_>) -> Result<()> {
        let (stream, ordinal) = (record.stream, record.ordinal);
        match self.last {
            Some((last, before)) if last == stream && ordinal <= before => {
                return Err(Error::WrongOrdinal { stream, expected: ordinal, actual: before.saturating_add(1) });
            }
            Some((last, _)) if last > stream => {
                return Err(Error::Config { what: format!("records of {stream} come behind those of {last}") });
            }
            Some((last, _)) if last != stream => self.end_stream()?,
            _ => {}
        }
        self.last = Some((stream, ordinal));
        let bytes: usize = record.pieces.iter().map(|piece| piece.len()).sum();
        if bytes > self.options.block_bytes && !self.own.is_empty() {
            self.cut_own()?;
        }
        self.own.push(record);
        if self.own.bytes() >= self.options.block_bytes || self.own.extent_count() >= EXTENTS_MAX {
            self.cut_own()?;
        }
        Ok(())
    }

    /// What is left of a stream shares a block with what others left.
    fn end_stream(&mut self) -> Result<()> {
        let own = std::mem::take(&mut self.own);
        let fits = self.shared.bytes().saturating_add(own.bytes()) <= self.options.block_bytes
            && self.shared.extent_count().saturating_add(own.extent_count()) <= EXTENTS_MAX;
        if !fits {
            let full = std::mem::take(&mut self.shared);
            self.cut(full)?;
        }
        self.shared.join(own);
        Ok(())
    }

    fn cut_own(&mut self) -> Result<()> {
        let own = std::mem::take(&mut self.own);
        self.cut(own)
    }

    fn cut(&mut self, builder: RecordsBuilder) -> Result<()> {
        if builder.is_empty() {
            return Ok(());
        }
        self.layout.records(self.blocks, builder.facts());
        builder.values().for_each(|hash| self.layout.uses(hash));
        self.enqueue(Job::Records(builder))
    }

    fn cut_values(&mut self) -> Result<()> {
        let values = std::mem::take(&mut self.values);
        if values.hashes.is_empty() {
            return Ok(());
        }
        for (hash, offset, bytes) in values.places() {
            self.layout.value(ValueRow { hash, block: self.blocks, offset, bytes, used_here: false });
        }
        self.enqueue(Job::Values(values))
    }

    fn enqueue(&mut self, job: Job) -> Result<()> {
        self.blocks = self.blocks.saturating_add(1);
        self.waiting_bytes = self.waiting_bytes.saturating_add(job.bytes());
        self.waiting.push(job);
        let most = self.pool.jobs().saturating_mul(WAITING_BLOCKS);
        let full = self.waiting.len() >= most || self.waiting_bytes >= most.saturating_mul(self.options.block_bytes);
        if full { self.drain() } else { Ok(()) }
    }

    /// Compresses and writes the blocks that wait.
    fn drain(&mut self) -> Result<()> {
        self.waiting_bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let done = self.pool.run(waiting).map_err(|error| Error::io("compress", &self.path, error))?;
        for block in done {
            let with = self.options.dictionary.as_ref().filter(|_| block.codec == BlockCodec::Zstd);
            let header = BlockHeader {
                kind: block.kind,
                codec: block.codec,
                dictionary: with.map(|dictionary| dictionary.id()),
                compressed_bytes: short(block.bytes.len()),
                raw_bytes: block.raw_bytes,
                checksum: block_checksum(self.id.salt, self.offset, &block.bytes),
            };
            self.layout.block(BlockRow { offset: self.offset, header });
            let header = header.encode(self.id.salt, self.offset);
            self.write(&header)?;
            self.write(&block.bytes)?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(file) = &self.file else { return Err(Error::Closed) };
        write_all_at(&**file, bytes, self.offset).map_err(|error| Error::io("write", &self.path, error))?;
        self.offset = self.offset.saturating_add(wide(bytes.len()));
        Ok(())
    }

    /// How long the file is so far.
    #[must_use]
    pub fn bytes_written(&self) -> u64 {
        self.offset
    }

    /// Writes what waits, and the footer.
    ///
    /// *Durability:* the file and its name are synced; it lives once a MANIFEST names the row that is returned.
    ///
    /// # Errors
    /// An I/O error; the file is removed again, as far as possible.
    pub fn finish(mut self, inputs: Vec<Input>, conflicts: Vec<Conflict>) -> Result<SegmentRow> {
        self.end_stream()?;
        let shared = std::mem::take(&mut self.shared);
        self.cut(shared)?;
        self.cut_values()?;
        self.drain()?;
        let (id, tier, footer_offset) = (self.id, self.options.tier, self.offset);
        let (rows, summary) = std::mem::take(&mut self.layout).finish(id, tier, conflicts, inputs);
        let footer = rows.encode(&summary);
        let footer_checksum = block_checksum(id.salt, footer_offset, &footer);
        self.write(&footer)?;
        self.write(&Trailer { id, footer_offset, footer_bytes: wide(footer.len()), footer_checksum }.encode())?;
        let Some(file) = &self.file else { return Err(Error::Closed) };
        if !bug(Bug::SealedFileNotSynced) {
            file.sync_data().map_err(|error| Error::io("sync", &self.path, error))?;
        }
        let directory = sealed_directory(&self.root);
        if !bug(Bug::SealedNameNotSynced) {
            self.fs.sync_dir(&directory).map_err(|error| Error::io("sync directory", &directory, error))?;
        }
        self.file = None;
        Ok(SegmentRow { id, bytes: self.offset, footer_offset, footer_checksum, tier })
    }
}

impl Drop for SegmentWriter<'_> {
    fn drop(&mut self) {
        // Closed first: not every system removes a file that is open.
        if self.file.take().is_some() {
            // Nobody knows of it: what stays behind is a leftover like any other.
            let _ = self.fs.remove_file(&self.path);
        }
    }
}

fn check_length(what: &'static str, bytes: usize) -> Result<()> {
    if wide(bytes) <= RECORD_BYTES_MAX {
        return Ok(());
    }
    Err(Error::TooLarge { what, bytes: wide(bytes), max: RECORD_BYTES_MAX })
}
