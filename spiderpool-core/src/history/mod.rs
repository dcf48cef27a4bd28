//! What clients saw of an allocator, and whether it can be true (feature `history`).
//!
//! A [`Recorder`] notes every call with the moment before it and the moment after it. A [`History`] is linearizable if
//! each call can be given one instant between the two so that, in the order of these instants, every address is a
//! register: a grant finds it free or held by the same holder, a release frees what its holder has and nothing else, a
//! read sees who holds it (Herlihy and Wing, *Linearizability*, 1990). A call without a definite answer may have taken
//! effect at any time after it was sent, or never. Linearizability is local, so addresses are checked one by one; the
//! search goes through the calls in the order of their answers and gives a call its place only when it has to (Lowe,
//! *Testing for linearizability*, 2017), so its cost grows with the number of calls and, steeply, with how many of one
//! address are under way at once.
//!
//! Nothing is asked of the store or of the allocator: whatever grants and releases addresses can be recorded.
//!
//! ```
//! use spiderpool_core::history::Recorder;
//!
//! let recorder = Recorder::default();
//! let address = "10.0.0.1".parse()?;
//! let call = recorder.call();
//! // … the client asks for an address, and is answered
//! recorder.granted(call, "web-0", address);
//! let call = recorder.call();
//! recorder.granted(call, "web-1", address);
//! // Nobody released it in between.
//! let violation = recorder.history().check().unwrap_err();
//! assert!(violation.to_string().contains("grant to web-1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod recorder;
mod refusals;
mod register;
#[cfg(test)]
mod tests;
mod violation;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

pub use recorder::{Call, Recorder};
pub use violation::Violation;

use self::register::{Effect, Register, Step};
use crate::addr::{Address, IpSet};

/// Who may hold an address: whatever a grant is given to and a release names, as a container with its interface.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Holder(String);

impl<T: Into<String>> From<T> for Holder {
    fn from(name: T) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A point in the order of all calls and answers of one [`Recorder`]. It tells no time.
pub type Point = u64;

/// What was asked, and what was answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Action {
    /// A grant; without an answer its address is not known.
    Grant {
        /// To whom.
        holder: Holder,
        /// Which address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<Address>,
    },
    /// A grant that was refused because every address of the pool was held at one instant.
    Exhausted,
    /// A release of everything that the holder has.
    Release {
        /// Whose.
        holder: Holder,
    },
    /// Somebody looked who holds an address.
    Read {
        /// Which.
        address: Address,
        /// Who did; none: it was free.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holder: Option<Holder>,
    },
}

/// A call as its client saw it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Operation {
    /// Before it was sent.
    pub called: Point,
    /// After its answer; none: it never got a definite one, and may have taken effect any time later, or never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Point>,
    /// What it was.
    pub action: Action,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.returned {
            Some(returned) => write!(f, "[{}, {returned}] ", self.called)?,
            None => write!(f, "[{}, no answer] ", self.called)?,
        }
        match &self.action {
            Action::Grant { holder, address: Some(address) } => write!(f, "grant to {holder}: {address}"),
            Action::Grant { holder, address: None } => write!(f, "grant to {holder}"),
            Action::Exhausted => f.write_str("refused: every address is held"),
            Action::Release { holder } => write!(f, "release by {holder}"),
            Action::Read { address, holder: Some(holder) } => write!(f, "{address} is held by {holder}"),
            Action::Read { address, holder: None } => write!(f, "{address} is free"),
        }
    }
}

/// Calls and answers of any number of clients.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History {
    operations: Vec<Operation>,
}

/// What was checked, and found true.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Checked {
    /// Addresses that were granted or read.
    pub addresses: usize,
    /// Calls with a definite answer.
    pub answered: usize,
    /// Calls without one.
    pub lost: usize,
    /// Refusals for want of an address.
    pub refusals: usize,
    /// The most possible pasts of one address that were told apart at once.
    pub widest: usize,
}

impl FromIterator<Operation> for History {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        let mut operations: Vec<_> = operations.into_iter().collect();
        operations.sort_by_key(|operation| operation.called);
        Self { operations }
    }
}

impl History {
    /// The calls, in the order in which they were sent.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Checks every address that was granted or read. A grant without an answer counts where something else says which
    /// address it may have been.
    ///
    /// # Errors
    /// The first address whose calls no order explains.
    pub fn check(&self) -> Result<Checked, Violation> {
        let registers = self.registers();
        let mut checked = Checked { addresses: registers.len(), ..self.count() };
        for (address, register) in &registers {
            let widest = register.check().map_err(|failure| self.violation(*address, register, &failure))?;
            checked.widest = checked.widest.max(widest);
        }
        Ok(checked)
    }

    /// Checks also that there was an instant within each refusal at which all of `pool` may have been held: whatever
    /// the allocator cannot tell from "held" counts as held.
    ///
    /// # Errors
    /// The first address whose calls no order explains, or the first refusal that cannot be true.
    pub fn check_with_refusals(&self, pool: &IpSet) -> Result<Checked, Violation> {
        let checked = self.check()?;
        refusals::check(&self.operations, &self.evidence(), pool)?;
        Ok(checked)
    }

    fn count(&self) -> Checked {
        let lost = self.operations.iter().filter(|operation| operation.returned.is_none()).count();
        let refused = |operation: &&Operation| operation.action == Action::Exhausted;
        Checked {
            answered: self.operations.len() - lost,
            lost,
            refusals: self.operations.iter().filter(refused).count(),
            ..Checked::default()
        }
    }

    /// The addresses that each holder is known to have had.
    fn evidence(&self) -> BTreeMap<&Holder, BTreeSet<Address>> {
        let mut evidence: BTreeMap<&Holder, BTreeSet<Address>> = BTreeMap::new();
        for operation in &self.operations {
            if let Action::Grant { holder, address: Some(address) }
            | Action::Read { address, holder: Some(holder) } = &operation.action
            {
                evidence.entry(holder).or_default().insert(*address);
            }
        }
        evidence
    }

    fn registers(&self) -> BTreeMap<Address, Register> {
        let evidence = self.evidence();
        let numbers: BTreeMap<&Holder, u32> = evidence.keys().copied().zip(0..).collect();
        let none = BTreeSet::new();
        let mut registers: BTreeMap<Address, Register> = BTreeMap::new();
        for (source, operation) in self.operations.iter().enumerate() {
            let of = |holder: &Holder| (numbers.get(holder).copied(), evidence.get(holder).unwrap_or(&none));
            let one;
            let (effect, addresses) = match &operation.action {
                Action::Grant { holder, address } => {
                    let (Some(number), known) = of(holder) else { continue };
                    let addresses = match address {
                        Some(address) => {
                            one = BTreeSet::from([*address]);
                            &one
                        }
                        None => known,
                    };
                    (Effect::Grant(number), addresses)
                }
                Action::Release { holder } => {
                    let (Some(number), known) = of(holder) else { continue };
                    (Effect::Release(number), known)
                }
                Action::Read { address, holder } => {
                    one = BTreeSet::from([*address]);
                    (Effect::Read(holder.as_ref().and_then(|holder| of(holder).0)), &one)
                }
                Action::Exhausted => continue,
            };
            for address in addresses {
                let Operation { called, returned, .. } = *operation;
                registers.entry(*address).or_default().add(Step { called, returned, effect, source });
            }
        }
        registers
    }

    fn violation(&self, address: Address, register: &Register, failure: &register::Failure) -> Violation {
        let operation = |source: usize| self.operations.get(source).cloned();
        let around = register.before(failure).filter_map(operation).collect();
        match operation(failure.source) {
            Some(unexplained) if failure.kind == register::FailureKind::Impossible => {
                let unexplained = Box::new(unexplained);
                Violation::Address { address, unexplained, around }
            }
            _ => Violation::Undecided { address },
        }
    }
}
