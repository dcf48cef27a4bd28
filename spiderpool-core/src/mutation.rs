//! Deliberate breaches of the allocator's rules.
//!
//! Each rule of the protocol is there because its absence grants an address twice, loses one, or answers wrongly. The
//! simulation and the exhaustive exploration are worth something only if they find such an absence; so for each rule
//! there is a [`Mutation`] that takes it away, and tests that must fail with it. Without the feature `mutations`,
//! which nothing but tests turns on, [`Mutation::active`] is a constant `false` and costs nothing.

macro_rules! mutations {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// One rule taken away.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "mutations", derive(PartialOrd, Ord))]
        pub enum Mutation {
            $($(#[$doc])+ $name,)+
        }

        #[cfg(feature = "mutations")]
        impl Mutation {
            /// Every mutation there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];
        }
    };
}

mutations! {
    // Plans and their copies (rules 3 and 4).
    /// A copy is made from the pool as the request knows it, not from the plan (rule 3; H1, H2).
    PlanFromCache,
    /// A plan that was read before the block's present token still counts (rule 3).
    PlanBeforeToken,
    /// A block that is not there is created with the grant in it, not empty first (rule 3a; H6).
    GrantIntoAbsence,
    /// A copy is also written where nothing is granted (rule 3; H13).
    CopyWithoutGrant,
    /// A grant does not look at the reservations' copy (rule 3; H7).
    IgnoreReservations,
    /// A plan takes the ranges of whatever pool has its pool's name by now (rule 5d; H8).
    PlanOfTheName,
    /// A pool also offers what it excludes, and its gateway (I7).
    IgnoreExclusions,
    // Edits (rule 5).
    /// Admission puts the new ranges in the place of the plan's, instead of cutting them (rule 5a; H2).
    AdmitReplaces,
    /// Admission widens the plan before the edit is persisted (rule 5a; H4).
    AdmitWidens,
    /// Admission does not touch the blocks (rule 5a.2; H1).
    AdmitWithoutBump,
    /// Admission skips the blocks in which its pool has no copy yet (rule 5a.2; H1).
    AdmitSkipsUncopied,
    /// Admission does not ask who holds what is taken away (rule 5a.3; I11).
    AdmitIgnoresHolders,
    /// A refused edit puts back what it took away, instead of its own entry only (rule 5a.3; H3).
    RefusalRestores,
    /// A deletion does not touch the blocks (rule 5d; H8).
    DeleteWithoutBump,
    /// Settling drops an edit whose object still has the token it was judged by (rule 5c; H5).
    SettleDropsCurrent,
    /// Settling gives back the addresses of an edit in flight (rule 5c; H5).
    SettleWidensWhilePending,
    /// Settling drops the creation of a reservation without any grace (rule 5c; H7).
    SettleDropsCreation,
    /// Agents leave a plan with an edit in flight to the controller (rules 2 and 5c; H9).
    AgentNeverSettles,
    /// A Subnet's addresses are claimed by a write that compares nothing (rule 5e).
    ClaimSubnetBlindly,
    // Grants and releases (rules 6 to 8).
    /// A release frees whatever record is at the address, also a newer grant's (rule 6; H12).
    UnfencedRelease,
    /// The end of a container is not remembered: its late ADD is run (rule 7; H12).
    UnfencedAdd,
    /// Requests of one owner run at the same time (rule 7; H11, H22).
    UnorderedRequests,
    /// An ADD tries another block while an attempt is open (rule 7; H11).
    AddLeavesAttemptOpen,
    /// A DEL does not close open attempts (rule 7; H11).
    DelLeavesAttemptOpen,
    /// An attempt whose write may still land is called closed without making it impossible (rule 7; H11).
    CloseWithoutBump,
    /// An attempt is called closed because the key holds an address, though its write may reattach it (rule 7; H11).
    CloseForgetsReattaching,
    /// An answer that writes nothing is given while an earlier write may still land (rule 7; H11).
    UncertainNotMadeDead,
    /// A grant is not written to the intent log before it is sent (rule 7; H11).
    GrantNotLogged,
    /// The log forgets a grant whose write had no definite reply (rule 7; H11).
    UncertainNotLogged,
    /// A restarted process does not read the log, or without one the blocks (rule 7; H11).
    LogNotRead,
    /// A write counts as done whatever its reply was: before it is durable (I2).
    AnyReplyAcknowledges,
    /// An answer that writes nothing is given from a cached block (rule 7).
    StaleAnswer,
    /// A request that joins a block's write is answered from what was read before it came (rule 10).
    JoinedToOldRead,
    /// An edit that joins a block's write installs the plan that was read before it came (rules 5a and 10; H1).
    JoinedToOldTruths,
    /// A request whose deadline has passed is run all the same (rule 10).
    ExpiredRuns,
    /// If a part cannot be had, the others stay granted (rule 8; I9).
    PartsNotUndone,
    /// A failed request also undoes what it found or reattached (rule 8; H23).
    UndoReattached,
    /// What is undone cools down like a release (rule 8).
    UndoCools,
    /// A released address does not cool down (rule 13; I3).
    ReleaseDoesNotCool,
    /// An address is granted again inside its cool-down (rule 13; I3).
    GrantIgnoresCooling,
    /// The DEL of the first interface leaves the parts that no ADD claimed (rule 8).
    UnclaimedPartsStay,
    // Exhaustion (rules 11 and 12).
    /// A pool is exhausted once each of its blocks was seen full (rule 12; H10).
    OnePassExhaustion,
    /// The proof of exhaustion does not look again whether anything changed meanwhile (rule 12; H10).
    ProofNotConfirmed,
    /// A block is taken for what it was when it was seen, whatever its token is now (rule 12; H10).
    SeenAtAnyToken,
    /// What a proof reads after its survey counts, whatever its token is (rule 12; H10).
    SurveyNotCompared,
    /// A pool that is only contended or edited is left for the next candidate (rule 11; I10).
    ContentionSpills,
    // Stateful owners and the second source (rules 9 and 15).
    /// An address is taken over from another incarnation without asking for its sandbox (rule 9b; H14).
    TakeOverRunning,
    /// A stateful grant does not ask whether the pod of this name is this one (rule 9a; H15).
    PodNotRead,
    /// A pod that was read before the block's present token still counts (rule 9a; H15).
    PodBeforeToken,
    /// A stateful grant does not read the claim (rule 9a; H16).
    ClaimNotRead,
    /// A claim that was read before the block's present token still counts (rule 9a; H16).
    ClaimBeforeToken,
    /// A claim moves to another address in one write (rule 9c; H17).
    ClaimMovesAtOnce,
    /// Giving up an address that was not granted yet does not touch its block (rule 9c; H17).
    WithdrawWithoutBump,
    /// Releasing a binding drops the claim and leaves the record (rule 9c; H18).
    UnbindClaimOnly,
    /// A DEL frees a stateful owner's address instead of detaching it (rule 9b; H19).
    DelFreesStateful,
    /// Releasing a binding does not ask for the sandbox after the block's token (rule 9d; H20).
    UnbindRunning,
    /// Releasing a binding does not ask for the pod after the block's token (rule 9d; H20).
    UnbindBeforePod,
    /// A claim without a record is nobody's to release (rule 9d; H21).
    UnbindNeedsRecord,
    /// The view of a stateless pod overwrites a claim of its name (rule 9; I13).
    ViewOverwritesClaim,
    // What is derived.
    /// Counts take an address that cools down for a free one (I8).
    CountsForgetCooling,
    /// An export leaves out when addresses were released (I12).
    ExportForgetsReleases,
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
