//! What a run is made of. A new kind of step is a variant of [`Step`] and an arm of [`World::apply`].

use threadlog_engine::fs::sim::{CallKind, Choice, ENOSPC, Fault};

use super::content::LARGE_BYTES;
use super::invariants::Checked;
use super::world::World;

/// One step of a run. Everything that is random about a run is in its steps, so leaving one out leaves the others as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Appends one record of some hundred bytes.
    Small,
    /// Appends three records of two streams as one batch.
    Batch,
    /// Appends a record that takes two blocks.
    Blocks,
    /// Appends a record that gets a file of its own.
    Large,
    /// Makes everything durable.
    Sync,
    /// As `Sync`, the way tasks do.
    Wait,
    /// Time passes until records must have reached the operating system.
    TickWrite,
    /// Time passes until records must have reached the disk.
    TickSync,
    /// Time passes until a witness is due.
    TickWitness,
    /// Makes the spare that was ordered.
    Spare,
    /// Appends and writes, unsynced, until the next segment has begun.
    Fill,
    /// Closes and opens again.
    Close,
    /// Kills the process and opens again.
    Kill,
    /// Reads every stream.
    Read,
    /// Reads, verifies and salvages the store from outside.
    Look,
    /// A sync whose write is cut off after one block: the disk is full.
    FailWrite,
    /// A sync that fails; what it covered is clean to the kernel and perhaps not on the disk.
    FailSync,
    /// A sync in which a directory's does so.
    FailName,
    /// Appends that must be refused: a wrong ordinal, an older lease.
    Wrong,
    /// Another process wants to write.
    Rival,
    /// The power is cut, nothing is left that was not synced, and the store is opened again.
    PowerCut,
    /// The power is cut, something is left, drawn by this seed, and the store is opened again.
    Crash(u64),
    /// Appends to one of many streams a record of about so many bytes.
    Append(u8, u16),
    /// Some later call goes wrong.
    Fault(u8, Fault),
    /// The disk gets so many blocks more, and no further.
    Full(u8),
    /// The disk has room again.
    Room,
    /// Everything that is durable is sealed.
    Seal,
    /// That, and all that is sealed is merged into one segment.
    Merge,
    /// As `Seal`, but the sync of a directory fails: of those in it the one with this number.
    FailSeal(u8),
}

impl Step {
    /// The steps of exhaustive enumeration.
    pub const ALPHABET: [Step; 16] = [
        Step::Small,
        Step::Batch,
        Step::Blocks,
        Step::Large,
        Step::Sync,
        Step::TickWrite,
        Step::TickSync,
        Step::TickWitness,
        Step::Spare,
        Step::Fill,
        Step::Close,
        Step::Kill,
        Step::FailWrite,
        Step::FailSync,
        Step::Read,
        Step::Seal,
    ];

    /// Appends that wait in memory and call nothing: their order is of no account.
    pub fn is_quiet_append(self) -> bool {
        matches!(self, Step::Small | Step::Batch | Step::Blocks)
    }
}

impl World {
    /// Does a step, and checks what can be checked without leading a write.
    ///
    /// # Errors
    /// The invariant that does not hold.
    pub fn apply(&mut self, step: Step) -> Checked {
        self.begin();
        match step {
            Step::Small => self.append(&[(1, 300)]),
            Step::Batch => self.append(&[(1, 40), (2, 700), (1, 0)]),
            Step::Blocks => self.append(&[(2, 5000)]),
            Step::Large => self.append(&[(3, LARGE_BYTES)]),
            Step::Sync => self.sync(),
            Step::Wait => self.wait(),
            Step::TickWrite => self.tick(15),
            Step::TickSync => self.tick(1000),
            Step::TickWitness => self.tick(60),
            Step::Spare => self.prepare_spare(),
            Step::Fill => self.fill(),
            Step::Close => self.close().and_then(|()| self.reopen()),
            Step::Kill => {
                self.kill();
                self.reopen()
            }
            Step::Read => self.read(),
            Step::Look => self.look().and_then(|()| self.watch()).and_then(|()| self.salvage()),
            Step::FailWrite => self.failing(CallKind::Write, Fault::ShortWriteThenError { bytes: 4096, errno: ENOSPC }),
            Step::FailSync => self.failing(CallKind::Sync, Fault::FailedSync),
            Step::FailName => self.failing(CallKind::SyncDir, Fault::FailedSync),
            Step::Wrong => self.wrong(),
            Step::Rival => self.rival(),
            Step::PowerCut => {
                self.crash(&Choice::LoseAll);
                self.reopen()
            }
            Step::Crash(seed) => {
                self.crash(&Choice::Sample(seed));
                self.reopen()
            }
            Step::Append(stream, bytes) => self.append(&[(stream, bytes.into())]),
            Step::Fault(calls, fault) => {
                self.plan(1 + u64::from(calls), fault);
                Ok(())
            }
            Step::Full(room) => {
                self.bound(Some(room.into()));
                Ok(())
            }
            Step::Room => {
                self.bound(None);
                Ok(())
            }
            Step::Seal => self.seal(false),
            Step::Merge => self.seal(true),
            Step::FailSeal(number) => {
                let before = self.disk().calls_of(CallKind::SyncDir);
                self.disk().fail_kind(CallKind::SyncDir, before + u64::from(number), Fault::FailedSync);
                let sealed = self.seal(false);
                self.disk().clear_faults();
                sealed
            }
        }
        .and_then(|()| self.audit())
        .map_err(|broken| broken.after(format!("{step:?}")))
    }

    fn fill(&mut self) -> Checked {
        for _ in 0..2 {
            self.append(&[(2, 5000)])?;
            self.tick(15)?;
        }
        Ok(())
    }

    /// A sync in which the next call of a kind goes wrong.
    fn failing(&mut self, kind: CallKind, fault: Fault) -> Checked {
        self.disk().fail_kind(kind, self.disk().calls_of(kind) + 1, fault);
        let synced = self.sync();
        self.disk().clear_faults();
        synced
    }
}
