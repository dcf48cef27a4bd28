//! Edits of subnets.
