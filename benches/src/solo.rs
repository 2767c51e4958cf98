//! One writer: every contender does the same thing in turns.

use std::time::Instant;

use crate::Result;
use crate::latency::Latency;

/// Something that makes one record after the other durable.
pub trait Solo {
    /// Its name in the table.
    fn name(&self) -> String;
    /// Makes room for so many appends, where that is not part of what is measured.
    ///
    /// # Errors
    /// Those of the files.
    fn prepare(&mut self, _appends: u64) -> Result<()> {
        Ok(())
    }
    /// Appends one record. When this returns it survives a power cut.
    ///
    /// # Errors
    /// Those of the contender.
    fn append(&mut self) -> Result<()>;
    /// Appends so many records, one after the other, and records how long each took.
    ///
    /// # Errors
    /// Those of the contender.
    fn turn(&mut self, appends: u64, latency: &mut Latency) -> Result<()> {
        for _ in 0..appends {
            let start = Instant::now();
            self.append()?;
            latency.record(start.elapsed());
        }
        Ok(())
    }
    /// Syncs called so far, if the contender knows.
    fn syncs(&self) -> Option<u64>;
    /// What a reader of the row should know.
    fn note(&self) -> String {
        String::new()
    }
    /// Closes it, opens it again and counts the records.
    ///
    /// # Errors
    /// Those of the contender.
    fn count_again(self: Box<Self>) -> Result<u64>;
}

/// What was measured of one contender.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// Of every append after the warm-up.
    pub latency: Latency,
    /// Appends per second over all its turns.
    pub per_second: f64,
    /// Syncs that it called for each append, where it knows.
    pub syncs_per_append: Option<f64>,
    /// Flushes of the device for each append, whoever asked for them.
    pub flushes_per_append: Option<f64>,
    /// What a reader of the row should know.
    pub note: String,
}

/// How long a table takes.
#[derive(Clone, Copy, Debug)]
pub struct Turns {
    /// Turns of each contender.
    pub rounds: u64,
    /// Appends in each turn.
    pub appends: u64,
    /// Appends of each contender before the first turn, which are not measured.
    pub warm_up: u64,
}

/// Lets all contenders append in turns; then opens each again and counts.
///
/// # Errors
/// Those of the contenders, and a count that is not what was appended.
pub fn interleave(
    mut contenders: Vec<Box<dyn Solo>>,
    turns: Turns,
    flushes: impl Fn() -> Option<u64>,
) -> Result<Vec<Measured>> {
    let mut latencies = vec![(Latency::new(), 0_u64, 0.0_f64); contenders.len()];
    for contender in &mut contenders {
        contender.prepare(turns.warm_up)?;
        (0..turns.warm_up).try_for_each(|_| contender.append())?;
    }
    let syncs_before: Vec<_> = contenders.iter().map(|contender| contender.syncs()).collect();
    for _ in 0..turns.rounds {
        for (contender, (latency, flushed, seconds)) in contenders.iter_mut().zip(&mut latencies) {
            contender.prepare(turns.appends)?;
            let flushes_before = flushes();
            let turn = Instant::now();
            contender.turn(turns.appends, latency)?;
            *seconds += turn.elapsed().as_secs_f64();
            *flushed += flushes().unwrap_or(0).saturating_sub(flushes_before.unwrap_or(0));
        }
    }
    let measured = turns.rounds * turns.appends;
    let mut rows = Vec::new();
    for ((contender, (latency, flushed, seconds)), before) in contenders.into_iter().zip(latencies).zip(syncs_before) {
        let (name, note) = (contender.name(), contender.note());
        let syncs = contender.syncs().zip(before).map(|(after, before)| (after - before) as f64 / measured as f64);
        let count = contender.count_again()?;
        if count != measured + turns.warm_up {
            return Err(format!("{name}: {} appended, {count} found", measured + turns.warm_up).into());
        }
        rows.push(Measured {
            name,
            latency,
            per_second: measured as f64 / seconds,
            syncs_per_append: syncs,
            flushes_per_append: flushes().map(|_| flushed as f64 / measured as f64),
            note,
        });
    }
    Ok(rows)
}
