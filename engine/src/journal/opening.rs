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
use crate::fs::{Fs, Lock, Trust, ranges};
use crate::id::{Epoch, SegmentId, Sequence};
use crate::journal::build;
use crate::journal::claim::{self, Claim, Roster, Signs, make_directory};
use crate::journal::core::Core;
use crate::journal::foreign::{Foreign, mark_of};
use crate::journal::index::Index;
use crate::journal::mark::MarkPage;
use crate::journal::names::Names;
use crate::journal::place::{self, Places};
use crate::journal::shelf::Shelf;
use crate::journal::state::State;
use crate::journal::stats::Counters;
use crate::journal::tail::Tail;
use crate::journal::{revive, scan};
use crate::lease::Leases;
use crate::recover::log::{Base, Log, Scan};
use crate::recover::resolve::resolve;
use crate::recover::walk::Piece;
use crate::sealed::{OnDamage, Sealed};
use crate::seeded::{Bug, bug};
use crate::store_format;

/// A store opened for writing.
pub(crate) struct Opened {
    pub core: Core,
    pub lock: Box<dyn Lock>,
    pub signs: Signs,
    /// `None` in a store of one journal.
    pub leases: Option<Leases>,
    pub roster: Roster,
}

/// Opens the store at `root` for writing, making it if there is none: claims a journal and reads the others.
///
/// Leases that are handed in are the process's own, of an engine that was closed.
pub(crate) fn open(fs: Arc<dyn Fs>, root: &Path, config: Config, leases: Option<Leases>) -> Result<Opened> {
    config.validate()?;
    let places = Places::new(root, 0);
    check_trust(&*fs, root, &config)?;
    make_directory(&*fs, root, &places.format())?;
    store_format::check_place(&*fs, &places)?;
    make_directory(&*fs, &places.large, &places.format())?;
    let store = store_format::open_or_create(&*fs, &places, &config)?.store;
    let leases = leases_for(&fs, root, &config, leases)?;
    let alone = leases.clone();
    let _alone = alone.as_ref().map(Leases::alone);
    let claimed = claim::claim(&*fs, root, &config, leases.as_ref())?;
    // Whoever comes from now on finds the lock held, without a sign of life. Who came before holds leases: so must we.
    if leases.is_none()
        && let Some(leases) = leases_for(&fs, root, &config, None)?
    {
        drop(claimed);
        return open(fs, root, config, Some(leases));
    }
    let Claim { places, lock, signs } = claimed;
    let own = places.number;
    let core = open_behind_sealed(&fs, places, store, config)?;
    signs.alive(&core.places)?;
    if let Some(leases) = &leases {
        leases.move_to(own)?;
    }
    let numbers = place::journals(&*fs, root)?;
    let roster = Roster::open(&*fs, root, &numbers)?;
    load_others(&core, numbers)?;
    roster.announce(core.state.lock().sealed.generation());
    Ok(Opened { core, lock, signs, leases, roster })
}

/// Makes the names of FORMAT and of the manifest durable.
pub(super) fn sync_root(fs: &dyn Fs, root: &Path) -> Result<()> {
    fs.sync_dir(root).map_err(|error| Error::io("sync directory", root, error))
}

/// Recovers a journal whose lock is held from where the sealed segments end.
fn open_behind_sealed(fs: &Arc<dyn Fs>, places: Places, store: [u8; 16], config: Config) -> Result<Core> {
    loop {
        let sealed = Sealed::load(&**fs, &places.root, store, None, OnDamage::Recover)?;
        // Somebody may have been killed between naming FORMAT, or the manifest just read, and the sync of that name: what
        // is to be acknowledged stands on both.
        sync_root(&**fs, &places.root)?;
        let base = sealed.base(places.number);
        let opened = open_journal(Arc::clone(fs), places.clone(), store, config.clone(), base, Arc::clone(&sealed));
        // Somebody who took the journal for alive may have sealed more of it, and removed what was to be read: then it may
        // look damaged, or cannot be read. What was read whole is right whatever was sealed.
        let is_sound = opened.as_ref().is_ok_and(|core| core.state.lock().index.damage.is_empty());
        if is_sound || sealed.is_current(&**fs, &places.root, store)? {
            return opened;
        }
    }
}

/// Reads the other journals from where the sealed segments end.
fn load_others(core: &Core, mut numbers: Vec<u32>) -> Result<()> {
    let (fs, root) = (&*core.fs, &core.places.root);
    numbers.retain(|number| *number != core.places.number);
    loop {
        let sealed = Arc::clone(&core.state.lock().sealed);
        let load =
            |number: &u32| Foreign::load(fs, Places::new(root, *number), Some(core.store), sealed.base(*number), false);
        let others = numbers.iter().map(load).collect::<Result<Vec<Foreign>>>();
        if sealed.is_current(fs, root, core.store)? {
            core.state.lock().foreign = others?;
            return Ok(());
        }
        core.renew_sealed()?;
    }
}

/// The leases to hold: none in a store that was never open to several writers, and is not to be now.
fn leases_for(fs: &Arc<dyn Fs>, root: &Path, config: &Config, leases: Option<Leases>) -> Result<Option<Leases>> {
    match leases {
        // Where ranges cannot be locked, the one journal's lock excludes all others.
        None if !ranges::SUPPORTED => Ok(None),
        None if config.journals_max > 1 => Leases::open(Arc::clone(fs), root).map(Some),
        None => Leases::open_existing(fs, root),
        leases => Ok(leases),
    }
}

/// Recovers a journal whose lock is held, from its base on, and makes it ready to be written.
pub(crate) fn open_journal(
    fs: Arc<dyn Fs>,
    places: Places,
    store: [u8; 16],
    config: Config,
    base: Option<Base>,
    sealed: Arc<Sealed>,
) -> Result<Core> {
    let (mark, slot) = MarkPage::open(&*fs, &places, store)?;
    let scans = scan::scan(&*fs, &places, Some(store), base)?;
    let log = resolve(&scans, slot.as_ref().filter(|_| !bug(Bug::MarkIgnoredAtRecovery)).map(mark_of), None);
    let block_bytes = fs.block_bytes(&places.journal).map_err(|error| Error::io("inspect", &places.journal, error))?;
    let names = Arc::<Names>::default();
    let shelf = Shelf::new(Arc::clone(&fs), Arc::clone(&names), places.clone(), store, block_bytes, log.number);
    let mut tail = new_tail(&fs, &names, &places, store, block_bytes, &config, &log, slot.as_ref());
    let counters = Counters::default();
    let mut index = build::index(&scans, &log, &places, false);
    if log.last > log.witness && !bug(Bug::PageCacheTrustedAtRecovery) {
        let upto = next_sequence(&log).before();
        let offsets = revive::copy_tail(&mut tail, &scans, &log, upto, &shelf, &counters)?;
        index.move_tail(&tail, log.witness, &offsets);
    }
    mark.publish(tail.epoch, next_sequence(&log).before());
    if slot.map_or(scans.iter().any(|scan| scan.base.is_none()), |slot| !slot.closed) {
        settle(&*fs, &names, &places, &mark)?;
    }
    sweep(&*fs, &places, base, &scans, &log)?;
    let state = State::new(places.number, index, next_sequence(&log), sealed);
    let mut core = Core::new(fs, names, places, store, config, state, tail, shelf, mark);
    core.counters = counters;
    Ok(core)
}

/// Makes it durable that the epochs before go no further than was found. What a dead writer gave up may have been taken back
/// in the page cache only; whoever continues its streams in another journal supersedes nothing in this one.
fn settle(fs: &dyn Fs, names: &Names, places: &Places, mark: &MarkPage) -> Result<()> {
    mark.sync().map_err(|error| Error::io("sync", &places.mark(), error))?;
    names.sync(fs, &places.journal)
}

/// The sequence that the next record gets: above everything found, and above what is known to be lost.
fn next_sequence(log: &Log) -> Sequence {
    let lost = log.damage.iter().map(build::last_of).max().unwrap_or_default();
    log.last.max(log.witness).max(lost).plus(1)
}

#[allow(clippy::too_many_arguments, reason = "the parts of a writer's end, each of its own type")]
fn new_tail(
    fs: &Arc<dyn Fs>,
    names: &Arc<Names>,
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
        names: Arc::clone(names),
        places: places.clone(),
        store,
        block_bytes,
        segment_bytes_max: config.segment_bytes_max,
        active: None,
        last_number: None,
        left_dirty: Vec::new(),
        durable_end: None,
        given_up: Vec::new(),
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

fn check_trust(fs: &dyn Fs, root: &Path, config: &Config) -> Result<()> {
    match fs.trust(root).map_err(|error| Error::io("inspect", root, error))? {
        Trust::Doubtful(kind) if !config.allow_untrusted => Err(Error::Untrusted {
            path: root.to_owned(),
            kind,
            advice: "keep the store on a local disk, or accept the risk (Config::allow_untrusted; on the command line \
                     --allow-untrusted)",
        }),
        _ => Ok(()),
    }
}

/// Removes what a crash left behind: runs that never counted, spares and files without groups, large files that no record
/// names. Nothing here is part of the log.
///
/// Segments that were sealed stay: the manifest that says so may not be durable, and only whoever holds MAINTENANCE makes sure.
fn sweep(fs: &dyn Fs, places: &Places, base: Option<Base>, scans: &[Scan], log: &Log) -> Result<()> {
    for id in &log.left_out {
        let path = places.segment(*id);
        fs.remove_file(&path).map_err(|error| Error::io("remove", &path, error))?;
    }
    if !log.left_out.is_empty() {
        fs.sync_dir(&places.journal).map_err(|error| Error::io("sync directory", &places.journal, error))?;
    }
    // Nor do the files that their records name.
    let is_sealed = |id: &SegmentId| base.is_some_and(|base| id.number <= base.segments_upto);
    if base.is_some() && scan::segments(fs, places)?.iter().any(|(id, _)| is_sealed(id)) {
        return Ok(());
    }
    sweep_large(fs, places, scans, log)
}

fn sweep_large(fs: &dyn Fs, places: &Places, scans: &[Scan], log: &Log) -> Result<()> {
    let files = match fs.read_dir(&places.large) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("list", &places.large, error)),
    };
    let ours = files
        .into_iter()
        .filter_map(|entry| LargeName::parse(&entry.name))
        .filter(|name| name.journal == places.number);
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
        let place = places.segment_place(scan.id);
        let frames = scan.walk.pieces.iter().filter_map(|piece| match piece {
            Piece::Group(group) => Some(&group.frames),
            Piece::Gap(_) => None,
        });
        for frame in frames.flatten().filter(|frame| frame.header.large) {
            window.enter(fs, &place)?;
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
        self.segments.push(tail.places.segment_place(active.id));
        let segment = u32::try_from(self.segments.len().saturating_sub(1)).ok();
        let moved = self.groups.iter_mut().filter(|group| group.last_sequence > witness);
        for (group, offset) in moved.zip(offsets) {
            group.segment = segment;
            group.offset = *offset;
        }
    }
}
