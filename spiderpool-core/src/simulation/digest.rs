//! A fingerprint of a whole run: everything that happened, in order.

use std::fmt;

/// 128 bits; not cryptographic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest(u64, u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344)
    }
}

impl Digest {
    pub(super) fn number(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number) * u128::from(self.1 | 1);
        self.0 = (product as u64).rotate_left(23) ^ 0x9e37_79b9_7f4a_7c15;
        self.1 = self.1.wrapping_add((product >> 64) as u64) ^ number.rotate_left(7);
    }

    pub(super) fn text(&mut self, text: &str) {
        for chunk in text.as_bytes().chunks(8) {
            self.number(chunk.iter().fold(chunk.len() as u64, |word, byte| word << 8 | u64::from(*byte)));
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0, self.1)
    }
}
