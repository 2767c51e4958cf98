//! The writer's end of the log: which file, which offset, which chain. Only whoever leads touches it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::error::{Error, Result};
use crate::format::group::{GROUP_HEADER_BYTES, GroupHeader};
use crate::format::segment::{EpochStart, SegmentHeader};
use crate::fs::{File, Fs, OpenMode, write_all_at};
use crate::id::{Epoch, SegmentId, Sequence};
use crate::journal::names::Names;
use crate::journal::place::Places;
use crate::journal::shelf::Shelf;
use crate::journal::spare::Spare;
use crate::journal::stats::{Counters, count};
use crate::number::{round_up, wide};
use crate::seeded::{Bug, bug};

/// The segment that groups go to.
pub(crate) struct Active {
    pub id: SegmentId,
    pub path: PathBuf,
    pub file: Arc<dyn File>,
    /// Where the next group goes.
    pub offset: u64,
    /// Length it was zero-filled to; 0 for a growing file.
    pub prepared_bytes: u64,
    /// Whether bytes were written since its last sync.
    pub dirty: bool,
    /// Whether its name may not be durable yet.
    pub name_dirty: bool,
}

/// A group to write: its frames, and what its header says.
pub(crate) struct NewGroup<'a> {
    /// 64 bytes of room for the header, then the frames; filled up to whole blocks here.
    pub bytes: &'a mut Vec<u8>,
    pub frame_count: u32,
    pub frames_checksum: u32,
    pub first_sequence: Sequence,
    pub durable_upto: Sequence,
}

/// Where a group went.
#[derive(Debug)]
pub(crate) struct Written {
    pub id: SegmentId,
    pub offset: u64,
}

/// State of the writer's end.
pub(crate) struct Tail {
    pub fs: Arc<dyn Fs>,
    pub names: Arc<Names>,
    pub places: Places,
    pub store: [u8; 16],
    pub block_bytes: u32,
    pub segment_bytes_max: u64,
    pub active: Option<Active>,
    /// The number of the segment begun last in this opening: segments follow each other by number.
    pub last_number: Option<u64>,
    /// Left segments that hold groups not yet synced.
    pub left_dirty: Vec<Active>,
    pub epoch: Epoch,
    /// Where the last durable group ends: everything behind it is given up after a failed write.
    pub durable_end: Option<(SegmentId, u64)>,
    /// Files with groups that were given up behind this offset: the new epoch says so once its first group is there. Until
    /// then they are to be cut off before a clean close.
    pub given_up: Vec<(Arc<dyn File>, u64)>,
    /// Set until the first segment of this epoch is begun.
    pub start: Option<EpochStart>,
    /// Checksum of the last group written.
    pub chain: u32,
    /// Checksum of the last group with records, written or durable.
    pub chain_records: u32,
    pub chain_durable: u32,
    /// Last record written to a file.
    pub written: Sequence,
    /// `durable_upto` of the last group written.
    pub witnessed: Sequence,
    /// Stamp for the next segment header.
    pub created_ms: u64,
    /// Length of the next spare.
    pub next_prepared_bytes: u64,
}

impl Tail {
    /// Writes a group at the end of the log. After an error the caller must [`Tail::start_over`].
    pub fn write(&mut self, group: NewGroup<'_>, shelf: &Shelf, counters: &Counters) -> Result<Written> {
        let whole = round_up(wide(group.bytes.len()), u64::from(self.block_bytes));
        self.choose(whole, group.frame_count == 0, shelf, counters)?;
        self.put(group, counters)
    }

    /// Writes a group to the active segment, however long that gets: what a recovery copies goes to one segment.
    /// After an error as after one of [`Tail::write`].
    pub fn put(&mut self, group: NewGroup<'_>, counters: &Counters) -> Result<Written> {
        let body = group.bytes.len().saturating_sub(GROUP_HEADER_BYTES);
        let whole = round_up(wide(group.bytes.len()), u64::from(self.block_bytes));
        let witness = group.frame_count == 0;
        let (epoch, previous_checksum) = (self.epoch, self.chain);
        let Some(active) = self.active.as_mut() else { return Err(Error::Closed) };
        let header = GroupHeader {
            body_bytes: u32::try_from(body).unwrap_or(u32::MAX),
            frame_count: group.frame_count,
            epoch,
            first_sequence: group.first_sequence,
            durable_upto: group.durable_upto,
            previous_checksum,
            frames_checksum: group.frames_checksum,
        };
        let (encoded, checksum) = header.encode(active.id.salt, active.offset);
        let padding = whole.saturating_sub(wide(group.bytes.len()));
        group.bytes.resize(crate::number::narrow(whole).unwrap_or(usize::MAX), 0);
        if let Some(room) = group.bytes.get_mut(..GROUP_HEADER_BYTES) {
            room.copy_from_slice(&encoded);
        }
        active.dirty = true;
        if let Err(error) = write_all_at(&*active.file, group.bytes, active.offset) {
            // Part of a group that ends within a sector would look like one that rotted. Nothing goes behind it any more.
            let _ = active.file.set_len(active.offset);
            return Err(Error::io("write", &active.path, error));
        }
        let written = Written { id: active.id, offset: active.offset };
        active.offset = active.offset.saturating_add(whole);
        self.chain = checksum;
        self.witnessed = group.durable_upto;
        if witness {
            count(&counters.witnesses, 1);
        } else {
            self.chain_records = checksum;
            self.written = group.first_sequence.plus(u64::from(group.frame_count)).before();
            count(&counters.groups, 1);
            count(&counters.grouped_records, u64::from(group.frame_count));
        }
        let headers = u64::from(group.frame_count).saturating_add(1).saturating_mul(wide(GROUP_HEADER_BYTES));
        count(&counters.header_bytes, headers);
        count(&counters.payload_bytes, wide(body).saturating_add(64).saturating_sub(headers));
        count(&counters.padding_bytes, padding);
        Ok(written)
    }

    /// Makes every group written so far durable. After an error the journal must be poisoned.
    pub fn sync(&mut self, counters: &Counters) -> Result<()> {
        for segment in self.left_dirty.iter().filter(|_| !bug(Bug::LeftSegmentsNotSynced)) {
            sync_segment(&*self.fs, &self.names, segment, counters)?;
        }
        // Only now: after a failed sync they are not to be taken for synced.
        self.left_dirty.clear();
        if let Some(active) = self.active.as_mut() {
            sync_segment(&*self.fs, &self.names, active, counters)?;
            active.dirty = false;
            active.name_dirty = false;
            self.durable_end = Some((active.id, active.offset));
            // This epoch's first group is there.
            self.given_up.clear();
        }
        self.chain_durable = self.chain_records;
        Ok(())
    }

    /// Whether a sync would have something to do.
    pub fn is_dirty(&self) -> bool {
        !self.left_dirty.is_empty() || self.active.as_ref().is_some_and(|active| active.dirty)
    }

    /// After a failed write: what is not durable is given up, and the next group begins a new epoch
    /// after the durable mark.
    pub fn start_over(&mut self, durable: Sequence) {
        if !bug(Bug::EpochKeptAfterFailedWrite) {
            self.give_up();
            self.epoch = Epoch(self.epoch.0.saturating_add(1));
            self.start = Some(EpochStart {
                start_sequence: durable.plus(1),
                recovered_upto: Sequence(0),
                start_checksum: self.chain_durable,
            });
        }
        self.chain = self.chain_durable;
        self.chain_records = self.chain_durable;
        self.written = durable;
        self.witnessed = durable;
    }

    /// Leaves the segments that were written since the last sync; those in which nothing is durable are removed.
    fn give_up(&mut self) {
        for segment in std::mem::take(&mut self.left_dirty).into_iter().chain(self.active.take()) {
            match self.durable_end.filter(|(id, _)| *id == segment.id) {
                Some((_, end)) => self.given_up.push((segment.file, end)),
                // A name that stays behind is removed at the next opening.
                None => drop(self.fs.remove_file(&segment.path)),
            }
        }
    }

    /// Before a clean close: cuts off what was given up and what no new epoch supersedes, so that it does not come back.
    /// Says whether there was anything.
    pub fn cut_given_up(&mut self) -> bool {
        let given_up = std::mem::take(&mut self.given_up);
        if self.start.is_some() {
            for (file, end) in &given_up {
                // What fails leaves records behind that nobody was told are there: the next opening finds them.
                let _ = file.set_len(*end).and_then(|()| file.sync_data());
            }
        }
        !given_up.is_empty()
    }

    /// Begins a growing segment: its header is written, not yet synced.
    pub fn grow(&mut self, shelf: &Shelf, counters: &Counters) -> Result<()> {
        let salt = self.fs.random().map_err(|error| Error::io("draw a salt for", &self.places.journal, error))?;
        let id = SegmentId { number: shelf.take_number(), salt };
        let path = self.places.segment(id);
        let header = SegmentHeader {
            id,
            epoch: self.epoch,
            block_bytes: self.block_bytes,
            store: self.store,
            journal: self.places.number,
            epoch_start: self.start,
            prepared_bytes: 0,
            created_ms: self.created_ms,
        };
        let file = self.fs.open(&path, OpenMode::CreateNew).map_err(|error| Error::io("create", &path, error))?;
        let bytes = header.encode();
        if let Err(error) = write_all_at(&*file, &bytes, 0) {
            let _ = self.fs.remove_file(&path);
            return Err(Error::io("write", &path, error));
        }
        count(&counters.segments, 1);
        count(&counters.growing_segments, 1);
        count(&counters.segment_header_bytes, wide(bytes.len()));
        let offset = u64::from(self.block_bytes);
        self.leave(Active { id, path, file, offset, prepared_bytes: 0, dirty: true, name_dirty: true });
        self.start = None;
        Ok(())
    }

    /// Makes sure that the active segment has room for `whole` bytes.
    fn choose(&mut self, whole: u64, witness: bool, shelf: &Shelf, counters: &Counters) -> Result<()> {
        let fits = self.active.as_ref().is_some_and(|active| {
            // The last block of a prepared segment is kept for a witness, so that closing needs no
            // space on a full disk.
            let reserve = if witness { 0 } else { u64::from(self.block_bytes) };
            let most = if active.prepared_bytes == 0 { self.segment_bytes_max } else { active.prepared_bytes };
            active.offset.saturating_add(whole).saturating_add(reserve) <= most
                || active.offset == u64::from(self.block_bytes)
                || (witness && active.prepared_bytes == 0)
        });
        let growing = self.active.as_ref().is_none_or(|active| active.prepared_bytes == 0);
        if self.start.is_some() || (!fits && !shelf.is_ready(self.epoch)) {
            return self.grow(shelf, counters);
        }
        if fits && !(growing && !witness && shelf.is_ready(self.epoch)) {
            return Ok(());
        }
        match shelf.take(self.epoch, self.last_number) {
            Some(spare) => {
                self.adopt(spare, counters);
                Ok(())
            }
            None if fits => Ok(()),
            None => self.grow(shelf, counters),
        }
    }

    fn adopt(&mut self, spare: Spare, counters: &Counters) {
        count(&counters.segments, 1);
        self.leave(Active {
            id: spare.id,
            path: spare.path,
            file: spare.file,
            offset: u64::from(self.block_bytes),
            prepared_bytes: spare.prepared_bytes,
            dirty: false,
            name_dirty: false,
        });
        let longer = spare.prepared_bytes.saturating_mul(4);
        self.next_prepared_bytes = longer.min(self.segment_bytes_max);
    }

    fn leave(&mut self, next: Active) {
        self.last_number = Some(next.id.number);
        if let Some(left) = self.active.replace(next)
            && left.dirty
        {
            self.left_dirty.push(left);
        }
    }
}

fn sync_segment(fs: &dyn Fs, names: &Names, segment: &Active, counters: &Counters) -> Result<()> {
    if segment.dirty {
        segment.file.sync_data().map_err(|error| Error::io("sync", &segment.path, error))?;
        counters.syncs.fetch_add(1, Ordering::Relaxed);
    }
    if segment.name_dirty
        && !bug(Bug::NoDirectorySync)
        && let Some(directory) = segment.path.parent()
    {
        names.sync(fs, directory)?;
        counters.directory_syncs.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
