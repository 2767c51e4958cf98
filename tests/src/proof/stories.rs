//! The stores that are harmed: small ones of every history, and how each of them ended.

use super::damage::Base;
use super::invariants::Checked;
use super::step::Step;

/// How a store came about, and how it ended.
pub(super) type Story = (&'static str, &'static [Step], End);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Closed,
    /// And the mark is lost: what the log says of itself must do.
    ClosedWithoutMark,
    Killed,
    PowerCut,
}

const PAST: &[Step] = &[Step::Batch, Step::Sync, Step::Fill, Step::Sync, Step::Small];

const STORIES: &[Story] = &[
    ("closed cleanly", PAST, End::Closed),
    ("closed cleanly, its mark lost", PAST, End::ClosedWithoutMark),
    (
        "killed, with a tail that only the operating system has",
        &[Step::Batch, Step::Sync, Step::Fill, Step::Small, Step::TickWrite],
        End::Killed,
    ),
    (
        "cut off, with a tail that nobody vouches for",
        &[Step::Batch, Step::Sync, Step::Fill, Step::Small, Step::TickWrite],
        End::PowerCut,
    ),
    (
        "with a record in a file of its own",
        &[Step::Small, Step::Large, Step::Sync, Step::Small, Step::Sync],
        End::Closed,
    ),
    (
        "recovered, then closed",
        &[Step::Batch, Step::Sync, Step::Fill, Step::Kill, Step::Small, Step::Sync],
        End::Closed,
    ),
    (
        "after a failed write",
        &[Step::Batch, Step::Sync, Step::Small, Step::Blocks, Step::FailWrite, Step::Batch, Step::Sync],
        End::Closed,
    ),
    (
        "after a failed write, in two segments",
        &[
            Step::Batch,
            Step::Sync,
            Step::Fill,
            Step::FailWrite,
            Step::Small,
            Step::Blocks,
            Step::Sync,
            Step::Fill,
            Step::Sync,
        ],
        End::Closed,
    ),
    (
        "with a spare, killed",
        &[Step::Small, Step::Sync, Step::Spare, Step::Batch, Step::Sync, Step::Small, Step::Sync],
        End::Killed,
    ),
];

/// Every store to be harmed.
///
/// # Errors
/// An invariant that does not hold while they are made.
pub fn bases() -> Checked<Vec<Base>> {
    STORIES.iter().map(Base::new).collect()
}
