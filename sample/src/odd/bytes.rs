//! Files whose bytes are odd.

use super::{Base, OddFile, ZERO_BLOCK_BYTES};

/// The process died in the middle of a write.
pub(super) fn half_last_line(seed: u64) -> OddFile {
    Base::new(seed).file("half last line", |lines| {
        let mut bytes = lines.concat();
        let last = lines.last().map_or(0, Vec::len);
        bytes.truncate(bytes.len() - last / 2);
        bytes
    })
}

/// The last line is whole, its end is missing.
pub(super) fn open_last_line(seed: u64) -> OddFile {
    Base::new(seed).file("open last line", |lines| {
        let mut bytes = lines.concat();
        bytes.pop();
        bytes
    })
}

/// The fourth line goes on where the third should have ended, and half a line is followed by a whole one.
pub(super) fn glued_lines(seed: u64) -> OddFile {
    Base::new(seed).file("glued lines", |lines| {
        let mut bytes = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            bytes.extend_from_slice(line);
            match number {
                2 => drop(bytes.pop()),
                6 => bytes.truncate(bytes.len() - line.len() / 2),
                _ => {}
            }
        }
        bytes
    })
}

/// A block that was lost in a power cut, between two lines.
pub(super) fn zeros_in_the_middle(seed: u64) -> OddFile {
    Base::new(seed).file("zeros in the middle", |lines| {
        let (head, tail) = lines.split_at(lines.len() / 2);
        let mut bytes = head.concat();
        bytes.resize(bytes.len() + ZERO_BLOCK_BYTES, 0);
        bytes.extend(tail.concat());
        bytes
    })
}

/// The file grew, its data did not arrive.
pub(super) fn zeros_at_the_end(seed: u64) -> OddFile {
    Base::new(seed).file("zeros at the end", |lines| {
        let mut bytes = lines.concat();
        bytes.resize(bytes.len() + ZERO_BLOCK_BYTES, 0);
        bytes
    })
}

/// An editor saved the file.
pub(super) fn byte_order_mark(seed: u64) -> OddFile {
    Base::new(seed).file("byte order mark", |lines| [b"\xef\xbb\xbf".to_vec(), lines.concat()].concat())
}

/// Another editor saved the file.
pub(super) fn carriage_returns(seed: u64) -> OddFile {
    Base::new(seed).file("carriage returns", |lines| {
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(&line));
            bytes.extend_from_slice(b"\r\n");
        }
        bytes
    })
}

/// Three lines with bytes that are no UTF-8: a lone 0xff, a character cut short, an encoded surrogate.
pub(super) fn invalid_utf8(seed: u64) -> OddFile {
    const BROKEN: [&[u8]; 3] = [b"\xff", b"\xe4\xbd", b"\xed\xa0\x80"];
    Base::new(seed).file("invalid utf-8", |mut lines| {
        for (line, broken) in lines.iter_mut().skip(2).step_by(4).zip(BROKEN) {
            // Inside the line's first string, after `{"timestamp":"`.
            line.splice(14..14, broken.iter().copied());
        }
        lines.concat()
    })
}

/// Empty lines and lines of spaces, at the start, between lines and at the end.
pub(super) fn blank_lines(seed: u64) -> OddFile {
    Base::new(seed).file("blank lines", |lines| {
        let mut bytes = b"\n".to_vec();
        for (number, line) in lines.iter().enumerate() {
            bytes.extend_from_slice(line);
            match number % 5 {
                1 => bytes.extend_from_slice(b"\n\n"),
                3 => bytes.extend_from_slice(b"  \t\n"),
                _ => {}
            }
        }
        bytes.extend_from_slice(b"\n");
        bytes
    })
}

/// No byte at all.
pub(super) fn empty(seed: u64) -> OddFile {
    Base::new(seed).file("empty", |_| Vec::new())
}
