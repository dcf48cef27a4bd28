//! The fuzz body [`spiderpool_fuzz::cni_args`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| spiderpool_fuzz::cni_args(data));
