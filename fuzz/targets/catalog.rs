#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| threadlog_fuzz::catalog::catalog(input));
