//! Administration and views through the public API.

#[cfg(test)]
mod objects;
#[cfg(test)]
mod views;
#[cfg(test)]
mod world;
