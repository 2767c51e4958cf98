//! A view of what is sealed, as the journals' side sees it: is it the one in force, and what does it begin.

use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::fs::{Fs, OpenMode, read_at_most};
use crate::id::StreamId;
use crate::recover::log::Base;
use crate::sealed::manifest::{MANIFEST_HEADER_BYTES, Manifest};
use crate::sealed::manifest_file::manifest_path;
use crate::sealed::set::{OnDamage, Sealed};

impl Sealed {
    /// What a store has in which nothing was ever sealed.
    #[must_use]
    pub fn nothing() -> Arc<Sealed> {
        Arc::default()
    }

    /// Whether nothing is sealed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments().is_empty()
    }

    /// Of which generation its manifest is; 0 if there is none.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.manifest().generation
    }

    /// Where a journal's log begins behind what was sealed; `None` if nothing of it was.
    #[must_use]
    pub fn base(&self, journal: u32) -> Option<Base> {
        self.manifest().base(journal)
    }

    /// Whether the manifest in force is the one that this is a view of. *Cost:* 64 bytes read.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn is_current(&self, fs: &dyn Fs, root: &Path, store: [u8; 16]) -> Result<bool> {
        let mut header = [0; MANIFEST_HEADER_BYTES];
        let file = fs.open(&manifest_path(root), OpenMode::Read);
        let read = file.and_then(|file| read_at_most(&*file, &mut header, 0));
        if matches!(read, Ok(MANIFEST_HEADER_BYTES))
            && let Some(generation) = Manifest::generation_of(&header, &store)
        {
            return Ok(generation == self.generation());
        }
        // Missing, cut or damaged: reading all of it says which.
        Ok(Manifest::read(fs, root, store)?.generation == self.generation())
    }

    /// The streams that have more sealed records than in a view before, each with its end. *Cost:* a pass over the rows of the
    /// segments that the other does not have.
    #[must_use]
    pub fn grown_since(&self, before: &Sealed) -> Vec<(StreamId, u64)> {
        let known = |row| before.segments().iter().any(|segment| segment.row() == row);
        let new = self.segments().iter().filter(|segment| !known(segment.row()));
        let mut grown: Vec<(StreamId, u64)> = Vec::new();
        for row in new.flat_map(|segment| segment.footer().streams()) {
            if before.head(&row.stream).is_none_or(|head| head.next_ordinal < row.next_ordinal) {
                grown.push((row.stream, row.next_ordinal));
            }
        }
        grown
    }

    /// Opens what can be opened, whatever is damaged, for salvage: footers are made anew from their blocks, and a manifest
    /// that cannot be believed from the footers. What was wrong stands in [`Sealed::damage`].
    ///
    /// # Errors
    /// An I/O error.
    pub fn load_lenient(fs: &dyn Fs, root: &Path, store: Option<[u8; 16]>) -> Result<Arc<Sealed>> {
        let Some(store) = store else { return Ok(Sealed::nothing()) };
        match Sealed::load(fs, root, store, None, OnDamage::LeaveOut) {
            Err(error) if error.is_corruption() => {
                let rebuilt = Manifest::rebuild(fs, root, store)?;
                let sealed = Sealed::open(fs, root, store, &rebuilt.manifest, None, OnDamage::LeaveOut)?;
                Ok(Arc::new(sealed.with_damage(error)))
            }
            other => other,
        }
    }
}
