//! The holes H1 to H24 that a model checker found in the first versions of the rules, each as a small world in which
//! the real machines are run in every order of their steps.

mod explore;
mod plans;
mod requests;
mod runner;
mod store;
mod world;
