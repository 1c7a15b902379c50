//! The syntax of label keys, label values and port names, as `k8s.io/apimachinery` `pkg/util/validation` has it.

const NAME_LENGTH: usize = 63;
const PREFIX_LENGTH: usize = 253;
const PORT_NAME_LENGTH: usize = 15;

/// What is wrong with a label's key, if anything: `IsQualifiedName`.
pub(crate) fn name_fault(key: &str) -> Option<&'static str> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if name.contains('/') {
        return Some("a qualified name must consist of a name with an optional prefix");
    }
    if prefix.is_some_and(|prefix| !is_subdomain(prefix)) {
        return Some("prefix part must be a DNS subdomain");
    }
    if name.is_empty() {
        return Some("name part must be non-empty");
    }
    if name.len() > NAME_LENGTH {
        return Some("name part must be no more than 63 bytes");
    }
    (!is_token(name)).then_some("name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character")
}

/// What is wrong with a label's value, if anything: `IsValidLabelValue`.
pub(crate) fn value_fault(value: &str) -> Option<&'static str> {
    if value.len() > NAME_LENGTH {
        return Some("must be no more than 63 bytes");
    }
    let is_valid = value.is_empty() || is_token(value);
    (!is_valid).then_some("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character")
}

/// All that is wrong with a port's name: `IsValidPortName`.
pub(crate) fn port_name_faults(name: &str) -> impl Iterator<Item = &'static str> {
    let allowed = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    let faults = [
        (
            name.len() > PORT_NAME_LENGTH,
            "must be no more than 15 characters",
        ),
        (
            name.is_empty() || !name.bytes().all(allowed),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (
            !name.bytes().any(|it| it.is_ascii_lowercase()),
            "must contain at least one letter (a-z)",
        ),
        (name.contains("--"), "must not contain consecutive hyphens"),
        (
            name.starts_with('-') || name.ends_with('-'),
            "must not begin or end with a hyphen",
        ),
    ];
    let wrong = faults.into_iter().filter(|(is_wrong, _)| *is_wrong);
    wrong.map(|(_, fault)| fault)
}

fn is_token(text: &str) -> bool {
    let inner = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.');
    let outer = |it: Option<&u8>| it.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    outer(bytes.first()) && outer(bytes.last()) && bytes.iter().copied().all(inner)
}

/// `IsDNS1123Subdomain`.
pub(crate) fn is_subdomain(text: &str) -> bool {
    let inner = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= PREFIX_LENGTH && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_values_and_port_names_are_those_of_the_api() {
        let long = "a".repeat(64);
        for good in ["app", "app.kubernetes.io/name", "A_b-c.d", "9"] {
            assert_eq!(name_fault(good), None, "{good}");
        }
        for bad in ["", "/a", "a/", "a/b/c", "-a", "a b", "A.b/c", &long] {
            assert!(name_fault(bad).is_some(), "{bad}");
        }
        for good in ["", "a", "A_b-c.9"] {
            assert_eq!(value_fault(good), None, "{good}");
        }
        for bad in ["-", "a b", "ä", &long] {
            assert!(value_fault(bad).is_some(), "{bad}");
        }
        for good in ["http", "a-1", "1a"] {
            assert_eq!(port_name_faults(good).count(), 0, "{good}");
        }
        for bad in ["", "80", "Http", "a--b", "-a", "a-", "sixteen-letters-"] {
            assert!(port_name_faults(bad).count() > 0, "{bad}");
        }
    }
}
