//! The names of sealed segments, dictionaries and values.

use std::fmt;
use std::path::{Path, PathBuf};

/// Name of one sealed segment: its number in the store and the random salt of its checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SealedId {
    /// Rises with every segment or dictionary of the store; never given twice.
    pub number: u64,
    /// Random; part of every checksum in the file.
    pub salt: u64,
}

impl fmt::Display for SealedId {
    /// The file's name: `0000002a-0123456789abcdef.seal`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{:016x}.seal", self.number, self.salt)
    }
}

impl SealedId {
    /// Reads a file name back; `None` if it is not a sealed segment's.
    #[must_use]
    pub fn parse(name: &str) -> Option<SealedId> {
        let (number, salt) = name.strip_suffix(".seal")?.split_once('-')?;
        let id = SealedId { number: u64::from_str_radix(number, 16).ok()?, salt: u64::from_str_radix(salt, 16).ok()? };
        // Rendering it again refuses signs, upper case, and missing or needless digits.
        (id.to_string() == name).then_some(id)
    }

    /// Where the segment of this name stands in the store at `root`.
    #[must_use]
    pub fn path(&self, root: &Path) -> PathBuf {
        sealed_directory(root).join(self.to_string())
    }
}

/// Number of a compression dictionary; 0 means "none" where a block names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DictionaryId(pub u32);

impl fmt::Display for DictionaryId {
    /// The file's name: `0000002b.dict`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}.dict", self.0)
    }
}

impl DictionaryId {
    /// Reads a file name back; `None` if it is not a dictionary's.
    #[must_use]
    pub fn parse(name: &str) -> Option<DictionaryId> {
        let id = DictionaryId(u32::from_str_radix(name.strip_suffix(".dict")?, 16).ok()?);
        (id.0 != 0 && id.to_string() == name).then_some(id)
    }

    /// Where the dictionary of this name stands in the store at `root`.
    #[must_use]
    pub fn path(&self, root: &Path) -> PathBuf {
        dictionaries_directory(root).join(self.to_string())
    }
}

/// What names a value: the first 16 bytes of its BLAKE3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueHash(pub [u8; 16]);

impl fmt::Debug for ValueHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ValueHash {
    /// 32 hex digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl ValueHash {
    /// The name of a value with these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> ValueHash {
        let mut name = [0; 16];
        name.iter_mut().zip(blake3::hash(bytes).as_bytes()).for_each(|(name, byte)| *name = *byte);
        ValueHash(name)
    }

    /// The first four bytes: what a segment remembers of values that it has seen once.
    #[must_use]
    pub fn short(&self) -> u32 {
        self.0.first_chunk().copied().map_or(0, u32::from_le_bytes)
    }
}

/// Where sealed segments stand.
#[must_use]
pub fn sealed_directory(root: &Path) -> PathBuf {
    root.join("sealed")
}

/// Where dictionaries stand.
#[must_use]
pub fn dictionaries_directory(root: &Path) -> PathBuf {
    root.join("dictionaries")
}
