//! Where the database is, and how to open it.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use spiderpool_core::model::BlockBits;

/// What to do when acknowledged writes are missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Loss {
    /// Do not open, and say what is missing.
    #[default]
    Refuse,
    /// Go on with what is left. Addresses whose records are lost look free while pods may still use them.
    Accept,
}

/// Where the database is, and how to open it. Also as a URL: `sled:///var/lib/spiderpool`, with the options
/// `?accept-loss=yes` and `?block-bits=0…6`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SledConfig {
    /// The directory; it is created if it does not exist.
    pub path: PathBuf,
    /// What to do when acknowledged writes are missing.
    pub loss: Loss,
    /// The block size for scopes created here. The cost of a write does not depend on it, since only the records
    /// that change are written.
    pub block_bits: BlockBits,
}

impl SledConfig {
    /// The database in the directory `path`.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), loss: Loss::Refuse, block_bits: BlockBits::MAX }
    }
}

impl From<&Path> for SledConfig {
    fn from(path: &Path) -> Self {
        Self::at(path)
    }
}

/// Why a text is not the URL of a sled store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} is not the URL of a sled store: {reason}; write sled:///absolute/path")]
#[non_exhaustive]
pub struct UrlError {
    url: String,
    reason: String,
}

impl FromStr for SledConfig {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        let fail = |reason: &str| UrlError { url: url.into(), reason: reason.into() };
        let rest = url.strip_prefix("sled://").ok_or_else(|| fail("it does not begin with sled://"))?;
        let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
        if path.is_empty() {
            return Err(fail("it names no directory"));
        }
        let path = unescape(path).ok_or_else(|| fail("a % is not followed by two hexadecimal digits"))?;
        if path.contains(&0) {
            return Err(fail("the path has a NUL"));
        }
        let mut config = Self::at(OsStr::from_bytes(&path));
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=').unwrap_or((option, "")) {
                ("accept-loss", "yes") => config.loss = Loss::Accept,
                ("accept-loss", "no") => config.loss = Loss::Refuse,
                ("accept-loss", _) => return Err(fail("accept-loss is yes or no")),
                ("block-bits", bits) => {
                    let bits = bits.parse().ok().and_then(BlockBits::new);
                    config.block_bits = bits.ok_or_else(|| fail("block-bits is 0 to 6"))?;
                }
                (other, _) => {
                    let reason =
                        format!("there is no option {other:?}; there are accept-loss and block-bits");
                    return Err(fail(&reason));
                }
            }
        }
        Ok(config)
    }
}

/// Percent-decoding (RFC 3986, section 2.1).
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let digits = tail.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = &tail[2..];
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("sled:///var/lib/spiderpool", "/var/lib/spiderpool", Loss::Refuse, 6)]
    #[case("sled://here", "here", Loss::Refuse, 6)]
    #[case("sled:///a%20b%3fc?accept-loss=yes&block-bits=4", "/a b?c", Loss::Accept, 4)]
    #[case("sled:///a?accept-loss=no", "/a", Loss::Refuse, 6)]
    fn urls(#[case] url: &str, #[case] path: &str, #[case] loss: Loss, #[case] bits: u8) {
        let block_bits = BlockBits::new(bits).unwrap();
        assert_eq!(url.parse::<SledConfig>().unwrap(), SledConfig { path: path.into(), loss, block_bits });
    }

    #[rstest]
    #[case("etcd://host", "sled://")]
    #[case("sled:/a", "sled://")]
    #[case("sled://", "no directory")]
    #[case("sled:///a%2", "%")]
    #[case("sled:///a%+f", "%")]
    #[case("sled:///a%00b", "NUL")]
    #[case("sled:///a?accept-loss=perhaps", "yes or no")]
    #[case("sled:///a?block-bits=7", "0 to 6")]
    #[case("sled:///a?colour=red", "colour")]
    fn wrong_urls_say_why(#[case] url: &str, #[case] word: &str) {
        let error = url.parse::<SledConfig>().unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}
