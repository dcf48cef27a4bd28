use super::{Address, Cidr, Family};

/// What is wrong with a written address, range or network.
///
/// Every message quotes what was written and says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// The text was empty where an address, a range or a network was wanted.
    #[error("the text is empty: write an address such as `10.0.0.1` or `fd00::1`")]
    Empty,
    /// Blanks within or around the text.
    #[error("`{input}` contains blanks: write it without, and each address or range as an entry of its own")]
    Blanks {
        /// What was written.
        input: String,
    },
    /// Several addresses or ranges in one text.
    #[error("`{input}` is a list: write each address or range as an entry of its own")]
    List {
        /// What was written.
        input: String,
    },
    /// Not an IPv4 or IPv6 address.
    #[error(
        "`{input}` is not an IP address: write four decimal numbers such as `10.0.0.1` (0 to 255, no leading \
         zeros), or an IPv6 address such as `fd00::1` (no brackets, no zone)"
    )]
    NotAnAddress {
        /// What was written.
        input: String,
    },
    /// More than one `-`.
    #[error(
        "`{input}` has more than one `-`: a range is one address, or `first-last`; write several ranges apart"
    )]
    TooManyParts {
        /// What was written.
        input: String,
    },
    /// One side of the `-` is missing.
    #[error("`{input}` lacks an address beside the `-`: write `first-last`, or one address alone")]
    MissingPart {
        /// What was written.
        input: String,
    },
    /// CIDR notation where a range was wanted.
    #[error("`{input}` is in CIDR notation, and a range is not written so: write {instead}")]
    CidrNotation {
        /// What was written.
        input: String,
        /// How to write it as a range, in backquotes; both ways if it can be meant in two.
        instead: String,
    },
    /// The first address is above the last.
    #[error("`{first}-{last}` runs backwards: write `{last}-{first}`")]
    Reversed {
        /// The address written first.
        first: Address,
        /// The address written last.
        last: Address,
    },
    /// The ends of a range belong to different families.
    #[error("`{first}-{last}` mixes IPv4 and IPv6: both ends of a range must be of one family")]
    MixedFamilies {
        /// The address written first.
        first: Address,
        /// The address written last.
        last: Address,
    },
    /// A range of one family where the other was wanted.
    #[error(
        "`{input}` is {found}, but {expected} is wanted here: write {expected} and {found} into separate objects"
    )]
    WrongFamily {
        /// What was written.
        input: String,
        /// Its family.
        found: Family,
        /// The family that was wanted.
        expected: Family,
    },
    /// Not a network in CIDR notation.
    #[error("`{input}` is not a network: write an address, `/` and a prefix length, such as `10.0.0.0/24`")]
    NotANetwork {
        /// What was written.
        input: String,
    },
    /// A prefix length longer than an address of the family.
    #[error("`{input}` has a prefix length above {max}, the longest of {family}")]
    PrefixTooLong {
        /// What was written.
        input: String,
        /// The family of the address.
        family: Family,
        /// The longest prefix of that family.
        max: u8,
    },
    /// A network whose address has bits set beyond the prefix.
    #[error("`{input}` has host bits set: the network is written `{canonical}`")]
    HostBits {
        /// What was written.
        input: String,
        /// The network it lies in.
        canonical: Cidr,
    },
    /// A family that is neither 4 nor 6.
    #[error("{number} is not an address family: write 4 or 6")]
    UnknownFamily {
        /// What was written.
        number: u64,
    },
}
