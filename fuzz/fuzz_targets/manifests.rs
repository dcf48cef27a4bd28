//! The fuzz body [`spiderpool_fuzz::manifests`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spiderpool_fuzz::manifests(data));
