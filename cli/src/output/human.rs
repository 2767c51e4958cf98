//! Numbers, times and foreign text, for people.

use threadlog::item::Timestamp;

/// A size in decimal units with three digits: `999 B`, `1.23 kB`, `360 MB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // In thousandths of the unit, so that no rounding needs floating point.
    let mut thousandths = u128::from(bytes);
    for unit in UNITS {
        let (step, digits) = match thousandths {
            0..=9_994 => (10, 2),
            9_995..=99_949 => (100, 1),
            _ => (1000, 0),
        };
        let rounded = (thousandths + step / 2) / step * step;
        if rounded < 1_000_000 || unit == "EB" {
            let (whole, rest) = (rounded / 1000, rounded % 1000);
            let fraction = format!("{rest:03}");
            let fraction = fraction.get(..digits).unwrap_or("");
            return if digits == 0 { format!("{whole} {unit}") } else { format!("{whole}.{fraction} {unit}") };
        }
        thousandths /= 1000;
    }
    format!("{bytes} B")
}

/// A number with its digits in groups of three: `152,679`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 thread`, `2 threads`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `part` of `whole` as a percentage with one digit, or nothing for a part of nothing.
pub fn percent(part: u64, whole: u64) -> Option<String> {
    let tenths = (u128::from(part) * 1000 + u128::from(whole) / 2).checked_div(u128::from(whole))?;
    Some(format!("{}.{} %", tenths / 10, tenths % 10))
}

/// A time to the minute: `2026-01-31 12:34`.
pub fn minute(time: Timestamp) -> String {
    let text = time.to_string();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

/// Text of others, safe for a terminal: control characters (which could move the cursor, retitle the window or hide
/// text) become visible pictures of themselves; tabs and line ends stay.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c == '\n' || c == '\t' { c } else { visible(c) }).collect()
}

/// Text of others on one line, runs of white space as one space, safe for a terminal, at most `chars_max` characters.
pub fn one_line(text: &str, chars_max: usize) -> String {
    let mut line = String::new();
    let mut chars = 0;
    for word in text.split_whitespace() {
        for c in (chars > 0).then_some(' ').into_iter().chain(word.chars().map(visible)) {
            if chars == chars_max {
                line.pop();
                line.push('…');
                return line;
            }
            line.push(c);
            chars += 1;
        }
    }
    line
}

/// A control character as its picture, anything else as it is.
fn visible(c: char) -> char {
    match u32::from(c) {
        code @ 0..=0x1f => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x7f => '\u{2421}',
        // C1 controls, and marks that reorder or hide text.
        0x80..=0x9f | 0x200e | 0x200f | 0x202a..=0x202e | 0x2066..=0x2069 => '\u{fffd}',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_and_round_into_the_next_unit() {
        let table = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (1234, "1.23 kB"),
            (9_994, "9.99 kB"),
            (9_995, "10.0 kB"),
            (99_949, "99.9 kB"),
            (99_950, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (359_950_695, "360 MB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (bytes, want) in table {
            assert_eq!(size(bytes), want, "{bytes}");
        }
    }

    #[test]
    fn numbers_are_grouped_and_counted() {
        assert_eq!([count(0), count(999), count(1000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "thread", "threads"), "1 thread");
        assert_eq!(counted(0, "thread", "threads"), "0 threads");
        assert_eq!(percent(1, 3).as_deref(), Some("33.3 %"));
        assert_eq!(percent(1, 0), None);
    }

    #[test]
    fn times_end_with_the_minute() {
        assert_eq!(minute(Timestamp::from_ms(1_769_862_896_789).unwrap()), "2026-01-31 12:34");
    }

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        assert_eq!(plain("a\x1b[31mb\r\n\tc\x07\u{9b}\u{202e}"), "a␛[31mb␍\n\tc␇\u{fffd}\u{fffd}");
        assert_eq!(one_line("  a\n\n b\x1b ", 80), "a b␛");
    }

    #[test]
    fn one_line_is_cut_where_it_is_too_long() {
        assert_eq!(one_line("abcdef", 6), "abcdef");
        assert_eq!(one_line("abcdefg", 6), "abcde…");
        assert_eq!(one_line("äöü äöü", 5), "äöü …");
    }
}
