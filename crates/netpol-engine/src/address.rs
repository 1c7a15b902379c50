//! Addresses and blocks of them.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;

/// IPv4 or IPv6. What is of one never matches what is of the other (rule 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4
    V4,
    /// IPv6
    V6,
}

/// A CIDR: all addresses of one family that begin alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr {
    family: Family,
    first: u128,
    length: u8,
    /// Whether an IPv4 block was written as an IPv6 one, with a length of 96 more.
    mapped: bool,
}

/// An `ipBlock`: a CIDR without the parts that are taken out again (rule 11).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Block {
    /// What is in.
    pub cidr: Cidr,
    /// What of it is not.
    pub except: Vec<Cidr>,
}

/// An address as the rules see it: an IPv4 address that is written as an IPv6 one is an IPv4 address, as in Go's `net.IP`.
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// An address as a number, with its family.
pub(crate) fn bits_of(address: IpAddr) -> (Family, u128) {
    match canonical(address) {
        IpAddr::V4(address) => (Family::V4, u32::from(address).into()),
        IpAddr::V6(address) => (Family::V6, address.into()),
    }
}

// === impl Family ===

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        match canonical(address) {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

// === impl Cidr ===

impl Cidr {
    /// Reads a CIDR as the API server reads a field that may be older than its checks (rule 13): host bits are cut off,
    /// leading zeros do not make a number octal. `ParseCIDRSloppy` in `k8s.io/utils/net`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let length = u8::try_from(decimal(length)?).ok()?;
        let written = length;
        let (family, first, length) = match address_of(address)? {
            IpAddr::V4(address) => (Family::V4, u32::from(address).into(), length),
            // `::ffff:10.0.0.0/104` is 10.0.0.0/8: `IPNet.Contains` takes the last four bytes of address and mask.
            IpAddr::V6(address) => match (address.to_ipv4_mapped(), length.checked_sub(96)) {
                (Some(mapped), Some(length)) => (Family::V4, u32::from(mapped).into(), length),
                _ => (Family::V6, address.into(), length),
            },
        };
        (length <= family.bits()).then(|| Self {
            mapped: written != length,
            ..Self::new(family, first, length)
        })
    }

    fn new(family: Family, bits: u128, length: u8) -> Self {
        let cidr = Self {
            family,
            first: bits,
            length,
            mapped: false,
        };
        Self {
            first: bits & cidr.mask(),
            ..cidr
        }
    }

    /// The block of one address.
    pub fn of_one(address: IpAddr) -> Self {
        let (family, bits) = bits_of(address);
        Self::new(family, bits, family.bits())
    }

    fn mask(&self) -> u128 {
        let host = u32::from(self.family.bits() - self.length);
        u128::MAX.checked_shl(host).unwrap_or(0)
    }

    /// The first and the last of its addresses, as numbers.
    fn range(&self) -> (u128, u128) {
        let host = !self.mask();
        let family = match self.family {
            Family::V4 => u128::from(u32::MAX),
            Family::V6 => u128::MAX,
        };
        (self.first, self.first | host & family)
    }

    /// The family of its addresses.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (family, bits) = bits_of(address);
        family == self.family && bits & self.mask() == self.first
    }

    /// Whether the API server takes the other one for a part of it, and smaller (rule 11). It compares lengths as they are
    /// written: `::ffff:10.0.0.0/124` counts as smaller than `10.0.0.0/28`, which it equals.
    pub fn strictly_contains(&self, other: &Self) -> bool {
        let written = |it: &Self| it.length + if it.mapped { 96 } else { 0 };
        self.family == other.family
            && written(self) < written(other)
            && other.first & self.mask() == self.first
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.length;
        match self.family {
            Family::V4 => {
                let first = Ipv4Addr::from(u32::try_from(self.first).unwrap_or_default());
                write!(formatter, "{first}/{length}")
            }
            Family::V6 => write!(formatter, "{}/{length}", Ipv6Addr::from(self.first)),
        }
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// An address, with leading zeros allowed in its IPv4 part.
fn address_of(text: &str) -> Option<IpAddr> {
    if !text.contains('.') {
        return Some(IpAddr::V6(text.parse().ok()?));
    }
    let (front, dotted) = match text.rfind(':') {
        Some(at) => text.split_at(at + 1),
        None => ("", text),
    };
    let mut octets = [0u8; 4];
    let mut parts = dotted.split('.');
    for octet in &mut octets {
        *octet = u8::try_from(decimal(parts.next()?)?).ok()?;
    }
    if parts.next().is_some() {
        return None;
    }
    let plain = Ipv4Addr::from(octets);
    if front.is_empty() {
        return Some(IpAddr::V4(plain));
    }
    Some(IpAddr::V6(format!("{front}{plain}").parse().ok()?))
}

fn decimal(text: &str) -> Option<u32> {
    let is_decimal = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let significant = text.trim_start_matches('0');
    // Longer numbers are too large for anything here, and must not overflow.
    (is_decimal && significant.len() <= 3).then(|| format!("0{significant}").parse().ok())?
}

// === impl Block ===

impl Block {
    /// Whether the address is in it, and not taken out again.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.cidr.contains(address) && !self.except.iter().any(|it| it.contains(address))
    }

    /// Its addresses as stretches from a first to a last, in order, with what is taken out left out.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (u128, u128)> {
        let (first, last) = self.cidr.range();
        let same = |it: &&Cidr| it.family == self.cidr.family;
        let mut gaps: Vec<_> = self.except.iter().filter(same).map(Cidr::range).collect();
        gaps.sort_unstable();
        let mut ranges = Vec::new();
        let mut next = Some(first);
        for (from, to) in gaps {
            let Some(start) = next else { break };
            if from > start {
                ranges.push((start, (from - 1).min(last)));
            }
            next = to.checked_add(1).map(|after| after.max(start));
        }
        ranges.extend(next.filter(|it| *it <= last).map(|start| (start, last)));
        ranges.into_iter()
    }
}

impl fmt::Display for Block {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.cidr)?;
        for (index, except) in self.except.iter().enumerate() {
            let word = if index == 0 { " except " } else { ", " };
            write!(formatter, "{word}{except}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        Cidr::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    fn holds(block: &str, address: &str) -> bool {
        cidr(block).contains(address.parse().unwrap())
    }

    #[test]
    fn legacy_writing_is_read_as_the_api_server_reads_it() {
        for (text, meant) in [
            ("010.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("10.0.0.0/0008", "10.0.0.0/8"),
            ("0000010.0.0.0/8", "10.0.0.0/8"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("fd00::1/8", "fd00::/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(cidr(text).to_string(), meant, "{text}");
        }
        for text in [
            "",
            "/",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0/8",
            "10.0.0.0.0/8",
            "256.0.0.0/8",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            " 10.0.0.0/8",
            "::1/129",
            "fe80::1%eth0/64",
            "1.2.3.99999999999999999999/8",
        ] {
            assert_eq!(Cidr::parse(text), None, "{text}");
        }
    }

    #[test]
    fn families_do_not_mix() {
        assert!(holds("0.0.0.0/0", "10.0.0.1") && !holds("0.0.0.0/0", "fd00::1"));
        assert!(holds("::/0", "fd00::1") && !holds("::/0", "10.0.0.1"));
        assert!(holds("10.0.0.0/8", "::ffff:10.0.0.1"));
        assert!(holds("10.0.0.1/32", "10.0.0.1") && !holds("10.0.0.1/32", "10.0.0.2"));
    }

    #[test]
    fn a_strict_part_is_smaller_and_inside() {
        let ten = cidr("10.0.0.0/8");
        assert!(ten.strictly_contains(&cidr("10.1.0.0/16")));
        assert!(cidr("10.0.0.0/28").strictly_contains(&cidr("::ffff:10.0.0.0/124")));
        assert!(!cidr("::ffff:10.0.0.0/124").strictly_contains(&cidr("10.0.0.0/29")));
        for other in ["10.0.0.0/8", "0.0.0.0/0", "11.0.0.0/16", "fd00::/64"] {
            assert!(!ten.strictly_contains(&cidr(other)), "{other}");
        }
    }
}
