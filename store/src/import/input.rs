//! A file's lines as bytes, whether it stands there as it is or compressed.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// An open file of a length that stays what it was when it was opened, whatever is appended meanwhile.
#[derive(Debug)]
pub(super) struct Input {
    file: File,
    about: Metadata,
    bytes: u64,
    packed: bool,
}

impl Input {
    /// Opens a file; `packed` says that it is compressed (zstd).
    ///
    /// *Cost:* of a compressed one, decompressing it: a file that is cut or damaged is refused before anything of it is
    /// stored.
    pub(super) fn open(path: &Path, packed: bool) -> io::Result<Input> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        let mut input = Input { file, bytes: about.len(), about, packed };
        if packed {
            input.bytes = u64::MAX;
            let counted = input.reader().and_then(|mut lines| io::copy(&mut lines, &mut io::sink()));
            input.bytes =
                counted.map_err(|error| io::Error::new(error.kind(), format!("cannot decompress it: {error}")))?;
        }
        Ok(input)
    }

    /// Length of its lines, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What the system says of the file.
    pub(super) fn about(&self) -> &Metadata {
        &self.about
    }

    /// Its lines from the first on.
    pub(super) fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        self.reader_from(0)
    }

    /// Its lines from this byte on. *Memory:* of a compressed file, the window that it was compressed with, at most
    /// 128 MiB.
    pub(super) fn reader_from(&self, start: u64) -> io::Result<Box<dyn Read + '_>> {
        let mut file = &self.file;
        if !self.packed {
            file.seek(SeekFrom::Start(start))?;
            return Ok(Box::new(file.take(self.bytes.saturating_sub(start))));
        }
        file.rewind()?;
        let mut lines = zstd::Decoder::new(file)?;
        io::copy(&mut lines.by_ref().take(start), &mut io::sink())?;
        Ok(Box::new(lines.take(self.bytes.saturating_sub(start))))
    }
}
