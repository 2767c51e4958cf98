//! One simulated directory: the names that calls see, and those that a crash may leave.

use std::collections::{BTreeMap, BTreeSet};

use super::crash::Picker;

/// A directory's names, each with the inode it stands for.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    entries: BTreeMap<String, u64>,
    durable: BTreeMap<String, u64>,
    /// What was done since the last sync, oldest first.
    pending: Vec<NameOp>,
}

#[derive(Clone, Debug)]
struct NameOp {
    change: NameChange,
    /// Whether the next sync writes it (after a failed one it does not).
    dirty: bool,
}

#[derive(Clone, Debug)]
enum NameChange {
    Link { name: String, inode: u64 },
    Move { from: String, to: String, inode: u64, replaced: Option<u64> },
    Unlink { name: String, inode: u64 },
}

impl Names {
    pub(super) fn get(&self, name: &str) -> Option<u64> {
        self.entries.get(name).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, u64)> {
        self.entries.iter().map(|(name, inode)| (name, *inode))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Nothing here could differ after a crash.
    pub(super) fn is_settled(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether a crash could leave a name for this inode.
    pub(super) fn may_hold(&self, inode: u64) -> bool {
        let pending = self.pending.iter().any(|op| match op.change {
            NameChange::Link { inode: other, .. }
            | NameChange::Move { inode: other, .. }
            | NameChange::Unlink { inode: other, .. } => other == inode,
        });
        pending || self.entries.values().chain(self.durable.values()).any(|other| *other == inode)
    }

    pub(super) fn link(&mut self, name: &str, inode: u64) {
        self.entries.insert(name.to_owned(), inode);
        self.push(NameChange::Link { name: name.to_owned(), inode });
    }

    pub(super) fn unlink(&mut self, name: &str) {
        if let Some(inode) = self.entries.remove(name) {
            self.push(NameChange::Unlink { name: name.to_owned(), inode });
        }
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) {
        if let Some(inode) = self.entries.remove(from) {
            let replaced = self.entries.insert(to.to_owned(), inode);
            self.push(NameChange::Move { from: from.to_owned(), to: to.to_owned(), inode, replaced });
        }
    }

    /// A directory sync: every dirty operation is durable. One left over from a failed sync stays
    /// undecided unless it shares a name with one that is written now.
    pub(super) fn sync(&mut self) {
        let mut settled: BTreeSet<String> = BTreeSet::new();
        loop {
            let before = self.pending.len();
            let (now, later): (Vec<NameOp>, Vec<NameOp>) = std::mem::take(&mut self.pending)
                .into_iter()
                .partition(|op| op.dirty || op.change.names().any(|name| settled.contains(name)));
            self.pending = later;
            settled.extend(now.iter().flat_map(|op| op.change.names().map(str::to_owned)));
            if self.pending.len() == before {
                break;
            }
        }
        for name in settled {
            match self.entries.get(&name) {
                Some(inode) => self.durable.insert(name, *inode),
                None => self.durable.remove(&name),
            };
        }
    }

    /// A sync that failed: nothing is dirty any more, whether or not it was written.
    pub(super) fn fail_sync(&mut self) {
        for op in &mut self.pending {
            op.dirty = false;
        }
    }

    /// The directory after a power cut: each pending operation happened or did not. One that cannot
    /// happen, because another did not that it builds on, is moot: its name was never made, or the
    /// name it takes was never given up. (Else a lost rename could lose the file with it.)
    pub(super) fn crash(&self, picker: &mut Picker<'_>) -> Names {
        let mut left = self.durable.clone();
        for op in &self.pending {
            if picker.pick(1) == 0 {
                continue;
            }
            match &op.change {
                NameChange::Link { name, inode } => {
                    left.entry(name.clone()).or_insert(*inode);
                }
                NameChange::Move { from, to, inode, replaced } => {
                    let free = left.get(to).is_none_or(|other| Some(*other) == *replaced);
                    if free && left.get(from) == Some(inode) {
                        left.remove(from);
                        left.insert(to.clone(), *inode);
                    }
                }
                NameChange::Unlink { name, inode } => {
                    if left.get(name) == Some(inode) {
                        left.remove(name);
                    }
                }
            }
        }
        Names { entries: left.clone(), durable: left, pending: Vec::new() }
    }

    fn push(&mut self, change: NameChange) {
        self.pending.push(NameOp { change, dirty: true });
    }
}

impl NameChange {
    fn names(&self) -> impl Iterator<Item = &str> {
        let (first, second) = match self {
            NameChange::Link { name, .. } | NameChange::Unlink { name, .. } => (name, None),
            NameChange::Move { from, to, .. } => (from, Some(to)),
        };
        std::iter::once(first).chain(second).map(String::as_str)
    }
}
