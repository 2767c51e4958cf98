//! The machine's file system as one of the racing processes sees it: every call that others can notice is a step.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::fs::{DirEntry, File, Fs, Lock, OpenMode, RangeLocks, SharedPage, Trust};

use super::board::{Board, Files, Noted};
use super::disk_locks::{WatchedLock, WatchedRanges};
use super::touch::{Thing, Touches, blocks, changes, hash_of, reads};

/// One process's file system.
#[derive(Clone)]
pub struct Watched {
    inner: SimFs,
    pub(super) seat: Seat,
}

/// A process's place at the board.
#[derive(Clone)]
pub(super) struct Seat {
    pub(super) board: Arc<Board>,
    pub(super) actor: usize,
}

/// An open file, by its number, and the directory that it is in.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) file: u64,
    pub(super) folder: PathBuf,
}

impl Watched {
    /// That of the process with this number.
    pub fn new(inner: SimFs, board: Arc<Board>, actor: usize) -> Watched {
        Watched { inner, seat: Seat { board, actor } }
    }

    /// A step with names: what it would touch, and what it does.
    fn names<T>(
        &self,
        asked: (&'static str, &Path),
        touches: impl Fn(&SimFs, &Files) -> Touches + Send + 'static,
        act: impl FnOnce(&SimFs, &mut Files, usize) -> io::Result<(T, u64)>,
    ) -> io::Result<T> {
        let inner = self.inner.clone();
        self.seat.board.step(
            self.seat.actor,
            move |files| touches(&inner, files),
            |files, actor| {
                let result = act(&self.inner, files, actor);
                let answer = result.as_ref().map(|(_, answer)| *answer).map_err(io::Error::kind);
                let noted = Noted { answer: hash_of((asked, answer)), ..Noted::default() };
                (result.map(|(result, _)| result), noted)
            },
        )
    }

    /// Opens what may have to be made.
    fn open_or_make<T>(
        &self,
        what: &'static str,
        path: &Path,
        open: impl FnOnce(&SimFs) -> io::Result<T>,
        answer: impl FnOnce(&T) -> u64,
    ) -> io::Result<(T, Place)> {
        let at = path.to_owned();
        let locks = what == "lock";
        let touches = move |inner: &SimFs, files: &Files| {
            let file = files.at(&at);
            if is_there(inner, &at) {
                let lock = locks.then(|| changes(Thing::Lock(file)));
                return [reads(Thing::Name(&at)), reads(Thing::Length(file))].into_iter().chain(lock).collect();
            }
            making(&at)
        };
        self.names((what, path), touches, |inner, files, actor| {
            let is_new = !is_there(inner, path);
            let opened = open(inner)?;
            if is_new {
                files.make(path, actor);
            }
            let place = Place::of(path, files);
            let answer = hash_of((place.file, answer(&opened)));
            Ok(((opened, place), answer))
        })
    }
}

pub(super) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn hash_of_words(page: &Arc<dyn SharedPage>) -> u64 {
    page.words() as u64
}

fn is_there(inner: &SimFs, path: &Path) -> bool {
    match inner.open(path, OpenMode::Read) {
        Ok(_) => true,
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// What making, removing or replacing a name changes.
fn making(path: &Path) -> Touches {
    vec![changes(Thing::Name(path)), changes(Thing::Names(parent(path))), changes(Thing::Lengths(parent(path)))]
}

impl Place {
    fn of(path: &Path, files: &Files) -> Place {
        Place { file: files.at(path), folder: parent(path).to_owned() }
    }

    /// What a change of a file's length changes, beside blocks.
    fn lengthening(&self) -> Touches {
        vec![changes(Thing::Length(self.file)), changes(Thing::Lengths(&self.folder))]
    }
}

struct WatchedFile {
    inner: Arc<dyn File>,
    seat: Seat,
    place: Place,
}

fn hashes(blocks: impl Iterator<Item = Thing<'static>>) -> Vec<u64> {
    blocks.map(hash_of).collect()
}

impl File for WatchedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let (file, bytes, inner) = (self.place.file, buffer.len(), Arc::clone(&self.inner));
        let touches = move |_: &Files| {
            let is_short = inner.len().is_ok_and(|length| offset + bytes as u64 > length);
            let length = is_short.then(|| reads(Thing::Length(file)));
            blocks(file, offset, bytes).map(reads).chain(length).collect()
        };
        self.seat.board.step(self.seat.actor, touches, |_, _| {
            let result = self.inner.read_at(buffer, offset);
            let answer = hash_of(("read", file, offset, bytes, result.as_ref().ok()));
            (result, Noted { answer, read: hashes(blocks(file, offset, bytes)), written: Vec::new() })
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let (place, count, inner) = (self.place.clone(), bytes.len(), Arc::clone(&self.inner));
        let touches = move |_: &Files| {
            let length = inner.len().unwrap_or(0);
            let end = offset + count as u64;
            let from = offset.min(length);
            let written = blocks(place.file, from, (end - from) as usize).map(changes);
            written.chain(if end > length { place.lengthening() } else { Vec::new() }).collect()
        };
        self.seat.board.step(self.seat.actor, touches, |_, _| {
            let length = self.inner.len().unwrap_or(0);
            let from = offset.min(length);
            let written = hashes(blocks(self.place.file, from, (offset - from) as usize + count));
            let result = self.inner.write_at(bytes, offset);
            let answer = hash_of(("write", self.place.file, offset, count, length, result.as_ref().ok()));
            (result, Noted { answer, read: Vec::new(), written })
        })
    }

    /// Seen by nobody without a crash: no step.
    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        let file = self.place.file;
        self.seat.board.step(
            self.seat.actor,
            move |_| vec![reads(Thing::Length(file))],
            |_, _| {
                let result = self.inner.len();
                let answer = hash_of(("length", file, result.as_ref().ok()));
                (result, Noted { answer, ..Noted::default() })
            },
        )
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let (place, inner) = (self.place.clone(), Arc::clone(&self.inner));
        let touches = move |_: &Files| {
            let most = inner.len().unwrap_or(0).max(bytes);
            blocks(place.file, 0, most as usize).map(changes).chain(place.lengthening()).collect()
        };
        self.seat.board.step(self.seat.actor, touches, |_, _| {
            let length = self.inner.len().unwrap_or(0);
            let (from, to) = (length.min(bytes), length.max(bytes));
            let written = hashes(blocks(self.place.file, from, (to - from) as usize));
            let result = self.inner.set_len(bytes);
            let answer = hash_of(("cut", self.place.file, bytes, length, result.is_ok()));
            (result, Noted { answer, read: Vec::new(), written })
        })
    }
}

struct WatchedPage {
    inner: Arc<dyn SharedPage>,
    seat: Seat,
    file: u64,
}

impl SharedPage for WatchedPage {
    fn words(&self) -> usize {
        self.inner.words()
    }

    fn load(&self, index: usize) -> u64 {
        let file = self.file;
        self.seat.board.follow(
            self.seat.actor,
            (file, false, index),
            move |_| vec![reads(Thing::Page(file))],
            || {
                let word = self.inner.load(index);
                (word, Noted { answer: hash_of(("load", file, index, word)), ..Noted::default() })
            },
        )
    }

    fn store(&self, index: usize, value: u64) {
        let (file, block) = (self.file, Thing::Block(self.file, index as u64 / 512));
        let touches = move |_: &Files| vec![changes(Thing::Page(file)), changes(block)];
        self.seat.board.follow(self.seat.actor, (file, true, index), touches, || {
            let before = self.inner.load(index);
            self.inner.store(index, value);
            let answer = hash_of(("store", file, index, value, before));
            ((), Noted { answer, read: Vec::new(), written: vec![hash_of(block)] })
        });
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

impl Fs for Watched {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let at = path.to_owned();
        let is_new = mode == OpenMode::CreateNew;
        let touches = move |_: &SimFs, _: &Files| if is_new { making(&at) } else { vec![reads(Thing::Name(&at))] };
        let (inner, place) = self.names(("open", path), touches, |inner, files, actor| {
            let opened = inner.open(path, mode)?;
            if is_new {
                files.make(path, actor);
            }
            let place = Place::of(path, files);
            let file = place.file;
            Ok(((opened, place), file))
        })?;
        Ok(Arc::new(WatchedFile { inner, seat: self.seat.clone(), place }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let at = path.to_owned();
        self.names(("make", path), move |_, _| making(&at), |inner, _, _| inner.create_dir(path).map(|()| ((), 0)))
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let at = path.to_owned();
        let touches = move |_: &SimFs, _: &Files| vec![reads(Thing::Names(&at)), reads(Thing::Lengths(&at))];
        self.names(("list", path), touches, |inner, files, _| {
            let mut entries = inner.read_dir(path)?;
            entries.sort_by(|one, other| one.name.cmp(&other.name));
            let seen: Vec<_> = entries.iter().map(|entry| (files.at(&path.join(&entry.name)), entry.bytes)).collect();
            Ok((entries, hash_of(seen)))
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (one, other) = (from.to_owned(), to.to_owned());
        let touches = move |_: &SimFs, _: &Files| [making(&one), making(&other)].concat();
        self.names(("rename", to), touches, |inner, files, _| {
            let before = hash_of((files.at(from), files.at(to)));
            inner.rename(from, to)?;
            files.rename(from, to);
            Ok(((), before))
        })
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let at = path.to_owned();
        self.names(
            ("remove", path),
            move |_, _| making(&at),
            |inner, files, _| {
                let before = files.at(path);
                inner.remove_file(path)?;
                files.remove(path);
                Ok(((), before))
            },
        )
    }

    /// Seen by nobody without a crash: no step.
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.sync_dir(path)
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        let (inner, place) =
            self.open_or_make("lock", path, |inner| inner.try_lock(path), |taken| u64::from(taken.is_some()))?;
        let seat = self.seat.clone();
        Ok(inner.map(|inner| Box::new(WatchedLock { inner: Some(inner), seat, place }) as Box<dyn Lock>))
    }

    fn range_locks(&self, path: &Path) -> io::Result<Arc<dyn RangeLocks>> {
        let (inner, place) = self.open_or_make("ranges", path, |inner| inner.range_locks(path), |_| 0)?;
        Ok(Arc::new(WatchedRanges::new(inner, self.seat.clone(), place.file)))
    }

    fn range_locks_read(&self, path: &Path) -> io::Result<Arc<dyn RangeLocks>> {
        let (inner, place) = self.open_or_make("ask", path, |inner| inner.range_locks_read(path), |_| 0)?;
        Ok(Arc::new(WatchedRanges::new(inner, self.seat.clone(), place.file)))
    }

    fn shared_page(&self, path: &Path, bytes: u64) -> io::Result<Arc<dyn SharedPage>> {
        let (inner, place) = self.open_or_make("page", path, |inner| inner.shared_page(path, bytes), hash_of_words)?;
        Ok(Arc::new(WatchedPage { inner, seat: self.seat.clone(), file: place.file }))
    }

    fn shared_page_read(&self, path: &Path) -> io::Result<Arc<dyn SharedPage>> {
        let (inner, place) = self.open_or_make("look", path, |inner| inner.shared_page_read(path), hash_of_words)?;
        Ok(Arc::new(WatchedPage { inner, seat: self.seat.clone(), file: place.file }))
    }

    fn boot_id(&self) -> io::Result<[u8; 16]> {
        self.inner.boot_id()
    }

    fn trust(&self, path: &Path) -> io::Result<Trust> {
        self.inner.trust(path)
    }

    fn block_bytes(&self, path: &Path) -> io::Result<u32> {
        self.inner.block_bytes(path)
    }

    fn random(&self) -> io::Result<u64> {
        Ok(self.seat.board.random(self.seat.actor))
    }
}
