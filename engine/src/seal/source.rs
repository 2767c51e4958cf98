//! The records of one journal that can be sealed now.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::frame;
use crate::format::large::LargeReference;
use crate::fs::{Fs, Lock, read_file};
use crate::id::{SegmentId, Sequence, StreamId};
use crate::journal::claim::Signs;
use crate::journal::index::Conflict;
use crate::journal::large;
use crate::journal::place::Places;
use crate::journal::records::Record;
use crate::journal::scan;
use crate::number::{narrow, wide};
use crate::recover::log::{Base, Log, Mark, Scan};
use crate::recover::resolve::resolve;
use crate::recover::walk::{Frame, Group, Piece};
use crate::seal::bounds::{self, Quiet};

/// One journal's records that can be sealed: those of a run of whole segments, from where its log begins.
///
/// Holds the journal's lock if nobody writes it, so that nobody begins to.
pub struct Source {
    fs: Arc<dyn Fs>,
    places: Places,
    scans: Vec<Scan>,
    log: Log,
    base: Base,
    /// Segments of no account once the manifest names the base, leftovers included.
    gone: Vec<SegmentId>,
    conflicts: Vec<Conflict>,
    /// Of records that claim one place, those that do not count: scan and payload offset.
    lost: HashSet<(usize, u64)>,
    /// The files of large records that were read.
    large: Vec<PathBuf>,
    bytes: u64,
    records: u64,
    claim: Option<(Signs, Box<dyn Lock>)>,
}

/// What is asked of a journal.
pub(crate) struct Ask<'a> {
    pub fs: &'a Arc<dyn Fs>,
    pub root: &'a Path,
    pub store: [u8; 16],
    pub journal: u32,
    /// Where its log begins now.
    pub base: Option<Base>,
    pub quiet: Quiet,
    /// What its mark says, and whether nothing above it is to be believed.
    pub mark: Option<Mark>,
    pub limit: Option<Sequence>,
    /// About how many bytes of segments at most; at least one segment is taken.
    pub bytes_max: u64,
    pub claim: Option<(Signs, Box<dyn Lock>)>,
}

impl Source {
    /// Looks at a journal; `None` if there is nothing to seal and nothing to remove.
    pub(crate) fn look(ask: Ask<'_>) -> Result<Option<Source>> {
        let Ask { fs, root, store, journal, base, quiet, mark, limit, bytes_max, claim } = ask;
        let places = Places::new(root, journal);
        let all = scan::segments(&**fs, &places)?;
        let scans = scan::scan(&**fs, &places, Some(store), base)?;
        let log = resolve(&scans, mark, limit);
        let Some(base) = bounds::base(journal, base, quiet, &scans, &log, bytes_max) else { return Ok(None) };
        let gone: Vec<SegmentId> =
            all.into_iter().map(|(id, _)| id).filter(|id| id.number <= base.segments_upto).collect();
        if gone.is_empty() {
            return Ok(None);
        }
        let mut source = Source {
            fs: Arc::clone(fs),
            places,
            scans,
            log,
            base,
            gone,
            conflicts: Vec::new(),
            lost: HashSet::new(),
            large: Vec::new(),
            bytes: 0,
            records: 0,
            claim,
        };
        source.settle();
        Ok(Some(source))
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> u32 {
        self.base.journal
    }

    /// Where the journal's log begins once these records are sealed: for the manifest.
    #[must_use]
    pub fn base(&self) -> Base {
        self.base
    }

    /// How many records there are.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Bytes of their payloads as they stand in frames; of a large record those of its reference.
    #[must_use]
    pub fn payload_bytes(&self) -> u64 {
        self.bytes
    }

    /// Records that lost against another of this journal with the same place; they are not among those that are read.
    #[must_use]
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// Hands over every record, in the order of the log. Each is verified; large ones are read from their files.
    ///
    /// *Memory:* one segment, and one record.
    ///
    /// # Errors
    /// What `each` returns; [`Error::Corrupt`] if a record is not what it was when the journal was looked at;
    /// [`Error::Io`].
    pub fn read(&mut self, each: &mut dyn FnMut(Record) -> Result<()>) -> Result<()> {
        let mut large = Vec::new();
        let outcome = self.read_all(each, &mut large);
        self.large = large;
        outcome
    }

    fn read_all(&self, each: &mut dyn FnMut(Record) -> Result<()>, large_files: &mut Vec<PathBuf>) -> Result<()> {
        let mut open: Option<(usize, Vec<u8>)> = None;
        for (at, group, frames) in self.groups() {
            let Some(scan) = self.scans.get(at) else { continue };
            let path = self.places.segment(scan.id);
            if open.as_ref().is_none_or(|(held, _)| *held != at) {
                let bytes = read_file(&*self.fs, &path).map_err(|error| Error::io("read", &path, error))?;
                open = Some((at, bytes));
            }
            let bytes = open.as_ref().map(|(_, bytes)| bytes.as_slice()).unwrap_or_default();
            for frame in frames.iter().filter(|frame| !self.is_lost(at, frame)) {
                each(self.record(group, frame, bytes, large_files)?)?;
            }
        }
        Ok(())
    }

    fn record(&self, group: &Group, frame: &Frame, bytes: &[u8], large_files: &mut Vec<PathBuf>) -> Result<Record> {
        let header = &frame.header;
        let corrupt = |what: &str| Error::Corrupt {
            path: self.places.journal.clone(),
            offset: group.offset,
            what: format!("{what} (record {} of {})", header.ordinal, header.stream),
            streams: vec![header.stream],
        };
        let start = narrow(frame.payload_offset).unwrap_or(usize::MAX);
        let length = usize::try_from(header.payload_bytes).unwrap_or(usize::MAX);
        let payload =
            bytes.get(start..start.saturating_add(length)).ok_or_else(|| corrupt("the file ends before it"))?;
        if frame::checksum(payload) != header.payload_checksum {
            return Err(corrupt("the payload fails its checksum"));
        }
        let payload = if header.large {
            let reference = LargeReference::decode(payload);
            large_files.extend(reference.map(|reference| large::path_of(&self.places, reference.id)));
            large::read(&*self.fs, &self.places.root, self.base.journal, payload)?
        } else {
            payload.to_vec()
        };
        Ok(Record {
            stream: header.stream,
            ordinal: header.ordinal,
            lease_epoch: header.lease_epoch,
            clock: header.clock,
            codec: header.codec,
            payload,
        })
    }

    /// The groups to be sealed: index of the scan, the group, and those of its frames that are part of the log.
    fn groups(&self) -> impl Iterator<Item = (usize, &Group, &[Frame])> {
        let upto = self.base.upto;
        self.log.groups.iter().filter_map(move |place| {
            let Some(Piece::Group(group)) = self.scans.get(place.scan)?.walk.pieces.get(place.piece) else {
                return None;
            };
            let frames = group.frames.get(..place.frames).unwrap_or(&group.frames);
            (group.header.first_sequence <= upto).then_some((place.scan, group, frames))
        })
    }

    fn is_lost(&self, scan: usize, frame: &Frame) -> bool {
        self.lost.contains(&(scan, frame.payload_offset))
    }

    /// Counts the records, and decides between those that claim one place as reading does: the higher lease epoch, at equal
    /// epochs the later record.
    fn settle(&mut self) {
        let mut places: HashMap<(StreamId, u64), (usize, Frame)> = HashMap::new();
        let (mut lost, mut conflicts) = (Vec::new(), Vec::new());
        let (mut records, mut bytes) = (0_u64, 0_u64);
        for (at, _, frames) in self.groups() {
            for frame in frames {
                let header = frame.header;
                records = records.saturating_add(1);
                bytes = bytes.saturating_add(u64::from(header.payload_bytes));
                let Some((other_at, other)) = places.insert((header.stream, header.ordinal), (at, *frame)) else {
                    continue;
                };
                let same = other.header.payload_checksum == header.payload_checksum
                    && other.header.payload_bytes == header.payload_bytes;
                let newer = header.lease_epoch >= other.header.lease_epoch;
                let (loser_at, loser) = if newer { (other_at, other) } else { (at, *frame) };
                if !newer {
                    places.insert((header.stream, header.ordinal), (other_at, other));
                }
                lost.push((loser_at, loser.payload_offset));
                if !same {
                    let lost_lease_epoch = loser.header.lease_epoch;
                    conflicts.push(Conflict { stream: header.stream, ordinal: header.ordinal, lost_lease_epoch });
                }
            }
        }
        self.records = records.saturating_sub(wide(lost.len()));
        self.bytes = bytes;
        self.lost = lost.into_iter().collect();
        self.conflicts = conflicts;
    }

    /// Whether nobody writes the journal and its log holds, or may hold, records that nothing vouches for: they are to be
    /// copied before anybody builds on them. `closed` says whether its last writer closed it.
    pub(super) fn is_unsettled(&self, closed: bool) -> bool {
        self.claim.is_some() && (!closed || self.log.last > self.log.witness)
    }

    /// What keeps others from opening the journal, if this does.
    pub(super) fn into_claim(self) -> Option<(Signs, Box<dyn Lock>)> {
        self.claim
    }

    /// The files of no account once the manifest names the base: segments, and large records.
    pub(super) fn files(&self) -> (&Arc<dyn Fs>, Vec<PathBuf>, &[PathBuf]) {
        (&self.fs, self.gone.iter().map(|id| self.places.segment(*id)).collect(), &self.large)
    }
}
