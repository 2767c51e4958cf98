//! What the log must hold, kept in plain memory beside the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use threadlog_engine::Ticket;

use super::content::{Line, print};

/// A batch that was handed to the engine.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its records, in order.
    pub lines: Vec<Line>,
    /// Its receipt, if the engine gave one and is still the one that gave it.
    pub ticket: Option<Ticket>,
}

/// Everything that was submitted, and what became of it.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The log in order of sequence, as far as the program knows.
    log: Vec<Arc<Sent>>,
    /// So many batches of it are durable: the program was told.
    durable: usize,
    /// What a failed write took back, each list as it stood behind the durable batches. The program was told that these
    /// records are not in the log.
    given_up: Vec<Vec<Arc<Sent>>>,
    /// Receipts of batches taken back: they must say so for as long as the engine lives.
    failed: Vec<Ticket>,
    /// What a failed sync was answered with.
    poison: Option<String>,
    /// Counts reopenings and failures.
    life: u64,
}

/// One log that may be found: all batches, and how many records and which sum of prints each prefix has.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The batches.
    pub batches: Vec<Arc<Sent>>,
    /// Records and sum of prints after each number of batches.
    pub sums: Vec<(u64, u64)>,
}

/// What is owed at a moment: which logs a recovery may find.
#[derive(Clone, Debug, Default)]
pub struct Duty {
    /// So many records are durable: every one of the logs begins with them.
    pub durable: u64,
    /// The logs; any prefix of whole batches with at least the durable records may be found.
    pub chains: Vec<Chain>,
}

impl Chain {
    fn new(batches: Vec<Arc<Sent>>) -> Chain {
        let mut sums = vec![(0, 0)];
        let (mut records, mut sum) = (0, 0_u64);
        for line in &batches {
            records += line.lines.len() as u64;
            sum = line.lines.iter().fold(sum, |sum, line| sum.wrapping_add(line.print));
            sums.push((records, sum));
        }
        Chain { batches, sums }
    }

    /// This log and another, each with so many durable records: these first, and any prefix of one with any of the other.
    fn beside(&self, durable: u64, other: &Chain, durable_of_other: u64) -> Chain {
        let (kept, rest) = self.split(durable);
        let (kept_of_other, rest_of_other) = other.split(durable_of_other);
        let batches = [kept, kept_of_other, rest, rest_of_other].concat();
        let sums_of = |chain: &Chain, durable: u64| -> Vec<(u64, u64)> {
            chain.sums.iter().copied().filter(|(records, _)| *records >= durable).collect()
        };
        let ours = sums_of(self, durable);
        let both = sums_of(other, durable_of_other).into_iter().flat_map(|(records, sum)| {
            ours.iter().map(move |(own, own_sum)| (own + records, own_sum.wrapping_add(sum))).collect::<Vec<_>>()
        });
        Chain { sums: both.collect(), batches }
    }

    /// The batches with the first so many records, and the rest.
    fn split(&self, records: u64) -> (Vec<Arc<Sent>>, Vec<Arc<Sent>>) {
        let at = self.sums.iter().position(|(before, _)| *before >= records).unwrap_or(self.batches.len());
        let (kept, rest) = self.batches.split_at(at.min(self.batches.len()));
        (kept.to_vec(), rest.to_vec())
    }

    /// All records, in order.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.batches.iter().flat_map(|sent| &sent.lines)
    }
}

impl Duty {
    /// Whether a log of so many records with this sum of prints may be found.
    pub fn allows(&self, records: u64, sum: u64) -> bool {
        records >= self.durable && self.chains.iter().any(|chain| chain.sums.contains(&(records, sum)))
    }

    /// What is owed once a recovery has served what it found: exactly that. `None` if it was not to be found.
    pub fn settled(&self, records: u64, sum: u64) -> Option<Duty> {
        let chain = self.chains.iter().find_map(|chain| {
            let at = chain.sums.iter().position(|found| *found == (records, sum))?;
            Some(Chain { batches: chain.batches[..at].to_vec(), sums: chain.sums[..=at].to_vec() })
        });
        chain.filter(|_| records >= self.durable).map(|chain| Duty { durable: records, chains: vec![chain] })
    }

    /// What is owed of several logs side by side: of each what is owed of it, whatever of the others.
    pub fn together(duties: &[Duty]) -> Duty {
        let nothing = Duty { durable: 0, chains: vec![Chain::new(Vec::new())] };
        duties.iter().fold(nothing, |one, other| {
            let beside = |chain: &Chain| {
                let chain = chain.clone();
                other.chains.iter().map(move |behind| chain.beside(one.durable, behind, other.durable))
            };
            let chains = one.chains.iter().flat_map(beside).collect();
            Duty { durable: one.durable + other.durable, chains }
        })
    }

    /// Exactly this much, whatever it is.
    pub fn exactly(records: u64, sum: u64) -> Duty {
        Duty { durable: records, chains: vec![Chain { batches: Vec::new(), sums: vec![(records, sum)] }] }
    }

    /// As [`Duty::exactly`], and perhaps one batch more.
    pub fn perhaps(mut self, lines: &[Line]) -> Duty {
        for chain in &mut self.chains {
            let more = lines.iter().fold(0, |sum: u64, line| sum.wrapping_add(line.print));
            let last = chain.sums.last().map(|(records, sum)| (records + lines.len() as u64, sum.wrapping_add(more)));
            chain.sums.extend(last);
        }
        self
    }
}

impl Model {
    /// Counts reopenings and failures: part of the content of what is appended next.
    pub fn life(&self) -> u64 {
        self.life
    }

    /// Counts so many lives more.
    pub fn live_again(&mut self, lives: u64) {
        self.life += lives;
    }

    /// The next ordinal of a stream.
    pub fn next(&self, stream: u8) -> u64 {
        self.log.iter().flat_map(|sent| &sent.lines).filter(|line| line.stream == stream).count() as u64
    }

    /// Notes a batch that is about to be appended.
    pub fn submit(&mut self, lines: Vec<Line>) {
        self.log.push(Arc::new(Sent { lines, ticket: None }));
    }

    /// Notes the receipt of the last batch.
    pub fn receive(&mut self, ticket: Ticket) {
        if let Some(sent) = self.log.last_mut() {
            Arc::make_mut(sent).ticket = Some(ticket);
        }
    }

    /// Takes the last batch out again.
    pub fn withdraw(&mut self) -> Vec<Line> {
        self.log.pop().map_or_else(Vec::new, |sent| sent.lines.clone())
    }

    /// Records of the log.
    pub fn records(&self) -> u64 {
        count(&self.log)
    }

    /// Records that are durable.
    pub fn durable_records(&self) -> u64 {
        count(&self.log[..self.durable])
    }

    /// Durable records and all records of each stream.
    pub fn streams(&self) -> BTreeMap<u8, (u64, u64)> {
        let mut streams = BTreeMap::new();
        for (at, sent) in self.log.iter().enumerate() {
            for line in &sent.lines {
                let (durable, all) = streams.entry(line.stream).or_insert((0, 0));
                *durable += u64::from(at < self.durable);
                *all += 1;
            }
        }
        streams
    }

    /// The program was told that so many records are durable. False if no batch ends there.
    #[must_use]
    pub fn acknowledge(&mut self, records: u64) -> bool {
        let before = self.durable;
        while self.durable < self.log.len() && self.durable_records() < records {
            self.durable += 1;
        }
        if self.durable > before {
            // What replaces it is durable: what was taken back can never come again.
            self.given_up.clear();
        }
        self.durable_records() == records
    }

    /// A write failed: all that is not durable is taken back.
    pub fn give_up(&mut self) {
        let lost = self.log.split_off(self.durable);
        self.failed.extend(lost.iter().filter_map(|sent| sent.ticket));
        if !lost.is_empty() {
            self.given_up.push(lost);
        }
        self.life += 1;
    }

    /// A sync failed, and this is what everybody was told.
    pub fn poison(&mut self, error: String) {
        self.poison.get_or_insert(error);
    }

    /// What a failed sync was answered with, if one failed.
    pub fn poisoned(&self) -> Option<&str> {
        self.poison.as_deref()
    }

    /// The program was closed, killed or cut off, and has found this log.
    pub fn reopened(&mut self, duty: &Duty) {
        if duty.durable != self.durable_records() {
            self.given_up.clear();
        }
        // Otherwise what a failed write gave up may come back: that it is superseded may stand in the page cache only, until
        // something is acknowledged behind it.
        self.log = duty.chains.first().map_or_else(Vec::new, |chain| chain.batches.clone());
        for sent in &mut self.log {
            Arc::make_mut(sent).ticket = None;
        }
        self.durable = self.log.len();
        (self.failed, self.poison) = Default::default();
        self.life += 1;
    }

    /// Receipts with whether they must be answered `Ok`; those still open are left out.
    pub fn settled_tickets(&self) -> Vec<(Ticket, bool)> {
        let kept = self.log[..self.durable].iter().rev().take(4).filter_map(|sent| sent.ticket);
        kept.map(|ticket| (ticket, true))
            .chain(self.failed.iter().rev().take(4).map(|ticket| (*ticket, false)))
            .collect()
    }

    /// Receipts that are open: not durable and not failed.
    pub fn open_tickets(&self) -> Vec<Ticket> {
        self.log[self.durable..].iter().filter_map(|sent| sent.ticket).collect()
    }

    /// What is owed now.
    pub fn duty(&self) -> Duty {
        let durable = &self.log[..self.durable];
        let with = |rest: &[Arc<Sent>]| Chain::new(durable.iter().chain(rest).cloned().collect());
        let mut chains = vec![with(&self.log[self.durable..])];
        chains.extend(self.given_up.iter().map(|rest| with(rest)));
        Duty { durable: self.durable_records(), chains }
    }

    /// What is owed once nothing that is not durable is left.
    pub fn durable_duty(&self) -> Duty {
        let durable = Chain::new(self.log[..self.durable].to_vec());
        Duty { durable: self.durable_records(), chains: vec![durable] }
    }

    /// The record that stands at an ordinal of a stream.
    pub fn line(&self, stream: u8, ordinal: u64) -> Option<&Line> {
        let lines = self.log.iter().flat_map(|sent| &sent.lines);
        lines.filter(|line| line.stream == stream).nth(usize::try_from(ordinal).ok()?)
    }
}

fn count(batches: &[Arc<Sent>]) -> u64 {
    batches.iter().map(|sent| sent.lines.len() as u64).sum()
}

/// The sum of prints of records, in whatever order.
pub fn sum_of<'a>(records: impl IntoIterator<Item = &'a threadlog_engine::Record>) -> u64 {
    records.into_iter().fold(0, |sum: u64, record| sum.wrapping_add(print(record)))
}
