//! Spare segments: made, zero-filled and synced before anybody needs them.
//!
//! Overwriting zeros costs no change of metadata, so that a sync is one disk write; a growing file pays
//! for its length and its blocks at every sync (about half as much again, see docs/performance.md).

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::segment::SegmentHeader;
use crate::fs::{File, Fs, OpenMode, write_all_at};
use crate::id::{Epoch, SegmentId};
use crate::journal::names::Names;
use crate::journal::stats::{Counters, count};
use crate::number::{narrow, wide};
use crate::seeded::{Bug, bug};

/// A segment that is ready: header, zeros and directory entry are durable.
pub(crate) struct Spare {
    pub id: SegmentId,
    pub epoch: Epoch,
    pub path: PathBuf,
    pub file: Arc<dyn File>,
    pub prepared_bytes: u64,
}

/// Zeros are written and synced in pieces of this many bytes: 256 KiB.
///
/// An append whose sync meets a piece's waits for about as long as the piece takes. Writing a piece of 1 MiB took 0.7 ms,
/// one of 256 KiB a third of that at nearly the same bandwidth, one of 64 KiB half of that again at half the bandwidth;
/// so smaller pieces lower the tail of the latencies until preparing falls behind many writers and files begin to grow.
const PIECE_BYTES: usize = 256 << 10;

/// Makes a spare. `stop` is asked between pieces; `None` if it said so. What was begun is removed then, and after an error.
pub(crate) fn prepare(
    fs: &dyn Fs,
    path: PathBuf,
    header: &SegmentHeader,
    names: &Names,
    counters: &Counters,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Spare>> {
    let file = fs.open(&path, OpenMode::CreateNew).map_err(|error| Error::io("create", &path, error))?;
    let filled = fill(&*file, header, counters, stop).map_err(|error| Error::io("prepare", &path, error));
    let synced = match filled {
        Ok(true) => match path.parent() {
            Some(directory) if !bug(Bug::SpareWithoutDirectorySync) => names.sync(fs, directory).map(|()| true),
            _ => Ok(true),
        },
        other => other,
    };
    match synced {
        Ok(true) => {
            count(&counters.directory_syncs, 1);
            let prepared_bytes = header.prepared_bytes;
            Ok(Some(Spare { id: header.id, epoch: header.epoch, path, file, prepared_bytes }))
        }
        Ok(false) => {
            // Nobody depends on it: a name that stays behind is removed at the next opening.
            let _ = fs.remove_file(&path);
            Ok(None)
        }
        Err(error) => {
            let _ = fs.remove_file(&path);
            Err(error)
        }
    }
}

fn fill(
    file: &dyn File,
    header: &SegmentHeader,
    counters: &Counters,
    stop: &dyn Fn() -> bool,
) -> std::io::Result<bool> {
    let mut piece = vec![0; narrow(header.prepared_bytes)?.min(PIECE_BYTES)];
    let mut offset = 0;
    while offset < header.prepared_bytes {
        if stop() {
            return Ok(false);
        }
        let rest = narrow(header.prepared_bytes.saturating_sub(offset))?;
        let part = piece.get(..rest.min(PIECE_BYTES)).unwrap_or_default();
        write_all_at(file, part, offset)?;
        file.sync_data()?;
        count(&counters.prepared_bytes, wide(part.len()));
        offset = offset.saturating_add(wide(part.len()));
    }
    piece = header.encode();
    write_all_at(file, &piece, 0)?;
    count(&counters.segment_header_bytes, wide(piece.len()));
    file.sync_data()?;
    Ok(true)
}
