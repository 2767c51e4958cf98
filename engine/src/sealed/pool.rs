//! Blocks compressed on several threads, and handed on in order.

use std::io;
use std::sync::Mutex;

use zstd::zstd_safe::CDict;

use crate::number::short;
use crate::sealed::block_header::{BlockCodec, BlockKind};
use crate::sealed::builder::{RecordsBuilder, ValuesBuilder};
use crate::sealed::codec::Compressor;

/// A block to be encoded and compressed.
pub(crate) enum Job {
    Records(RecordsBuilder),
    Values(ValuesBuilder),
}

/// A block as it goes to disk.
pub(crate) struct Done {
    pub kind: BlockKind,
    pub codec: BlockCodec,
    pub raw_bytes: u32,
    pub bytes: Vec<u8>,
}

/// So many compressors.
pub(crate) struct Pool {
    compressors: Vec<Compressor>,
    dictionary: Option<CDict<'static>>,
}

impl Pool {
    pub fn new(jobs: usize, level: i32, dictionary: Option<CDict<'static>>) -> io::Result<Pool> {
        let compressors = (0..jobs.max(1)).map(|_| Compressor::new(level)).collect::<io::Result<Vec<_>>>()?;
        Ok(Pool { compressors, dictionary })
    }

    /// How many blocks it works on at a time.
    pub fn jobs(&self) -> usize {
        self.compressors.len()
    }

    /// Compresses blocks; the results come in the order of the blocks, whichever thread was first.
    pub fn run(&mut self, jobs: Vec<Job>) -> io::Result<Vec<Done>> {
        let dictionary = self.dictionary.as_ref();
        let count = jobs.len();
        let queue = Mutex::new(jobs.into_iter().enumerate());
        let next = || queue.lock().ok()?.next();
        let work = |compressor: &mut Compressor| -> io::Result<Vec<(usize, Done)>> {
            let mut done = Vec::new();
            while let Some((index, job)) = next() {
                done.push((index, job.run(compressor, dictionary)?));
            }
            Ok(done)
        };
        let mut done = match self.compressors.as_mut_slice() {
            [compressor, ..] if count <= 1 => work(compressor)?,
            [compressor] => work(compressor)?,
            compressors => std::thread::scope(|scope| {
                let threads: Vec<_> =
                    compressors.iter_mut().map(|compressor| scope.spawn(|| work(compressor))).collect();
                let failed = |_| io::Error::other("a thread that compressed ended by itself");
                let results = threads.into_iter().map(|thread| thread.join().map_err(failed).flatten());
                // All are waited for before the first failure is told.
                let results: Vec<_> = results.collect();
                results.into_iter().collect::<io::Result<Vec<_>>>().map(|done| done.into_iter().flatten().collect())
            })?,
        };
        done.sort_by_key(|(index, _)| *index);
        Ok(done.into_iter().map(|(_, done)| done).collect())
    }
}

impl Job {
    fn run(self, compressor: &mut Compressor, dictionary: Option<&CDict<'_>>) -> io::Result<Done> {
        let (kind, raw) = match self {
            Job::Records(builder) => (BlockKind::Records, builder.encode()),
            Job::Values(builder) => (BlockKind::Values, builder.encode()),
        };
        let raw_bytes = short(raw.len());
        let (codec, bytes) = compressor.compress(raw, dictionary)?;
        Ok(Done { kind, codec, raw_bytes, bytes })
    }

    /// How long its raw bytes are, about.
    pub fn bytes(&self) -> usize {
        match self {
            Job::Records(builder) => builder.bytes(),
            Job::Values(builder) => builder.bytes(),
        }
    }
}
