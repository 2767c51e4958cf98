//! What must be so after one process died in the middle of a call and the machine ran on.

use std::path::Path;
use std::sync::Arc;

use threadlog_engine::{Error, Reader};

use super::deal::Deal;
use super::pair::Pair;
use crate::proof::examine::{Depth, Examiner};
use crate::proof::found::Found;
use crate::proof::invariants::{Checked, Evidence, I9, I10, Violation, judge};
use crate::proof::world::ROOT;

impl Pair {
    /// A process is dead. A reader looks on; then the other process takes the stream over and the dead one is begun again, in
    /// this order or the other; both go on and find everything, also after a power cut at any moment of that.
    ///
    /// # Errors
    /// The invariant that does not hold.
    pub(super) fn go_on_without(&mut self, dead: usize, survivor_first: bool, with: (&Examiner, &Depth)) -> Checked {
        self.bury(dead);
        let shown = self.read_from_outside()?;
        self.record();
        let survivor = 1 - dead;
        let order = if survivor_first { [survivor, dead, survivor] } else { [dead, survivor, dead] };
        for (who, deal) in order.into_iter().flat_map(|who| [Deal::Put, Deal::Sync, Deal::Give].map(|deal| (who, deal)))
        {
            // A lease that is free must be had: the second turn of whoever found the stream taken is another's first.
            self.apply((who, deal)).map_err(|broken| broken.after("going on after a death"))?;
        }
        self.look(0).and_then(|()| self.look(1))?;
        let found = self.read_from_outside()?;
        if found < shown {
            return Err(Violation::new(I10, format!("a reader was shown {shown} records, later {found}")));
        }
        let (examiner, depth) = with;
        self.moments().iter().try_for_each(|moment| examiner.cut(moment, shown, depth))
    }

    /// A reader that begins now finds what is durable and nothing that could go. Gives how many records it was shown.
    pub(super) fn read_from_outside(&self) -> Checked<u64> {
        let reader = match Reader::open(Arc::new(self.disk.clone()), Path::new(ROOT)) {
            Ok(reader) => reader,
            Err(Error::NoStore { .. }) => return Ok(0),
            Err(error) => return Err(Violation::new(I9, format!("not readable from outside: {error}"))),
        };
        let found = Found::gather(&reader, true);
        judge(&Evidence::new(&self.duty(), &found)).map_err(|broken| broken.after("reading from outside"))?;
        Ok(found.total().0)
    }
}
