//! Lists whose filters ask only what few bits say: then the counts of all threads need no look at each of them.

use crate::list::cursor::Cursor;
use crate::list::filter::Filter;
use crate::list::{Direction, Hidden, ListParams, SortKey, ThreadRow};
use crate::thread::ThreadId;

/// How many classes there are.
pub(crate) const CLASSES: usize = 8;

const ARCHIVED: usize = 1;
const TRASHED: usize = 1 << 1;
const PREVIEW: usize = 1 << 2;

/// The class of a row.
pub(crate) fn class_of(row: &impl ThreadRow) -> usize {
    let bit = |is: bool, bit: usize| if is { bit } else { 0 };
    bit(row.archived(), ARCHIVED) | bit(row.trashed(), TRASHED) | bit(row.has_preview(), PREVIEW)
}

/// What a list shows of each class.
pub(crate) struct ByClass {
    shown: [bool; CLASSES],
    hidden: [Hidden; CLASSES],
}

impl ByClass {
    /// `None` if the filters ask for more than the class.
    pub(crate) fn of(params: &ListParams) -> Option<ByClass> {
        let ListParams { sources, model_providers, cwds, tags, pinned_only, relation, search, .. } = params;
        let more = !sources.is_empty()
            || model_providers.is_some()
            || cwds.is_some()
            || !tags.is_empty()
            || *pinned_only
            || relation.is_some()
            || search.is_some();
        if more {
            return None;
        }
        let filter = Filter::new(params, None);
        let mut hidden = [Hidden::default(); CLASSES];
        let mut shown = [false; CLASSES];
        for (class, (shown, hidden)) in shown.iter_mut().zip(&mut hidden).enumerate() {
            *shown = filter.shows(&Any(class), hidden);
        }
        Some(ByClass { shown, hidden })
    }

    /// Whether rows of a class are shown.
    pub(crate) fn shows(&self, class: usize) -> bool {
        self.shown.get(class).copied().unwrap_or(false)
    }

    /// How many are shown and hidden, if there are so many of each class.
    pub(crate) fn counts(&self, classes: &[u64; CLASSES]) -> (u64, Hidden) {
        let (mut total, mut hidden) = (0_u64, Hidden::default());
        for ((count, shown), why) in classes.iter().zip(&self.shown).zip(&self.hidden) {
            if *shown {
                total = total.saturating_add(*count);
            }
            hidden.other_collection =
                hidden.other_collection.saturating_add(why.other_collection.saturating_mul(*count));
            hidden.without_preview = hidden.without_preview.saturating_add(why.without_preview.saturating_mul(*count));
            hidden.several = hidden.several.saturating_add(why.several.saturating_mul(*count));
        }
        (total, hidden)
    }
}

/// Where a list begins: whether a place comes before its cursor, in its direction.
pub(crate) fn is_before(cursor: Option<Cursor>, direction: Direction, ms: u64, thread: ThreadId) -> bool {
    cursor.is_some_and(|cursor| cursor.cut.is_before(ms, thread) != (direction == Direction::Ascending))
}

/// Some row of a class.
struct Any(usize);

impl ThreadRow for Any {
    fn thread(&self) -> ThreadId {
        ThreadId::from_uuid(uuid::Uuid::nil())
    }

    fn time_ms(&self, _key: SortKey) -> u64 {
        0
    }

    fn archived(&self) -> bool {
        self.0 & ARCHIVED != 0
    }

    fn trashed(&self) -> bool {
        self.0 & TRASHED != 0
    }

    fn source(&self) -> Option<&str> {
        None
    }

    fn model_provider(&self) -> Option<&str> {
        None
    }

    fn cwd(&self) -> Option<&str> {
        None
    }

    fn name(&self) -> Option<&str> {
        None
    }

    fn title(&self) -> Option<&str> {
        None
    }

    fn preview(&self) -> Option<&str> {
        None
    }

    fn has_preview(&self) -> bool {
        self.0 & PREVIEW != 0
    }
}
