//! The bytes of a bundle: pure codecs (format.md 9).

use crate::error::BundleFault;
use crate::thread::{ThreadId, ThreadKey};
use uuid::Uuid;

/// Length of the header, in bytes.
pub const HEADER_BYTES: usize = 64;
/// Length of a life's row in the table.
pub const ROW_BYTES: usize = 80;
/// Length of the trailer.
pub const TRAILER_BYTES: usize = 64;
/// The bytes at the trailer's beginning that its hash covers, besides everything before it.
pub const TRAILER_HASHED_BYTES: usize = 16;

const MAGIC: [u8; 8] = *b"tlogpak1";
const END_MAGIC: [u8; 8] = *b"tlogpakz";
const VERSION: u32 = 1;

/// First bytes of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The id of the store that it was made from.
    pub store: [u8; 16],
    /// When it was made, in milliseconds since 1970 (UTC).
    pub created_ms: u64,
}

/// What a bundle has of one life, as its table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The life.
    pub key: ThreadKey,
    /// Its records in the bundle.
    pub records: u64,
    /// Length of their payloads.
    pub payload_bytes: u64,
    /// BLAKE3 of its entries.
    pub blake3: [u8; 32],
    /// Whether it is there because others stand on it: then as far as they need it.
    pub is_base: bool,
}

/// Last bytes of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// Where the table begins; it ends where the trailer begins.
    pub table_offset: u64,
    /// How many rows it has.
    pub lives: u32,
    /// BLAKE3 of all bytes before this field.
    pub blake3: [u8; 32],
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Nothing follows.
    End,
    /// Records of this life follow.
    Life(LifeEntry),
    /// A record; its payload follows.
    Record(RecordEntry),
}

/// The beginning of a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifeEntry {
    /// Which.
    pub key: ThreadKey,
    /// Whether it is there for others only.
    pub is_base: bool,
    /// How many items follow.
    pub items: u64,
}

/// A record, but for its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordEntry {
    /// Whether it is a control record rather than an item.
    pub is_control: bool,
    /// How its payload is encoded.
    pub codec: u8,
    /// Its place: among the items; among the control records of the bundle.
    pub ordinal: u64,
    /// The lease epoch that it was written under.
    pub lease_epoch: u64,
    /// Its hybrid logical clock.
    pub clock: u64,
    /// Length of its payload.
    pub bytes: u32,
}

/// Length of a life's entry behind its tag.
pub const LIFE_ENTRY_BYTES: usize = 33;
/// Length of a record's entry behind its tag, without the payload.
pub const RECORD_ENTRY_BYTES: usize = 30;

/// First byte of the last entry.
pub const TAG_END: u8 = 0;
/// First byte of a life's entry.
pub const TAG_LIFE: u8 = 1;
/// First byte of a record's entry.
pub const TAG_RECORD: u8 = 2;

/// Takes fields off the front of bytes.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], BundleFault> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(BundleFault::Short)?;
        self.0 = rest;
        Ok(*head)
    }

    fn u64(&mut self) -> Result<u64, BundleFault> {
        self.take().map(u64::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, BundleFault> {
        self.take().map(u32::from_le_bytes)
    }

    fn u8(&mut self) -> Result<u8, BundleFault> {
        self.take().map(u8::from_le_bytes)
    }

    fn key(&mut self) -> Result<ThreadKey, BundleFault> {
        let thread = ThreadId::from_uuid(Uuid::from_bytes(self.take()?));
        Ok(ThreadKey { thread, incarnation: self.u64()? })
    }
}

fn put_key(key: ThreadKey, out: &mut Vec<u8>) {
    out.extend_from_slice(key.thread.uuid().as_bytes());
    out.extend_from_slice(&key.incarnation.to_le_bytes());
}

impl Header {
    /// The header's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&0_u32.to_le_bytes());
        out.extend_from_slice(&self.store);
        out.extend_from_slice(&self.created_ms.to_le_bytes());
        out.resize(HEADER_BYTES, 0);
        out
    }

    /// Reads it back.
    ///
    /// # Errors
    /// It is no bundle, or of a newer format.
    pub fn decode(bytes: &[u8]) -> Result<Header, BundleFault> {
        let mut fields = Fields(bytes);
        if fields.take().map_err(|_| BundleFault::NoBundle)? != MAGIC {
            return Err(BundleFault::NoBundle);
        }
        let (version, flags) = (fields.u32()?, fields.u32()?);
        if version != VERSION || flags != 0 {
            return Err(BundleFault::Version);
        }
        Ok(Header { store: fields.take()?, created_ms: fields.u64()? })
    }
}

impl Row {
    /// Appends the row.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_key(self.key, out);
        out.extend_from_slice(&self.records.to_le_bytes());
        out.extend_from_slice(&self.payload_bytes.to_le_bytes());
        out.extend_from_slice(&self.blake3);
        out.extend_from_slice(&u32::from(self.is_base).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
    }

    /// Reads it back.
    ///
    /// # Errors
    /// There are fewer bytes.
    pub fn decode(bytes: &[u8]) -> Result<Row, BundleFault> {
        let mut fields = Fields(bytes);
        Ok(Row {
            key: fields.key()?,
            records: fields.u64()?,
            payload_bytes: fields.u64()?,
            blake3: fields.take()?,
            is_base: fields.u32()? != 0,
        })
    }
}

impl Trailer {
    /// The bytes before its hash.
    #[must_use]
    pub fn front(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(TRAILER_BYTES);
        out.extend_from_slice(&self.table_offset.to_le_bytes());
        out.extend_from_slice(&self.lives.to_le_bytes());
        out.resize(TRAILER_HASHED_BYTES, 0);
        out
    }

    /// All of it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.front();
        out.extend_from_slice(&self.blake3);
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&END_MAGIC);
        out
    }

    /// Reads it back.
    ///
    /// # Errors
    /// These are not the last bytes of a bundle: it was cut off.
    pub fn decode(bytes: &[u8]) -> Result<Trailer, BundleFault> {
        let mut fields = Fields(bytes);
        let (table_offset, lives, _zero) = (fields.u64()?, fields.u32()?, fields.u32()?);
        let (blake3, _zero) = (fields.take()?, fields.u64()?);
        if fields.take()? != END_MAGIC {
            return Err(BundleFault::Short);
        }
        Ok(Trailer { table_offset, lives, blake3 })
    }
}

impl LifeEntry {
    /// Appends the entry, its tag in front.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(TAG_LIFE);
        put_key(self.key, out);
        out.push(u8::from(self.is_base));
        out.extend_from_slice(&self.items.to_le_bytes());
    }

    /// Reads what follows the tag.
    ///
    /// # Errors
    /// There are fewer bytes.
    pub fn decode(bytes: &[u8]) -> Result<LifeEntry, BundleFault> {
        let mut fields = Fields(bytes);
        Ok(LifeEntry { key: fields.key()?, is_base: fields.u8()? != 0, items: fields.u64()? })
    }
}

impl RecordEntry {
    /// Appends the entry, its tag in front; the payload follows.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(TAG_RECORD);
        out.push(u8::from(self.is_control));
        out.push(self.codec);
        out.extend_from_slice(&self.ordinal.to_le_bytes());
        out.extend_from_slice(&self.lease_epoch.to_le_bytes());
        out.extend_from_slice(&self.clock.to_le_bytes());
        out.extend_from_slice(&self.bytes.to_le_bytes());
    }

    /// Reads what follows the tag.
    ///
    /// # Errors
    /// There are fewer bytes.
    pub fn decode(bytes: &[u8]) -> Result<RecordEntry, BundleFault> {
        let mut fields = Fields(bytes);
        Ok(RecordEntry {
            is_control: fields.u8()? != 0,
            codec: fields.u8()?,
            ordinal: fields.u64()?,
            lease_epoch: fields.u64()?,
            clock: fields.u64()?,
            bytes: fields.u32()?,
        })
    }
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
