//! The versions of the CNI specification this plugin speaks.

use std::fmt;

/// A version of the CNI specification. Ordered by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CniVersion {
    /// 0.3.0: the first with several addresses per result.
    V0_3_0,
    /// 0.3.1: as 0.3.0, with the key `ips` spelled as in its own text.
    V0_3_1,
    /// 0.4.0: adds CHECK and `prevResult` on DEL.
    V0_4_0,
    /// 1.0.0: drops `ips[].version`.
    V1_0_0,
    /// 1.1.0: adds GC and STATUS.
    V1_1_0,
}

impl CniVersion {
    /// Every version, oldest first.
    pub const ALL: [Self; 5] = [Self::V0_3_0, Self::V0_3_1, Self::V0_4_0, Self::V1_0_0, Self::V1_1_0];
    /// The newest version.
    pub const NEWEST: Self = Self::V1_1_0;

    /// The version as it is written in `cniVersion`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V0_3_0 => "0.3.0",
            Self::V0_3_1 => "0.3.1",
            Self::V0_4_0 => "0.4.0",
            Self::V1_0_0 => "1.0.0",
            Self::V1_1_0 => "1.1.0",
        }
    }

    /// Reads `cniVersion`; `None` for a version this plugin does not speak.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }

    /// Whether a result of this version says `"version": "4"` or `"6"` in each address.
    pub fn names_family(self) -> bool {
        self < Self::V1_0_0
    }
}

impl fmt::Display for CniVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::CniVersion;

    #[test]
    fn parse_is_the_inverse_of_display_and_order_is_age() {
        for version in CniVersion::ALL {
            assert_eq!(CniVersion::parse(&version.to_string()), Some(version));
        }
        assert!(CniVersion::ALL.is_sorted());
        for other in ["", "0.1.0", "0.2.0", "1.0", "1.2.0", "v1.0.0", " 1.0.0"] {
            assert_eq!(CniVersion::parse(other), None, "{other}");
        }
    }
}
