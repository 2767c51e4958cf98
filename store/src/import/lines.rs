//! A file, line by line, in bounded memory, hashed on the way.

use std::io::{self, Read};

use memchr::memchr;
use threadlog_engine::number::{narrow, wide};

/// Bytes asked of the file at a time.
const CHUNK_BYTES: u64 = 256 << 10;

/// Reads lines of any length up to a limit. Holds the line at hand and one chunk.
pub(crate) struct LineReader<R> {
    source: R,
    buffer: Vec<u8>,
    /// Where the next line begins in `buffer`.
    start: usize,
    /// No newline stands in `buffer` between `start` and here.
    searched: usize,
    ended: bool,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<R: Read> LineReader<R> {
    /// Reads `source` to its end; `hasher` has seen what stands before it.
    pub(crate) fn new(source: R, hasher: blake3::Hasher) -> LineReader<R> {
        LineReader { source, buffer: Vec::new(), start: 0, searched: 0, ended: false, hasher, bytes: 0 }
    }

    /// The next line with its newline; the last one may have none. `None` at the end.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        let end = loop {
            let found = self.buffer.get(self.searched..).and_then(|rest| memchr(b'\n', rest));
            if let Some(newline) = found {
                break self.searched + newline + 1;
            }
            self.searched = self.buffer.len();
            if self.ended {
                break self.buffer.len();
            }
            self.refill()?;
        };
        let line = self.buffer.get(self.start..end).unwrap_or_default();
        self.start = end;
        self.searched = end;
        Ok(Some(line).filter(|line| !line.is_empty()))
    }

    fn refill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        let before = self.buffer.len();
        let read = self.source.by_ref().take(CHUNK_BYTES).read_to_end(&mut self.buffer)?;
        self.hasher.update(self.buffer.get(before..).unwrap_or_default());
        self.bytes += wide(read);
        self.ended = read == 0;
        Ok(())
    }

    /// Bytes read so far, and the hash of them and of what stands before them.
    pub(crate) fn finish(self) -> (u64, blake3::Hash) {
        (self.bytes, self.hasher.finalize())
    }
}

/// The first line longer than `limit` bytes, if there is one: its number, from 1.
pub(crate) fn line_beyond(mut source: impl Read, limit: u64) -> io::Result<Option<u64>> {
    let mut chunk = vec![0; narrow(CHUNK_BYTES)?];
    let (mut number, mut length) = (1, 0u64);
    loop {
        let read = match source.read(&mut chunk) {
            Ok(0) => return Ok(None),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        for piece in chunk.get(..read).unwrap_or_default().split_inclusive(|&byte| byte == b'\n') {
            length += wide(piece.len());
            if length > limit {
                return Ok(Some(number));
            }
            if piece.ends_with(b"\n") {
                (number, length) = (number + 1, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &[u8]) -> Vec<Vec<u8>> {
        let mut reader = LineReader::new(text, blake3::Hasher::new());
        let mut lines = Vec::new();
        while let Some(line) = reader.next_line().unwrap() {
            lines.push(line.to_vec());
        }
        assert_eq!(reader.next_line().unwrap(), None);
        assert_eq!(reader.finish(), (wide(text.len()), blake3::hash(text)));
        lines
    }

    #[test]
    fn lines_longer_than_a_chunk_come_whole() {
        let three = narrow(3 * CHUNK_BYTES).unwrap();
        let long = [vec![b'x'; three], b"\nshort\nend".to_vec()].concat();
        assert_eq!(lines(&long).iter().map(Vec::len).collect::<Vec<_>>(), [three + 1, 6, 3]);
    }

    #[test]
    fn a_line_beyond_the_limit_is_found() {
        assert_eq!(line_beyond(&b"123\n1234\n123"[..], 4).unwrap(), Some(2));
        assert_eq!(line_beyond(&b"123\n123\n1234"[..], 4).unwrap(), None);
        assert_eq!(line_beyond(&b"123\n123\n12345"[..], 4).unwrap(), Some(3));
        assert_eq!(line_beyond(&b""[..], 4).unwrap(), None);
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_text(text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'a')], 0..200)) {
            let expected: Vec<Vec<u8>> = text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
            prop_assert_eq!(lines(&text), expected);
        }
    }
}
