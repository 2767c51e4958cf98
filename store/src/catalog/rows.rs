//! The rows of a checkpoint, as they stand in the file (format.md 10).

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::list::CLASSES;

/// What stands for no text in [`RowBytes::source`] and its like.
pub(super) const NO_TEXT: u32 = u32::MAX;

/// Bits of [`RowBytes::flags`].
pub(super) mod flag {
    /// There is such a thread.
    pub const EXISTS: u32 = 1;
    /// It is archived.
    pub const ARCHIVED: u32 = 1 << 1;
    /// It is in the trash.
    pub const TRASHED: u32 = 1 << 2;
    /// It is pinned.
    pub const PINNED: u32 = 1 << 3;
    /// It has tags.
    pub const TAGGED: u32 = 1 << 4;
    /// Its last line was not whole.
    pub const OPEN_END: u32 = 1 << 5;
    /// The life was deleted; nothing else is kept of it.
    pub const DELETED: u32 = 1 << 6;
    /// The thread has several lives: its fold cannot be continued from here.
    pub const SEVERAL: u32 = 1 << 7;
    /// It has a name.
    pub const NAME: u32 = 1 << 8;
    /// It has a preview.
    pub const PREVIEW: u32 = 1 << 9;
    /// It has a title of its own.
    pub const TITLE: u32 = 1 << 10;
    /// Its title is its name.
    pub const TITLE_IS_NAME: u32 = 1 << 11;
    /// Its title is its preview.
    pub const TITLE_IS_PREVIEW: u32 = 1 << 12;
    /// An agent in another thread started it.
    pub const PARENT: u32 = 1 << 13;
    /// It is a fork.
    pub const FORK: u32 = 1 << 14;
    /// Records of it could not be read: it is folded anew, in case they can be by then.
    pub const LOST: u32 = 1 << 15;
}

/// The beginning of a file.
#[derive(Clone, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct HeaderBytes {
    pub magic: [u8; 8],
    pub version: U32,
    pub page_bytes: U32,
    pub store: [u8; 16],
    /// Of the MANIFEST whose segments are covered.
    pub generation: U64,
    /// No record that was folded has a greater clock.
    pub clock: U64,
    pub salt: U64,
    pub segments: U64,
    pub heads: U64,
    pub rows: U64,
    pub strings: U64,
    pub string_bytes: U64,
    pub text_bytes: U64,
    pub state_bytes: U64,
    /// Threads of each class: 1 archived, 2 in the trash, 4 with a preview.
    pub classes: [U64; CLASSES],
    /// Rows with lost records.
    pub lost: U64,
    /// 1 for what an interrupted rebuild left, which covers nothing that is sealed.
    pub partial: U64,
    /// Of the page checksums that follow.
    pub pages_checksum: U32,
    /// Of the header up to here.
    pub header_checksum: U32,
}

/// A sealed segment all of whose records were folded.
#[derive(Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct SegmentBytes {
    pub number: U64,
    pub salt: U64,
}

/// How far a stream was folded.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct HeadBytes {
    pub thread: [u8; 16],
    pub incarnation: U64,
    pub end: U64,
    pub channel: u8,
    pub zero: [u8; 7],
}

/// A thread.
#[derive(Clone, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct RowBytes {
    pub thread: [u8; 16],
    pub incarnation: U64,
    pub created_ms: U64,
    pub updated_ms: U64,
    pub recency_ms: U64,
    /// Where name, own title and preview stand, one behind the other.
    pub text_at: U64,
    /// Where its facts and the canonical bytes of its metadata stand, one behind the other.
    pub state_at: U64,
    pub state_bytes: U32,
    pub name_bytes: U32,
    pub title_bytes: U32,
    pub preview_bytes: U32,
    pub source: U32,
    pub provider: U32,
    pub cwd: U32,
    pub flags: U32,
    pub parent: [u8; 16],
    pub fork_source: [u8; 16],
}

pub(super) const HEADER_BYTES: usize = size_of::<HeaderBytes>();
const _: () = assert!(HEADER_BYTES == 200);
const _: () = assert!(size_of::<HeadBytes>() == 40);
const _: () = assert!(size_of::<RowBytes>() == 128);

impl RowBytes {
    /// Its class; `None` if there is no such thread.
    pub fn class(&self) -> Option<usize> {
        let bit = |flag, bit: usize| if self.has(flag) { bit } else { 0 };
        let has_preview = self.has(flag::PREVIEW) && self.preview_bytes.get() > 0;
        let preview = if has_preview { 4 } else { 0 };
        self.has(flag::EXISTS).then(|| bit(flag::ARCHIVED, 1) | bit(flag::TRASHED, 2) | preview)
    }

    pub fn has(&self, flag: u32) -> bool {
        self.flags.get() & flag != 0
    }
}
