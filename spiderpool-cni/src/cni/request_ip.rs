//! An address somebody asks for by name.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Why a text is not an address that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IP address with or without a prefix length")]
pub struct InvalidIp(String);

/// An address that was asked for, with or without a prefix length: `10.6.0.5`, `10.6.0.5/24`, `fd00::5/64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestedIp {
    /// The address.
    pub address: IpAddr,
    /// The prefix length (0–32 or 0–128), where one was given.
    pub prefix: Option<u8>,
}

impl FromStr for RequestedIp {
    type Err = InvalidIp;

    fn from_str(text: &str) -> Result<Self, InvalidIp> {
        let error = || InvalidIp(text.chars().take(80).collect());
        let (address, prefix) = match text.split_once('/') {
            None => (text, None),
            Some((address, prefix)) => (address, Some(prefix)),
        };
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => None,
            // `u8::from_str` takes a sign, a prefix length does not.
            Some(prefix) if prefix.bytes().all(|b| b.is_ascii_digit()) => {
                Some(prefix.parse().ok().filter(|prefix| *prefix <= longest).ok_or_else(error)?)
            }
            Some(_) => return Err(error()),
        };
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for RequestedIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix {
            None => write!(f, "{}", self.address),
            Some(prefix) => write!(f, "{}/{prefix}", self.address),
        }
    }
}

impl TryFrom<String> for RequestedIp {
    type Error = InvalidIp;
    fn try_from(text: String) -> Result<Self, InvalidIp> {
        text.parse()
    }
}

impl From<RequestedIp> for String {
    fn from(ip: RequestedIp) -> Self {
        ip.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::RequestedIp;
    use rstest::rstest;

    #[rstest]
    #[case("10.6.0.5")]
    #[case("10.6.0.5/24")]
    #[case("10.6.0.5/0")]
    #[case("fd00::5")]
    #[case("fd00::5/128")]
    fn good(#[case] text: &str) {
        assert_eq!(text.parse::<RequestedIp>().unwrap().to_string(), text);
    }

    #[rstest]
    #[case("")]
    #[case("/")]
    #[case("10.6.0.5/")]
    #[case("10.6.0.5/33")]
    #[case("10.6.0.5/+8")]
    #[case("10.6.0.5/24/24")]
    #[case("10.6.0")]
    #[case("010.6.0.5")]
    #[case("fd00::5/129")]
    #[case("fd00::5/256")]
    #[case("fd00::5%eth0")]
    #[case("10.6.0.5-10.6.0.9")]
    fn bad(#[case] text: &str) {
        assert!(text.parse::<RequestedIp>().is_err());
    }
}
