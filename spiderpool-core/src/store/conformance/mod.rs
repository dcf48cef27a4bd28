//! Proves that a store keeps the contract.
