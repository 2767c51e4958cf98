//! From the durable records of one life to its metadata, at once or record by record as they come.

use threadlog_engine::{Error as EngineError, ReadLog};

use crate::clock::HybridClock;
use crate::error::Error;
use crate::event::{Body, CONTROL, Control, Event, ITEMS};
use crate::items::Items;
use crate::metadata::{MetadataEvent, Stamp, ThreadMetadata};
use crate::thread::ThreadKey;

/// The journal of every record, as long as a store has one.
const JOURNAL: u32 = 0;

/// What durable records add up to.
#[derive(Clone)]
pub(crate) struct Folded {
    pub(crate) metadata: ThreadMetadata,
    /// How many records of each stream are in it.
    items: u64,
    controls: u64,
    /// Whether the last line lacks its newline, so that a later record can change it.
    open_end: bool,
}

impl Folded {
    /// No records.
    pub(crate) fn nothing(key: ThreadKey) -> Folded {
        Folded { metadata: ThreadMetadata::new(key.thread), items: 0, controls: 0, open_end: false }
    }

    /// Whether a record with this ordinal would continue a line.
    pub(crate) fn lacks_newline(&self, ordinal: u64) -> bool {
        self.open_end && self.items == ordinal
    }

    /// Whether there is a thread at all: its creation can have failed.
    pub(crate) fn exists(&self) -> bool {
        self.items > 0 || self.controls > 0
    }
}

/// What a look at the log came to.
pub(crate) struct Look {
    pub(crate) folded: Folded,
    /// Whether records wait in the log that are not durable yet.
    pub(crate) waiting: bool,
    /// The system refused to give a record that may be sound: `folded` lacks it, and the next look may find it.
    pub(crate) refused: Option<EngineError>,
}

/// How often a look that the system refused is taken.
const ATTEMPTS: u32 = 2;

/// Takes in what became durable since `before`. Damaged records say nothing. The clock observes every record.
pub(crate) fn go_on(log: &dyn ReadLog, clock: &HybridClock, key: ThreadKey, before: &Folded) -> Look {
    let mut look = go_on_once(log, clock, key, before);
    for _ in 1..ATTEMPTS {
        if look.refused.is_some() {
            look = go_on_once(log, clock, key, before);
        }
    }
    look
}

fn go_on_once(log: &dyn ReadLog, clock: &HybridClock, key: ThreadKey, before: &Folded) -> Look {
    let (controls, controls_wait) = durable(log, key, CONTROL);
    let (items, items_wait) = durable(log, key, ITEMS);
    // If the last line was not whole when it was folded: begin again, with the whole one.
    let again = before.open_end && items > before.items;
    let mut folded = if again { Folded::nothing(key) } else { before.clone() };
    let mut refused = None;
    for record in log.read(&key.stream(CONTROL), folded.controls..controls) {
        match record {
            Ok(record) => {
                clock.observe(record.clock);
                if let Body::Control(control) = &Event::decode(&record).body {
                    let stamp = Stamp { clock: record.clock, journal: JOURNAL };
                    folded.metadata.apply(event(stamp, control));
                }
            }
            Err(error) => note(&mut refused, error),
        }
    }
    for item in Items::within(log, key, folded.items..items) {
        match item {
            Ok(item) => {
                let (ordinal, stamp, item) = (item.ordinal, item.clock, &item.item);
                clock.observe(stamp);
                folded.metadata.apply(MetadataEvent::Item { ordinal, clock: stamp, item });
                folded.open_end = !item.ends_line();
            }
            Err(Error::Engine(error)) => note(&mut refused, error),
            Err(_) => {}
        }
    }
    folded.controls = folded.controls.max(controls);
    folded.items = folded.items.max(items);
    Look { folded, waiting: controls_wait || items_wait, refused }
}

/// Damage stays; a refusal can be over at the next look.
fn note(refused: &mut Option<EngineError>, error: EngineError) {
    if !error.is_corruption() {
        refused.get_or_insert(error);
    }
}

/// The durable end of a stream, and whether more waits behind it.
fn durable(log: &dyn ReadLog, key: ThreadKey, channel: u8) -> (u64, bool) {
    let head = log.head(&key.stream(channel));
    head.map_or((0, false), |head| (head.durable_ordinal, head.next_ordinal > head.durable_ordinal))
}

fn event(stamp: Stamp, control: &Control) -> MetadataEvent<'_> {
    match control {
        Control::Created(created) => MetadataEvent::Created { clock: stamp.clock, created },
        Control::Source(source) => MetadataEvent::Imported { stamp, source },
        Control::Patched(patch) => MetadataEvent::Patched { stamp, patch },
        Control::Archived => MetadataEvent::Archived { stamp },
        Control::Unarchived => MetadataEvent::Unarchived { stamp },
    }
}
