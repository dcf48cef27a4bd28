//! Hashing for the maps that every request goes through several times.
//!
//! Some of the keys come from outside (container IDs, uids), so the hash is keyed by a random number; nobody who
//! cannot read it can aim keys at one bucket. It never leaves the process, so it need not be more than that.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher},
};

/// A map under a [`Seed`].
pub(crate) type Map<K, V> = HashMap<K, V, Seed>;

/// The key of the hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed(pub(crate) u64);

impl BuildHasher for Seed {
    type Hasher = Mixer;

    fn build_hasher(&self) -> Mixer {
        Mixer { state: self.0, secret: mix(self.0) | 1 }
    }
}

/// Words multiplied into a state, both halves of the product kept: a few instructions for eight bytes.
#[derive(Debug)]
pub(crate) struct Mixer {
    state: u64,
    secret: u64,
}

impl Mixer {
    fn word(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.secret ^ 0x9e37_79b9_7f4a_7c15);
        self.state = (product as u64) ^ (product >> 64) as u64 ^ self.secret.rotate_left(23);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            // The length keeps "a" and "a\0" apart.
            let tail = rest.iter().fold(rest.len() as u64, |tail, byte| tail << 8 | u64::from(*byte));
            self.word(tail);
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.word(byte.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.word(word);
    }

    fn write_u128(&mut self, word: u128) {
        self.word(word as u64);
        self.word((word >> 64) as u64);
    }

    fn write_usize(&mut self, word: usize) {
        self.word(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        // The discriminants of enums.
        self.word(word as u64);
    }

    fn finish(&self) -> u64 {
        mix(self.state)
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood, 2014).
pub(crate) fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_that_differ_a_little_spread() {
        for seed in [0, 1, u64::MAX, 0x9e37_79b9_7f4a_7c15] {
            let seed = Seed(seed);
            let uids: HashSet<u64> =
                (0..65_536).map(|n| seed.hash_one(format!("00000000-0000-4000-8000-{n:012x}"))).collect();
            assert_eq!(uids.len(), 65_536);
            let indices: HashSet<u64> = (0..65_536u128).map(|n| seed.hash_one(n << 64)).collect();
            assert_eq!(indices.len(), 65_536);
            // What picks the bucket, and what tells its neighbours apart.
            for shift in [0, 57] {
                let mut buckets = [0u32; 128];
                for n in 0..65_536u128 {
                    buckets[(seed.hash_one(n) >> shift) as usize % 128] += 1;
                }
                assert!(buckets.iter().all(|count| (384..640).contains(count)), "{seed:?} {buckets:?}");
            }
        }
    }

    #[test]
    fn the_key_matters() {
        let order = |seed: u64| {
            let mut keys: Vec<u32> = (0..64).collect();
            keys.sort_by_key(|key| Seed(seed).hash_one(key));
            keys
        };
        assert_ne!(order(1), order(2));
    }
}
