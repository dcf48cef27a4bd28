//! The fuzz body [`spiderpool_fuzz::socket_api`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spiderpool_fuzz::socket_api(data));
