//! The files a thread works on: read again and again, and changed by its patches.

use std::mem;

use crate::code;
use crate::project::{FILES, Project};
use crate::random::{Random, Table, narrow, size};

/// A file as a thread knows it.
#[derive(Debug, Default)]
pub(crate) struct OpenFile {
    /// Relative to the project's folder, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A bounded set of open files, one of them in hand.
#[derive(Debug)]
pub(crate) struct Desk {
    hand: OpenFile,
    others: Vec<OpenFile>,
    /// Grows with the project's age: which edition of its files is read.
    edition: u32,
    rereads: u32,
    oldest: usize,
}

/// Files kept in memory per thread: a few hundred kilobytes.
const DESK_FILES: usize = 24;

/// Of 1000 reads, how many go to a file the thread has read before; some threads keep to few files, others wander.
const REREADS: Table = &[(0, 100), (300, 650), (700, 930), (1000, 990)];

impl Desk {
    /// An empty desk.
    pub(crate) fn new(edition: u32, random: &mut Random) -> Desk {
        Desk { hand: OpenFile::default(), others: Vec::new(), edition, rereads: random.table(REREADS), oldest: 0 }
    }

    /// A file to work on: often one that lies open, else another of the project.
    pub(crate) fn take(&mut self, project: &Project, random: &mut Random) -> &mut OpenFile {
        let choice = size(random.below(narrow(self.others.len()) + 1));
        if self.hand.path.is_empty() || !random.chance(self.rereads) {
            self.open(project, random);
        } else if let Some(other) = self.others.get_mut(choice) {
            mem::swap(other, &mut self.hand);
        }
        &mut self.hand
    }

    /// Another file than the one in hand, most likely.
    pub(crate) fn take_another(&mut self, project: &Project, random: &mut Random) -> &mut OpenFile {
        let choice = size(random.below(narrow(self.others.len())));
        match self.others.get_mut(choice) {
            Some(other) if random.chance(self.rereads) => mem::swap(other, &mut self.hand),
            _ => self.open(project, random),
        }
        &mut self.hand
    }

    fn open(&mut self, project: &Project, random: &mut Random) {
        let index = random.below(FILES).min(random.below(FILES));
        let path = project.names.path_at(index);
        if self.hand.path == path {
            return;
        }
        if let Some(other) = self.others.iter_mut().find(|other| other.path == path) {
            mem::swap(other, &mut self.hand);
            return;
        }
        let mut file = OpenFile { path: path.to_owned(), text: String::new() };
        code::file(&mut file.text, project, index, self.edition);
        let last = mem::replace(&mut self.hand, file);
        if last.path.is_empty() {
            return;
        }
        if self.others.len() < DESK_FILES {
            self.others.push(last);
        } else if let Some(place) = self.others.get_mut(self.oldest) {
            *place = last;
            self.oldest = (self.oldest + 1) % DESK_FILES;
        }
    }
}
