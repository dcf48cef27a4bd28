//! A quick hash for states: explorations hash far more than they do anything else.

use std::hash::{Hash, Hasher};

/// Multiplies and rotates, word by word.
#[derive(Clone)]
pub(crate) struct Quick(u64);

impl Default for Quick {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Quick {
    pub(crate) fn of(value: &impl Hash) -> u64 {
        let mut hasher = Self::default();
        value.hash(&mut hasher);
        hasher.finish()
    }
}

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let mut word = bytes.len() as u64;
        for (at, byte) in bytes.iter().enumerate() {
            word = word << 8 | u64::from(*byte);
            if at % 8 == 7 {
                self.write_u64(word);
                word = 0;
            }
        }
        self.write_u64(word);
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(value.into());
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9fb2_1c65_1e98_df25);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed ^ (mixed >> 32)
    }
}
