//! `spiderpool-agent`, the node daemon.
