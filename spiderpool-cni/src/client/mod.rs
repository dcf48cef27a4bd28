//! An asynchronous client of the agent's API.
