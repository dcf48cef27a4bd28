//! Deliberate breaches of the allocator's rules.
//!
//! Each rule of the protocol is there because its absence grants an address twice, loses one, or answers wrongly. The
//! simulation and the exhaustive exploration are worth something only if they find such an absence; so for each rule
//! there is a [`Mutation`] that takes it away, and tests that must fail with it. Without the feature `mutations`,
//! which nothing but tests turns on, [`Mutation::active`] is a constant `false` and costs nothing.

/// One rule taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "mutations", derive(PartialOrd, Ord))]
pub enum Mutation {
    /// A release frees whatever record is at the address, also a newer grant's (rule 6).
    UnfencedRelease,
}

#[cfg(feature = "mutations")]
mod on {
    use std::cell::Cell;

    use super::Mutation;

    thread_local! {
        static ACTIVE: Cell<Option<Mutation>> = const { Cell::new(None) };
    }

    impl Mutation {
        /// Whether this rule is taken away in this thread.
        #[must_use]
        pub fn active(self) -> bool {
            ACTIVE.get() == Some(self)
        }

        /// Runs `body` with this rule taken away in this thread, also if it panics only until its end.
        pub fn during<T>(self, body: impl FnOnce() -> T) -> T {
            struct Restore(Option<Mutation>);
            impl Drop for Restore {
                fn drop(&mut self) {
                    ACTIVE.set(self.0);
                }
            }
            let _restore = Restore(ACTIVE.replace(Some(self)));
            body()
        }
    }
}

#[cfg(not(feature = "mutations"))]
impl Mutation {
    /// Whether this rule is taken away: never, without the feature `mutations`.
    #[must_use]
    pub const fn active(self) -> bool {
        let _ = self;
        false
    }
}
