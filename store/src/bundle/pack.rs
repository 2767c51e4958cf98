//! From the store into a bundle.

use std::path::Path;

use threadlog_engine::{ReadLog, Record};

use crate::bundle::format::{Header, LifeEntry, RecordEntry, Row};
use crate::bundle::need::{Need, needs};
use crate::bundle::write::Writer;
use crate::error::{Error, Result};
use crate::event::{Body, Control, Event, ITEMS, control_channels};
use crate::progress::Progress;
use crate::store::Store;
use crate::thread::ThreadKey;

/// What was packed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Packed {
    /// The lives in the bundle, each behind what it stands on.
    pub lives: Vec<Row>,
    /// Length of the file.
    pub bytes: u64,
}

pub(super) fn pack(store: &Store, lives: &[ThreadKey], to: &Path, progress: &dyn Progress) -> Result<Packed> {
    let log = store.log();
    let needs = needs(log, lives)?;
    let header = Header { store: store.store_id()?, created_ms: store.clock().now_ms() };
    let mut writer = Writer::create(to, &header)?;
    for need in &needs {
        life(log, need, &mut writer, progress)?;
    }
    let (lives, bytes) = writer.finish()?;
    Ok(Packed { lives, bytes })
}

/// A life: how it began, its items, then what else is known of it. So what says that all items are there comes behind them.
fn life(log: &dyn ReadLog, need: &Need, writer: &mut Writer, progress: &dyn Progress) -> Result<()> {
    let Need { key, is_base, items } = *need;
    writer.life(&LifeEntry { key, is_base, items })?;
    let controls = controls(log, need)?;
    let mut controls = (0..).zip(&controls);
    if let Some((ordinal, record)) = controls.next() {
        writer.record(entry(record, true, ordinal), &record.payload)?;
    }
    let mut next = 0;
    for record in log.read(&key.stream(ITEMS), 0..items) {
        let record = record?;
        writer.record(entry(&record, false, next), &record.payload)?;
        next = next.saturating_add(1);
        progress.advanced(u64::try_from(record.payload.len()).unwrap_or(u64::MAX));
        if progress.stop() {
            return Err(Error::Stopped);
        }
    }
    for (ordinal, record) in controls {
        writer.record(entry(record, true, ordinal), &record.payload)?;
    }
    progress.file_done();
    Ok(())
}

/// The control records of all journals that belong into the bundle, the creation first, then by time.
fn controls(log: &dyn ReadLog, need: &Need) -> Result<Vec<Record>> {
    let mut found = Vec::new();
    for channel in control_channels(log, need.key) {
        for record in log.read(&need.key.stream(channel), 0..u64::MAX) {
            let record = record?;
            let (wanted, rank) = match Event::decode(&record).body {
                Body::Control(Control::Created(_)) => (true, 0),
                Body::Control(Control::Deleted) => (true, 2),
                Body::Erased => (false, 0),
                // Also what this version cannot read.
                _ => (!need.is_base, 1),
            };
            if wanted {
                found.push((rank, record.clock, channel, record));
            }
        }
    }
    found.sort_by_key(|(rank, clock, channel, _)| (*rank, *clock, *channel));
    if found.first().is_none_or(|(rank, ..)| *rank != 0) {
        return Err(Error::NoCreation { key: need.key });
    }
    Ok(found.into_iter().map(|(.., record)| record).collect())
}

fn entry(record: &Record, is_control: bool, ordinal: u64) -> RecordEntry {
    let Record { codec, lease_epoch, clock, .. } = record;
    RecordEntry { is_control, codec: *codec, ordinal, lease_epoch: *lease_epoch, clock: *clock, bytes: 0 }
}
