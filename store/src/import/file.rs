//! Imports one file.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use threadlog_engine::number::wide;

use crate::error::Error;
use crate::event::{Control, Created, Origin, Source};
use crate::import::choose::Target;
use crate::import::identity::Identity;
use crate::import::input::Input;
use crate::import::lines::LineReader;
use crate::import::report::{FileReport, Outcome};
use crate::import::run::Run;
use crate::import::shared::Shared;
use crate::import::sink::Sink;
use crate::import::walk::Found;
use crate::item::{Line, Oddities, Oddity, OddityCounts, parse};

/// A file whose thread is known.
#[derive(Debug)]
pub(super) struct Planned {
    /// Its place in the order of the walk.
    pub(super) number: usize,
    pub(super) found: Found,
    pub(super) identity: Identity,
    /// Its length when it was found; for progress only.
    pub(super) bytes: u64,
}

/// Why a file was not imported.
#[derive(Debug)]
pub(super) enum Fault {
    /// The file cannot be read; others can.
    File(io::Error),
    /// The store cannot be written; nothing else can be imported either.
    Store(Error),
    /// The caller asked to stop.
    Stopped,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::File(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Store(error)
    }
}

/// What was read of a file, and added to the store.
#[derive(Default)]
struct Added {
    lines: u64,
    bytes: u64,
    odd: OddityCounts,
}

impl Run<'_> {
    /// Adds to the store what it does not have of one file.
    pub(super) fn import(&self, planned: &Planned) -> Result<FileReport, Fault> {
        let input = Input::open(&planned.found.path, planned.found.packed)?;
        let lease = self.lease(planned.identity.thread)?;
        let outcome = self.add(planned, &input);
        // Nobody goes on with what is not durable yet.
        self.keep_until_durable(lease);
        outcome
    }

    fn add(&self, planned: &Planned, input: &Input) -> Result<FileReport, Fault> {
        let mut target = self.choose(planned, input)?;
        let mut shared = if target.is_new() { self.shared(planned, input)? } else { None };
        let life = shared.as_mut().and_then(|shared| shared.life.take());
        let mut sink = self.sink(&target);
        let mut controls = Vec::new();
        if target.is_new() {
            let created = Control::Created(Created {
                at_ms: self.clock.now_ms(),
                id_text: planned.identity.id_text.clone(),
                rollout: planned.identity.rollout,
                origin: match &shared {
                    Some(shared) => Origin::ImportedFork(planned.found.place.clone(), Box::new(shared.fork.clone())),
                    None => Origin::Imported(planned.found.place.clone()),
                },
            });
            controls.push((sink.control(&created)?, created));
        }
        let mut first = Added::default();
        if let Some(Shared { first: line, prefix, .. }) = shared {
            self.appended(sink.line(&parse(&line), false)?)?;
            first = Added { lines: 1, bytes: wide(line.len()), ..first };
            target.prefix = prefix;
        }
        self.advanced(target.prefix.bytes);
        let (modified_ns, exact) = modified_ns(input.about().modified()?);
        let mut source = Source {
            place: planned.found.place.clone(),
            modified_ns,
            bytes: target.prefix.bytes,
            blake3: target.prefix.hasher.finalize().into(),
            records: target.prefix.records,
            lines: target.prefix.lines(),
            replaces: target.moved_from.clone(),
        };
        let added = if target.outcome == Outcome::Unchanged {
            Added::default()
        } else {
            self.add_lines(&mut sink, input, &target, &mut source)?
        };
        if !self.knows(&target, &source) {
            let source = Control::Source(source.clone());
            controls.push((sink.control(&source)?, source));
        }
        self.appended(sink.flush()?)?;
        // Nor deletes what it stands on.
        self.keep_until_durable(life);
        self.learn(target.key, sink.items(), &controls);
        Ok(FileReport {
            path: planned.found.name(),
            thread: target.key.thread,
            outcome: target.outcome,
            moved_from: target.moved_from.map(|place| place.path),
            bytes: source.bytes,
            lines_added: added.lines + first.lines,
            bytes_added: added.bytes + first.bytes,
            odd: added.odd,
            time_cut: !exact,
        })
    }

    /// Appends what stands in the file after the target's prefix, and brings `source` up to it.
    fn add_lines(
        &self,
        sink: &mut Sink<'_>,
        input: &Input,
        target: &Target,
        source: &mut Source,
    ) -> Result<Added, Fault> {
        let rest = input.reader_from(target.prefix.bytes)?;
        let mut reader = LineReader::new(rest, target.prefix.hasher.clone());
        let mut added = Added::default();
        let mut continues = target.prefix.mid_line;
        let mut untold = 0;
        while let Some(bytes) = reader.next_line()? {
            let line = match continues {
                false => parse(bytes),
                true if bytes.ends_with(b"\n") => Line::Verbatim(bytes, Oddities::default()),
                true => Line::Verbatim(bytes, Oddities::default().with(Oddity::HalfLine)),
            };
            if let Line::Verbatim(_, oddities) = &line {
                added.odd.add(*oddities);
            }
            let appended = sink.line(&line, continues)?;
            // The rest of a half line is no further line of the file.
            source.lines += u64::from(!continues);
            added.lines += 1;
            continues = false;
            untold += wide(bytes.len());
            let full = appended.is_some();
            self.appended(appended)?;
            if full {
                self.advanced(std::mem::take(&mut untold));
                self.pause()?;
            }
        }
        self.advanced(untold);
        let (bytes, hash) = reader.finish();
        added.bytes = bytes;
        source.bytes = target.prefix.bytes + bytes;
        source.blake3 = hash.into();
        source.records = sink.items();
        Ok(added)
    }
}

/// Nanoseconds since 1970, and whether that is the time: the bounds of 64 bits, 292 years away, stand for what lies beyond.
fn modified_ns(time: SystemTime) -> (i64, bool) {
    let signed = |nanos: u128| i64::try_from(nanos).map_or((i64::MAX, false), |nanos| (nanos, true));
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => signed(after.as_nanos()),
        Err(before) => {
            let (nanos, exact) = signed(before.duration().as_nanos());
            (-nanos, exact)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_beyond_what_is_kept_are_told_from_others() {
        let far = Duration::from_secs(300 * 365 * 86_400);
        let near = Duration::new(5, 7);
        assert_eq!(modified_ns(UNIX_EPOCH + near), (5_000_000_007, true));
        assert_eq!(modified_ns(UNIX_EPOCH - near), (-5_000_000_007, true));
        assert_eq!(modified_ns(UNIX_EPOCH + far), (i64::MAX, false));
        assert_eq!(modified_ns(UNIX_EPOCH - far), (-i64::MAX, false));
    }
}
