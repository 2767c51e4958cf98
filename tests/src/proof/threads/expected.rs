//! What must be found of each thread, what may be, and in which order.

use crate::proof::pieces::Pieces;

/// An item of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Line {
    /// The first item of a thread, which the store makes.
    Header,
    /// A message with this number, of about so many bytes.
    Text {
        /// Tells it apart from every other of the run.
        number: u64,
        /// Bytes of filling.
        bytes: u16,
    },
    /// A marker that takes back turns.
    Back {
        /// Tells it apart from every other of the run.
        number: u64,
        /// How many.
        turns: u8,
    },
}

/// A live writer.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// Which process has it.
    pub who: usize,
    /// Its number.
    pub life: u64,
    /// Whether the thread is to be stored even without items.
    pub wanted: bool,
}

/// A thread.
#[derive(Clone, Debug, Default)]
pub struct Thread {
    /// What was given to it, in order.
    pub pieces: Pieces<Line>,
    /// Its writer.
    pub live: Option<Live>,
    /// Its name, by number.
    pub name: Word<u64>,
    /// Whether it has the tag.
    pub tag: Word<bool>,
    /// Whether it is archived.
    pub archived: Word<bool>,
    /// Whether somebody put it into the trash, and nobody took it out.
    pub trashed: Word<bool>,
    /// When it was put there: what was added since brings it back.
    pub put: Option<Put>,
    /// Whether it was deleted. Once that is seen it is as if it had never been.
    pub gone: Word<bool>,
    /// The thread that it is a fork of.
    pub source: Option<u8>,
    /// How many of its items it has from there.
    pub inherited: usize,
}

/// A thread was put into the trash, perhaps several times since it was known.
#[derive(Clone, Copy, Debug)]
pub struct Put {
    /// The number of the first such call.
    began: u64,
    /// Whether something was on its way then.
    unsure: bool,
    /// The number at which the last of them was answered, if all were.
    held: Option<u64>,
}

/// What a user said last, as far as that is known.
#[derive(Clone, Debug)]
pub struct Word<T> {
    sure: Option<T>,
    /// What calls of unknown outcome said since, in order.
    maybe: Vec<Maybe<T>>,
    /// Whether that order says nothing, because the calls were made at once.
    blurred: bool,
}

#[derive(Clone, Copy, Debug)]
struct Maybe<T> {
    value: T,
    /// Which process said it.
    who: usize,
    /// Whether an opening did not find it.
    ghost: bool,
}

impl<T: Default> Default for Word<T> {
    fn default() -> Word<T> {
        Word { sure: Some(T::default()), maybe: Vec::new(), blurred: false }
    }
}

impl<T: Copy + PartialEq + std::fmt::Debug> Word<T> {
    /// A call says this; its outcome is not known yet.
    pub fn say(&mut self, value: T, who: usize) {
        self.maybe.push(Maybe { value, who, ghost: false });
    }

    /// The call that said so was answered: it counts, and whatever this process said before does not. What another one has
    /// under way this one could not know: it can still come.
    pub fn hold(&mut self, value: T, who: usize) {
        self.sure = Some(value);
        self.maybe.retain(|said| said.who != who);
        self.blurred = !self.maybe.is_empty();
    }

    /// The call that said so was refused.
    pub fn unsay(&mut self, value: T) {
        let last = self.maybe.iter().rposition(|said| said.value == value);
        last.map(|last| self.maybe.remove(last));
    }

    /// Several calls at once said something: the last word is one of theirs.
    pub fn blur(&mut self) {
        let before = self.sure.take().map(|value| Maybe { value, who: 0, ghost: false });
        self.maybe.splice(0..0, before);
        self.blurred = true;
    }

    /// The word, if it is known.
    pub fn known(&self) -> Option<T> {
        self.sure.filter(|_| self.maybe.is_empty())
    }

    /// Whether it may be this.
    pub fn may_be(&self, value: T) -> bool {
        self.sure == Some(value) || self.maybe.iter().any(|said| said.value == value)
    }

    /// It is read: the words before this one are past.
    pub fn see(&mut self, value: T) -> Result<(), String> {
        if self.sure == Some(value) {
            return Ok(());
        }
        let Some(at) = self.maybe.iter().position(|said| said.value == value) else {
            return Err(format!("shows {value:?}; known are {self:?}"));
        };
        self.sure = Some(value);
        let past = if self.blurred { at..at + 1 } else { 0..at + 1 };
        self.maybe.drain(past);
        Ok(())
    }

    fn settle(&mut self, may_return: bool, opener: usize) {
        if self.sure.is_some() {
            self.maybe.retain_mut(|said| {
                said.ghost |= said.who == opener;
                may_return || said.who != opener
            });
        }
    }

    fn lay_ghosts(&mut self) {
        self.maybe.retain(|said| !said.ghost);
    }
}

impl Thread {
    /// Adds what a call gives to the live writer.
    pub fn give(&mut self, id: u64, lines: Vec<Line>) {
        self.pieces.give(id, self.live.map_or(0, |live| live.life), lines);
    }

    /// What a flush stores that begins now.
    pub fn target(&self) -> Vec<u64> {
        let Some(live) = self.live else { return Vec::new() };
        let open = || self.pieces.0.iter().filter(|piece| piece.life == live.life && !piece.sure);
        let idle = !live.wanted && open().all(|piece| piece.lines == [Line::Header]);
        if idle { Vec::new() } else { open().map(|piece| piece.id).collect() }
    }

    /// The writer is gone. What it had may be found or not; a thread that nothing wanted to store leaves no trace.
    pub fn end(&mut self) {
        let Some(live) = self.live else { return };
        if self.target().is_empty() {
            self.pieces.0.retain(|piece| piece.sure || piece.life != live.life);
        }
        self.live = None;
    }

    /// All items that must be found.
    pub fn lines(&self) -> impl Iterator<Item = Line> {
        self.pieces.0.iter().filter(|piece| piece.sure).flat_map(|piece| piece.lines.iter().copied())
    }

    /// A call of this number is about to put it into the trash. Says whether something is on its way that may come later.
    pub fn put(&mut self, number: u64) -> bool {
        let unsure = self.pieces.0.iter().any(|piece| !piece.sure);
        let before = self.put.unwrap_or(Put { began: number, unsure, held: None });
        self.put = Some(Put { unsure: before.unsure || unsure, held: None, ..before });
        unsure
    }

    /// That call was answered, at this number.
    pub fn put_held(&mut self, began: u64, unsure: bool, now: u64) {
        self.put = Some(Put { began, unsure, held: Some(now) });
    }

    /// Whether it is out of the trash again by what was added to it: `None` if that is not known.
    pub fn is_back(&self) -> Option<bool> {
        let Some(put) = self.put else { return Some(false) };
        let after = |number: u64| self.pieces.0.iter().filter(move |piece| piece.id > number);
        if put.held.is_some_and(|held| after(held).any(|piece| piece.sure)) {
            return Some(true);
        }
        let may_be = put.unsure || after(put.began).next().is_some();
        if may_be { None } else { Some(false) }
    }

    /// It is shown in the trash, or elsewhere.
    ///
    /// # Errors
    /// If it cannot be there.
    pub fn see_trashed(&mut self, shown: bool) -> Result<(), String> {
        match (shown, self.is_back()) {
            (true, Some(true)) => Err(format!("shows it in the trash behind what was added since {:?}", self.put)),
            (false, None | Some(true)) if self.trashed.may_be(true) => Ok(()),
            _ => self.trashed.see(shown),
        }
    }

    /// Whether it is in the trash, as far as that is known.
    pub fn known_trashed(&self) -> Option<bool> {
        match (self.trashed.known()?, self.is_back()) {
            (false, _) | (true, Some(true)) => Some(false),
            (true, Some(false)) => Some(true),
            (true, None) => None,
        }
    }

    /// Whether it may have been deleted. (One that is live is not: who deletes holds its lease.)
    pub fn may_be_gone(&self) -> bool {
        self.live.is_none() && self.gone.may_be(true)
    }

    /// It is read, or it is not there: deleted, if that was ever asked for.
    ///
    /// # Errors
    /// If it cannot be there any more.
    pub fn see(&mut self, there: bool) -> Result<(), String> {
        if !there && self.may_be_gone() {
            *self = Thread::default();
            return Ok(());
        }
        if there { self.gone.see(false).map_err(|what| format!("that it was deleted {what}")) } else { Ok(()) }
    }

    /// An opening has found what it found: see [`Pieces::settle`].
    /// `is_over`: whether the engine that a writer wrote through is no more; that of `opener` is new.
    pub fn settle(&mut self, may_return: bool, is_over: impl Fn(u64) -> bool, opener: usize) {
        let live = self.live.map(|live| live.life);
        self.pieces.settle(may_return, |life| Some(life) != live && is_over(life));
        self.name.settle(may_return, opener);
        self.tag.settle(may_return, opener);
        self.archived.settle(may_return, opener);
        self.trashed.settle(may_return, opener);
        self.gone.settle(may_return, opener);
    }

    /// Something was acknowledged since the opening: what it did not find can never return.
    pub fn lay_ghosts(&mut self) {
        self.pieces.lay_ghosts(|_| true);
        self.name.lay_ghosts();
        self.tag.lay_ghosts();
        self.archived.lay_ghosts();
        self.trashed.lay_ghosts();
        self.gone.lay_ghosts();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: u64) -> Line {
        Line::Text { number, bytes: 0 }
    }

    /// One sure piece, two of an ended writer, two of a live one.
    fn thread() -> Thread {
        let mut thread = Thread { live: Some(Live { who: 0, life: 1, wanted: false }), ..Thread::default() };
        thread.give(1, vec![Line::Header]);
        thread.pieces.hold(&[1]);
        thread.give(2, vec![text(2), text(3)]);
        thread.give(3, vec![text(4)]);
        thread.end();
        thread.live = Some(Live { who: 0, life: 2, wanted: false });
        thread.give(4, vec![text(5)]);
        thread.give(5, vec![text(6)]);
        thread
    }

    #[test]
    fn what_is_found_is_judged_by_pieces_in_order() {
        let header = Line::Header;
        let good: [&[Line]; 4] = [
            &[header],
            &[header, text(2), text(3)],
            &[header, text(5)],
            &[header, text(2), text(3), text(4), text(5), text(6)],
        ];
        for found in good {
            thread().pieces.see(found, &[1]).unwrap();
        }
        let bad: [&[Line]; 5] =
            [&[], &[header, text(2)], &[header, text(4)], &[header, text(6)], &[header, text(5), text(2), text(3)]];
        for found in bad {
            thread().pieces.see(found, &[1]).unwrap_err();
        }
        thread().pieces.see(&[header, text(5)], &[1, 4, 5]).unwrap_err();
    }

    #[test]
    fn what_is_seen_must_be_seen_again_and_nothing_comes_in_before_it() {
        let mut thread = thread();
        thread.pieces.see(&[Line::Header, text(2), text(3), text(5)], &[1]).unwrap();
        let sure = thread.pieces.sure();
        assert_eq!(sure, [1, 2, 4]);
        thread.pieces.see(&[Line::Header, text(2), text(3)], &sure).unwrap_err();
        thread.pieces.see(&[Line::Header, text(2), text(3), text(4), text(5)], &sure).unwrap_err();
        thread.pieces.see(&[Line::Header, text(2), text(3), text(5), text(6)], &sure).unwrap();
    }
}
