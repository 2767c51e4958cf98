//! Lengths of time and sizes, as people write them.

/// A length of time in milliseconds: `12h`, `30d`, `6w`, `1y` (365 days).
pub fn duration_ms(text: &str) -> Result<u64, String> {
    const HOUR_MS: u64 = 3_600_000;
    let units = [("h", HOUR_MS), ("d", 24 * HOUR_MS), ("w", 7 * 24 * HOUR_MS), ("y", 365 * 24 * HOUR_MS)];
    measured(text, &units).ok_or_else(|| "give a number with h, d, w or y behind it: 30d is thirty days".to_owned())
}

/// A size in bytes: `500`, `100MB`, `2GB`; with an i (`2GiB`) in powers of 1024.
pub fn bytes(text: &str) -> Result<u64, String> {
    let units = [
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("tib", 1 << 40),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("tb", 1_000_000_000_000),
        ("b", 1),
        ("", 1),
    ];
    measured(text, &units).ok_or_else(|| "give a number of bytes, perhaps with kB, MB, GB or TB behind it".to_owned())
}

/// A whole number and the first unit that fits.
fn measured(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let (number, unit) = units.iter().find_map(|(unit, times)| Some((text.strip_suffix(unit)?, times)))?;
    number.trim_end().parse::<u64>().ok()?.checked_mul(*unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_sizes_are_read_as_people_write_them() {
        let hours = |text| duration_ms(text).map(|ms| ms / 3_600_000).ok();
        let table = [("12h", 12), ("30d", 720), ("2W", 336), ("1y", 8760), (" 3 d ", 72)];
        table.into_iter().for_each(|(text, want)| assert_eq!(hours(text), Some(want), "{text}"));
        for wrong in ["", "30", "d", "-1d", "1.5d", "30m", "99999999999999999y"] {
            assert!(duration_ms(wrong).is_err(), "{wrong}");
        }
        let table =
            [("0", 0), ("500", 500), ("7B", 7), ("100MB", 100_000_000), ("2 gb", 2_000_000_000), ("1KiB", 1024)];
        table.into_iter().for_each(|(text, want)| assert_eq!(bytes(text), Ok(want), "{text}"));
        for wrong in ["", "GB", "-1", "1.5GB", "1XB", "99999999TB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
