//! Names that Kubernetes generates.

use spiderpool_core::env::Env;

/// The letters of generated names: no vowels, no 0, 1 and 3, so that no word comes out.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// The longest part of a generated name before its suffix.
const MAX_BASE: usize = 58;

fn letter(number: u64) -> char {
    let index = usize::try_from(number % LETTERS.len() as u64).unwrap_or_default();
    char::from(LETTERS[index])
}

/// `base-xxxxx`, as of `metadata.generateName: base-`.
pub(super) fn generated(base: &str, env: &Env) -> String {
    let mut base: String = base.chars().take(MAX_BASE - 1).collect();
    base.push('-');
    base.extend((0..5).map(|_| letter(env.entropy.next_u64())));
    base
}

/// The `pod-template-hash` of a template: the same for the same template.
pub(super) fn template_hash(template: &str) -> String {
    // FNV-1a, 32 bits; its decimal digits are then written in the letters above.
    let hash = template
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.to_string().bytes().map(|digit| letter(digit.into())).collect()
}
