//! The sweep's verdicts through the public API.

#[cfg(test)]
mod case;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod table;
#[cfg(test)]
mod twins;
