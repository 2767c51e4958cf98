//! The long texts that come with every thread: few and distinct, the same in many files.

use crate::names::{Dialect, Names};
use crate::random::{Random, size};
use crate::text::Writer;
use crate::words::Voice;

/// Bytes of each distinct text of base instructions, oldest first.
const BASE_BYTES: [u32; 21] = [
    7_300, 7_500, 9_800, 11_200, 8_200, 12_400, 13_800, 14_900, 12_900, 15_600, 16_400, 15_100, 18_100, 18_800, 19_300,
    18_400, 19_900, 21_100, 20_200, 19_000, 21_900,
];

/// What a text is for; texts of different sorts are unrelated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Base,
    Permissions,
    Skills,
    Mode,
}

/// The texts of base instructions in use in an era: first and last number.
pub(crate) fn base_numbers(era: crate::era::Era) -> (u32, u32) {
    match era {
        crate::era::Era::Bare | crate::era::Era::Early => (0, 5),
        crate::era::Era::Middle => (6, 11),
        crate::era::Era::Late => (12, 20),
    }
}

/// Base instructions `number`.
pub(crate) fn base(seed: u64, number: u32) -> String {
    text(seed, Sort::Base, number, BASE_BYTES.get(size(number)).copied().unwrap_or(15_000))
}

/// The text `number` of a sort, about `bytes` long.
pub(crate) fn text(seed: u64, sort: Sort, number: u32, bytes: u32) -> String {
    let tag = match sort {
        Sort::Base => 0,
        Sort::Permissions => 1,
        Sort::Skills => 2,
        Sort::Mode => 3,
    };
    let mut random = Random::new(seed, &[4, tag, u64::from(number)]);
    let names = Names::new(&mut random, Dialect::Rust, 24);
    let mut text = String::with_capacity(size(bytes) + 1_000);
    Writer { voice: Voice::English, names: &names }.document(&mut text, &mut random, bytes);
    text.push_str("\n— end —");
    text
}
