//! Numbers of variable length (LEB128), and signed ones folded into them.

/// Takes numbers and bytes off the front of a slice.
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next number; `None` if the bytes end within it or it has more than 64 bits.
    pub fn number(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first()?;
        if *first < 0x80 {
            self.0 = rest;
            return Some(u64::from(*first));
        }
        self.long()
    }

    fn long(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// The next number, if it fits 32 bits.
    pub fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    /// The next four bytes as a number.
    pub fn word(&mut self) -> Option<u32> {
        let (word, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*word))
    }
}

/// Appends a number: seven bits to a byte, the lowest first.
pub(crate) fn push(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

/// The difference `to − from` (modulo 2^64) as a number that is small if the difference is, whatever its sign.
pub(crate) fn fold(from: u64, to: u64) -> u64 {
    let difference = to.wrapping_sub(from);
    // The sign's bit, spread over all.
    let sign = (difference >> 63).wrapping_neg();
    (difference << 1) ^ sign
}

/// The number that differs from `from` by a folded difference.
pub(crate) fn unfold(from: u64, folded: u64) -> u64 {
    from.wrapping_add((folded >> 1) ^ (folded & 1).wrapping_neg())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(value: u64, small in 0..300_u64, from: u64) {
            for value in [value, small, u64::MAX, 0, 127, 128] {
                let mut bytes = Vec::new();
                push(&mut bytes, value);
                prop_assert!(bytes.len() <= 10);
                let mut reader = Reader(&bytes);
                prop_assert_eq!(reader.number(), Some(value));
                prop_assert!(reader.0.is_empty());
                prop_assert_eq!(Reader(&bytes[..bytes.len() - 1]).number(), None);
                prop_assert_eq!(unfold(from, fold(from, value)), value);
            }
            prop_assert!(fold(from, from.wrapping_add(small)) <= 600);
            prop_assert!(fold(from, from.wrapping_sub(small)) <= 600);
        }

        #[test]
        fn any_bytes_give_a_number_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let _ = Reader(&bytes).number();
        }
    }

    #[test]
    fn more_than_64_bits_are_no_number() {
        assert_eq!(Reader(&[0xff; 11]).number(), None);
        let mut most = vec![0xff; 9];
        most.push(1);
        assert_eq!(Reader(&most).number(), Some(u64::MAX));
        most[9] = 2;
        assert_eq!(Reader(&most).number(), None);
    }
}
