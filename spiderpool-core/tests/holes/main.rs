//! The holes H1 to H24 that a model checker found in the first versions of the rules, each as a small world in which
//! the real code runs in every order of its steps, with lost replies, late writes and crashes at every point. Each is
//! survived by the code as it stands, and not by the code without the rule that closes it
//! ([`Mutation`](spiderpool_core::mutation::Mutation)); there is a case for every mutation, or the tests do not
//! compile.
//!
//! Two searches, both breadth first, so that a counterexample is a shortest one:
//!
//! - [`explore`]: the protocol's state machines in a [`world`] that is a plain value (`plans`, `requests`,
//!   `stateful`, `large`). One step is one operation on the store. Tokens count the writes of their own key, so that
//!   writes of different keys commute. In every state the records are within their persisted pools and not reserved,
//!   one key has one address, and what a running container was answered is recorded as its own; a step may not grant
//!   what rests, nor may the sweep free what lives; "exhausted" must have been true at an instant of the request.
//!   Wherever nothing is left to do, the controller settles, and then exactly the free addresses are found by so many
//!   pods.
//! - [`shell`]: the whole [`Allocator`](spiderpool_core::alloc::Allocator) under every schedule of its requests, for
//!   what it keeps between the machines: turns, index, cache, group commit, the log and what a restart reads,
//!   requests that are cut off.
//!
//! `cargo test -p spiderpool-core --test holes -- --nocapture --test-threads 1 | grep '|'` prints the table: hole,
//! world, states, steps; or mutation, states until it is found, and what is wrong then. With `--ignored` the deep
//! world too, with which it takes minutes and gigabytes.
//!
//! That each invariant can fail is shown, among others, by: I1 `TakeOverRunning`, I2 `AnyReplyAcknowledges`, I3
//! `GrantIgnoresCooling`, I4 `UnfencedRelease`, I5 `DelLeavesAttemptOpen`, I6 `UnbindBeforePod`, I7
//! `IgnoreReservations`, I8 `CountsForgetCooling`, I9 `PartsNotUndone`, I10 `OnePassExhaustion`, I11
//! `AdmitIgnoresHolders`, I12 `ExportForgetsReleases`, I13 `ClaimMovesAtOnce`.
//!
//! Not covered here:
//!
//! - H24, the order of plugin and agent at the spool: neither side is a machine of this crate; their order is tested
//!   in `spiderpool-cni` (`plugin::spool`, `agent::replay`), where no mutation can be placed from here.
//! - More than 3 agents, 2 blocks, 3 edits, 2 pools at once; the product of all of them. Worlds grow tenfold with
//!   each actor, and every hole known so far shows with 2 agents and 2 edits.
//! - Fairness: a request that is always overtaken ends at its deadline, which counts as an answer here. That everything
//!   recovers is asked in every state of the smaller worlds of plans, elsewhere where nothing is left to do.
//! - Time: fences and graces may strike at any moment (safe), so edits starved by over-eager fencing are not seen;
//!   clocks that jump are the simulation's; a write that takes longer than a cool-down is left out.
//! - Bypassed webhooks, plans, claims and blocks that somebody deletes by hand, restored backups: `fsck`
//!   (tests/admin).
//! - The sweep's verdicts on stateless records (only bindings, rule 9d, have a machine here), wrong evidence of
//!   liveness other than a sandbox said to be gone, a controller made again under its name (tests/allocator).
//! - Pauses inside the allocator end only when nobody else can go on; listings inside it show one instant (in
//!   [`world`] they need not).
//! - Acknowledging before the flush, in the store itself: the conformance kit's crash tests. Here a write that is
//!   taken for done whatever its reply was stands for it.
//!
//! A search of our own, because mutations are bound to a thread and a library's workers would not see them, and
//! because nearly all time goes into cloning and hashing the machines, which a library would not do faster on one
//! core.

#[cfg(test)]
mod case;
#[cfg(test)]
mod derived;
#[cfg(test)]
mod explore;
#[cfg(test)]
mod hash;
#[cfg(test)]
mod joins;
#[cfg(test)]
mod large;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod shell;
#[cfg(test)]
mod sight;
#[cfg(test)]
mod stateful;
#[cfg(test)]
mod store;
#[cfg(test)]
mod world;
