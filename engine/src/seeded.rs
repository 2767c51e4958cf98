//! Deliberate bugs, to prove that the tests would notice such ones.
//!
//! Only with the feature `seeded-bugs`, which nothing that ships turns on. Without it `bug` is the constant
//! `false`: the compiler leaves nothing of the bugs.

macro_rules! bugs {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// A deliberate bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug {
            $($(#[$doc])* $name,)+
        }

        #[cfg(feature = "seeded-bugs")]
        impl Bug {
            /// All of them.
            pub const ALL: &[Bug] = &[$(Bug::$name,)+];
        }
    };
}

bugs! {
    /// A sync returns before the disk was asked.
    AcknowledgeBeforeSync,
    /// The last payload of a group is believed as it is.
    ChecksumSkippedOnLastFrame,
    /// The headers of frames are believed as they are.
    FramesChecksumIgnored,
    /// A payload is not verified again when it is read.
    ReadUnverified,
    /// A frame's header is not verified again when it is read.
    HeaderUnverified,
    /// A group is valid in any segment.
    NoSaltInChecksum,
    /// A group is valid at any place of its segment.
    NoOffsetInChecksum,
    /// The name of a new segment is not synced.
    NoDirectorySync,
    /// The name of a prepared segment is not synced.
    SpareWithoutDirectorySync,
    /// The store's FORMAT is not synced before it gets its name.
    FormatNotSynced,
    /// A tail that no witness vouches for is served without being copied.
    PageCacheTrustedAtRecovery,
    /// The witness of a recovery is written before the copies are synced.
    RecoveryWitnessTooEarly,
    /// A recovery counts before its witness is there.
    UnfinishedRecoveryCounts,
    /// A recovery whose witness may stand in the page cache only is built upon.
    RecoveryWitnessTrusted,
    /// A sync that failed is tried once more.
    RetryAfterFailedSync,
    /// No witness is written.
    WitnessOmitted,
    /// The mark is published before the sync.
    MarkPublishedEarly,
    /// A group vouches for itself.
    DurableUptoTooHigh,
    /// The last block of a segment is not looked at.
    OffByOneAtSegmentEnd,
    /// The ordinal that a caller expects is not compared.
    ExpectedOrdinalIgnored,
    /// An older lease may write after a newer one.
    StaleLeaseAccepted,
    /// A ticket of a failed write is answered `Ok`.
    FailedTicketAcknowledged,
    /// Tickets from before a failed write are judged by the sequences given after it.
    GenerationIgnored,
    /// A failed write takes nothing back from the heads.
    HeadsKeptAfterFailedWrite,
    /// A failed write does not end the epoch.
    EpochKeptAfterFailedWrite,
    /// Segments left since the last sync are not synced.
    LeftSegmentsNotSynced,
    /// A reader beside a writer believes all that verifies.
    ReaderIgnoresMark,
    /// A writer does not look at the mark.
    MarkIgnoredAtRecovery,
    /// The file of a large record is not synced.
    LargeFileNotSynced,
    /// The name of a large record's file is not synced.
    LargeDirectoryNotSynced,
    /// An epoch says that it begins one record later than it does.
    StartSequenceOffByOne,
    /// A torn payload does not end the log.
    TornPayloadAccepted,
    /// An epoch without its header does not count, though a later one was built on it.
    BuiltUponIgnored,
    /// Groups need not follow each other by checksum.
    ChainNotChecked,
    /// A stream is continued without what its dead writer handed to the system.
    DeadJournalNotRecovered,
    /// The journal of a living writer is recovered as if it were dead.
    SignOfLifeIgnored,
    /// Whoever reads on in another's journal believes one record more than its mark covers.
    FollowerIgnoresMark,
    /// Whoever reads on in another's journal does not see that its writer began anew after a failed write.
    FollowerIgnoresEpoch,
    /// A journal that another process made is not looked for.
    NewJournalNotSeen,
    /// A lease that another process has is given.
    LeaseNotChecked,
    /// A lease is freed while records appended under it are on their way.
    LeaseFreedEarly,
    /// In the layer above: who continues a stream does so under its last writer's epoch.
    LeaseEpochNotRaised,
    /// In the layer above: what says that something was deleted is acknowledged before it is durable.
    TombstoneNotSynced,
    /// In the layer above: of several streams that are to be deleted all or none, each is by itself.
    TombstonesOneByOne,
    /// In the layer above: what files brought is acknowledged before it is durable.
    ImportNotSynced,
    /// In the layer above: who builds on a stream does not say so.
    LifeNotHeldByFork,
    /// In the layer above: who deletes a stream does not ask who builds on it.
    LifeNotHeldByDelete,
    /// In the layer above: who counts on a stream's going on, as it was taken back from what is to be deleted, does not say
    /// so.
    LifeNotHeldByRestore,
    /// In the layer above: who deletes decides by what was read before everybody was kept away.
    TrashSeenEarly,
    /// In the layer above: what other processes did is read, and what was folded before is shown.
    ViewsNotTold,
    /// MANIFEST gets its name before it is synced.
    ManifestNotSynced,
    /// The name of a new MANIFEST is not synced before what it replaces is removed.
    ManifestNameNotSynced,
    /// In the layer above: a MANIFEST that was found is taken for durable.
    ManifestNotConfirmed,
    /// A sealed segment is not synced before a MANIFEST names it.
    SealedFileNotSynced,
    /// The name of a sealed segment is not synced.
    SealedNameNotSynced,
    /// In the layer above: hot segments are removed before a MANIFEST says where their records are.
    HotRemovedFirst,
    /// A spare that nothing was written to yet counts as sealed.
    SpareSealed,
    /// A witness at the end of what was sealed is forgotten.
    SealedWitnessForgotten,
    /// A new epoch behind what was sealed is held against a witness that is no part of the log any more.
    SealedEpochMisjudged,
    /// Records whose file is gone are not looked for in the segments that have them now.
    MovedNotLookedFor,
    /// Where a sealed stream ends is not asked when records are appended to it.
    SealedHeadIgnored,
    /// The block of a sealed record is not verified.
    SealedBlockUnverified,
    /// Hot segments that were sealed and came back with a power cut count again.
    SealedSegmentsReturn,
    /// In the layer above: the names of a backup's files are not synced before its MANIFEST names them.
    BackupNamesNotSynced,
    /// In the layer above: files of the old backup are removed before the new one's MANIFEST is there.
    BackupRemovesFirst,
    /// In the layers above: the hash of a bundle is not compared.
    BundleHashNotChecked,
    /// In the layers above: what a bundle brought is acknowledged before it is durable.
    BundleNotSynced,
    /// In the layers above: what is hot behind a checkpoint of the catalog is not looked for.
    CatalogTailIgnored,
    /// In the layers above: a checkpoint of the catalog is taken to cover every segment.
    CatalogCoversAll,
    /// In the layers above: the pages of a checkpoint of the catalog are believed as they are.
    CatalogNotVerified,
}

/// Which bug is in, as its place in [`Bug::ALL`] and one; 0: none.
#[cfg(feature = "seeded-bugs")]
static PLANTED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// How often the code came by the planted bug.
#[cfg(feature = "seeded-bugs")]
static MET: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// Puts a bug in (or takes it out), for the whole process. Says how often the one before was met.
#[cfg(feature = "seeded-bugs")]
pub fn plant(bug: Option<Bug>) -> u64 {
    use std::sync::atomic::Ordering;
    let place = Bug::ALL.iter().position(|other| Some(*other) == bug);
    PLANTED.store(place.map_or(0, |place| place.saturating_add(1)), Ordering::SeqCst);
    MET.swap(0, Ordering::SeqCst)
}

/// Whether this bug is in. For the crates of threadlog only.
#[doc(hidden)]
#[cfg(feature = "seeded-bugs")]
pub fn bug(bug: Bug) -> bool {
    use std::sync::atomic::Ordering;
    let planted = PLANTED.load(Ordering::Relaxed).checked_sub(1).and_then(|place| Bug::ALL.get(place));
    let is_in = planted.is_some_and(|planted| *planted == bug);
    if is_in {
        MET.fetch_add(1, Ordering::Relaxed);
    }
    is_in
}

/// Whether this bug is in: never.
#[doc(hidden)]
#[cfg(not(feature = "seeded-bugs"))]
#[inline(always)]
pub const fn bug(_: Bug) -> bool {
    false
}

/// A lock that nobody gave, if this bug is in that takes one all the same.
#[cfg(feature = "seeded-bugs")]
pub(crate) fn stolen_lock(planted: Bug) -> Option<Box<dyn crate::fs::Lock>> {
    struct Stolen;
    impl crate::fs::Lock for Stolen {
        fn describe(&self, _: &str) -> std::io::Result<()> {
            Ok(())
        }
    }
    bug(planted).then(|| -> Box<dyn crate::fs::Lock> { Box::new(Stolen) })
}

/// A lock that nobody gave: there is none.
#[cfg(not(feature = "seeded-bugs"))]
#[inline(always)]
pub(crate) const fn stolen_lock(_: Bug) -> Option<Box<dyn crate::fs::Lock>> {
    None
}
