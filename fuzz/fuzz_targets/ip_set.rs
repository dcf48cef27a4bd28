//! The fuzz body [`spiderpool_fuzz::ip_set`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spiderpool_fuzz::ip_set(data));
