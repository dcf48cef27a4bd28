//! The syntax of label keys and values (Kubernetes, "Labels and Selectors").

/// Checks a label key: an optional DNS prefix and `/`, then a name.
pub(super) fn check_key(key: &str) -> Result<(), String> {
    let name = match key.split_once('/') {
        Some((prefix, name)) => {
            if !is_dns_subdomain(prefix) {
                return Err(format!(
                    "the prefix of label key `{key}` is not a DNS name: write lower-case letters, digits, `-` \
                     and `.` before the `/`"
                ));
            }
            name
        }
        None => key,
    };
    if is_name(name) {
        Ok(())
    } else {
        Err(format!(
            "`{key}` is not a label key: write 1 to 63 letters, digits, `-`, `_` or `.`, beginning and ending \
             with a letter or digit, after an optional DNS prefix and `/`"
        ))
    }
}

/// Checks a label value: empty, or a name.
pub(super) fn check_value(value: &str) -> Result<(), String> {
    if value.is_empty() || is_name(value) {
        Ok(())
    } else {
        Err(format!(
            "`{value}` is not a label value: write at most 63 letters, digits, `-`, `_` or `.`, beginning and \
             ending with a letter or digit"
        ))
    }
}

fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63 && bytes.iter().all(|b| inner(*b)) && edge(bytes.first()) && edge(bytes.last())
}

pub(crate) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|part| {
            let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            let bytes = part.as_bytes();
            bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
                && edge(bytes.first())
                && edge(bytes.last())
        })
}
