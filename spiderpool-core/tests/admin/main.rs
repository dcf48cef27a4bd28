//! Administration and views through the public API.

#[cfg(test)]
mod autopools;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod endpoints;
#[cfg(test)]
mod fsck;
#[cfg(test)]
mod held_up;
#[cfg(test)]
mod migrate;
#[cfg(test)]
mod objects;
#[cfg(test)]
mod race;
#[cfg(test)]
mod remembered;
#[cfg(test)]
mod repair;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod story;
#[cfg(test)]
mod subnets;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod transfer;
#[cfg(test)]
mod views;
#[cfg(test)]
mod world;
