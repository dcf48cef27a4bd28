//! Addresses, ranges and sets: laws, models and tables.

#[cfg(test)]
mod dense;
#[cfg(test)]
mod extremes;
#[cfg(test)]
mod grammar;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod model;
#[cfg(test)]
mod query;
#[cfg(test)]
mod serde_forms;
#[cfg(test)]
mod support;
