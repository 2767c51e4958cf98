//! `unsafe` in one file, and no way around the lints that forbid panics.
//!
//! Clippy forbids `unwrap`, `expect`, indexing and `as`; what it cannot see is that somebody switched it off.

use super::Finding;
use super::source::Source;

/// The file that maps memory, the only one of those that ship that may say `unsafe`.
const UNSAFE_IN: &str = "engine/src/fs/mmap.rs";

/// The allocator of tests that measure memory: the trait for that is unsafe.
const UNSAFE_IN_TESTS: &str = "tests/src/counting.rs";

/// Lints that may not be allowed away in code that ships.
const HELD: &[&str] = &[
    "unwrap_used",
    "expect_used",
    "panic",
    "todo",
    "unimplemented",
    "unreachable",
    "indexing_slicing",
    "as_conversions",
    "dbg_macro",
    "missing_docs",
    "unsafe_code",
    "unused_must_use",
    "dead_code",
];

/// Of these, the one that may be, with a reason: the standard library has no other way from `u64` to `f64`.
const HELD_BUT_FOR_A_REASON: &str = "as_conversions";

/// Methods that panic instead of returning an error.
const PANICKING: &[&str] = &["unwrap", "expect", "unwrap_err", "expect_err"];

/// Unsafe code, lints switched off, and panicking methods in code that ships.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        let tokens = source.tokens();
        let mut found = |line: usize, what: String| {
            findings.push(Finding { path: source.path.clone(), line, what });
        };
        let mapping = source.path == UNSAFE_IN;
        for (token, line) in tokens.iter().filter(|_| !mapping && source.path != UNSAFE_IN_TESTS) {
            if token == "unsafe" {
                found(*line, format!("unsafe: only {UNSAFE_IN} may"));
            }
        }
        if source.is_shipped() {
            let shipped = without_tests(&tokens);
            for (line, lint) in switched_off(&shipped).filter(|(_, lint)| !(mapping && lint == "unsafe_code")) {
                found(line, format!("{lint} is switched off here: write it so that the lint agrees"));
            }
            for (line, method) in panicking(&shipped) {
                found(line, format!(".{method}() in code that ships: return an error"));
            }
        }
    }
    findings
}

type Token = (String, usize);

/// The tokens without what stands under `#[cfg(test)]`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const ATTRIBUTE: &[&str] = &["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let here = &tokens[at..];
        if here.len() >= ATTRIBUTE.len() && here.iter().zip(ATTRIBUTE).all(|((token, _), want)| token == want) {
            at += ATTRIBUTE.len() + item_length(&here[ATTRIBUTE.len()..]);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Tokens up to the end of the item that begins here: its closing brace, or a semicolon outside all groups.
fn item_length(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (index, (token, _)) in tokens.iter().enumerate() {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return index + 1;
                }
            }
            ";" if depth == 0 => return index + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Held lints named inside `allow(…)` or `expect(…)` of an attribute.
fn switched_off(tokens: &[Token]) -> impl Iterator<Item = (usize, String)> {
    let mut off = Vec::new();
    for (index, window) in tokens.windows(3).enumerate() {
        let [(open, _), (verb, line), (paren, _)] = window else { continue };
        if open != "[" || !(verb == "allow" || verb == "expect") || paren != "(" {
            continue;
        }
        let inside: Vec<&str> =
            tokens[index + 3..].iter().map(|(token, _)| token.as_str()).take_while(|token| *token != ")").collect();
        let reason = inside.contains(&"reason");
        let held = |lint: &&str| HELD.contains(lint) && !(reason && *lint == HELD_BUT_FOR_A_REASON);
        off.extend(inside.iter().copied().filter(held).map(|lint| (*line, lint.to_owned())));
    }
    off.into_iter()
}

/// Calls of panicking methods.
fn panicking(tokens: &[Token]) -> impl Iterator<Item = (usize, &str)> {
    tokens.windows(3).filter_map(|window| match window {
        [(dot, _), (method, line), (paren, _)] if dot == "." && paren == "(" => {
            PANICKING.contains(&method.as_str()).then_some((*line, method.as_str()))
        }
        _ => None,
    })
}
