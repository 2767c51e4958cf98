//! Lines of bounded length.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// Reads lines without their ends. Memory is bounded by the longest line allowed.
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    bytes_max: usize,
    /// Whether longer lines are cut rather than refused.
    cut: bool,
}

/// A line was longer than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// Refuses lines of more than `bytes_max`.
    pub(super) fn new(input: R, bytes_max: usize) -> Lines<R> {
        Lines { input, line: Vec::new(), bytes_max, cut: false }
    }

    /// Cuts lines of more than `bytes_max`.
    pub(super) fn cutting(input: R, bytes_max: usize) -> Lines<R> {
        Lines { cut: true, ..Lines::new(input, bytes_max) }
    }

    /// The next line; `None` at the end. A last line without end counts. If it is dropped meanwhile nothing is lost.
    pub(super) async fn next(&mut self) -> io::Result<Option<Result<Vec<u8>, TooLong>>> {
        loop {
            let read = self.input.fill_buf().await?;
            if read.is_empty() {
                let last = std::mem::take(&mut self.line);
                return Ok((!last.is_empty()).then_some(Ok(last)));
            }
            let end = read.iter().position(|byte| *byte == b'\n');
            let part = read.get(..end.unwrap_or(read.len())).unwrap_or_default();
            let room = self.bytes_max.saturating_sub(self.line.len());
            let fits = part.len() <= room;
            self.line.extend_from_slice(part.get(..part.len().min(room)).unwrap_or_default());
            let taken = part.len().saturating_add(usize::from(end.is_some()));
            self.input.consume(taken);
            if !fits && !self.cut {
                return Ok(Some(Err(TooLong)));
            }
            if end.is_some() {
                return Ok(Some(Ok(std::mem::take(&mut self.line))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut lines: Lines<&[u8]>) -> Vec<Result<String, TooLong>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut all = Vec::new();
        while let Some(line) = runtime.block_on(lines.next()).unwrap() {
            let line = line.map(|line| String::from_utf8(line).unwrap());
            let end = line.is_err();
            all.push(line);
            if end {
                break;
            }
        }
        all
    }

    #[test]
    fn lines_end_where_they_end_and_the_last_one_at_the_end() {
        let text = |line: &str| Ok(line.to_owned());
        assert_eq!(read(Lines::new(b"one\n\nthree", 5)), [text("one"), text(""), text("three")]);
        assert_eq!(read(Lines::new(b"", 5)), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_or_cut() {
        assert_eq!(read(Lines::new(b"12345\n123456\n1\n", 5)), [Ok("12345".to_owned()), Err(TooLong)]);
        let cut = ["12345", "12345", "1"].map(|line| Ok(line.to_owned()));
        assert_eq!(read(Lines::cutting(b"12345\n123456789\n1\n", 5)), cut);
    }
}
