//! Which life of a thread each imported file belongs to.

use std::collections::BTreeMap;

use crate::event::Place;
use crate::path::PathBytes;
use crate::thread::ThreadKey;
use crate::view::Life;

/// Files by their whole paths: who has each, and what it is called.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owners {
    claims: BTreeMap<PathBytes, (u64, ThreadKey)>,
    widest: BTreeMap<PathBytes, Place>,
}

impl Owners {
    /// Takes in what one life claims: the files it was imported from, and the names that such a file left when it was
    /// moved. Those stay its own: otherwise a life that it superseded there would count as current again.
    pub(crate) fn learn(&mut self, key: ThreadKey, life: &Life) {
        for (clock, source) in life.sources() {
            self.claim(source.place.file(), clock, key);
        }
        for (clock, file) in life.left() {
            self.claim(file.clone(), clock, key);
        }
        for place in life.places() {
            let widest = self.widest.entry(place.file()).or_insert_with(|| place.clone());
            if place.is_wider(widest) {
                *widest = place.clone();
            }
        }
    }

    /// The life that the file was imported into last.
    pub(crate) fn of(&self, place: &Place) -> Option<ThreadKey> {
        self.claims.get(&place.file()).map(|(_, key)| *key)
    }

    /// The file's path below the widest folder that it was ever imported from: imported twice, it is still one file.
    pub(crate) fn path(&self, place: &Place) -> PathBytes {
        self.widest.get(&place.file()).unwrap_or(place).path.clone()
    }

    fn claim(&mut self, file: PathBytes, clock: u64, key: ThreadKey) {
        let owner = self.claims.entry(file).or_insert((clock, key));
        if owner.0 < clock {
            *owner = (clock, key);
        }
    }
}
