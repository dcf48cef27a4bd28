//! The simulation, with fixed seeds.

#[cfg(test)]
mod digest;
#[cfg(test)]
mod found;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod seeds;
