mod defaults;
mod huge;
mod laws;
mod pools;
mod reservations;
mod subnets;
mod world;
