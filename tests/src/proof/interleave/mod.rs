//! Every interleaving of what several processes do on one simulated machine.
//!
//! A *step* is a call of the file system that others can notice: of files, names, directories, locks, ranges, and loads and
//! stores of shared pages. (Syncs, and what never changes, such as the boot's id, are none: nobody sees them without a
//! crash, so a process goes through them at once.) [`board`] holds every process before its next step and lets one at a
//! time take it; [`disk`] is what the processes see of the machine; [`touch`] says what a step reads and changes;
//! [`search`] says who goes next, until every order has been taken that can make a difference.
//!
//! The race is of the acts: every process has its store open before, and none closes it before all have ended. (Closing, and
//! what comes after it, is in the orders of [`races`](super::races).)
//!
//! What is left out, and why nothing is missed:
//! - *Words of one page.* Words that are loaded, or stored, one behind the other are one step. A mark is five words under a
//!   checksum, in one of two slots by turns, and never falls: whoever loads a slot that is half stored finds the other one,
//!   and knows what it would have known by looking a moment earlier. That this is so is tested where marks are
//!   (`mark_tests.rs` in the engine).
//! - *Equal states.* A process is a deterministic program: what it does next depends on what its calls answered. Its
//!   *history* is a hash of its calls and answers; an answer with bytes in it counts as which write each block is from, and
//!   each change counts what it replaced. So the histories of all processes say what the machine is like, too (a lock that
//!   was given back leaves nothing), and what follows from two beginnings with the same histories is the same: the second
//!   is cut off. That processes are deterministic is not believed: each run begins as an earlier one did, and must come to
//!   the same histories.
//! - *Steps that commute.* Two next steps of which none changes what the other touches lead to the same state in either
//!   order. Sleep sets (Godefroid 1996, 4.4, with his rule for states that are met again) leave out the second order.
//! - *Steps that nobody else will ever care for.* If no other process touches, from its present step on, what the next step
//!   of one changes, nor changes what it reads, all that happens before that step could as well happen after it: nobody else
//!   need be tried there (a persistent set of one). What the others will touch is learned: the search begins with nothing
//!   learned and notes all that is touched, and at which step at the latest. If that shows that a decision was wrong, the
//!   whole search is done again with what is known now, until nothing new is learned. A search in which no decision was
//!   wrong is complete: of the shortest sequences of others' steps that would show one wrong, take the one from the
//!   latest state; all decisions on the way are right for it, so the search takes an equivalent one, and would have seen it.
//!
//! A process's steps are bounded, so no state comes again on one path, and no further condition is needed. What is checked
//! is what is left when all have ended: every end that any order leads to is reached by one that is taken.

pub mod board;
pub mod disk;
mod disk_locks;
pub mod race;
pub mod search;
pub mod touch;
