//! The fuzz body [`spiderpool_fuzz::cni_config`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spiderpool_fuzz::cni_config(data));
