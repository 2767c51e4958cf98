//! Base64 of random bits: what ciphertext and compressed images look like in a rollout.

use crate::random::{Random, size};

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const ALPHANUMERIC: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789Ab";

/// Appends `characters` characters of ciphertext as models' services hand it out: URL-safe, with their fixed start.
pub(crate) fn ciphertext(out: &mut String, random: &mut Random, characters: u32) {
    out.push_str("gAAAAAB");
    digits(out, random, (characters.max(40) - 7) / 4 * 4, URL_SAFE);
    out.push_str("==");
}

/// Appends an image as a data URL of `characters` characters in all: a PNG's first bytes, then noise.
pub(crate) fn image(out: &mut String, random: &mut Random, characters: u32) {
    const START: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA";
    out.push_str(START);
    digits(out, random, characters.saturating_sub(crate::random::narrow(START.len())) / 4 * 4, STANDARD);
}

/// Appends `count` letters and digits, as in ids of calls.
pub(crate) fn letters(out: &mut String, random: &mut Random, count: u32) {
    digits(out, random, count, ALPHANUMERIC);
}

fn digits(out: &mut String, random: &mut Random, count: u32, alphabet: &[u8; 64]) {
    out.reserve(size(count));
    let mut left = count;
    while left > 0 {
        let mut bits = random.bits();
        for _ in 0..left.min(10) {
            let index = usize::try_from(bits & 63).unwrap_or(0);
            out.push(char::from(alphabet.get(index).copied().unwrap_or(b'A')));
            bits >>= 6;
        }
        left = left.saturating_sub(10);
    }
}
