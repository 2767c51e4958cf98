//! Damage to the medium that no call did: rot, overwriting, cutting.

use std::io;
use std::path::Path;

use super::SimFs;

impl SimFs {
    /// Flips one bit of a file: in the cache, on the medium and in all that is pending. Nothing
    /// happens past the file's end.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, as `open` gives them.
    pub fn flip_bit(&self, path: &Path, offset: u64, bit: u8) -> io::Result<()> {
        let mask = 1_u8.wrapping_shl(u32::from(bit));
        self.damage(path, offset, 1, |_, byte| *byte ^= mask)
    }

    /// Puts other bytes into a file, likewise; those past its end are left out.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, as `open` gives them.
    pub fn overwrite(&self, path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.damage(path, offset, bytes.len(), |place, byte| *byte = bytes.get(place).copied().unwrap_or(*byte))
    }

    /// Cuts a file to `bytes`, likewise; nothing happens if it is not longer.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, as `open` gives them.
    pub fn truncate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let mut state = self.state();
        let inode = state.disk.lookup(path)?;
        state.disk.content_mut(inode)?.damage_length(bytes);
        Ok(())
    }

    fn damage(&self, path: &Path, offset: u64, count: usize, change: impl Fn(usize, &mut u8)) -> io::Result<()> {
        let mut state = self.state();
        let inode = state.disk.lookup(path)?;
        state.disk.content_mut(inode)?.damage(offset, count, change);
        Ok(())
    }
}
