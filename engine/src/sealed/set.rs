//! One consistent view of everything that is sealed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fs::Fs;
use crate::id::{Channel, StreamId};
use crate::journal::index::Conflict;
use crate::number::wide;
use crate::sealed::dictionaries::Dictionaries;
use crate::sealed::id::ValueHash;
use crate::sealed::manifest::{Manifest, SegmentRow};
use crate::sealed::place::Place;
use crate::sealed::rows::{StreamRow, ValueRow};
use crate::sealed::segment::{SealedSegment, corrupt};

/// How often a view is tried while files go away and MANIFEST changes under it.
const ATTEMPTS: usize = 100;

/// All sealed segments that one MANIFEST names, to be read at any time. What becomes of their names, a view stays whole as
/// long as the process has their files open: some 256 of all views together, those that were read last
/// ([`Fs::open_immutable`]). Beyond that a segment whose name is gone is an error of kind `NotFound`, and its records stand in
/// the segments that a newer MANIFEST names.
#[derive(Default)]
pub struct Sealed {
    root: PathBuf,
    manifest: Manifest,
    segments: Vec<Arc<SealedSegment>>,
    dictionaries: Arc<Dictionaries>,
    damage: Vec<Error>,
}

/// A stream's end, as far as it is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedHead {
    /// One past the last sealed ordinal.
    pub next_ordinal: u64,
    /// The highest lease epoch of its sealed records.
    pub lease_epoch: u64,
    /// The journal that the last of them came from.
    pub journal: u32,
}

/// A stream and its totals, as far as it is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedStream {
    /// The stream.
    pub stream: StreamId,
    /// Its end.
    pub head: SealedHead,
    /// Records; one that several segments have counts once for each.
    pub records: u64,
    /// Length of their payloads, shared values put in.
    pub payload_bytes: u64,
}

/// What to do about a segment whose footer is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDamage {
    /// It is an error.
    Refuse,
    /// The footer is made anew, in memory, from the segment's blocks; see [`Sealed::damage`]. A segment that is missing is an
    /// error: nobody knows then which ordinals were given already.
    Recover,
    /// As `Recover`; and a segment that is missing, or of which nothing can be made, is left out. For reading only.
    LeaveOut,
}

impl Sealed {
    /// Opens what MANIFEST names. Segments that `before` has are shared with it. A file that went away means that MANIFEST
    /// was replaced meanwhile: it is read again.
    ///
    /// *Cost:* reads the footers of the segments that `before` does not have.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if MANIFEST is damaged, or names a file that is missing or damaged; an I/O error.
    pub fn load(
        fs: &dyn Fs,
        root: &Path,
        store: [u8; 16],
        before: Option<&Sealed>,
        on_damage: OnDamage,
    ) -> Result<Arc<Sealed>> {
        let mut manifest = Manifest::read(fs, root, store)?;
        for _ in 0..ATTEMPTS {
            let careful = if on_damage == OnDamage::LeaveOut { OnDamage::Recover } else { on_damage };
            let error = match Sealed::open(fs, root, store, &manifest, before, careful) {
                Ok(sealed) => return Ok(Arc::new(sealed)),
                Err(error) => error,
            };
            // Only what is missing under a manifest that stays in force is missing.
            let newer = Manifest::read(fs, root, store)?;
            if newer == manifest {
                return match on_damage {
                    OnDamage::LeaveOut if is_damage(&error) => {
                        Sealed::open(fs, root, store, &manifest, before, on_damage).map(Arc::new)
                    }
                    _ => Err(missing(error)),
                };
            }
            manifest = newer;
        }
        Err(corrupt(&super::manifest_file::manifest_path(root), 0, "it changes faster than it can be read".to_owned()))
    }

    /// Opens what a MANIFEST names, which may not be the one in the store: [`Manifest::rebuild`].
    ///
    /// # Errors
    /// As [`Sealed::load`]; a file that is missing is an error of kind `NotFound`.
    pub fn open(
        fs: &dyn Fs,
        root: &Path,
        store: [u8; 16],
        manifest: &Manifest,
        before: Option<&Sealed>,
        on_damage: OnDamage,
    ) -> Result<Sealed> {
        let known = before.map(|before| &*before.dictionaries);
        let dictionaries = Arc::new(Dictionaries::open(fs, root, store, &manifest.dictionaries, known)?);
        let mut segments = Vec::new();
        let mut damage = Vec::new();
        for row in &manifest.segments {
            let known = before.and_then(|before| before.segments.iter().find(|segment| segment.row() == row));
            let segment = match known {
                Some(segment) => Arc::clone(segment),
                None => match open_segment(fs, root, row, &dictionaries, on_damage, &mut damage) {
                    Err(error) if on_damage == OnDamage::LeaveOut && is_damage(&error) => {
                        damage.push(missing(error));
                        continue;
                    }
                    other => other?,
                },
            };
            segments.push(segment);
        }
        Ok(Sealed { root: root.to_owned(), manifest: manifest.clone(), segments, dictionaries, damage })
    }

    /// The store's directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The MANIFEST that it is the view of.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The segments, in the order of MANIFEST.
    #[must_use]
    pub fn segments(&self) -> &[Arc<SealedSegment>] {
        &self.segments
    }

    /// The dictionaries.
    #[must_use]
    pub fn dictionaries(&self) -> &Arc<Dictionaries> {
        &self.dictionaries
    }

    /// What was found damaged when it was opened, and recovered from; blocks that are damaged are found when they are read.
    #[must_use]
    pub fn damage(&self) -> &[Error] {
        &self.damage
    }

    /// A stream's end, as far as it is sealed. *Cost:* a binary search in each segment.
    #[must_use]
    pub fn head(&self, stream: &StreamId) -> Option<SealedHead> {
        let rows = self.segments.iter().filter_map(|segment| segment.footer().stream(stream));
        rows.map(|row| head_of(&row)).reduce(join)
    }

    /// The channels of one life of a thread that have sealed records, rising. *Cost:* a binary search in each segment.
    #[must_use]
    pub fn channels(&self, thread: &[u8; 16], incarnation: u64) -> Vec<Channel> {
        let of_life = |segment: &Arc<SealedSegment>| -> Vec<Channel> {
            segment.footer().life(thread, incarnation).map(|row| row.stream.channel).collect()
        };
        let mut channels: Vec<Channel> = self.segments.iter().flat_map(of_life).collect();
        channels.sort_unstable();
        channels.dedup();
        channels
    }

    /// The incarnations of a thread that have sealed records; some may come more than once. *Cost:* a binary search in each
    /// segment.
    pub fn incarnations(&self, thread: &[u8; 16]) -> impl Iterator<Item = u64> {
        self.segments.iter().flat_map(|segment| segment.footer().thread(thread)).map(|row| row.stream.incarnation)
    }

    /// All streams, sorted, with their totals. *Cost:* a pass over the footers' rows.
    #[must_use]
    pub fn streams(&self) -> Vec<SealedStream> {
        let mut found: Vec<SealedStream> = Vec::new();
        for segment in &self.segments {
            let footer = segment.footer();
            for row in footer.streams() {
                let records: u64 = footer.extents(&row).map(|extent| u64::from(extent.count)).sum();
                let head = head_of(&row);
                let here = SealedStream { stream: row.stream, head, records, payload_bytes: row.payload_bytes };
                found.push(here);
            }
        }
        // Each footer's rows are sorted already: the sort finds these runs and merges them.
        found.sort_by_key(|stream| stream.stream);
        found.dedup_by(|here, known| {
            if here.stream != known.stream {
                return false;
            }
            known.head = join(known.head, here.head);
            known.records = known.records.saturating_add(here.records);
            known.payload_bytes = known.payload_bytes.saturating_add(here.payload_bytes);
            true
        });
        found
    }

    /// Where the records of a stream with the ordinals `from` to `from + most` stand, by ordinal. One that is not sealed, or
    /// was lost before it was, is not among them; one that several segments have is there for each, in the order of
    /// MANIFEST: of those that differ the highest lease epoch counts, then the highest journal.
    ///
    /// *Cost:* two binary searches in each segment, and the places.
    #[must_use]
    pub fn find(&self, stream: &StreamId, from: u64, most: usize) -> Vec<Place> {
        let end = from.saturating_add(wide(most));
        let mut places: Vec<Place> = Vec::new();
        let mut sorted = true;
        for segment in &self.segments {
            let footer = segment.footer();
            let Some(row) = footer.stream(stream) else { continue };
            for extent in footer.extents_from(&row, from) {
                if extent.first_ordinal >= end {
                    break;
                }
                let ordinals = extent.first_ordinal.max(from)..extent.end_ordinal().min(end);
                sorted &= places.last().is_none_or(|last| last.ordinal < ordinals.start);
                places.extend(ordinals.map(|ordinal| Place {
                    segment: Arc::clone(segment),
                    stream: *stream,
                    ordinal,
                    block: extent.block,
                    index: u32::try_from(ordinal.saturating_sub(extent.first_ordinal)).unwrap_or(u32::MAX),
                    extent: extent.index,
                    journal: extent.journal,
                }));
            }
        }
        if !sorted {
            places.sort_by_key(|place| place.ordinal);
        }
        places
    }

    /// Where a value stands: the first segment that has it. *Cost:* a binary search in each segment.
    #[must_use]
    pub fn value(&self, hash: &ValueHash) -> Option<(&Arc<SealedSegment>, ValueRow)> {
        self.segments.iter().find_map(|segment| Some((segment, segment.footer().value(hash)?)))
    }

    /// Whether a value with this short hash was seen once, and stands inside its record. *Cost:* a binary search in each
    /// segment.
    #[must_use]
    pub fn is_single(&self, short: u32) -> bool {
        self.segments.iter().any(|segment| segment.footer().is_single(short))
    }

    /// Records that lost against others when they were sealed.
    #[must_use]
    pub fn conflicts(&self) -> Vec<Conflict> {
        self.segments.iter().flat_map(|segment| segment.footer().conflicts()).collect()
    }

    /// With one more damage noted.
    pub(crate) fn with_damage(mut self, error: Error) -> Sealed {
        self.damage.push(error);
        self
    }

    /// How many blocks there are.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        self.segments.iter().map(|segment| u64::from(segment.footer().block_count())).sum()
    }
}

/// Opens a segment, by its footer or, if that may be, without.
fn open_segment(
    fs: &dyn Fs,
    root: &Path,
    row: &SegmentRow,
    dictionaries: &Arc<Dictionaries>,
    on_damage: OnDamage,
    damage: &mut Vec<Error>,
) -> Result<Arc<SealedSegment>> {
    match SealedSegment::open(fs, root, row, dictionaries) {
        Err(error) if error.is_corruption() && on_damage != OnDamage::Refuse => {
            let recovered = SealedSegment::recover(fs, root, row.id, dictionaries)?;
            damage.push(error);
            damage.extend(recovered.damage);
            Ok(recovered.segment)
        }
        other => other,
    }
}

fn head_of(row: &StreamRow) -> SealedHead {
    SealedHead { next_ordinal: row.next_ordinal, lease_epoch: row.lease_epoch_max, journal: row.last_journal.into() }
}

fn join(one: SealedHead, other: SealedHead) -> SealedHead {
    let last = if one.next_ordinal < other.next_ordinal { other } else { one };
    SealedHead { lease_epoch: one.lease_epoch.max(other.lease_epoch), ..last }
}

/// Whether a file is damaged or missing, rather than that the system would not read it now.
fn is_damage(error: &Error) -> bool {
    let missing = |source: &io::Error| source.kind() == io::ErrorKind::NotFound;
    error.is_corruption() || matches!(error, Error::Io { source, .. } if missing(source))
}

/// A file that MANIFEST names and that is not there is damage, not a failing call.
fn missing(error: Error) -> Error {
    match error {
        Error::Io { op: "open", path, source } if source.kind() == io::ErrorKind::NotFound => {
            corrupt(&path, 0, "the file is missing, and MANIFEST names it".to_owned())
        }
        other => other,
    }
}
