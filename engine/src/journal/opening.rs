//! Opening a journal for writing: lock, look, make the tail safe, then serve.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::format::large::{LargeName, LargeReference};
use crate::format::mark::MarkSlot;
use crate::format::segment::EpochStart;
use crate::fs::{Fs, Lock, OpenMode, Trust, create_dir_durable, platform};
use crate::id::{Epoch, Sequence};
use crate::journal::build;
use crate::journal::core::Core;
use crate::journal::index::Index;
use crate::journal::mark::MarkPage;
use crate::journal::place::{JOURNAL, Places};
use crate::journal::reader::mark_of;
use crate::journal::shelf::Shelf;
use crate::journal::state::State;
use crate::journal::stats::Counters;
use crate::journal::tail::Tail;
use crate::journal::{revive, scan};
use crate::lock::Owner;
use crate::recover::log::{Log, Scan};
use crate::recover::resolve::resolve;
use crate::recover::walk::Piece;
use crate::seeded::{Bug, bug};
use crate::store_format;

/// Opens the journal of the store at `root`, making the store if there is none.
pub(crate) fn open(fs: Arc<dyn Fs>, root: &Path, config: Config) -> Result<(Core, Box<dyn Lock>)> {
    config.validate()?;
    let places = Places::new(root);
    make_directory(&*fs, root, &places.format())?;
    make_directory(&*fs, &places.large, &places.format())?;
    check_trust(&*fs, root, &config)?;
    let store = store_format::open_or_create(&*fs, &places, &config)?.store;
    make_directory(&*fs, &places.journal, &places.lock())?;
    // A killed predecessor may have made FORMAT without the sync of its name: what is to be acknowledged stands on it.
    fs.sync_dir(root).map_err(|error| Error::io("sync directory", root, error))?;
    let lock = take_lock(&*fs, &places, &config)?;
    let (mark, slot) = MarkPage::open(&*fs, &places, store)?;
    let scans = scan::scan(&*fs, &places, Some(store))?;
    let log = resolve(&scans, slot.as_ref().filter(|_| !bug(Bug::MarkIgnoredAtRecovery)).map(mark_of), None);
    let block_bytes = fs.block_bytes(&places.journal).map_err(|error| Error::io("inspect", &places.journal, error))?;
    let shelf = Shelf::new(Arc::clone(&fs), places.clone(), store, block_bytes, log.number);
    let mut tail = new_tail(&fs, &places, store, block_bytes, &config, &log, slot.as_ref());
    let counters = Counters::default();
    let mut index = build::index(&scans, &log, &places, false);
    if log.last > log.witness && !bug(Bug::PageCacheTrustedAtRecovery) {
        let upto = next_sequence(&log).before();
        let offsets = revive::copy_tail(&mut tail, &scans, &log, upto, &shelf, &counters)?;
        index.move_tail(&tail, log.witness, &offsets);
    }
    mark.publish(tail.epoch, next_sequence(&log).before());
    sweep(&*fs, &places, &scans, &log)?;
    let state = State::new(index, next_sequence(&log));
    let mut core = Core::new(fs, places, store, config, state, tail, shelf, mark);
    core.counters = counters;
    Ok((core, lock))
}

/// The sequence that the next record gets: above everything found, and above what is known to be lost.
fn next_sequence(log: &Log) -> Sequence {
    let lost = log.damage.iter().map(build::last_of).max().unwrap_or_default();
    log.last.max(log.witness).max(lost).plus(1)
}

fn new_tail(
    fs: &Arc<dyn Fs>,
    places: &Places,
    store: [u8; 16],
    block_bytes: u32,
    config: &Config,
    log: &Log,
    slot: Option<&MarkSlot>,
) -> Tail {
    let next = next_sequence(log);
    let unwitnessed = log.last > log.witness && !bug(Bug::PageCacheTrustedAtRecovery);
    let late = u64::from(bug(Bug::StartSequenceOffByOne));
    let start = EpochStart {
        start_sequence: if unwitnessed { log.witness.plus(1) } else { next.plus(late) },
        recovered_upto: if unwitnessed { next.before() } else { Sequence(0) },
        start_checksum: log.chain_at_witness,
    };
    let seen = log.epoch.max(slot.map_or(Epoch(0), |slot| slot.epoch));
    Tail {
        fs: Arc::clone(fs),
        places: places.clone(),
        store,
        block_bytes,
        segment_bytes_max: config.segment_bytes_max,
        active: None,
        left_dirty: Vec::new(),
        epoch: Epoch(seen.0.saturating_add(1)),
        start: Some(start),
        chain: log.chain_at_witness,
        chain_records: log.chain_at_witness,
        chain_durable: log.chain_at_witness,
        written: next.before(),
        witnessed: next.before(),
        created_ms: config.clock.now_ms(),
        next_prepared_bytes: config.segment_bytes_min,
    }
}

/// Makes a directory durably, unless it holds `witness`, a file that is only ever made in a durable one: syncing
/// every directory above costs too much for each opening.
fn make_directory(fs: &dyn Fs, path: &Path, witness: &Path) -> Result<()> {
    if fs.open(witness, OpenMode::Read).is_ok() {
        return Ok(());
    }
    create_dir_durable(fs, path).map_err(|error| Error::io("create", path, error))
}

fn check_trust(fs: &dyn Fs, root: &Path, config: &Config) -> Result<()> {
    match fs.trust(root).map_err(|error| Error::io("inspect", root, error))? {
        Trust::Doubtful(kind) if !config.allow_untrusted => Err(Error::Untrusted {
            path: root.to_owned(),
            kind,
            advice: "keep the store on a local disk, or set allow_untrusted if you accept the risk",
        }),
        _ => Ok(()),
    }
}

fn take_lock(fs: &dyn Fs, places: &Places, config: &Config) -> Result<Box<dyn Lock>> {
    let path = places.lock();
    match fs.try_lock(&path).map_err(|error| Error::io("lock", &path, error))? {
        None => Err(Error::Locked { owner: Box::new(read_owner(fs, &path)), path: places.journal.clone() }),
        Some(lock) => {
            let boot = fs.boot_id().map_err(|error| Error::io("tell the boot id for", &path, error))?;
            let owner = Owner {
                pid: std::process::id(),
                host: platform::host_name(),
                client: config.client.clone(),
                since_ms: config.clock.now_ms(),
                boot: boot.iter().map(|byte| format!("{byte:02x}")).collect(),
            };
            // For people only: a full disk must not keep a store from being opened.
            let _ = lock.describe(&owner.to_text());
            Ok(lock)
        }
    }
}

fn read_owner(fs: &dyn Fs, path: &Path) -> Owner {
    let bytes = crate::fs::read_file(fs, path).unwrap_or_default();
    Owner::from_text(&String::from_utf8_lossy(&bytes))
}

/// Removes what a crash left behind: runs that never counted, spares and files without groups,
/// large files that no record names. Nothing here is part of the log.
fn sweep(fs: &dyn Fs, places: &Places, scans: &[Scan], log: &Log) -> Result<()> {
    for id in &log.left_out {
        let path = places.segment(*id);
        fs.remove_file(&path).map_err(|error| Error::io("remove", &path, error))?;
    }
    if !log.left_out.is_empty() {
        fs.sync_dir(&places.journal).map_err(|error| Error::io("sync directory", &places.journal, error))?;
    }
    sweep_large(fs, places, scans, log)
}

fn sweep_large(fs: &dyn Fs, places: &Places, scans: &[Scan], log: &Log) -> Result<()> {
    let files = match fs.read_dir(&places.large) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("list", &places.large, error)),
    };
    let ours =
        files.into_iter().filter_map(|entry| LargeName::parse(&entry.name)).filter(|name| name.journal == JOURNAL);
    let found: Vec<LargeName> = ours.collect();
    // With damage about, a file whose record cannot be read may still be the only copy: leave all.
    if found.is_empty() || !log.damage.is_empty() {
        return Ok(());
    }
    let named = named_large(fs, places, scans, log)?;
    for name in found.into_iter().filter(|name| !named.contains(&name.id)) {
        let path = places.large.join(name.to_string());
        fs.remove_file(&path).map_err(|error| Error::io("remove", &path, error))?;
    }
    Ok(())
}

/// The ids of every large record that any frame of any segment names. Segments left out are gone by now, and what a copy
/// in them named is named by the original.
fn named_large(fs: &dyn Fs, places: &Places, scans: &[Scan], log: &Log) -> Result<HashSet<[u8; 16]>> {
    let mut named = HashSet::new();
    for scan in scans.iter().filter(|scan| !log.left_out.contains(&scan.id)) {
        let mut window = crate::journal::window::Window::new();
        let path = places.segment(scan.id);
        let frames = scan.walk.pieces.iter().filter_map(|piece| match piece {
            Piece::Group(group) => Some(&group.frames),
            Piece::Gap(_) => None,
        });
        for frame in frames.flatten().filter(|frame| frame.header.large) {
            let place = crate::journal::index::SegmentPlace { id: scan.id, path: path.clone() };
            window.enter(fs, 0, || Some(place))?;
            let length = usize::try_from(frame.header.payload_bytes).unwrap_or(0);
            if let Some(reference) = LargeReference::decode(window.get(frame.payload_offset, length)?) {
                named.insert(reference.id);
            }
        }
    }
    Ok(named)
}

impl Index {
    /// Points the index at the copies of the groups above the witness.
    fn move_tail(&mut self, tail: &Tail, witness: Sequence, offsets: &[u64]) {
        let Some(active) = tail.active.as_ref() else { return };
        self.segments.push(crate::journal::index::SegmentPlace { id: active.id, path: active.path.clone() });
        let segment = u32::try_from(self.segments.len().saturating_sub(1)).ok();
        let moved = self.groups.iter_mut().filter(|group| group.last_sequence > witness);
        for (group, offset) in moved.zip(offsets) {
            group.segment = segment;
            group.offset = *offset;
        }
    }
}
