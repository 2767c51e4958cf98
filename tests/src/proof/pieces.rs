//! What must be found of one sequence (a thread's items, a stream's records), what may be, and in which order.

/// What one call appended: it is found whole or not at all.
#[derive(Clone, Debug)]
pub struct Piece<L> {
    /// Tells it apart from every other of the run.
    pub id: u64,
    /// Its items.
    pub lines: Vec<L>,
    /// Whether it must be found from now on.
    pub sure: bool,
    /// The writer that it was given to.
    pub life: u64,
    /// Whether an opening did not find it. Until something is acknowledged after that, a power cut may bring it back.
    ghost: bool,
}

/// What was given to one thread or stream, in order.
#[derive(Clone, Debug)]
pub struct Pieces<L>(pub Vec<Piece<L>>);

impl<L> Default for Pieces<L> {
    fn default() -> Pieces<L> {
        Pieces(Vec::new())
    }
}

impl<L: Clone + PartialEq + std::fmt::Debug> Pieces<L> {
    /// Adds what is given to a writer.
    pub fn give(&mut self, id: u64, life: u64, lines: Vec<L>) {
        self.0.push(Piece { id, lines, sure: false, life, ghost: false });
    }

    /// The call was refused: it gave nothing.
    pub fn take_back(&mut self, id: u64) {
        self.0.retain(|piece| piece.id != id);
    }

    /// Whether something of it must be found.
    pub fn exists(&self) -> bool {
        self.0.iter().any(|piece| piece.sure)
    }

    /// Whether something of it may be found.
    pub fn may_exist(&self) -> bool {
        !self.0.is_empty()
    }

    /// These pieces are durable: somebody was told, or has seen them.
    pub fn hold(&mut self, ids: &[u64]) {
        for piece in self.0.iter_mut().filter(|piece| ids.contains(&piece.id)) {
            piece.sure = true;
        }
    }

    /// This was found, all of it durable; the pieces named must be in it.
    ///
    /// # Errors
    /// How it differs from everything that may be found.
    pub fn see(&mut self, found: &[L], required: &[u64]) -> Result<(), String> {
        let (mut at, mut missing, mut here) = (0, Vec::new(), Vec::new());
        for piece in &self.0 {
            let fits = found.get(at..at + piece.lines.len()) == Some(&piece.lines[..]);
            // A writer's items come in their order: behind one that is missing none of its own can stand.
            here.push(fits && !missing.contains(&piece.life));
            if here.last() == Some(&true) {
                at += piece.lines.len();
            } else if required.contains(&piece.id) {
                return Err(format!("{:?} is missing behind {at} items that are there", piece.lines));
            } else {
                missing.push(piece.life);
            }
        }
        if at < found.len() {
            let (count, next) = (found.len() - at, &found[at]);
            return Err(format!("behind {at} items stand {count} that do not belong there: {next:?} …"));
        }
        let last = here.iter().rposition(|here| *here);
        let mut number = 0;
        self.0.retain_mut(|piece| {
            piece.sure |= here[number];
            let past = last > Some(number);
            number += 1;
            piece.sure || !past
        });
        Ok(())
    }

    /// The pieces that must be found.
    pub fn sure(&self) -> Vec<u64> {
        self.0.iter().filter(|piece| piece.sure).map(|piece| piece.id).collect()
    }

    /// An opening has found what it found. What of ended writers it did not find is gone; or may return with a power cut,
    /// if a write or a sync had failed.
    pub fn settle(&mut self, may_return: bool, is_ended: impl Fn(u64) -> bool) {
        self.0.retain_mut(|piece| {
            let lost = !piece.sure && is_ended(piece.life);
            piece.ghost |= lost;
            !lost || may_return
        });
    }

    /// Something was acknowledged since by such writers: what the opening did not find can never return.
    pub fn lay_ghosts(&mut self, of: impl Fn(u64) -> bool) {
        self.0.retain(|piece| piece.sure || !piece.ghost || !of(piece.life));
    }
}
