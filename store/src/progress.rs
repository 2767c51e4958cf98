//! How long work tells how far it is, and is told to stop.

/// Told of the progress of an import, an export, a check. Called from several threads at once.
pub trait Progress: Sync {
    /// The files are known: this many, of this many bytes together.
    fn planned(&self, files: u64, bytes: u64);
    /// This many more bytes were dealt with.
    fn advanced(&self, bytes: u64);
    /// One more file was dealt with.
    fn file_done(&self);
    /// Whether to stop. Asked between batches; what was done so far stays, and the same call continues.
    fn stop(&self) -> bool {
        false
    }
}

/// Tells nobody, never stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn planned(&self, _files: u64, _bytes: u64) {}
    fn advanced(&self, _bytes: u64) {}
    fn file_done(&self) {}
}

/// Something that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The path of the file or folder.
    pub path: crate::path::PathBytes,
    /// Why, for people.
    pub reason: String,
}
