//! A MANIFEST that is lost or damaged, put in order from what the sealed segments say of themselves.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use threadlog_engine::fs::{Fs, create_dir_durable, read_at_most};
use threadlog_engine::number::wide;
use threadlog_engine::sealed::footer::Footer;
use threadlog_engine::sealed::header::{SEALED_HEADER_BYTES, TRAILER_BYTES, Trailer};
use threadlog_engine::sealed::id::{dictionaries_directory, sealed_directory};
use threadlog_engine::sealed::{Manifest, OnDamage, Sealed, SealedId, SealedSegment, ValueHash, sealed_files};
use threadlog_engine::{Error as EngineError, Reader, StreamId};

use crate::error::{Error, Result};
use crate::maintenance::MaintenanceLock;

/// What is wrong with a store's MANIFEST, and the one that it would get.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ManifestRepair {
    /// Why the one that is there cannot be believed.
    pub fault: EngineError,
    /// The new one.
    pub manifest: Manifest,
    /// Records in the segments that it names.
    pub records: u64,
    /// Length of their payloads.
    pub payload_bytes: u64,
    /// Segments that are there and that it does not name: others replace them, or they were never finished, and all that can
    /// be read of them stands elsewhere.
    pub replaced: Vec<SealedId>,
    /// Segments whose tables are damaged (they are named, and read by their blocks), and dictionaries that cannot be read.
    pub damage: Vec<EngineError>,
}

/// Looks at a store's MANIFEST. `None` if it can be believed. Changes nothing.
///
/// What is made anew says of every segment that it lives unless another says that it replaces it, and of every journal
/// that it is sealed as far as the furthest segment says:
/// - Nothing that was acknowledged is lost: a segment goes out of MANIFEST only when another that names it is durable, or when
///   nothing of it is wanted.
/// - What was replaced does not come back, as long as the segment that replaced it can tell so.
/// - A segment whose tables cannot be read is damaged, or was never finished. If its file ends without a trace of a trailer, or
///   a sector of it was never written (it is all zero, as after a power cut), and all that its blocks hold stands in other
///   segments or in journals, it is left out; else it is named, and read by its blocks.
/// - What a crash left behind may come back: a segment that was written and never named, or one of erased records that was
///   no longer named and not yet removed. The records that say that a thread is deleted are never removed, so it stays
///   deleted; erasing again takes its bytes.
///
/// *Cost:* reads all tables of all segments; if some are damaged, decompresses those segments and reads the journals.
///
/// # Errors
/// [`Error::Engine`] for a MANIFEST of a newer version, and a disk that fails.
pub fn plan_manifest(fs: &Arc<dyn Fs>, root: &Path, store: [u8; 16]) -> Result<Option<ManifestRepair>> {
    let fault = match Manifest::read(&**fs, root, store) {
        Ok(_) => return Ok(None),
        Err(error) if error.is_corruption() => error,
        Err(error) => return Err(error.into()),
    };
    let rebuilt = Manifest::rebuild(&**fs, root, store)?;
    let (mut manifest, mut damage) = (rebuilt.manifest, rebuilt.damage);
    let mut sealed = Sealed::open(&**fs, root, store, &manifest, None, OnDamage::LeaveOut)?;
    let unfinished = if damage.is_empty() { HashSet::new() } else { unneeded(fs, root, &sealed)? };
    if !unfinished.is_empty() {
        manifest.segments.retain(|row| !unfinished.contains(&row.id));
        damage.retain(|error| id_of(error).is_none_or(|id| !unfinished.contains(&id)));
        sealed = Sealed::open(&**fs, root, store, &manifest, Some(&sealed), OnDamage::LeaveOut)?;
    }
    let streams = sealed.streams();
    let is_named = |id: &SealedId| manifest.segments.iter().any(|row| row.id == *id);
    let replaced = sealed_files(&**fs, root)?.into_iter().filter(|id| !is_named(id)).collect();
    Ok(Some(ManifestRepair {
        fault,
        records: streams.iter().map(|stream| stream.records).sum(),
        payload_bytes: streams.iter().map(|stream| stream.payload_bytes).sum(),
        replaced,
        damage,
        manifest,
    }))
}

/// The segment that an error is about.
fn id_of(error: &EngineError) -> Option<SealedId> {
    let EngineError::Corrupt { path, .. } = error else { return None };
    path.file_name().and_then(|name| name.to_str()).and_then(SealedId::parse)
}

/// Of the segments whose tables cannot be read, those of which nothing is needed.
fn unneeded(fs: &Arc<dyn Fs>, root: &Path, sealed: &Sealed) -> Result<HashSet<SealedId>> {
    let damaged: HashSet<SealedId> = sealed.damage().iter().filter_map(id_of).collect();
    let (doubtful, sound): (Vec<_>, Vec<_>) =
        sealed.segments().iter().partition(|segment| damaged.contains(&segment.id()));
    let (stored, used) = (
        sound.iter().flat_map(|segment| segment.footer().values().map(|row| row.hash)).collect::<HashSet<ValueHash>>(),
        sound.iter().flat_map(|segment| segment.footer().used()).collect::<HashSet<ValueHash>>(),
    );
    let journals = Reader::open_lenient(Arc::clone(fs), root)?;
    let is_elsewhere = |segment: &SealedSegment| {
        let footer = segment.footer();
        let mut values = footer.values();
        values.all(|row| stored.contains(&row.hash) || !used.contains(&row.hash))
            && footer.streams().all(|row| {
                let mut ordinals = footer.extents(&row).flat_map(|extent| extent.first_ordinal..extent.end_ordinal());
                ordinals.all(|ordinal| {
                    journals.is_hot(&row.stream, ordinal)
                        || sound.iter().any(|other| has(other.footer(), &row.stream, ordinal))
                })
            })
    };
    let mut unneeded = HashSet::new();
    for segment in doubtful {
        if !is_finished(&**fs, root, segment.id())? && is_elsewhere(segment) {
            unneeded.insert(segment.id());
        }
    }
    Ok(unneeded)
}

/// The least that a disk writes at once.
const SECTOR_BYTES: usize = 512;
/// How much of a file is looked at at once.
const STEP_BYTES: usize = 1 << 20;

/// Whether a segment's file ends with what may have been a trailer, and all of it was written.
fn is_finished(fs: &dyn Fs, root: &Path, id: SealedId) -> Result<bool> {
    let path = id.path(root);
    let io = |error| Error::from(EngineError::io("read", &path, error));
    let file = fs.open_immutable(&path).map_err(io)?;
    let mut end = [0; TRAILER_BYTES];
    let at = file.len().map_err(io)?.saturating_sub(wide(TRAILER_BYTES));
    // The header has the salt too.
    if at < wide(SEALED_HEADER_BYTES) {
        return Ok(false);
    }
    let read = read_at_most(&*file, &mut end, at).map_err(io)?;
    if !Trailer::is_traced(end.get(..read).unwrap_or_default(), id) {
        return Ok(false);
    }
    let (mut step, mut at) = (vec![0; STEP_BYTES], 0);
    loop {
        let read = read_at_most(&*file, &mut step, at).map_err(io)?;
        let mut sectors = step.get(..read).unwrap_or_default().chunks(SECTOR_BYTES);
        if sectors.any(|sector| sector.iter().all(|byte| *byte == 0)) {
            return Ok(false);
        }
        if read < STEP_BYTES {
            return Ok(true);
        }
        at = at.saturating_add(wide(read));
    }
}

fn has(footer: &Footer, stream: &StreamId, ordinal: u64) -> bool {
    let row = footer.stream(stream);
    row.is_some_and(|row| footer.extents_from(&row, ordinal).next().is_some_and(|next| next.first_ordinal <= ordinal))
}

/// Makes MANIFEST anew, as [`plan_manifest`] says at this moment, under the store's maintenance lock. `None` if there is nothing
/// to be done any more.
///
/// *Durability:* after `Ok` the new one survives power loss; after an error, or a crash, either is there, and the same call
/// goes on. No file is removed.
///
/// # Errors
/// [`Error::Busy`] if somebody else maintains the store; as [`plan_manifest`].
pub fn repair_manifest(
    fs: &Arc<dyn Fs>,
    root: &Path,
    store: [u8; 16],
    client: &str,
    clock: &Arc<dyn threadlog_engine::Clock>,
) -> Result<Option<ManifestRepair>> {
    let _lock = MaintenanceLock::take(fs, root, client, clock)?;
    let Some(plan) = plan_manifest(fs, root, store)? else { return Ok(None) };
    for directory in [sealed_directory(root), dictionaries_directory(root)] {
        let made = create_dir_durable(&**fs, &directory);
        made.map_err(|error| Error::from(EngineError::io("create", &directory, error)))?;
    }
    plan.manifest.replace(&**fs, root, store)?;
    Ok(Some(plan))
}

#[cfg(test)]
#[path = "repair_tests.rs"]
mod tests;
