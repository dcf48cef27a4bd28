//! The simulation, with a fixed set of seeds.

#[cfg(test)]
mod seeds;
