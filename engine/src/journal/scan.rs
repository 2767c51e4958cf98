//! Reading a journal's segments, each on its own.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::format::HeaderFault;
use crate::format::segment::{BLOCK_BYTES_MIN, SegmentHeader};
use crate::fs::{FileKind, Fs, read_file};
use crate::id::SegmentId;
use crate::journal::place::Places;
use crate::recover::log::{Base, Scan};
use crate::recover::walk::walk;
use crate::seeded::{Bug, bug};

/// Below this many bytes in all, a second thread costs more than it saves.
const PARALLEL_BYTES_MIN: u64 = 8 << 20;

/// Every segment of the journal, by number.
pub(crate) fn segments(fs: &dyn Fs, places: &Places) -> Result<Vec<(SegmentId, u64)>> {
    let entries = match fs.read_dir(&places.journal) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", &places.journal, error)),
    };
    let files = entries.into_iter().filter(|entry| entry.kind == FileKind::File);
    let mut found: Vec<(SegmentId, u64)> =
        files.filter_map(|entry| SegmentId::parse(&entry.name).map(|id| (id, entry.bytes))).collect();
    found.sort_unstable();
    Ok(found)
}

/// Reads and walks those that were not sealed, on two threads if there is much; before them stands `base`, if there is one.
/// Memory: two segments.
pub(crate) fn scan(fs: &dyn Fs, places: &Places, store: Option<[u8; 16]>, base: Option<Base>) -> Result<Vec<Scan>> {
    let mut found = segments(fs, places)?;
    if let Some(base) = base.filter(|_| !bug(Bug::SealedSegmentsReturn)) {
        found.retain(|(id, _)| id.number > base.segments_upto);
    }
    let mut scans: Vec<Scan> = base.into_iter().map(Scan::sealed).collect();
    scans.extend(scan_files(fs, places, store, &found)?);
    Ok(scans)
}

fn scan_files(fs: &dyn Fs, places: &Places, store: Option<[u8; 16]>, found: &[(SegmentId, u64)]) -> Result<Vec<Scan>> {
    let bytes = found.iter().fold(0, |sum: u64, (_, bytes)| sum.saturating_add(*bytes));
    if found.len() < 2 || bytes < PARALLEL_BYTES_MIN {
        return found.iter().map(|(id, _)| scan_one(fs, places, *id, store)).collect();
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(found.len()));
    let work = || {
        while let Some((id, _)) = found.get(next.fetch_add(1, Ordering::Relaxed)) {
            let scanned = scan_one(fs, places, *id, store);
            done.lock().push((*id, scanned));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let mut done = done.into_inner();
    done.sort_unstable_by_key(|(id, _)| *id);
    done.into_iter().map(|(_, scanned)| scanned).collect()
}

fn scan_one(fs: &dyn Fs, places: &Places, id: SegmentId, store: Option<[u8; 16]>) -> Result<Scan> {
    let path = places.segment(id);
    let bytes = read_file(fs, &path).map_err(|error| Error::io("read", &path, error))?;
    let header = match SegmentHeader::decode(&bytes, id) {
        Ok(header) if store.is_some_and(|store| store != header.store) => {
            Err(HeaderFault::Rotten("it belongs to another store"))
        }
        Err(HeaderFault::Version(version)) => {
            let what = format!("segment format version {version}");
            return Err(Error::FormatVersion { path, what });
        }
        other => other,
    };
    let block_bytes = header.as_ref().map_or(BLOCK_BYTES_MIN, |header| header.block_bytes);
    let walk = walk(&bytes, id.salt, block_bytes);
    Ok(Scan { id, header, walk, bytes: crate::number::wide(bytes.len()), base: None })
}
