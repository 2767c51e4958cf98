//! Writing a bundle.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use threadlog_engine::number::{short, wide};

use crate::bundle::format::{HEADER_BYTES, Header, LifeEntry, RecordEntry, Row, TAG_END, Trailer};
use crate::error::{Error, Result};
use crate::thread::ThreadId;

/// zstd's level for bundles.
const LEVEL: i32 = 6;

/// How far back repetitions are found, as a power of two: 32 MiB, which is what reading takes too.
const WINDOW_LOG: u32 = 25;

/// Counts and hashes what passes through.
struct Hashing {
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.bytes = self.bytes.saturating_add(wide(bytes.len()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A bundle in the making, under another name. Dropped before [`Writer::finish`], it is removed again.
pub(super) struct Writer {
    to: PathBuf,
    temporary: PathBuf,
    body: Option<zstd::Encoder<'static, Hashing>>,
    rows: Vec<Row>,
    /// The life whose records come now, and the hash of its entries.
    life: Option<(Row, blake3::Hasher)>,
    scratch: Vec<u8>,
}

impl Writer {
    /// Begins a file that is not there yet.
    pub fn create(to: &Path, header: &Header) -> Result<Writer> {
        if to.symlink_metadata().is_ok() {
            return Err(Error::Exists { path: to.to_owned() });
        }
        let mut name = to.as_os_str().to_owned();
        // Nobody else writes under this name.
        name.push(format!(".{}.new", ThreadId::generate()));
        let temporary = PathBuf::from(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&temporary).map_err(Error::io("create", &temporary))?;
        let mut writer =
            Writer { to: to.to_owned(), temporary, body: None, rows: Vec::new(), life: None, scratch: Vec::new() };
        let mut out = Hashing { file: BufWriter::new(file), hasher: blake3::Hasher::new(), bytes: 0 };
        out.write_all(&header.encode()).map_err(Error::io("write", &writer.temporary))?;
        let encoder = zstd::Encoder::new(out, LEVEL).and_then(|mut encoder| {
            encoder.include_checksum(true)?;
            // Images come again in forks and summaries, far apart.
            encoder.long_distance_matching(true)?;
            encoder.window_log(WINDOW_LOG)?;
            Ok(encoder)
        });
        writer.body = Some(encoder.map_err(Error::io("compress", &writer.temporary))?);
        Ok(writer)
    }

    /// Begins a life.
    pub fn life(&mut self, entry: &LifeEntry) -> Result<()> {
        self.end_life();
        let row = Row { key: entry.key, records: 0, payload_bytes: 0, blake3: [0; 32], is_base: entry.is_base };
        self.life = Some((row, blake3::Hasher::new()));
        self.scratch.clear();
        entry.encode(&mut self.scratch);
        self.put(&[])
    }

    /// Adds a record of it.
    pub fn record(&mut self, entry: RecordEntry, payload: &[u8]) -> Result<()> {
        self.scratch.clear();
        RecordEntry { bytes: short(payload.len()), ..entry }.encode(&mut self.scratch);
        if let Some((row, _)) = &mut self.life {
            row.records = row.records.saturating_add(1);
            row.payload_bytes = row.payload_bytes.saturating_add(wide(payload.len()));
        }
        self.put(payload)
    }

    fn put(&mut self, payload: &[u8]) -> Result<()> {
        if let Some((_, hasher)) = &mut self.life {
            hasher.update(&self.scratch).update(payload);
        }
        let Some(body) = &mut self.body else { return Ok(()) };
        let written = body.write_all(&self.scratch).and_then(|()| body.write_all(payload));
        written.map_err(Error::io("write", &self.temporary))
    }

    fn end_life(&mut self) {
        if let Some((mut row, hasher)) = self.life.take() {
            row.blake3 = *hasher.finalize().as_bytes();
            self.rows.push(row);
        }
    }

    /// Ends the bundle, durably; returns its rows and its length.
    pub fn finish(mut self) -> Result<(Vec<Row>, u64)> {
        self.end_life();
        let io = |error| Error::io("write", &self.temporary)(error);
        let Some(mut body) = self.body.take() else { return Ok((Vec::new(), 0)) };
        body.write_all(&[TAG_END]).map_err(io)?;
        let mut out = body.finish().map_err(io)?;
        let table_offset = out.bytes;
        let mut table = Vec::new();
        self.rows.iter().for_each(|row| row.encode(&mut table));
        out.write_all(&table).map_err(io)?;
        let mut trailer = Trailer { table_offset, lives: short(self.rows.len()), blake3: [0; 32] };
        let front = trailer.front();
        trailer.blake3 = *out.hasher.clone().update(&front).finalize().as_bytes();
        out.write_all(&trailer.encode()).map_err(io)?;
        debug_assert!(table_offset > wide(HEADER_BYTES), "a frame has some bytes");
        let bytes = out.bytes;
        let file = out.file.into_inner().map_err(|error| io(error.into_error()))?;
        file.sync_all().map_err(Error::io("sync", &self.temporary))?;
        // A name that somebody else took meanwhile is not taken away from them; a second name for one file never replaces.
        std::fs::hard_link(&self.temporary, &self.to)
            .or_else(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Err(error),
                _ => std::fs::rename(&self.temporary, &self.to),
            })
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Error::Exists { path: self.to.clone() },
                _ => Error::io("rename", &self.temporary)(error),
            })?;
        sync_folder(&self.to)?;
        Ok((std::mem::take(&mut self.rows), bytes))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.temporary);
    }
}

fn sync_folder(file: &Path) -> Result<()> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if cfg!(unix) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", folder))?;
    }
    Ok(())
}
