//! The holes H1 to H24 that a model checker found in the first versions of the rules, each as a small world in which
//! the real machines are run in every order of their steps.

#[cfg(test)]
mod case;
#[cfg(test)]
mod derived;
#[cfg(test)]
mod explore;
#[cfg(test)]
mod hash;
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
