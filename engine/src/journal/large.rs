//! Records that do not fit a batch: files of their own under `large/`, durable before the group that names them.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::format::frame;
use crate::format::large::{LARGE_HEADER_BYTES, LargeHeader, LargeName, LargeReference};
use crate::fs::{Fs, OpenMode, read_at_most, write_all_at};
use crate::journal::batch::Batch;
use crate::journal::names::Names;
use crate::journal::place::Places;
use crate::journal::stats::{Counters, count};
use crate::number::{narrow, wide};
use crate::seeded::{Bug, bug};
use crate::sync::atomic::{AtomicBool, Ordering};

/// Files written for a batch that is not in the log yet.
#[derive(Default)]
pub(crate) struct Pending {
    paths: Vec<PathBuf>,
}

impl Pending {
    /// Removes the files again: their batch was refused. What stays behind is removed at the next opening.
    pub fn remove(self, fs: &dyn Fs) {
        for path in self.paths {
            let _ = fs.remove_file(&path);
        }
    }
}

/// Sees to it, once for each engine, that the directory stands on disk. That it is there says nothing: whoever made it
/// may have failed, or died, before its name was synced.
pub(crate) fn make_directory(fs: &dyn Fs, names: &Names, places: &Places, made: &AtomicBool) -> Result<()> {
    if made.load(Ordering::Acquire) {
        return Ok(());
    }
    match fs.create_dir(&places.large) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Error::io("create", &places.large, error));
        }
        _ => {}
    }
    names.sync(fs, &places.root)?;
    made.store(true, Ordering::Release);
    Ok(())
}

/// Writes and syncs the files of a batch's large records and puts references into its frames.
pub(crate) fn write_all(
    fs: &dyn Fs,
    names: &Names,
    places: &Places,
    store: [u8; 16],
    batch: &mut Batch,
    counters: &Counters,
) -> Result<Pending> {
    let mut pending = Pending::default();
    for at in 0..batch.entries.len() {
        let written = match batch.entries.get(at).and_then(|entry| entry.large.as_deref()) {
            Some(payload) => write(fs, places, store, payload, &mut pending),
            None => continue,
        };
        match written {
            Ok(reference) => {
                count(&counters.large_bytes, reference.payload_bytes.saturating_add(wide(LARGE_HEADER_BYTES)));
                refer(batch, at, &reference);
            }
            Err(error) => {
                pending.remove(fs);
                return Err(error);
            }
        }
    }
    if !pending.paths.is_empty() && !bug(Bug::LargeDirectoryNotSynced) {
        if let Err(error) = names.sync(fs, &places.large) {
            pending.remove(fs);
            return Err(error);
        }
        count(&counters.directory_syncs, 1);
    }
    Ok(pending)
}

/// Reads a large record of a journal back.
pub(crate) fn read(fs: &dyn Fs, root: &Path, journal: u32, reference: &[u8]) -> Result<Vec<u8>> {
    let places = &Places::new(root, journal);
    let Some(reference) = LargeReference::decode(reference) else {
        let what = "a reference to a large record has the wrong length".to_owned();
        return Err(Error::Corrupt { path: places.large.clone(), offset: 0, what, streams: Vec::new() });
    };
    let path = path_of(places, reference.id);
    let corrupt = |offset, what: String| Error::Corrupt { path: path.clone(), offset, what, streams: Vec::new() };
    let file = match fs.open(&path, OpenMode::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(corrupt(0, "the file of a large record is missing".to_owned()));
        }
        Err(error) => return Err(Error::io("open", &path, error)),
    };
    let io = |error| Error::io("read", &path, error);
    let length = file.len().map_err(io)?;
    let expected = wide(LARGE_HEADER_BYTES).saturating_add(reference.payload_bytes);
    if length != expected {
        return Err(corrupt(length.min(expected), format!("{length} bytes long, {expected} were written")));
    }
    let mut header = [0; LARGE_HEADER_BYTES];
    read_at_most(&*file, &mut header, 0).map_err(io)?;
    let header = LargeHeader::decode(&header).map_err(|fault| corrupt(0, fault.to_string()))?;
    if header.id != reference.id || header.payload_bytes != reference.payload_bytes {
        return Err(corrupt(0, "the header is another record's".to_owned()));
    }
    let mut payload = vec![0; narrow(reference.payload_bytes).map_err(io)?];
    let read = read_at_most(&*file, &mut payload, wide(LARGE_HEADER_BYTES)).map_err(io)?;
    if read != payload.len() || frame::checksum(&payload) != reference.payload_checksum {
        return Err(corrupt(wide(LARGE_HEADER_BYTES), "the payload fails its checksum".to_owned()));
    }
    Ok(payload)
}

/// Where the record with this id stands.
pub(crate) fn path_of(places: &Places, id: [u8; 16]) -> PathBuf {
    places.large.join(LargeName { journal: places.number, id }.to_string())
}

fn write(
    fs: &dyn Fs,
    places: &Places,
    store: [u8; 16],
    payload: &[u8],
    pending: &mut Pending,
) -> Result<LargeReference> {
    let draw = || fs.random().map_err(|error| Error::io("draw an id in", &places.large, error));
    let (high, low) = (draw()?, draw()?);
    let id = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
    let path = path_of(places, id);
    let io = |op, error| Error::io(op, &path, error);
    let payload_checksum = frame::checksum(payload);
    let payload_bytes = wide(payload.len());
    let header = LargeHeader { payload_checksum, payload_bytes, id, store };
    let file = fs.open(&path, OpenMode::CreateNew).map_err(|error| io("create", error))?;
    pending.paths.push(path.clone());
    write_all_at(&*file, &header.encode(), 0).map_err(|error| io("write", error))?;
    write_all_at(&*file, payload, wide(LARGE_HEADER_BYTES)).map_err(|error| io("write", error))?;
    if !bug(Bug::LargeFileNotSynced) {
        file.sync_data().map_err(|error| io("sync", error))?;
    }
    Ok(LargeReference { id, payload_bytes, payload_checksum })
}

fn refer(batch: &mut Batch, at: usize, reference: &LargeReference) {
    let bytes = reference.encode();
    let Some(entry) = batch.entries.get_mut(at) else { return };
    entry.header.payload_checksum = frame::checksum(&bytes);
    let start = entry.start.saturating_add(frame::FRAME_HEADER_BYTES);
    if let Some(room) = batch.frames.get_mut(start..start.saturating_add(bytes.len())) {
        room.copy_from_slice(&bytes);
    }
    batch.refresh(at);
}
