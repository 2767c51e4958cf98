//! A checkpoint, mapped: every page is verified when it is touched for the first time.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use threadlog_engine::StreamId;
use threadlog_engine::fs::{File, MappedBytes, read_exact_at};
use threadlog_engine::number::wide;
use threadlog_engine::sealed::SealedId;
use threadlog_engine::seeded::{Bug, bug};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::fold::Folded;
use crate::list::{CLASSES, SortKey};
use crate::metadata::ThreadMetadata;
use crate::thread::{ThreadId, ThreadKey};
use crate::view::ThreadFacts;

use super::row::Row;
use super::rows::{HEADER_BYTES, HeadBytes, HeaderBytes, RowBytes, SegmentBytes, flag};

pub(super) const MAGIC: [u8; 8] = *b"tlogcat1";
/// Raised whenever the file changes its form. (The states inside have a version of their own.)
/// The version of the states stands in it too: it is 1, and 256 × the version of a thread's canonical bytes.
pub(super) const VERSION: u32 = 0x301;
/// So much has one checksum.
pub(super) const PAGE_BYTES: usize = 16 << 10;

/// How a head stands to a stream.
pub(super) fn order_of(head: &HeadBytes, stream: &StreamId) -> std::cmp::Ordering {
    let of_stream = (&stream.thread, stream.incarnation, stream.channel);
    (&head.thread, head.incarnation.get(), head.channel).cmp(&of_stream)
}

/// Why a checkpoint is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damaged {
    #[error("it ends before its header does")]
    Short,
    #[error("it is no catalog checkpoint")]
    Magic,
    #[error("it is of version {0}, this program reads {VERSION}")]
    Version(u32),
    #[error("it is another store's")]
    Foreign,
    #[error("its {0} does not match its checksum")]
    Checksum(&'static str),
    #[error("its length is not what its header says")]
    Length,
    #[error("it is of MANIFEST {0}, and the store is at {1}: the store was put back to an earlier state")]
    Ahead(u64, u64),
    #[error("what it says of a thread does not read")]
    Row,
    #[error("the log beside it is damaged: everything is folded from what can be read of that")]
    Log,
    #[error("it cannot be read: {0}")]
    Unread(String),
}

/// A checkpoint that is open.
pub(crate) struct Checkpoint {
    bytes: MappedBytes,
    /// What is looked at is read from here first: see [`File::map_unread`]. `None` of bytes in memory.
    file: Option<Arc<dyn File>>,
    header: HeaderBytes,
    body: Range<usize>,
    pages: Range<usize>,
    verified: Vec<AtomicU8>,
    sections: Sections,
    strings: OnceLock<Vec<String>>,
    /// Whether something in it did not read while a row was looked at.
    doubted: AtomicBool,
}

/// Reads a range and forgets it: what cannot be read must not be looked at in a mapping.
fn read_through(file: Option<&dyn File>, range: Range<usize>) -> Result<(), Damaged> {
    let Some(file) = file else { return Ok(()) };
    let mut buffer = vec![0; range.len().min(PAGE_BYTES)];
    for from in range.clone().step_by(PAGE_BYTES) {
        let room = buffer.get_mut(..range.end.saturating_sub(from).min(PAGE_BYTES)).unwrap_or_default();
        read_exact_at(file, room, wide(from)).map_err(unread)?;
    }
    Ok(())
}

fn unread(error: io::Error) -> Damaged {
    Damaged::Unread(error.to_string())
}

/// Where in the body what stands.
#[derive(Clone, Debug, Default)]
struct Sections {
    segments: Range<usize>,
    heads: Range<usize>,
    rows: Range<usize>,
    orders: [Range<usize>; 3],
    string_ends: Range<usize>,
    strings: Range<usize>,
    texts: Range<usize>,
    states: Range<usize>,
}

pub(super) fn page_checksum(salt: u64, at: u64, page: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(&at.to_le_bytes());
    hasher.update(page);
    hasher.finalize()
}

impl HeaderBytes {
    pub(super) fn checksum(&self) -> u32 {
        crc32fast::hash(self.as_bytes().get(..HEADER_BYTES - 4).unwrap_or_default())
    }
}

impl Sections {
    fn of(header: &HeaderBytes) -> Option<(Sections, usize)> {
        let mut at = 0_usize;
        let mut section = |count: U64, width: usize| {
            let from = at;
            at = from.checked_add(usize::try_from(count.get()).ok()?.checked_mul(width)?)?;
            Some(from..at)
        };
        let order = size_of::<U32>();
        let sections = Sections {
            segments: section(header.segments, size_of::<SegmentBytes>())?,
            heads: section(header.heads, size_of::<HeadBytes>())?,
            rows: section(header.rows, size_of::<RowBytes>())?,
            orders: [section(header.rows, order)?, section(header.rows, order)?, section(header.rows, order)?],
            string_ends: section(header.strings, size_of::<U64>())?,
            strings: section(header.string_bytes, 1)?,
            texts: section(header.text_bytes, 1)?,
            states: section(header.state_bytes, 1)?,
        };
        Some((sections, at))
    }
}

impl Checkpoint {
    /// Opens a file of this store. What is never looked at is never read.
    pub fn open_file(file: Arc<dyn File>, bytes: u64, store: &[u8; 16]) -> Result<Checkpoint, Damaged> {
        let mapped = file.map_unread(0, bytes).map_err(unread)?;
        Checkpoint::open_with(mapped, Some(file), store)
    }

    /// As [`Checkpoint::open_file`], of bytes in memory.
    pub fn open(bytes: MappedBytes, store: &[u8; 16]) -> Result<Checkpoint, Damaged> {
        Checkpoint::open_with(bytes, None, store)
    }

    /// The header and the table of checksums are verified, the rest when it is touched.
    fn open_with(bytes: MappedBytes, file: Option<Arc<dyn File>>, store: &[u8; 16]) -> Result<Checkpoint, Damaged> {
        let all = (*bytes).as_ref();
        if all.len() < HEADER_BYTES {
            return Err(Damaged::Short);
        }
        read_through(file.as_deref(), 0..HEADER_BYTES)?;
        let (header, _) = HeaderBytes::read_from_prefix(all).map_err(|_| Damaged::Short)?;
        if header.magic != MAGIC {
            return Err(Damaged::Magic);
        }
        if header.version.get() != VERSION {
            return Err(Damaged::Version(header.version.get()));
        }
        if header.checksum() != header.header_checksum.get() {
            return Err(Damaged::Checksum("header"));
        }
        if header.store != *store {
            return Err(Damaged::Foreign);
        }
        let (sections, body_bytes) = Sections::of(&header).ok_or(Damaged::Length)?;
        let pages = body_bytes.div_ceil(PAGE_BYTES);
        let body_at = pages.checked_mul(4).and_then(|bytes| bytes.checked_add(HEADER_BYTES)).ok_or(Damaged::Length)?;
        let body = body_at..body_at.checked_add(body_bytes).ok_or(Damaged::Length)?;
        if all.len() != body.end || usize::try_from(header.page_bytes.get()) != Ok(PAGE_BYTES) {
            return Err(Damaged::Length);
        }
        let table = HEADER_BYTES..body_at;
        read_through(file.as_deref(), table.clone())?;
        if crc32fast::hash(all.get(table.clone()).unwrap_or_default()) != header.pages_checksum.get() {
            return Err(Damaged::Checksum("table of checksums"));
        }
        let verified = std::iter::repeat_with(|| AtomicU8::new(0)).take(pages).collect();
        Ok(Checkpoint {
            bytes,
            file,
            header,
            body,
            pages: table,
            verified,
            sections,
            strings: OnceLock::new(),
            doubted: AtomicBool::new(false),
        })
    }

    /// Whether something in it did not read while a row was looked at: then what was found must not be used.
    pub fn is_doubted(&self) -> bool {
        self.doubted.load(Ordering::Relaxed)
    }

    /// `None` for what does not read, which is remembered.
    pub(super) fn or_doubt<T>(&self, read: Result<T, Damaged>) -> Option<T> {
        if read.is_err() {
            self.doubted.store(true, Ordering::Relaxed);
        }
        read.ok()
    }

    /// The store that a file says it is of.
    pub fn store_in(bytes: &[u8]) -> Option<[u8; 16]> {
        HeaderBytes::read_from_prefix(bytes).ok().map(|(header, _)| header.store)
    }

    /// Bytes of the body, verified.
    fn body(&self, range: Range<usize>) -> Result<&[u8], Damaged> {
        let all = (*self.bytes).as_ref();
        let body = all.get(self.body.clone()).unwrap_or_default();
        if !range.is_empty() {
            let last = range.end.saturating_sub(1) / PAGE_BYTES;
            for page in range.start / PAGE_BYTES..=last {
                self.verify(body, page)?;
            }
        }
        body.get(range).ok_or(Damaged::Length)
    }

    fn verify(&self, body: &[u8], page: usize) -> Result<(), Damaged> {
        let Some(done) = self.verified.get(page) else { return Err(Damaged::Length) };
        if done.load(Ordering::Relaxed) != 0 || bug(Bug::CatalogNotVerified) {
            return Ok(());
        }
        let from = page.saturating_mul(PAGE_BYTES);
        let bytes = body.get(from..body.len().min(from.saturating_add(PAGE_BYTES))).unwrap_or_default();
        let place = self.body.start.saturating_add(from);
        read_through(self.file.as_deref(), place..place.saturating_add(bytes.len()))?;
        let table = (*self.bytes).as_ref().get(self.pages.clone()).unwrap_or_default();
        let wanted = <[U32]>::ref_from_bytes(table).ok().and_then(|table| table.get(page)).copied();
        if wanted.map(U32::get) != Some(page_checksum(self.header.salt.get(), wide(page), bytes)) {
            return Err(Damaged::Checksum("page"));
        }
        done.store(1, Ordering::Relaxed);
        Ok(())
    }

    /// Verifies every page.
    pub fn verify_pages(&self) -> Result<(), Damaged> {
        self.body(0..self.body.len()).map(drop)
    }

    /// Verifies every page, and reads every state.
    pub fn verify_all(&self) -> Result<(), Damaged> {
        self.verify_pages()?;
        self.rows(true)?.try_for_each(|row| row.metadata().map(drop))
    }

    fn all<T: FromBytes + Immutable + KnownLayout + Unaligned>(&self, section: &Range<usize>) -> Result<&[T], Damaged> {
        <[T]>::ref_from_bytes(self.body(section.clone())?).map_err(|_| Damaged::Length)
    }

    /// One of a section's rows; only its pages are touched.
    pub(super) fn one<T: FromBytes + Immutable + KnownLayout + Unaligned>(
        &self,
        section: &Range<usize>,
        at: usize,
    ) -> Result<&T, Damaged> {
        let from = section.start.saturating_add(at.saturating_mul(size_of::<T>()));
        T::ref_from_bytes(self.body(from..from.saturating_add(size_of::<T>()))?).map_err(|_| Damaged::Length)
    }

    /// The number of the first of `count` rows for which `is_before` does not hold.
    pub(super) fn partition(
        count: usize,
        is_before: impl Fn(usize) -> Result<bool, Damaged>,
    ) -> Result<usize, Damaged> {
        let (mut from, mut to) = (0, count);
        while from < to {
            let middle = usize::midpoint(from, to);
            if is_before(middle)? {
                from = middle.saturating_add(1);
            } else {
                to = middle;
            }
        }
        Ok(from)
    }

    /// The MANIFEST whose segments it covers.
    pub fn generation(&self) -> u64 {
        self.header.generation.get()
    }

    /// Whether it is what an interrupted rebuild left, and covers nothing that is sealed.
    pub fn is_partial(&self) -> bool {
        self.header.partial.get() != 0
    }

    /// Drawn anew for each file.
    pub fn salt(&self) -> u64 {
        self.header.salt.get()
    }

    /// No record that was folded has a greater clock.
    pub fn clock(&self) -> u64 {
        self.header.clock.get()
    }

    /// Threads in it, deleted ones too.
    pub fn len(&self) -> usize {
        self.sections.rows.len() / size_of::<RowBytes>()
    }

    /// Whether it covers a sealed segment.
    pub fn covers(&self, id: &SealedId) -> Result<bool, Damaged> {
        let all = self.all::<SegmentBytes>(&self.sections.segments)?;
        Ok(all.iter().any(|known| (known.number.get(), known.salt.get()) == (id.number, id.salt)))
    }

    /// How far each stream was folded, sorted by stream.
    pub(super) fn heads(&self) -> Result<&[HeadBytes], Damaged> {
        self.all(&self.sections.heads)
    }

    /// How far a stream was folded; 0 if it is not here.
    pub fn end_of(&self, stream: &StreamId) -> Result<u64, Damaged> {
        let count = self.sections.heads.len() / size_of::<HeadBytes>();
        let head = |at| self.one::<HeadBytes>(&self.sections.heads, at);
        let at = Checkpoint::partition(count, |at| Ok(order_of(head(at)?, stream) == std::cmp::Ordering::Less))?;
        let found = if at < count { Some(head(at)?) } else { None };
        Ok(found.filter(|head| order_of(head, stream).is_eq()).map_or(0, |head| head.end.get()))
    }

    /// How far each stream of a thread was folded: incarnation, channel, end.
    pub fn heads_of(&self, thread: ThreadId) -> Result<Vec<(u64, u8, u64)>, Damaged> {
        let (count, wanted) = (self.sections.heads.len() / size_of::<HeadBytes>(), thread.uuid().into_bytes());
        let head = |at| self.one::<HeadBytes>(&self.sections.heads, at);
        let first = Checkpoint::partition(count, |at| Ok(head(at)?.thread < wanted))?;
        let mut found = Vec::new();
        for at in first..count {
            let head = head(at)?;
            if head.thread != wanted {
                break;
            }
            found.push((head.incarnation.get(), head.channel, head.end.get()));
        }
        Ok(found)
    }

    /// A thread's row.
    pub fn find(&self, thread: ThreadId) -> Result<Option<Row<'_>>, Damaged> {
        let wanted = thread.uuid().into_bytes();
        let row = |at| self.one::<RowBytes>(&self.sections.rows, at);
        let at = Checkpoint::partition(self.len(), |at| Ok(row(at)?.thread < wanted))?;
        if at >= self.len() {
            return Ok(None);
        }
        let row = row(at)?;
        Ok((row.thread == wanted).then(|| Row::new(self, row)))
    }

    /// All rows, by id. `texts`: names, titles and previews are asked for.
    pub fn rows(&self, texts: bool) -> Result<impl ExactSizeIterator<Item = Row<'_>>, Damaged> {
        let rows = self.all::<RowBytes>(&self.sections.rows)?;
        self.strings()?;
        if texts {
            self.body(self.sections.texts.clone())?;
        }
        Ok(rows.iter().map(|row| Row::new(self, row)))
    }

    /// The ids of all rows, sorted.
    pub fn ids(&self) -> Result<impl ExactSizeIterator<Item = ThreadId>, Damaged> {
        let rows = self.all::<RowBytes>(&self.sections.rows)?;
        Ok(rows.iter().map(|row| Row::new(self, row).key().thread))
    }

    /// Where the numbers of the rows stand in an order, the earliest first.
    pub(super) fn order(&self, key: SortKey) -> &Range<usize> {
        let [created, updated, recency] = &self.sections.orders;
        match key {
            SortKey::Created => created,
            SortKey::Updated => updated,
            SortKey::Recency => recency,
        }
    }

    /// The row with a number, from 0 by id.
    pub(super) fn row(&self, at: usize) -> Result<Row<'_>, Damaged> {
        Ok(Row::new(self, self.one::<RowBytes>(&self.sections.rows, at)?))
    }

    /// How many threads of each class there are.
    pub fn classes(&self) -> [u64; CLASSES] {
        self.header.classes.map(U64::get)
    }

    /// Threads of which records could not be read. *Cost:* if there are any, a pass over the rows.
    pub fn lost(&self) -> Result<Vec<ThreadId>, Damaged> {
        if self.header.lost.get() == 0 {
            return Ok(Vec::new());
        }
        let rows = self.all::<RowBytes>(&self.sections.rows)?;
        Ok(rows.iter().filter(|row| row.has(flag::LOST)).map(|row| Row::new(self, row).key().thread).collect())
    }

    pub(super) fn strings(&self) -> Result<&[String], Damaged> {
        if let Some(strings) = self.strings.get() {
            return Ok(strings);
        }
        let (ends, bytes) = (self.all::<U64>(&self.sections.string_ends)?, self.body(self.sections.strings.clone())?);
        let mut from = 0;
        let mut strings = Vec::new();
        for end in ends {
            let to = usize::try_from(end.get()).map_err(|_| Damaged::Row)?;
            let text = bytes.get(from..to).and_then(|text| std::str::from_utf8(text).ok()).ok_or(Damaged::Row)?;
            strings.push(text.to_owned());
            from = to;
        }
        Ok(self.strings.get_or_init(|| strings))
    }

    /// Texts, from where a row says.
    pub(super) fn text(&self, at: usize, bytes: usize) -> Option<&str> {
        let from = self.sections.texts.start.checked_add(at)?;
        let range = from..from.checked_add(bytes)?;
        let text = self.body(range).and_then(|text| std::str::from_utf8(text).map_err(|_| Damaged::Row));
        self.or_doubt(text)
    }

    /// What a row's metadata add up to.
    pub(super) fn metadata(&self, row: &RowBytes) -> Result<ThreadMetadata, Damaged> {
        self.state(row).map(|(metadata, _)| metadata)
    }

    /// What a row's records add up to.
    fn state(&self, row: &RowBytes) -> Result<(ThreadMetadata, ThreadFacts), Damaged> {
        let at = |offset: u64| usize::try_from(offset).ok()?.checked_add(self.sections.states.start);
        let from = at(row.state_at.get()).ok_or(Damaged::Row)?;
        let bytes = usize::try_from(row.state_bytes.get()).map_err(|_| Damaged::Row)?;
        let state = self.body(from..from.checked_add(bytes).ok_or(Damaged::Row)?)?;
        let (facts, metadata) = postcard::take_from_bytes::<ThreadFacts>(state).map_err(|_| Damaged::Row)?;
        Ok((ThreadMetadata::from_canonical_bytes(metadata).map_err(|_| Damaged::Row)?, facts))
    }

    /// The fold of a thread, to be continued; `None` for one of several lives, with lost records, or that is not here.
    pub fn folded(&self, thread: ThreadId) -> Result<Option<(ThreadKey, Folded)>, Damaged> {
        let Some(row) = self.find(thread)? else { return Ok(None) };
        if row.has(flag::SEVERAL | flag::LOST) {
            return Ok(None);
        }
        self.restored(row).map(Some)
    }

    /// As [`Checkpoint::folded`], of a thread with several lives too: only to be kept as it is.
    pub fn stored(&self, thread: ThreadId) -> Result<Option<(ThreadKey, Folded, bool)>, Damaged> {
        let Some(row) = self.find(thread)? else { return Ok(None) };
        self.restored(row).map(|(key, folded)| Some((key, folded, row.has(flag::SEVERAL))))
    }

    fn restored(&self, row: Row<'_>) -> Result<(ThreadKey, Folded), Damaged> {
        let thread = row.key().thread;
        let heads = self.heads_of(thread)?;
        let ends = heads.into_iter().map(|(_, channel, end)| (channel, end));
        let folded = Folded::restored(self.state(row.bytes())?, ends, row.has(flag::DELETED), row.has(flag::OPEN_END));
        Ok((row.key(), folded))
    }
}
