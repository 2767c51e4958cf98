//! A checkpoint that is open: what stands where in it.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use threadlog_engine::StreamId;
use threadlog_engine::fs::{File, MappedBytes};
use threadlog_engine::sealed::SealedId;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::fold::Folded;
use crate::list::{CLASSES, SortKey};
use crate::metadata::ThreadMetadata;
use crate::thread::{ThreadId, ThreadKey};
use crate::view::ThreadFacts;

use super::pages::{PAGE_BYTES, Pages, Source};
use super::row::Row;
use super::rows::{HEADER_BYTES, HeadBytes, HeaderBytes, RowBytes, SegmentBytes, flag};

pub(super) const MAGIC: [u8; 8] = *b"tlogcat1";
/// 1, raised whenever the file changes its form, and 256 × the version of a thread's canonical bytes, which stand in it.
pub(super) const VERSION: u32 = 0x301;
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
    /// Of its file; 0 of bytes in memory.
    number: u64,
    header: HeaderBytes,
    pages: Pages,
    sections: Sections,
    strings: OnceLock<Vec<String>>,
    /// Whether something in it did not read while a row was looked at.
    doubted: AtomicBool,
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
    /// Opens the file with a number, of this store. What is never looked at is never read.
    pub fn open_file(number: u64, file: Arc<dyn File>, bytes: u64, store: &[u8; 16]) -> Result<Checkpoint, Damaged> {
        Checkpoint::open_source(number, Source::of_file(file, bytes)?, store)
    }

    /// As [`Checkpoint::open_file`], of bytes in memory.
    pub fn open(bytes: MappedBytes, store: &[u8; 16]) -> Result<Checkpoint, Damaged> {
        Checkpoint::open_source(0, Source::of_bytes(bytes), store)
    }

    /// The header and the table of checksums are verified, the rest when it is touched.
    fn open_source(number: u64, source: Source, store: &[u8; 16]) -> Result<Checkpoint, Damaged> {
        if source.len() < HEADER_BYTES {
            return Err(Damaged::Short);
        }
        let header = HeaderBytes::read_from_bytes(source.get(0..HEADER_BYTES)?).map_err(|_| Damaged::Short)?;
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
        if usize::try_from(header.page_bytes.get()) != Ok(PAGE_BYTES) {
            return Err(Damaged::Length);
        }
        let (sections, bytes) = Sections::of(&header).ok_or(Damaged::Length)?;
        let pages = Pages::open(source, HEADER_BYTES, bytes, header.pages_checksum.get(), header.salt.get())?;
        Ok(Checkpoint { number, header, pages, sections, strings: OnceLock::new(), doubted: AtomicBool::new(false) })
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

    /// Verifies every page.
    pub fn verify_pages(&self) -> Result<(), Damaged> {
        self.pages.verify_all()
    }

    /// Verifies every page, and reads every state.
    pub fn verify_all(&self) -> Result<(), Damaged> {
        self.pages.verify_all()?;
        self.rows(true)?.try_for_each(|row| row.metadata().map(drop))
    }

    fn all<T: FromBytes + Immutable + KnownLayout + Unaligned>(&self, section: &Range<usize>) -> Result<&[T], Damaged> {
        <[T]>::ref_from_bytes(self.pages.get(section.clone())?).map_err(|_| Damaged::Length)
    }

    /// One of a section's rows; only its pages are touched.
    pub(super) fn one<T: FromBytes + Immutable + KnownLayout + Unaligned>(
        &self,
        section: &Range<usize>,
        at: usize,
    ) -> Result<&T, Damaged> {
        let from = section.start.saturating_add(at.saturating_mul(size_of::<T>()));
        T::ref_from_bytes(self.pages.get(from..from.saturating_add(size_of::<T>()))?).map_err(|_| Damaged::Length)
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

    /// The number of its file: a newer one has a higher.
    pub fn number(&self) -> u64 {
        self.number
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
            self.pages.get(self.sections.texts.clone())?;
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
        let (ends, bytes) =
            (self.all::<U64>(&self.sections.string_ends)?, self.pages.get(self.sections.strings.clone())?);
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
        let text = self.pages.get(range).and_then(|text| std::str::from_utf8(text).map_err(|_| Damaged::Row));
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
        let state = self.pages.get(from..from.checked_add(bytes).ok_or(Damaged::Row)?)?;
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
        let of_life = |(incarnation, _, _): &(u64, u8, u64)| *incarnation == row.key().incarnation;
        let ends = heads.into_iter().filter(of_life).map(|(_, channel, end)| (channel, end));
        let folded = Folded::restored(self.state(row.bytes())?, ends, row.has(flag::DELETED), row.has(flag::OPEN_END));
        Ok((row.key(), folded))
    }
}
