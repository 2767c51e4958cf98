//! Reading a bundle: checked whole, or record by record.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use threadlog_engine::RECORD_BYTES_MAX;
use threadlog_engine::number::{size, wide};
use threadlog_engine::seeded::{Bug, bug};

use crate::bundle::format::{
    Entry, HEADER_BYTES, Header, LIFE_ENTRY_BYTES, LifeEntry, RECORD_ENTRY_BYTES, ROW_BYTES, RecordEntry, Row, TAG_END,
    TAG_LIFE, TAG_RECORD, TRAILER_BYTES, TRAILER_HASHED_BYTES, Trailer,
};
use crate::error::{BundleFault, Error, Result};
use crate::progress::Progress;

/// How much is read at once.
const STEP_BYTES: usize = 1 << 20;

/// What a bundle has.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Contents {
    /// Where it is from, and since when.
    pub header: Header,
    /// Its lives, each behind what it stands on.
    pub lives: Vec<Row>,
    /// Length of the file.
    pub bytes: u64,
}

/// Checks every byte of a bundle: the hash of the whole, the hash of each life, and that it is made as it should be.
///
/// *Cost:* reads it twice. *Memory:* the longest record.
///
/// # Errors
/// [`Error::Bundle`] says what is wrong; [`Error::Io`]; [`Error::Stopped`].
pub fn verify(path: &Path, progress: &dyn Progress) -> Result<Contents> {
    let contents = check_bytes(path, progress)?;
    let mut reader = Reader::open(path)?;
    let mut rows = contents.lives.iter();
    let mut open: Option<Checking<'_>> = None;
    loop {
        if progress.stop() {
            return Err(Error::Stopped);
        }
        let entry = reader.next()?;
        if !matches!(entry, Entry::Record(_))
            && let Some(checking) = open.take()
        {
            checking.end().map_err(|fault| reader.fault(fault))?;
        }
        match (entry, &mut open) {
            (Entry::End, _) => break,
            (Entry::Life(life), _) => {
                let row = rows.next().ok_or_else(|| reader.fault(BundleFault::Shape("a life too many")))?;
                open = Some(Checking::begin(row, life, &reader).map_err(|fault| reader.fault(fault))?);
            }
            (Entry::Record(record), Some(checking)) => {
                checking.record(record, &reader).map_err(|fault| reader.fault(fault))?;
            }
            (Entry::Record(_), None) => return Err(reader.fault(BundleFault::Shape("a record of no life"))),
        }
    }
    if rows.next().is_some() {
        return Err(reader.fault(BundleFault::Shape("a life is missing")));
    }
    Ok(contents)
}

/// A life that is being checked against its row.
struct Checking<'a> {
    row: &'a Row,
    life: LifeEntry,
    hasher: blake3::Hasher,
    items: u64,
    controls: u64,
    payload_bytes: u64,
}

impl<'a> Checking<'a> {
    fn begin(row: &'a Row, life: LifeEntry, reader: &Reader) -> Result<Checking<'a>, BundleFault> {
        if row.key != life.key || row.is_base != life.is_base {
            return Err(BundleFault::Shape("its table names other lives"));
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&reader.raw);
        Ok(Checking { row, life, hasher, items: 0, controls: 0, payload_bytes: 0 })
    }

    fn record(&mut self, record: RecordEntry, reader: &Reader) -> Result<(), BundleFault> {
        // How it began comes first.
        if !record.is_control && self.controls == 0 {
            return Err(BundleFault::Shape("a life without a beginning"));
        }
        let next = if record.is_control { &mut self.controls } else { &mut self.items };
        if record.ordinal != *next {
            return Err(BundleFault::Shape("a record is not where it should be"));
        }
        *next = next.saturating_add(1);
        self.payload_bytes = self.payload_bytes.saturating_add(wide(reader.payload.len()));
        self.hasher.update(&reader.raw).update(&reader.payload);
        Ok(())
    }

    fn end(self) -> Result<(), BundleFault> {
        if *self.hasher.finalize().as_bytes() != self.row.blake3 {
            return Err(BundleFault::Life(self.row.key));
        }
        let records = self.items.saturating_add(self.controls);
        let sound = self.items == self.life.items
            && self.controls > 0
            && (records, self.payload_bytes) == (self.row.records, self.row.payload_bytes);
        if sound { Ok(()) } else { Err(BundleFault::Shape("a life has not the records that it says")) }
    }
}

/// Checks the hash of the whole, and reads header and table.
fn check_bytes(path: &Path, progress: &dyn Progress) -> Result<Contents> {
    let fault = |fault| Error::Bundle { path: path.to_owned(), fault };
    let io = |error| Error::io("read", path)(error);
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let bytes = file.metadata().map_err(io)?.len();
    progress.planned(1, bytes);
    let mut head = vec![0; HEADER_BYTES];
    read_or(&mut file, &mut head).map_err(io)?.ok_or_else(|| fault(BundleFault::NoBundle))?;
    let header = Header::decode(&head).map_err(fault)?;
    let trailer_at = bytes.checked_sub(wide(TRAILER_BYTES)).ok_or_else(|| fault(BundleFault::Short))?;
    file.seek(SeekFrom::Start(trailer_at)).map_err(io)?;
    let mut tail = vec![0; TRAILER_BYTES];
    read_or(&mut file, &mut tail).map_err(io)?.ok_or_else(|| fault(BundleFault::Short))?;
    let trailer = Trailer::decode(&tail).map_err(fault)?;
    let hashed = trailer_at.saturating_add(wide(TRAILER_HASHED_BYTES));
    if hash(&mut file, hashed, progress).map_err(io)?.ok_or(Error::Stopped)? != trailer.blake3
        && !bug(Bug::BundleHashNotChecked)
    {
        return Err(fault(BundleFault::Hash));
    }
    let table_bytes = u64::from(trailer.lives).saturating_mul(wide(ROW_BYTES));
    if trailer.table_offset.checked_add(table_bytes) != Some(trailer_at) || trailer.table_offset < wide(HEADER_BYTES) {
        return Err(fault(BundleFault::Shape("its table is not where it should be")));
    }
    file.seek(SeekFrom::Start(trailer.table_offset)).map_err(io)?;
    let mut lives = Vec::new();
    let mut row = vec![0; ROW_BYTES];
    for _ in 0..trailer.lives {
        read_or(&mut file, &mut row).map_err(io)?.ok_or_else(|| fault(BundleFault::Short))?;
        lives.push(Row::decode(&row).map_err(fault)?);
    }
    Ok(Contents { header, lives, bytes })
}

/// BLAKE3 of the first bytes; `None` if it was stopped.
fn hash(file: &mut File, bytes: u64, progress: &dyn Progress) -> io::Result<Option<[u8; 32]>> {
    file.seek(SeekFrom::Start(0))?;
    let mut rest = Read::take(file, bytes);
    let (mut hasher, mut room) = (blake3::Hasher::new(), vec![0; STEP_BYTES]);
    loop {
        let read = rest.read(&mut room)?;
        if read == 0 {
            return Ok(Some(*hasher.finalize().as_bytes()));
        }
        hasher.update(room.get(..read).unwrap_or_default());
        progress.advanced(wide(read));
        if progress.stop() {
            return Ok(None);
        }
    }
}

/// Fills the room; `None` if there are fewer bytes.
fn read_or(file: &mut impl Read, room: &mut [u8]) -> io::Result<Option<()>> {
    match file.read_exact(room) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        other => other.map(Some),
    }
}

/// Reads a bundle's entries, one after another. What it reads is as good as its file: check that first.
pub(super) struct Reader {
    path: PathBuf,
    body: zstd::Decoder<'static, BufReader<File>>,
    /// The last entry's bytes, tag included, payload not.
    pub raw: Vec<u8>,
    /// The last record's payload.
    pub payload: Vec<u8>,
}

impl Reader {
    pub fn open(path: &Path) -> Result<Reader> {
        let mut file = File::open(path).map_err(Error::io("open", path))?;
        file.seek(SeekFrom::Start(wide(HEADER_BYTES))).map_err(Error::io("read", path))?;
        let body = zstd::Decoder::new(file).map_err(Error::io("decompress", path))?.single_frame();
        Ok(Reader { path: path.to_owned(), body, raw: Vec::new(), payload: Vec::new() })
    }

    /// The next entry; the payload of a record is in `payload` then.
    pub fn next(&mut self) -> Result<Entry> {
        self.raw.clear();
        let tag = self.fill(1)?.first().copied();
        match tag {
            Some(TAG_END) => Ok(Entry::End),
            Some(TAG_LIFE) => {
                self.fill(LIFE_ENTRY_BYTES)?;
                let entry = LifeEntry::decode(self.raw.get(1..).unwrap_or_default());
                Ok(Entry::Life(entry.map_err(|fault| self.fault(fault))?))
            }
            Some(TAG_RECORD) => {
                self.fill(RECORD_ENTRY_BYTES)?;
                let entry = RecordEntry::decode(self.raw.get(1..).unwrap_or_default());
                let entry = entry.map_err(|fault| self.fault(fault))?;
                self.read_payload(entry.bytes)?;
                Ok(Entry::Record(entry))
            }
            _ => Err(self.fault(BundleFault::Shape("an entry of no known sort"))),
        }
    }

    /// Reads so many bytes more of an entry.
    fn fill(&mut self, bytes: usize) -> Result<&[u8]> {
        let start = self.raw.len();
        self.raw.resize(start.saturating_add(bytes), 0);
        let room = self.raw.get_mut(start..).unwrap_or_default();
        if read_or(&mut self.body, room).map_err(Error::io("decompress", &self.path))?.is_none() {
            return Err(self.fault(BundleFault::Shape("its records end too soon")));
        }
        Ok(self.raw.get(start..).unwrap_or_default())
    }

    /// Memory grows with what is there to be read.
    fn read_payload(&mut self, bytes: u32) -> Result<()> {
        self.payload.clear();
        if u64::from(bytes) > RECORD_BYTES_MAX {
            return Err(self.fault(BundleFault::Shape("a record that is too long")));
        }
        let mut rest = Read::take(&mut self.body, bytes.into());
        rest.read_to_end(&mut self.payload).map_err(Error::io("decompress", &self.path))?;
        if self.payload.len() < size(bytes) {
            return Err(self.fault(BundleFault::Shape("its records end too soon")));
        }
        Ok(())
    }

    pub fn fault(&self, fault: BundleFault) -> Error {
        Error::Bundle { path: self.path.clone(), fault }
    }
}
