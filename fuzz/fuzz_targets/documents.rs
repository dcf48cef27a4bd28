//! The fuzz body [`spiderpool_fuzz::documents`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spiderpool_fuzz::documents(data));
