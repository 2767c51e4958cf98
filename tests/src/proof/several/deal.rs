//! What a sequence of two processes is made of.

/// What a process does. Everything but its number is fixed, so a sequence is short to write down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deal {
    /// Appends a batch: one record to its journal's own stream, and one to the shared stream if it has, or gets, the lease.
    Put,
    /// Makes everything of its journal durable.
    Sync,
    /// Time passes until its records must have reached the operating system.
    Write,
    /// Lets go of the lease, once all that was appended under it is settled.
    Give,
    /// Closes, and opens again with its next deal.
    Close,
    /// Dies, and is begun again with its next deal.
    Die,
    /// Takes in what the other made durable, and compares; for who has synced what it appended itself.
    Look,
    /// A sync whose write is cut off after one block: the disk is full.
    FailWrite,
    /// Seals what is durable in all journals, the other's too; that of a dead process is recovered for it.
    Seal,
    /// As `Seal`, and merges everything that is sealed into one segment.
    Merge,
}

/// A deal and the number of who does it.
pub type Dealt = (usize, Deal);

impl Deal {
    /// What is enumerated. (Looking changes nothing that others could see; it happens with each taking of the lease.)
    pub const ALPHABET: [Deal; 7] =
        [Deal::Put, Deal::Sync, Deal::Write, Deal::Give, Deal::Close, Deal::Die, Deal::Seal];
}

/// Whether a sequence is enumerated: of those with sealing, which makes many calls, the short ones; scenes have the rest.
pub fn is_enumerated(deals: &[Dealt]) -> bool {
    match deals.iter().filter(|(_, deal)| *deal == Deal::Seal).count() {
        0 => true,
        seals => seals == 1 && deals.len() <= 3,
    }
}

/// The `number`-th sequence of so many deals. The processes are alike, so that the first deal is the first one's.
pub fn sequence(mut number: usize, length: usize) -> Option<Vec<Dealt>> {
    let mut dealt = Vec::with_capacity(length);
    for at in 0..length {
        let letters = Deal::ALPHABET.len() * if at == 0 { 1 } else { 2 };
        let letter = number % letters;
        number /= letters;
        dealt.push((letter / Deal::ALPHABET.len(), Deal::ALPHABET[letter % Deal::ALPHABET.len()]));
    }
    (number == 0).then_some(dealt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sequence_has_a_number() {
        let all: std::collections::HashSet<_> = (0..).map_while(|number| sequence(number, 3)).collect();
        assert_eq!(all.len(), 7 * 14 * 14);
        assert!(all.iter().all(|dealt| dealt[0].0 == 0));
        assert_eq!(sequence(0, 0), Some(vec![]));
        assert_eq!(sequence(1, 0), None);
    }
}
