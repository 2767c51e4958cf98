//! A checkpoint's bytes, made thread by thread.

use std::collections::HashMap;

use threadlog_engine::number::wide;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{Immutable, IntoBytes};

use crate::fold::Folded;
use crate::list::{CLASSES, ThreadRow};
use crate::metadata::ThreadMetadata;
use crate::thread::{ThreadId, ThreadKey};
use crate::view::ThreadFacts;

use super::checkpoint::{MAGIC, VERSION};
use super::pages::{PAGE_BYTES, page_checksum};
use super::rows::{HeadBytes, HeaderBytes, NO_TEXT, RowBytes, SegmentBytes, flag};

/// What a checkpoint says of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub store: [u8; 16],
    pub generation: u64,
    pub clock: u64,
    pub salt: u64,
    /// Number and salt of each sealed segment that is covered.
    pub segments: Vec<(u64, u64)>,
    /// Whether it is a part of what there is.
    pub partial: bool,
}

/// Rows as they come, in any order.
#[derive(Default)]
pub(super) struct Builder {
    heads: Vec<HeadBytes>,
    rows: Vec<RowBytes>,
    interned: HashMap<String, u32>,
    string_ends: Vec<u8>,
    strings: Vec<u8>,
    texts: Vec<u8>,
    states: Vec<u8>,
}

impl Builder {
    /// Adds a thread: its current life, what that added up to, and how far each stream of all its lives was folded, sorted.
    /// `several`: it has more lives than one.
    pub fn add(&mut self, key: ThreadKey, folded: &Folded, several: bool, heads: &[(u64, u8, u64)]) {
        let thread = key.thread.uuid().into_bytes();
        for (incarnation, channel, end) in heads {
            let head = HeadBytes {
                thread,
                incarnation: (*incarnation).into(),
                end: (*end).into(),
                channel: *channel,
                zero: [0; 7],
            };
            self.heads.push(head);
        }
        // Of a life that was deleted nothing is kept but that.
        let nothing = ThreadMetadata::new(key.thread);
        let metadata = if folded.is_deleted() { &nothing } else { &folded.metadata };
        let (text_at, state_at) = (wide(self.texts.len()), wide(self.states.len()));
        let mut flags = flags(metadata, folded, several);
        let (name, title, preview) = (metadata.name(), metadata.title(), metadata.preview());
        let own_title = title.filter(|_| flags & flag::TITLE != 0);
        let text = |texts: &mut Vec<u8>, text: Option<&str>| {
            texts.extend_from_slice(text.unwrap_or_default().as_bytes());
            short(text.map_or(0, str::len))
        };
        let name_bytes = text(&mut self.texts, name);
        let title_bytes = text(&mut self.texts, own_title);
        let preview_bytes = text(&mut self.texts, preview);
        let facts = if folded.is_deleted() { &ThreadFacts::default() } else { &folded.facts };
        // Writing to a Vec cannot fail, and nothing here is of unknown length.
        self.states = postcard::to_io(facts, std::mem::take(&mut self.states)).unwrap_or_default();
        self.states.extend_from_slice(&metadata.to_canonical_bytes());
        let id = |id: Option<ThreadId>| id.map_or([0; 16], |id| id.uuid().into_bytes());
        let (parent, fork_source) = (metadata.parent(), metadata.fork_source());
        flags |= if parent.is_some() { flag::PARENT } else { 0 } | if fork_source.is_some() { flag::FORK } else { 0 };
        let times = [metadata.created_ms(), metadata.updated_ms(), metadata.recency_ms()];
        let [created_ms, updated_ms, recency_ms] = times.map(U64::new);
        let row = RowBytes {
            thread,
            incarnation: key.incarnation.into(),
            created_ms,
            updated_ms,
            recency_ms,
            text_at: text_at.into(),
            state_at: state_at.into(),
            state_bytes: short(self.states.len().saturating_sub(size(state_at))),
            name_bytes,
            title_bytes,
            preview_bytes,
            source: self.intern(metadata.source()),
            provider: self.intern(metadata.model_provider()),
            cwd: self.intern(metadata.cwd()),
            flags: flags.into(),
            parent: id(parent),
            fork_source: id(fork_source),
        };
        self.rows.push(row);
    }

    /// How many threads there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    fn intern(&mut self, text: Option<&str>) -> U32 {
        let Some(text) = text else { return NO_TEXT.into() };
        if let Some(known) = self.interned.get(text) {
            return (*known).into();
        }
        let number = u32::try_from(self.interned.len()).unwrap_or(NO_TEXT);
        self.interned.insert(text.to_owned(), number);
        self.strings.extend_from_slice(text.as_bytes());
        self.string_ends.extend_from_slice(U64::new(wide(self.strings.len())).as_bytes());
        number.into()
    }

    /// The file's bytes.
    pub fn finish(&mut self, about: &About) -> Vec<u8> {
        self.heads.sort_unstable_by_key(|head| (head.thread, head.incarnation.get(), head.channel));
        self.rows.sort_unstable_by_key(|row| row.thread);
        let Builder { heads, rows, interned, string_ends, strings, texts, states } = self;
        let mut body = Vec::new();
        for (number, salt) in &about.segments {
            put(&mut body, &SegmentBytes { number: (*number).into(), salt: (*salt).into() });
        }
        body.extend_from_slice(heads.as_bytes());
        body.extend_from_slice(rows.as_bytes());
        let times: [fn(&RowBytes) -> U64; 3] = [|row| row.created_ms, |row| row.updated_ms, |row| row.recency_ms];
        for time in times {
            // The rows are sorted by id, and equal times so too.
            let mut order: Vec<(u64, u32)> = rows.iter().map(|row| time(row).get()).zip(0..).collect();
            order.sort_unstable();
            order.iter().for_each(|(_, at)| put(&mut body, &U32::new(*at)));
        }
        for part in [&string_ends, &strings, &texts, &states] {
            body.extend_from_slice(part);
        }
        let mut pages = Vec::new();
        for (at, page) in (0..).zip(body.chunks(PAGE_BYTES)) {
            put(&mut pages, &U32::new(page_checksum(about.salt, at, page)));
        }
        let mut classes = [0_u64; CLASSES];
        for class in rows.iter().filter_map(RowBytes::class) {
            if let Some(count) = classes.get_mut(class) {
                *count = count.saturating_add(1);
            }
        }
        let lost = rows.iter().filter(|row| row.has(flag::LOST)).count();
        let count = |count: usize| U64::new(wide(count));
        let mut header = HeaderBytes {
            magic: MAGIC,
            version: VERSION.into(),
            page_bytes: short(PAGE_BYTES),
            store: about.store,
            generation: about.generation.into(),
            clock: about.clock.into(),
            salt: about.salt.into(),
            segments: count(about.segments.len()),
            heads: count(heads.len()),
            rows: count(rows.len()),
            strings: count(interned.len()),
            string_bytes: count(strings.len()),
            text_bytes: count(texts.len()),
            state_bytes: count(states.len()),
            classes: classes.map(U64::new),
            lost: count(lost),
            partial: u64::from(about.partial).into(),
            pages_checksum: crc32fast::hash(&pages).into(),
            header_checksum: 0.into(),
        };
        header.header_checksum = header.checksum().into();
        let mut bytes = header.as_bytes().to_vec();
        bytes.append(&mut pages);
        bytes.append(&mut body);
        bytes
    }
}

fn flags(metadata: &ThreadMetadata, folded: &Folded, several: bool) -> u32 {
    let (name, title, preview) = (metadata.name(), metadata.title(), metadata.preview());
    let title = match title {
        None => 0,
        Some(_) if title == name => flag::TITLE_IS_NAME,
        Some(_) if title == preview => flag::TITLE_IS_PREVIEW,
        Some(_) => flag::TITLE,
    };
    let when = |is: bool, flag: u32| if is { flag } else { 0 };
    when(folded.exists(), flag::EXISTS)
        | when(folded.is_deleted(), flag::DELETED)
        | when(folded.has_open_end(), flag::OPEN_END)
        | when(several, flag::SEVERAL)
        | when(folded.lost > 0, flag::LOST)
        | when(metadata.archived(), flag::ARCHIVED)
        | when(metadata.trashed(), flag::TRASHED)
        | when(metadata.pinned(), flag::PINNED)
        | when(metadata.tags().next().is_some(), flag::TAGGED)
        | when(name.is_some(), flag::NAME)
        | when(preview.is_some(), flag::PREVIEW)
        | title
}

fn put(bytes: &mut Vec<u8>, value: &(impl IntoBytes + Immutable)) {
    bytes.extend_from_slice(value.as_bytes());
}

/// Texts and states of a thread are far below 4 GiB: what a thread's metadata keep is bounded.
fn short(bytes: usize) -> U32 {
    threadlog_engine::number::short(bytes).into()
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
