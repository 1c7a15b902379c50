//! What the policies say about a connection.

use std::fmt;

/// What the policies say about a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It comes through.
    Allowed,
    /// It does not.
    Denied,
    /// The API leaves it open, and what it leaves open decides.
    Undefined(Reasons),
}

/// What the API leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A pod on the host's network: like other pods, or seen as its node (rule 22).
    HostNetwork,
    /// A block that covers a pod's address (rule 12).
    BlockOnPod,
    /// A pod that reaches itself by way of a Service (rule 20).
    Hairpin,
    /// A block that covers a Service's address or the pod's behind it, and not both (rule 23).
    BlockOnService,
    /// A source that a load balancer may rewrite (rule 24).
    LoadBalancer,
    /// A protocol that is not TCP, UDP or SCTP (rule 16).
    Protocol,
    /// Cluster-wide policies of one priority that say different things.
    EqualPriority,
    /// A rule for names outside, whose addresses are not known here.
    DomainName,
    /// A pod without an address, and a block that could cover it (rule 30).
    NoAddress,
    /// Allowed over IPv4 and not over IPv6, or the other way round (rule 14).
    Families,
    /// One end has IPv4 alone and the other IPv6.
    NoCommonFamily,
    /// A pod or node that does not exist.
    Absent,
    /// A pod that has finished (rule 28).
    Finished,
}

/// Some reasons.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Reasons(u16);

/// What may come of a connection in one world: with neither set nobody asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) may_allow: bool,
    pub(crate) may_deny: bool,
    pub(crate) reasons: Reasons,
}

// === impl Reason ===

impl Reason {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::HostNetwork,
        Self::BlockOnPod,
        Self::Hairpin,
        Self::BlockOnService,
        Self::LoadBalancer,
        Self::Protocol,
        Self::EqualPriority,
        Self::DomainName,
        Self::NoAddress,
        Self::Families,
        Self::NoCommonFamily,
        Self::Absent,
        Self::Finished,
    ];

    /// The name, as a label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HostNetwork => "host-network",
            Self::BlockOnPod => "block-on-pod",
            Self::Hairpin => "hairpin",
            Self::BlockOnService => "block-on-service",
            Self::LoadBalancer => "load-balancer",
            Self::Protocol => "protocol",
            Self::EqualPriority => "equal-priority",
            Self::DomainName => "domain-name",
            Self::NoAddress => "no-address",
            Self::Families => "families",
            Self::NoCommonFamily => "no-common-family",
            Self::Absent => "absent",
            Self::Finished => "finished",
        }
    }

    /// The sentence.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::HostNetwork => {
                "a pod on the host's network is either like other pods or seen as its node: the API leaves it open"
            }
            Self::BlockOnPod => {
                "whether an ipBlock sees the addresses of pods is left open by the API"
            }
            Self::Hairpin => {
                "whether a pod reaches itself by way of a Service is left open by the API"
            }
            Self::BlockOnService => {
                "whether an ipBlock sees a Service's address or the pod's behind it is left open by the API"
            }
            Self::LoadBalancer => {
                "the source may be rewritten to a node's address on the way through the load balancer"
            }
            Self::Protocol => "NetworkPolicy defines TCP, UDP and SCTP alone",
            Self::EqualPriority => {
                "policies of one priority say different things, and any of them may be applied"
            }
            Self::DomainName => "a rule is for domain names, whose addresses are not known here",
            Self::NoAddress => "the pod has no address yet, and a rule is for addresses",
            Self::Families => "it is allowed over one of IPv4 and IPv6 alone",
            Self::NoCommonFamily => "one end has IPv4 alone and the other IPv6",
            Self::Absent => "there is no such pod or node",
            Self::Finished => "the pod has finished and has no network any more",
        }
    }
}

// === impl Reasons ===

impl Reasons {
    /// None.
    pub const NONE: Self = Self(0);

    /// This one alone.
    pub const fn of(reason: Reason) -> Self {
        Self(1 << reason as u16)
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether it is one of them.
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & Self::of(reason).0 != 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.into_iter().filter(move |it| self.contains(*it))
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl fmt::Display for Reasons {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Reason::as_str).collect();
        formatter.write_str(&names.join(","))
    }
}

// === impl Verdict ===

impl Verdict {
    /// The verdict that leaves this open.
    pub const fn undefined(reason: Reason) -> Self {
        Self::Undefined(Reasons::of(reason))
    }

    /// `allowed`, `denied` or `undefined`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Undefined(_) => "undefined",
        }
    }
}

impl fmt::Display for Verdict {
    /// `undefined (host-network)`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())?;
        if let Self::Undefined(reasons) = self {
            write!(formatter, " ({reasons})")?;
        }
        Ok(())
    }
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match (outcome.may_allow, outcome.may_deny) {
            (true, false) => Self::Allowed,
            (false, _) => Self::Denied,
            (true, true) => Self::Undefined(outcome.reasons),
        }
    }
}

// === impl Outcome ===

impl Outcome {
    pub(crate) const ALLOWED: Self = Self {
        may_allow: true,
        may_deny: false,
        reasons: Reasons::NONE,
    };
    pub(crate) const DENIED: Self = Self {
        may_allow: false,
        may_deny: true,
        reasons: Reasons::NONE,
    };

    /// Nothing yet: the start of [`Outcome::or`].
    pub(crate) const NEVER: Self = Self {
        may_allow: false,
        may_deny: false,
        reasons: Reasons::NONE,
    };

    pub(crate) const fn open(reason: Reason) -> Self {
        Self {
            may_allow: true,
            may_deny: true,
            reasons: Reasons::of(reason),
        }
    }

    /// What comes of it where either may be.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self {
            may_allow: self.may_allow || other.may_allow,
            may_deny: self.may_deny || other.may_deny,
            reasons: self.reasons.and(other.reasons),
        }
    }

    /// What comes of it where both have to allow it (rule 18).
    pub(crate) const fn then(self, other: Self) -> Self {
        Self {
            may_allow: self.may_allow && other.may_allow,
            may_deny: self.may_deny || other.may_deny,
            reasons: self.reasons.and(other.reasons),
        }
    }

    pub(crate) const fn because(self, reason: Reason) -> Self {
        Self {
            reasons: self.reasons.and(Reasons::of(reason)),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sure_denial_wins_over_what_is_open() {
        let open = Outcome::open(Reason::Protocol);
        assert_eq!(
            Verdict::from(open.then(Outcome::ALLOWED)).to_string(),
            "undefined (protocol)"
        );
        assert_eq!(Verdict::from(open.then(Outcome::DENIED)), Verdict::Denied);
        assert_eq!(
            Verdict::from(Outcome::ALLOWED.or(Outcome::NEVER)),
            Verdict::Allowed
        );
    }

    #[test]
    fn every_reason_has_its_own_bit_and_name() {
        let mut all = Reasons::NONE;
        for reason in Reason::ALL {
            assert!(!all.contains(reason), "{reason:?}");
            all = all.and(Reasons::of(reason));
            assert!(!reason.explanation().is_empty());
        }
        assert_eq!(all.iter().count(), Reason::ALL.len());
    }
}
