//! Bundles: a thread, or a whole tree of threads, in one file, with everything it stands on.
//!
//! Made by [`Store::pack`], checked by [`verify`](fn@verify), taken in by [`Store::unpack`]. `docs/format.md`, section 9, is
//! the specification.

pub mod format;
mod need;
mod pack;
mod read;
mod take;
mod unpack;
mod write;

use std::path::Path;

pub use format::Row;
pub use pack::Packed;
pub use read::{Contents, verify};
pub use unpack::{Outcome, Unpacked, UnpackedLife};

use crate::error::Result;
use crate::progress::Progress;
use crate::store::Store;
use crate::thread::ThreadKey;

impl Store {
    /// Writes these lives into one file, with what they were forked from as far as they need it.
    ///
    /// What of others is in it: of a life that is there only because a fork stands on it, the items before the fork, that
    /// it was created, and, if so, that it was deleted. *Durability:* the file is written beside, synced and renamed:
    /// it is whole, or not there. *Cost:* reads the records; *memory:* the longest.
    ///
    /// # Errors
    /// [`Error::Exists`](crate::Error::Exists) if the file is there; anything that cannot be read: a bundle is whole or it
    /// is not made; [`Error::Stopped`](crate::Error::Stopped).
    pub fn pack(&self, lives: &[ThreadKey], to: &Path, progress: &dyn Progress) -> Result<Packed> {
        pack::pack(self, lives, to, progress)
    }

    /// Takes in a bundle: its threads are in the store then, with their ids, their lives and what they were forked from.
    ///
    /// What is there already is not added again, what is there in part is completed. A life that is there with other items
    /// is left as it is, and named; so are lives that stand on it. A life that was deleted here stays deleted. The bundle is
    /// checked whole before anything is taken in. *Durability:* of all of it, on return; after a crash, the same call goes
    /// on.
    ///
    /// # Errors
    /// [`Error::Bundle`](crate::Error::Bundle) if the file is damaged, and nothing was taken in;
    /// [`Error::ReadOnly`](crate::Error::ReadOnly); [`Error::Importing`](crate::Error::Importing);
    /// [`Error::Engine`](crate::Error::Engine) if the store cannot be written.
    pub fn unpack(&self, file: &Path, progress: &dyn Progress) -> Result<Unpacked> {
        unpack::unpack(self.engine()?, self.clock(), file, progress)
    }
}
