//! Records that tell who they are: what a run appends, and how it is recognised when it is found again.

use std::sync::OnceLock;

use threadlog_engine::{BATCH_BYTES_MAX, NewRecord, Record, StreamId};

/// The smallest payload that gets a file of its own.
pub const LARGE_BYTES: usize = BATCH_BYTES_MAX - 63;

/// The stream of a number.
pub fn stream(number: u8) -> StreamId {
    StreamId { thread: [number; 16], incarnation: 7, channel: number % 2 }
}

/// A record that was appended, without its payload: that is made anew whenever it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Number of its stream, see [`stream`].
    pub stream: u8,
    /// Its position in the stream.
    pub ordinal: u64,
    /// Which life of the program appended it: the same ordinal appended again tells itself apart.
    pub life: u64,
    /// Length of its payload.
    pub bytes: usize,
    /// See [`print()`].
    pub print: u64,
}

impl Line {
    /// A record to append.
    pub fn new(stream: u8, ordinal: u64, life: u64, bytes: usize) -> Line {
        let mut line = Line { stream, ordinal, life, bytes, print: 0 };
        line.print = print(&line.record());
        line
    }

    /// The record as it must be found.
    pub fn record(&self) -> Record {
        Record {
            stream: stream(self.stream),
            ordinal: self.ordinal,
            lease_epoch: self.life / 2,
            clock: self.ordinal << 16 | self.life,
            codec: (self.ordinal % 7) as u8,
            payload: self.payload(),
        }
    }

    /// The record as it is appended.
    pub fn new_record<'a>(&self, payload: &'a [u8]) -> NewRecord<'a> {
        NewRecord {
            stream: stream(self.stream),
            ordinal: Some(self.ordinal),
            lease_epoch: self.life / 2,
            clock: self.ordinal << 16 | self.life,
            codec: (self.ordinal % 7) as u8,
            payload,
        }
    }

    /// Its payload. No byte of it is zero: 512 zeros on a boundary are what recovery takes for a tear.
    pub fn payload(&self) -> Vec<u8> {
        let start = mix(self.stream.into(), self.ordinal ^ self.life << 32) as usize % 4096;
        let mut payload = pattern()[start..start + self.bytes].to_vec();
        let name = [self.stream.into(), self.ordinal, self.life, self.bytes as u64].map(|part: u64| part as u8 | 0x80);
        for (byte, own) in payload.iter_mut().zip(name) {
            *byte = own;
        }
        payload
    }
}

/// Bytes without a zero among them, as many as the largest payload needs.
fn pattern() -> &'static [u8] {
    static PATTERN: OnceLock<Vec<u8>> = OnceLock::new();
    PATTERN.get_or_init(|| (0..LARGE_BYTES as u64 + 8192).map(|at| (mix(at, 1) % 255) as u8 + 1).collect())
}

/// A number that differs for records that differ in anything. Not the engine's checksum.
pub fn print(record: &Record) -> u64 {
    let stream = u64::from(record.stream.thread[0]) << 32 | u64::from(record.stream.channel);
    let mut state = mix(stream, record.ordinal);
    for part in [record.stream.incarnation, record.lease_epoch, record.clock, record.codec.into()] {
        state = mix(state, part);
    }
    let (words, rest) = record.payload.as_chunks::<8>();
    for word in words {
        state = (state.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(0x517C_C1B7_2722_0A95);
    }
    for byte in rest {
        state = (state.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(0x517C_C1B7_2722_0A95);
    }
    mix(state, record.payload.len() as u64)
}

/// Two numbers into one that looks random.
pub fn mix(a: u64, b: u64) -> u64 {
    let value = a.wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9) ^ b;
    let value = (value ^ (value >> 29)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 32)
}
