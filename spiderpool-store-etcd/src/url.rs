//! How an etcd cluster is named on a command line.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// The port that etcd serves clients on, where a member names none.
pub const DEFAULT_PORT: u16 = 2379;

/// The prefix of all keys, where the URL names none.
pub const DEFAULT_PREFIX: &str = "/spiderpool/";

/// An etcd cluster and the part of its key space that is Spiderpool's:
/// `etcd://HOST[:PORT][,HOST[:PORT]…][/PREFIX]`.
///
/// `Display` writes the full form, with every port and the prefix, which parses to the same value.
///
/// ```
/// use spiderpool_store_etcd::EtcdUrl;
///
/// let url: EtcdUrl = "etcd://10.0.0.1,[fd00::2]:12379/lab".parse()?;
/// assert_eq!(url.to_string(), "etcd://10.0.0.1:2379,[fd00::2]:12379/lab/");
/// assert_eq!(url.prefix(), "/lab/");
/// # Ok::<(), spiderpool_store_etcd::EtcdUrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EtcdUrl {
    members: Vec<Member>,
    prefix: String,
}

impl EtcdUrl {
    /// The members to connect to, in the order written; at least one, none twice.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// What every key begins with. It begins and ends with `/`, so that the keys of one prefix are never among those
    /// of another that it is the beginning of.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// A member of the cluster: where one etcd server listens for clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    host: String,
    port: u16,
}

impl Member {
    /// A DNS name in lower case, an IPv4 address, or an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port, 1 to 65535.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// What is wrong with the text of an [`EtcdUrl`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EtcdUrlError {
    /// It does not begin with `etcd://`.
    #[error(
        "an etcd store is named etcd://HOST[:PORT][,HOST[:PORT]…][/PREFIX]; this does not begin with etcd://"
    )]
    Scheme,
    /// It has a user or a password in it, which would show in every list of processes.
    #[error("user and password do not belong in the URL, where every list of processes shows them")]
    Credentials,
    /// It has a query or a fragment.
    #[error("'{0}' and what follows has no meaning in the URL of an etcd store")]
    Trailer(char),
    /// A host is missing or is not a DNS name or an address.
    #[error("'{0}' is not HOST or HOST:PORT; an IPv6 address stands in brackets, as in [fd00::1]:2379")]
    Host(String),
    /// A port is not a number from 1 to 65535.
    #[error("'{0}' is not a port; ports are 1 to 65535")]
    Port(String),
    /// A member is named twice.
    #[error("the member {0} is named twice")]
    Twice(Member),
    /// The prefix has an empty part or a character that is not printable ASCII.
    #[error("'{0}' is no key prefix: it needs parts of printable ASCII, separated by single slashes")]
    Prefix(String),
}

impl FromStr for EtcdUrl {
    type Err = EtcdUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("etcd://").ok_or(EtcdUrlError::Scheme)?;
        if let Some(trailer) = rest.chars().find(|c| matches!(c, '?' | '#')) {
            return Err(EtcdUrlError::Trailer(trailer));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(EtcdUrlError::Credentials);
        }
        let mut members = Vec::new();
        for part in authority.split(',') {
            let member: Member = part.parse()?;
            if members.contains(&member) {
                return Err(EtcdUrlError::Twice(member));
            }
            members.push(member);
        }
        Ok(Self { members, prefix: parse_prefix(path)? })
    }
}

impl FromStr for Member {
    type Err = EtcdUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || EtcdUrlError::Host(text.to_owned());
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']').ok_or_else(refused)?;
                let address: Ipv6Addr = address.parse().map_err(|_| refused())?;
                let port = match port {
                    "" => None,
                    _ => Some(port.strip_prefix(':').ok_or_else(refused)?),
                };
                (address.to_string(), port)
            }
            None => {
                let (host, port) =
                    text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
                if !is_host(host) {
                    return Err(refused());
                }
                (host.to_ascii_lowercase(), port)
            }
        };
        Ok(Self { host, port: port.map_or(Ok(DEFAULT_PORT), parse_port)? })
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for EtcdUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("etcd://")?;
        for (index, member) in self.members.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{member}")?;
        }
        f.write_str(&self.prefix)
    }
}

/// Whether `host` is a DNS name (RFC 1123: labels of letters, digits and inner hyphens) or an IPv4 address, which has
/// the same form.
fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

/// A port in digits. Neither a sign nor an empty text is one, though Rust's own parser takes `+1`.
fn parse_port(text: &str) -> Result<u16, EtcdUrlError> {
    let refused = || EtcdUrlError::Port(text.to_owned());
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(refused());
    }
    text.parse().ok().filter(|&port| port != 0).ok_or_else(refused)
}

/// The prefix of a path, which is empty or begins with `/`.
fn parse_prefix(path: &str) -> Result<String, EtcdUrlError> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() && path.len() <= 1 {
        return Ok(DEFAULT_PREFIX.to_owned());
    }
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic());
    if !inner.split('/').all(is_part) {
        return Err(EtcdUrlError::Prefix(path.to_owned()));
    }
    Ok(format!("/{inner}/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::shortest("etcd://a", "etcd://a:2379/spiderpool/")]
    #[case::bare_slash("etcd://a/", "etcd://a:2379/spiderpool/")]
    #[case::several(
        "etcd://a:1,b.example:65535,10.0.0.1",
        "etcd://a:1,b.example:65535,10.0.0.1:2379/spiderpool/"
    )]
    #[case::v6("etcd://[FD00::0:1],[::1]:5/x", "etcd://[fd00::1]:2379,[::1]:5/x/")]
    #[case::names_have_no_case("etcd://Etcd.Example", "etcd://etcd.example:2379/spiderpool/")]
    #[case::deep_prefix("etcd://a/b/c/", "etcd://a:2379/b/c/")]
    fn well_formed(#[case] text: &str, #[case] full: &str) {
        assert_eq!(text.parse::<EtcdUrl>().map(|url| url.to_string()), Ok(full.to_owned()));
    }

    #[rstest]
    #[case::other_scheme("http://a:2379", EtcdUrlError::Scheme)]
    #[case::no_scheme("a:2379", EtcdUrlError::Scheme)]
    #[case::password("etcd://root:secret@a", EtcdUrlError::Credentials)]
    #[case::query("etcd://a/b?tls=1", EtcdUrlError::Trailer('?'))]
    #[case::no_host("etcd://", EtcdUrlError::Host(String::new()))]
    #[case::empty_member("etcd://a,,b", EtcdUrlError::Host(String::new()))]
    #[case::bare_v6("etcd://fd00::1", EtcdUrlError::Port(":1".to_owned()))]
    #[case::open_bracket("etcd://[fd00::1:2379", EtcdUrlError::Host("[fd00::1:2379".to_owned()))]
    #[case::junk_after_bracket("etcd://[::1]2379", EtcdUrlError::Host("[::1]2379".to_owned()))]
    #[case::v4_in_brackets("etcd://[10.0.0.1]", EtcdUrlError::Host("[10.0.0.1]".to_owned()))]
    #[case::hyphen("etcd://-a", EtcdUrlError::Host("-a".to_owned()))]
    #[case::space("etcd://a b", EtcdUrlError::Host("a b".to_owned()))]
    #[case::port_zero("etcd://a:0", EtcdUrlError::Port("0".to_owned()))]
    #[case::port_too_large("etcd://a:65536", EtcdUrlError::Port("65536".to_owned()))]
    #[case::port_signed("etcd://a:+1", EtcdUrlError::Port("+1".to_owned()))]
    #[case::port_empty("etcd://a:", EtcdUrlError::Port(String::new()))]
    #[case::empty_part("etcd://a/b//c", EtcdUrlError::Prefix("/b//c".to_owned()))]
    #[case::only_slashes("etcd://a//", EtcdUrlError::Prefix("//".to_owned()))]
    #[case::prefix_with_space("etcd://a/b c", EtcdUrlError::Prefix("/b c".to_owned()))]
    fn malformed(#[case] text: &str, #[case] error: EtcdUrlError) {
        assert_eq!(text.parse::<EtcdUrl>(), Err(error));
    }

    #[test]
    fn a_member_is_named_once_whatever_its_spelling() {
        let refused = "etcd://a,A:2379".parse::<EtcdUrl>();
        assert!(matches!(refused, Err(EtcdUrlError::Twice(member)) if member.to_string() == "a:2379"));
    }

    proptest! {
        /// Whatever parses is written in a form that parses to the same, and its prefix is fenced by slashes.
        #[test]
        fn the_full_form_is_a_fixed_point(
            hosts in prop::collection::vec("([a-zA-Z0-9-]{1,4}(\\.[a-z0-9]{1,3})?|\\[[0-9a-f:]{2,8}\\])(:[0-9]{0,5})?", 0..4),
            path in "(/[a-z!%]{0,3}){0,3}",
        ) {
            let text = format!("etcd://{}{path}", hosts.join(","));
            if let Ok(url) = text.parse::<EtcdUrl>() {
                prop_assert_eq!(url.to_string().parse::<EtcdUrl>(), Ok(url.clone()));
                prop_assert!(url.prefix().starts_with('/') && url.prefix().ends_with('/'));
                prop_assert_eq!(url.members().len(), hosts.len());
            }
        }

        /// No text makes the parser panic.
        #[test]
        fn any_text_is_answered(text in "(etcd://)?\\PC{0,40}") {
            let _ = text.parse::<EtcdUrl>();
        }
    }
}
