//! Totals of one life of a thread, and where it came from.

use serde::{Deserialize, Serialize};
use threadlog_engine::number::wide;

use crate::event::{Body, Event, ItemRecord};
use crate::item::typed::Lenient;
use crate::item::{Line, Oddities, Oddity, OddityCounts, Timestamp, parse};
use crate::view::life::Life;
use crate::view::pieces::Pieces;

/// Size and origin of one life of a thread. What the items *say* is [`ThreadMetadata`](crate::metadata::ThreadMetadata).
///
/// A pure fold: start from the default, [`ThreadFacts::apply`] each event of both streams once, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadFacts {
    /// Creation and sources.
    pub life: Life,
    totals: Totals,
    pieces: Pieces,
}

/// Sums and extremes over a thread's items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Records of the items stream.
    pub records: u64,
    /// Records appended by a live thread, not by an import.
    pub live_records: u64,
    /// Lines; one that came in pieces counts once.
    pub lines: u64,
    /// Bytes of the lines as a file has them, terminators included.
    pub bytes: u64,
    /// Records of either stream that this version cannot read.
    pub unreadable: u64,
    /// Lines that are not canonical, by what is odd about them.
    pub odd: OddityCounts,
    /// Ordinal and time of the first item that states a time.
    first_time: Option<(u64, Timestamp)>,
    /// Ordinal and time of the last item that states a time.
    last_time: Option<(u64, Timestamp)>,
}

impl Totals {
    /// Time of the first item that states one.
    #[must_use]
    pub fn first_time(&self) -> Option<Timestamp> {
        self.first_time.map(|(_, time)| time)
    }

    /// Time of the last item that states one.
    #[must_use]
    pub fn last_time(&self) -> Option<Timestamp> {
        self.last_time.map(|(_, time)| time)
    }

    fn time(&mut self, ordinal: u64, time: Timestamp) {
        if self.first_time.is_none_or(|(first, _)| ordinal < first) {
            self.first_time = Some((ordinal, time));
        }
        if self.last_time.is_none_or(|(last, _)| ordinal > last) {
            self.last_time = Some((ordinal, time));
        }
    }
}

impl ThreadFacts {
    /// Takes one event in.
    pub fn apply(&mut self, event: &Event<'_>) {
        self.record(event.ordinal, event.clock, event.lease_epoch, &event.body);
    }

    /// As [`ThreadFacts::apply`], of an event in parts.
    pub(crate) fn record(&mut self, ordinal: u64, clock: u64, lease_epoch: u64, body: &Body<'_>) {
        match body {
            Body::Control(control) => self.life.apply(clock, control),
            Body::Item(record) => {
                self.totals.live_records += u64::from(lease_epoch > 0);
                self.item(ordinal, record);
            }
            Body::Erased => {}
            Body::Unreadable(_) => self.totals.unreadable += 1,
        }
    }

    /// Bytes of the lines.
    pub(crate) fn totals_bytes(&self) -> u64 {
        self.totals.bytes
    }

    /// The totals, with lines that are not whole counted as lines, and as odd.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = self.totals.clone();
        let open = wide(self.pieces.open());
        totals.lines += open;
        totals.odd.add_many(Oddity::HalfLine, open);
        totals
    }

    /// When something last happened: its last item's time; where items have none, the file's modification time, else
    /// the store's record of its creation.
    #[must_use]
    pub fn last_active(&self) -> Option<Timestamp> {
        let modified = || {
            let source = self.life.latest_source()?;
            Timestamp::from_ms(u64::try_from(source.modified_ns / 1_000_000).ok()?)
        };
        let created = || self.life.created().and_then(|created| Timestamp::from_ms(created.at_ms));
        self.totals.last_time().or_else(modified).or_else(created)
    }

    fn item(&mut self, ordinal: u64, record: &ItemRecord<'_>) {
        self.totals.records += 1;
        self.totals.bytes += wide(record.rendered_bytes());
        match record {
            ItemRecord::Enveloped { timestamp, .. } => {
                self.totals.lines += 1;
                self.totals.time(ordinal, *timestamp);
            }
            ItemRecord::Verbatim { oddities, bytes, .. } if record.ends_line() && !record.continues() => {
                self.verbatim(ordinal, bytes.0, *oddities);
            }
            ItemRecord::Verbatim { .. } => {
                if let Some(line) = self.pieces.add(ordinal, record) {
                    self.glued(line.ordinal, line.bytes.as_deref());
                }
            }
        }
    }

    fn glued(&mut self, ordinal: u64, line: Option<&[u8]>) {
        match line.map(parse) {
            None => self.totals.lines += 1,
            Some(Line::Verbatim(bytes, oddities)) => self.verbatim(ordinal, bytes, oddities),
            Some(Line::Enveloped(envelope)) => {
                self.totals.lines += 1;
                self.totals.time(ordinal, envelope.timestamp);
            }
        }
    }

    fn verbatim(&mut self, ordinal: u64, bytes: &[u8], oddities: Oddities) {
        self.totals.lines += 1;
        self.totals.odd.add(oddities);
        // Lines without envelope are many, and what they call a time is none of theirs.
        if oddities.contains(Oddity::NoEnvelope) {
            return;
        }
        if let Some(time) = Lenient::read(bytes).timestamp {
            self.totals.time(ordinal, time);
        }
    }
}
